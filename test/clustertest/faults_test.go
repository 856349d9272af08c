// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outcome is what a client sees of a request, and whether the server did.
type outcome struct {
	Status     int
	RetryAfter string
	Body       string
	Failed     bool
	Asked      bool
}

func TestFaults(t *testing.T) {
	released := make(chan struct{})
	close(released)
	status := `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"a fault of the test","reason":`
	cases := map[string]struct {
		reason string
		fault  Fault
		want   outcome
	}{
		"none":     {"Without a fault the answer is the server's.", Fault{}, outcome{Status: 200, Body: "12345678", Asked: true}},
		"conflict": {"A status stands for the server, which is not asked.", Fault{Status: 409}, outcome{Status: 409, Body: status + `"Conflict","code":409}`}},
		"slow down": {
			"The time to wait is said beside the status.",
			Fault{Status: 429, RetryAfter: 2},
			outcome{Status: 429, RetryAfter: "2", Body: status + `"TooManyRequests","code":429}`},
		},
		"reset":    {"The server never hears of a request that is dropped.", Fault{Reset: true}, outcome{Failed: true}},
		"half":     {"The server has done its part when the answer is cut.", Fault{Half: true}, outcome{Status: 200, Body: "1234", Failed: true, Asked: true}},
		"answer":   {"A text can stand for the server, which is not asked.", Fault{Answer: new("a page")}, outcome{Status: 200, Body: "a page"}},
		"let go":   {"What hung goes on once it is let go.", Fault{Hang: released}, outcome{Status: 200, Body: "12345678", Asked: true}},
		"hang 500": {"Another fault can follow the hanging.", Fault{Hang: released, Status: 500}, outcome{Status: 500, Body: status + `"InternalError","code":500}`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Store(true)
				_, _ = io.WriteString(w, "12345678")
			}))
			t.Cleanup(server.Close)
			f := NewFaults(t, server.URL, http.DefaultTransport)
			f.Set(func(*http.Request, int) Fault { return tc.fault })
			got := do(t.Context(), t, f)
			got.Asked = asked.Load()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFaultsHangUntilTheClientGivesUp(t *testing.T) {
	f := NewFaults(t, "http://127.0.0.1:0", http.DefaultTransport)
	ctx, cancel := context.WithCancel(t.Context())
	f.Set(func(*http.Request, int) Fault {
		cancel()
		return Fault{Hang: make(chan struct{})}
	})
	if got := do(ctx, t, f); !got.Failed {
		t.Errorf("the request that hangs was answered with %d", got.Status)
	}
}

// TestFaultsCut ends what is under way, and lets the same client in again.
func TestFaultsCut(t *testing.T) {
	f := NewFaults(t, "http://127.0.0.1:0", http.DefaultTransport)
	f.Set(func(*http.Request, int) Fault {
		f.Cut()
		return Fault{Hang: make(chan struct{})}
	})
	if got := do(t.Context(), t, f); !got.Failed {
		t.Errorf("the request whose connection was cut was answered with %d", got.Status)
	}
	f.Set(func(*http.Request, int) Fault { return Fault{Status: 409} })
	if got := do(t.Context(), t, f); got.Status != 409 {
		t.Errorf("the next one got %+v", got)
	}
}

func TestFaultsCountByMethod(t *testing.T) {
	f := NewFaults(t, "http://127.0.0.1:0", http.DefaultTransport)
	f.Set(func(_ *http.Request, n int) Fault {
		if n == 2 {
			return Fault{Status: 409}
		}
		return Fault{Status: 500}
	})
	var got []int
	for range 3 {
		got = append(got, do(t.Context(), t, f).Status)
	}
	if diff := cmp.Diff([]int{500, 409, 500}, got); diff != "" {
		t.Error(diff)
	}
	if f.Seen(http.MethodPatch) != 3 || f.Seen(http.MethodGet) != 0 {
		t.Errorf("seen %d PATCH and %d GET, want 3 and 0", f.Seen(http.MethodPatch), f.Seen(http.MethodGet))
	}
}

// do sends one PATCH, which no client repeats by itself.
func do(ctx context.Context, t *testing.T, f *Faults) outcome {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, f.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.server.Client().Do(req)
	if err != nil {
		return outcome{Failed: true}
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return outcome{Status: resp.StatusCode, RetryAfter: resp.Header.Get("Retry-After"), Body: string(body), Failed: err != nil}
}
