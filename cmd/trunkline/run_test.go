// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
)

// TestARunIsFollowedToItsEnd: a stream that breaks is taken up again where it was, whoever answers meanwhile.
func TestARunIsFollowedToItsEnd(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked++; asked {
		case 1:
			_, _ = fmt.Fprintln(w, `{"note":"it starts"}`)
			_, _ = fmt.Fprintln(w, `{"at":"2026-01-02T03:04:05.000000006Z","line":"first"}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler) // the daemon is gone
		case 2:
			http.Error(w, "bad gateway", http.StatusBadGateway) // what is before it has noticed
		default:
			if got := r.URL.Query().Get("after"); got != "2026-01-02T03:04:05.000000006Z" {
				t.Errorf("it comes back after %q", got)
			}
			_, _ = fmt.Fprintln(w, `{"at":"2026-01-02T03:04:07Z","line":"last"}`)
			_, _ = fmt.Fprintln(w, `{"end":{"code":3,"why":"its program ended with exit code 3"}}`)
		}
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.Options{Claim: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	var out, notes bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	cmd.SetErr(&notes)
	end, err := showRun(t.Context(), cmd, c, console.RunRef{Environment: "dev", Project: "orders", Run: "report-run-1"}, console.Following{Waits: true})
	if err != nil || end == nil || end.Code != 3 {
		t.Errorf("it ends with %+v, %v", end, err)
	}
	if diff := cmp.Diff("first\nlast\n", out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if said := strings.Split(notes.String(), "\n"); len(said) != 3 || said[0] != "it starts" || !strings.HasPrefix(said[1], "the daemon is asked again: ") {
		t.Errorf("it says\n%s", notes.String())
	}
}

// TestAnAnswerEndsTheWait: a daemon that says no is not asked for ten minutes.
func TestAnAnswerEndsTheWait(t *testing.T) {
	for code, want := range map[int]bool{
		http.StatusNotFound: false, http.StatusForbidden: false, http.StatusUnauthorized: false, http.StatusInternalServerError: false,
		http.StatusServiceUnavailable: true, http.StatusGatewayTimeout: true, http.StatusTooManyRequests: true,
	} {
		if got := passes(code); got != want {
			t.Errorf("%d passes: %t, want %t", code, got, want)
		}
	}
}
