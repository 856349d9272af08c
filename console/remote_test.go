// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
)

// TestRemoteRuns: who starts, follows or cancels a run has a name; what is asked for is what is done.
func TestRemoteRuns(t *testing.T) {
	claim := map[string]string{console.ClaimHeader: "ann", "Content-Type": "application/json"}
	file := base64.StdEncoding.EncodeToString([]byte("exit 7"))
	started := `{"run":"report-run-1","environment":"dev","project":"orders","workload":"report","cluster":"c","by":"ann (unverified)","detached":false,` +
		`"started":"2026-01-02T03:04:05Z","writes":{"out":"s3://x/"}}`
	for name, tc := range map[string]struct {
		reason string
		err    error
		request
		want  response
		asked string
	}{
		"start": {
			"files arrive as they are", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders", header: claim, body: `{"workload":"report","args":["-v"],"files":{"a.sh":"` + file + `"}}`},
			response{http.StatusCreated, started},
			`run orders/report in dev by ann (unverified): ["-v"] map["a.sh":"exit 7"]`,
		},
		"code": {
			"code arrives as it is", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders", header: claim, body: `{"workload":"report","code":{"a.sh":{"data":"` + file + `","executable":true}}}`},
			response{http.StatusCreated, started},
			`run orders/report in dev by ann (unverified): [] map[] code ["a.sh"]`,
		},
		"layer": {
			"or in an image, with what is to be known of it", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders", header: claim, body: `{"workload":"report","layer":{"image":"r.example/runs@sha256:1","papers":["` + file + `"]}}`},
			response{http.StatusCreated, started},
			`run orders/report in dev by ann (unverified): [] map[] layer r.example/runs@sha256:1 with 1 papers`,
		},
		"base": {
			"what it is put on is told before", nil,
			request{method: "GET", path: "/api/v1/runs/dev/orders/base?workload=report&lot=20260101P1D000"},
			response{http.StatusOK, `{"image":"r.example/orders@sha256:2","registry":"r.example/runs"}`},
			`base of orders/report in dev, on "" for lot "20260101P1D000"`,
		},
		"nobody": {
			"a run has an owner", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders", header: map[string]string{"Content-Type": "application/json"}, body: `{"workload":"report"}`},
			response{http.StatusBadRequest, "name the caller in the header Trunkline-Claim: this sign-on has no name"},
			"",
		},
		"refused": {
			"why is for people", fmt.Errorf("3 runs of yours are under way: %w", console.ErrConflict),
			request{method: "POST", path: "/api/v1/runs/dev/orders", header: claim, body: `{"workload":"report"}`},
			response{http.StatusConflict, "3 runs of yours are under way: conflict"},
			`run orders/report in dev by ann (unverified): [] map[]`,
		},
		"cancel": {
			"it is ended by its name", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders/report-run-1/cancel", header: claim, body: `{}`},
			response{http.StatusAccepted, "cancelled"},
			"cancel report-run-1 of orders in dev by ann (unverified)",
		},
		"follow": {
			"each event is a line, and the last is its end", nil,
			request{method: "POST", path: "/api/v1/runs/dev/orders/report-run-1/attach?after=2026-01-02T03:04:05Z", header: map[string]string{console.ClaimHeader: "ann"}},
			response{http.StatusOK, `{"note":"it starts"}` + "\n" + `{"at":"2026-01-02T03:04:06Z","line":""}` + "\n" + `{"end":{"code":7,"why":"exit code 7"}}`},
			`follow report-run-1 of orders in dev: waits true, once false, after "2026-01-02T03:04:05Z"`,
		},
		"log": {
			"who reads a log does not wait", nil,
			request{method: "GET", path: "/api/v1/runs/dev/orders/report-run-1/log?once=true", header: map[string]string{console.ClaimHeader: "ann"}},
			response{http.StatusOK, `{"note":"it starts"}` + "\n" + `{"at":"2026-01-02T03:04:06Z","line":""}` + "\n" + `{"end":{"code":7,"why":"exit code 7"}}`},
			`follow report-run-1 of orders in dev: waits false, once true, after "0001-01-01T00:00:00Z"`,
		},
		"not followed": {
			"a client is told, and does not come back for ever", errors.New("a Secret cannot be read"),
			request{method: "GET", path: "/api/v1/runs/dev/orders/report-run-1/log", header: map[string]string{console.ClaimHeader: "ann"}},
			response{
				http.StatusOK, `{"note":"it starts"}` + "\n" + `{"at":"2026-01-02T03:04:06Z","line":""}` + "\n" + `{"end":{"code":7,"why":"exit code 7"}}` + "\n" +
					`{"end":{"code":-1,"why":"it cannot be followed; see the daemon's log"}}`,
			},
			`follow report-run-1 of orders in dev: waits false, once false, after "0001-01-01T00:00:00Z"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t)
			empty := ""
			d.Err, d.RunEvents = tc.err, []console.RunEvent{
				{Note: "it starts"}, {At: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), Line: &empty}, {End: &console.RunEnd{Code: 7, Why: "exit code 7"}},
			}
			d.RunBase = console.RunBase{Image: "r.example/orders@sha256:2", Registry: "r.example/runs"}
			got, _ := ask(t, d, tc.request)
			got.Body = strings.TrimSpace(got.Body)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.asked, strings.Join(d.Asked(), "\n")); diff != "" {
				t.Errorf("%s\nwhat was done (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
