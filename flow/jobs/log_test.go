// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
)

// server answers as an API server does that has the pods of a Job.
type server struct {
	pods string
	// secret is the value of the Secret that the pod has, and refused the status with which that is refused.
	secret  string
	refused int
	// logs are by container; one that ends in "!" breaks there.
	logs map[string]string
	// asked are the containers whose logs were read, with how.
	asked []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/pods"):
		fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[%s]}`, s.pods)
	case strings.HasSuffix(r.URL.Path, "/secrets"):
		if r.Header.Get("Impersonate-User") != "" || r.URL.Query().Get("fieldSelector") != "metadata.name=db" {
			http.Error(w, "who, and what", http.StatusTeapot)
			return
		}
		if s.refused != 0 {
			w.WriteHeader(s.refused)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not","code":403}`))
			return
		}
		fmt.Fprintf(w, `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"db"},"data":{"p":%q}}]}`,
			base64.StdEncoding.EncodeToString([]byte(s.secret)))
	case strings.HasSuffix(r.URL.Path, "/log"):
		q := r.URL.Query()
		if !strings.HasPrefix(r.Header.Get("Impersonate-User"), "system:serviceaccount:orders-dev:") {
			http.Error(w, "who", http.StatusTeapot)
			return
		}
		s.asked = append(s.asked, q.Get("container")+q.Get("tailLines"))
		text, broken := strings.CutSuffix(s.logs[q.Get("container")], "!")
		if broken {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)+100))
		}
		_, _ = w.Write([]byte(text))
	default:
		http.NotFound(w, r)
	}
}

// pod is one whose containers are in a state.
func pod(name, state string) string {
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":%q,"namespace":"orders-dev"},
		"spec":{"containers":[{"name":"clean","env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"db","key":"p"}}},{"name":"API_TOKEN","value":"in-clear-1"}]}]},
		"status":{"initContainerStatuses":[{"name":"fetch","state":{"terminated":{"exitCode":0}}}],"containerStatuses":[{"name":"clean","state":{%s}}]}}`, name, state)
}

// TestLog is what is shown of the log of a run, and what is not.
func TestLog(t *testing.T) {
	const ended, running = `"terminated":{"exitCode":1}`, `"running":{}`
	jwt := "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".c2lnbmF0dXJlMTIz"
	for name, tc := range map[string]struct {
		reason string
		server server
		want   string
		err    string
	}{
		"Whole": {
			"All containers that have started, in their order.",
			server{pods: pod("a", ended), secret: "hunter2!", logs: map[string]string{"fetch": "got it", "clean": "1\n2"}},
			"[a, container fetch]\ngot it\n[a, container clean]\n1\n2\n", "",
		},
		"Secrets": {
			"Values of Secrets, of variables that are called so, and what has the form of one.",
			server{pods: pod("a", ended), secret: "hunter2!", logs: map[string]string{"clean": "p hunter2! aHVudGVyMiE= in-clear-1\n" + jwt + "\n"}},
			"[a, container fetch]\n[a, container clean]\np [redacted] [redacted] [redacted]\n[redacted]\n", "",
		},
		"Refused": {
			"What must not be in it is not known.",
			server{pods: pod("a", ended), refused: 403, logs: map[string]string{"clean": "1\n"}},
			"", "the values of the Secret orders-dev/db, which must not be in the log, cannot be read",
		},
		"Running": {
			"Half a line may be half a value.",
			server{pods: pod("a", running), secret: "hunter2!", logs: map[string]string{"clean": "1\nthe password is hunt"}},
			"[a, container fetch]\n[a, container clean]\n1\n", "",
		},
		"Broken": {
			"What came is shown.",
			server{pods: pod("a", ended), secret: "hunter2!", logs: map[string]string{"clean": "1\nhunt!"}},
			"[a, container fetch]\n[a, container clean]\n1\n[the log ends here: unexpected EOF]\n", "",
		},
		"NoPods": {"There is nothing any more.", server{}, "", ErrNoLog.Error()},
		"Waiting": {
			"It has not started.",
			server{pods: strings.ReplaceAll(pod("a", `"waiting":{"reason":"ImagePullBackOff"}`), `"terminated":{"exitCode":0}`, `"waiting":{}`)},
			"", ErrNoLog.Error(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(&tc.server)
			defer srv.Close()
			c := New("one", func() (*rest.Config, error) { return &rest.Config{Host: srv.URL}, nil }, slog.New(slog.DiscardHandler))
			got, err := c.Log(t.Context(), As{"orders-dev", "deployer"}, Job{Namespace: "orders-dev", Name: "clean-1"})
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("%s got the error %v, want %q", tc.reason, err, tc.err)
			}
			if tc.err == ErrNoLog.Error() && !errors.Is(err, ErrNoLog) {
				t.Errorf("%v is not that there is none", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
			if strings.Contains(got, "hunt") || tc.server.refused != 0 && len(tc.server.asked) > 0 {
				t.Errorf("shown is %q, and read were %v", got, tc.server.asked)
			}
		})
	}
}

// TestLongLog: of a log that is longer than anyone reads, the first and the last part are kept.
func TestLongLog(t *testing.T) {
	line := strings.Repeat("x", 99) + "\n"
	s := &server{pods: pod("a", `"terminated":{"exitCode":1}`), secret: "hunter2!", logs: map[string]string{"clean": "first\n" + strings.Repeat(line, 40_000) + "last\n"}}
	srv := httptest.NewServer(s)
	defer srv.Close()
	c := New("one", func() (*rest.Config, error) { return &rest.Config{Host: srv.URL}, nil }, slog.New(slog.DiscardHandler))
	got, err := c.Log(t.Context(), As{"orders-dev", "deployer"}, Job{Namespace: "orders-dev", Name: "clean-1"})
	if err != nil || len(got) > 2*maxLogPart+200 || !strings.Contains(got[:100], "\nfirst\n") || !strings.HasSuffix(got, line+"last\n") || !strings.Contains(got, " bytes are left out here]\n") {
		t.Errorf("%d bytes are kept, which end in %.30q, %v", len(got), got[max(0, len(got)-30):], err)
	}
}
