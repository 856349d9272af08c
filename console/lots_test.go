// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// lotted is a daemon that keeps the lots of [consoletest.Daemon.KeepLots].
func lotted(t *testing.T) *consoletest.Daemon {
	t.Helper()
	d := consoletest.Start(t, named)
	d.KeepLots()
	return d
}

// TestLots is what is listed of lots, and in which order.
func TestLots(t *testing.T) {
	cases := map[string]struct{ reason, path, want string }{
		"Datasets":     {"All datasets, by their environment.", "lots", "dev rates/fx@1, dev rates/spot@1, prod orders/clean@1, prod orders/raw@1"},
		"Environment":  {"Those of an environment.", "lots?environment=dev", "dev rates/fx@1, dev rates/spot@1"},
		"Project":      {"Those of a project.", "lots?project=orders", "prod orders/clean@1, prod orders/raw@1"},
		"Late":         {"Those that are late.", "lots?late=true", "prod orders/raw@1"},
		"Whole":        {"Those of which nothing is missing.", "lots?missing=false", "dev rates/fx@1, dev rates/spot@1"},
		"All":          {"All that have ended.", "lots/prod/orders/clean@1", "0 there, 1 there, 2 waits, 3 there, 4 failed, 5 there"},
		"Range":        {"From one time to before another.", "lots/prod/orders/clean@1?from=2026-01-01T01:00:00Z&until=2026-01-01T03:00:00Z", "1 there, 2 waits"},
		"Newest":       {"The newest.", "lots/prod/orders/clean@1?newest=2", "4 failed, 5 there"},
		"NewestOf":     {"The newest of a range.", "lots/prod/orders/clean@1?newest=2&from=2026-01-01T05:00:00Z", "5 there"},
		"State":        {"By what manifests say.", "lots/prod/orders/clean@1?state=none", "2 waits, 4 failed"},
		"Status":       {"By what becomes of them.", "lots/prod/orders/clean@1?status=failed&status=waits", "2 waits, 4 failed"},
		"Gaps":         {"What is missing, with its first cause.", "lots/prod/orders/clean@1/gaps", "2 waits because of orders/raw@1 external, 4 failed"},
		"GapsOf":       {"In a range.", "lots/prod/orders/clean@1/gaps?from=2026-01-01T03:00:00Z", "4 failed"},
		"NothingThere": {"There can be none.", "lots/prod/orders/raw@1?status=failed", ""},
	}
	d := lotted(t)
	for name, tc := range cases {
		for _, size := range []int{1, 100} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				var got []string
				for cursor := ""; ; {
					path := "/api/v1/" + tc.path + map[bool]string{true: "&", false: "?"}[strings.Contains(tc.path, "?")] + fmt.Sprintf("limit=%d", size)
					if cursor != "" {
						path += "&cursor=" + cursor
					}
					req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+path, nil)
					req.Header.Set("Authorization", "Bearer "+bob)
					page := getAs[console.Page[map[string]any]](t, d, req)
					for _, item := range page.Items {
						got = append(got, lotRow(item))
					}
					if cursor = page.Next; cursor == "" {
						break
					}
				}
				if diff := cmp.Diff(tc.want, strings.Join(got, ", ")); diff != "" {
					t.Errorf("%s -want +got:\n%s", tc.reason, diff)
				}
			})
		}
	}
}

// lotRow says in a few words what an item is.
func lotRow(item map[string]any) string {
	if item["environment"] != nil {
		return fmt.Sprint(item["environment"], " ", item["dataset"])
	}
	id, _ := item["lot"].(string)
	if first, ok := item["first"].(string); ok {
		id = first
	}
	row := fmt.Sprint(strings.TrimPrefix(id, "20260101PT1H00"), " ", item["status"])
	if cause, ok := item["cause"].(map[string]any); ok {
		row += fmt.Sprint(" because of ", cause["of"], " ", cause["status"])
	}
	return row
}

// TestOneLot is all that is known of a lot, with what tasks of Airflow say in vain of it, and not what they say of others.
func TestOneLot(t *testing.T) {
	d := lotted(t)
	claim := report.Claim{
		ID: "west/8", Dataset: "orders/clean@1", Lots: []string{"20260101PT1H004"}, Cluster: "west", DAG: "sums", Task: "sum", Run: "manual__1",
		At: time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), Why: "the workload orders/clean makes the lots of orders/clean@1, and a dataset has one writer",
	}
	of, lot := claim, claim
	of.Dataset, lot.Lots = "orders/raw@1", []string{"20260101PT1H003"}
	d.Seen.Refused = report.NewRefused([]report.Claim{claim, of, lot})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/api/v1/lots/prod/orders/clean@1/20260101PT1H004", nil)
	req.Header.Set("Authorization", "Bearer "+bob)
	got := getAs[console.LotShown](t, d, req)
	want := console.LotShown{
		Environment: "prod", Dataset: "orders/clean@1", Workload: "orders/clean", Runs: d.LotRuns,
		Lot: report.Lot{
			Lot: "20260101PT1H004", Start: time.Date(2026, 1, 1, 4, 0, 0, 0, time.UTC), State: "none", Status: plan.IsFailed,
			Why:     "orders/clean failed (attempt 2): exit code 3; tried again at 2026-01-01T06:02:59Z",
			Refused: []report.Claim{claim},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLotsRefused is what is no question about lots.
func TestLotsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		path string
		err  error
		code int
		text string
	}{
		"no environment":    {"lots/prdo/orders/raw@1", nil, 404, `there is no environment "prdo" that keeps lots: not found`},
		"no dataset":        {"lots/prod/orders/row@1", nil, 404, `there is no dataset with lots "orders/row@1": did you mean "orders/raw@1"?`},
		"no gaps of it":     {"lots/prod/orders/row@1/gaps", nil, 404, `there is no dataset with lots "orders/row@1": did you mean "orders/raw@1"?`},
		"no lot":            {"lots/prod/orders/raw@1/soon", nil, 404, ""},
		"of another unit":   {"lots/prod/orders/raw@1/20260101P1D000", nil, 404, "20260101P1D000 is no lot of orders/raw@1, whose lots are hourly"},
		"no state":          {"lots/prod/orders/raw@1?state=fine", nil, 400, ""},
		"no time":           {"lots/prod/orders/raw@1?from=noon", nil, 400, "from is not a time: write 2026-01-31T12:00:00Z"},
		"no cursor":         {"lots/prod/orders/raw@1?cursor=abc", nil, 400, "cursor is not the next of a page"},
		"too many":          {"lots/prod/orders/raw@1?newest=5000", nil, 400, "newest is not a number from 1 to 1000"},
		"no parameter":      {"lots?dataset=x", nil, 400, ""},
		"another replica":   {"lots", fmt.Errorf("ask the one that leads: %w", console.ErrNotKnown), 503, "ask the one that leads: not known"},
		"it goes wrong":     {"lots/prod/orders/raw@1", errors.New("secret"), 500, "internal error; see the daemon's log"},
		"it goes wrong too": {"lots/prod/orders/raw@1/20260101PT1H004", errors.New("secret"), 500, "internal error; see the daemon's log"},
	} {
		t.Run(name, func(t *testing.T) {
			d := lotted(t)
			d.Err = tc.err
			got, _ := ask(t, d, request{method: "GET", path: "/api/v1/" + tc.path, token: bob})
			if got.Code != tc.code || tc.text != "" && got.Body != tc.text {
				t.Errorf("got %d %s, want %d %s", got.Code, got.Body, tc.code, tc.text)
			}
		})
	}
	d := consoletest.Start(t, named, func(o *console.Options) { o.Lots = nil })
	for _, path := range []string{"lots", "lots/prod/orders/raw@1", "lots/prod/orders/raw@1/gaps", "lots/prod/orders/raw@1/20260101PT1H004"} {
		if got, _ := ask(t, d, request{method: "GET", path: "/api/v1/" + path, token: bob}); got != (response{404, "this daemon keeps no lots"}) {
			t.Errorf("%s: got %+v", path, got)
		}
	}
}

// TestLotActs is what is asked for about lots, and by whom.
func TestLotActs(t *testing.T) {
	const workload, one = "/api/v1/workloads/prod/orders/clean", "/api/v1/lots/prod/orders/clean@1/20260101PT1H004/remove"
	const many = "/api/v1/lots/prod/orders/clean@1/remove"
	for name, tc := range map[string]struct {
		reason, path, body, token, claim string
		err                              error
		code                             int
		asked                            []string
	}{
		"Retry":      {"All that failed.", workload + "/retry", `{"why":"fixed"}`, bob, "", nil, 202, []string{"retry orders/clean in prod by bob: fixed"}},
		"Range":      {"Some lots.", workload + "/retry", `{"from":"2026-01-01T00:00:00Z","until":"2026-01-02T00:00:00Z"}`, bob, "", nil, 202, []string{"retry orders/clean 2026-01-01T00:00:00Z 2026-01-02T00:00:00Z in prod by bob: "}},
		"Dataset":    {"By what it makes.", "/api/v1/workloads/prod/orders/clean@1/retry", `{}`, bob, "", nil, 202, []string{"retry orders/clean@1 in prod by bob: "}},
		"Disable":    {"A workload.", workload + "/disable", `{"why":"bad"}`, bob, "", nil, 202, []string{"disable orders/clean in prod by bob: bad"}},
		"Enable":     {"A workload.", workload + "/enable", `{}`, token, "ann", nil, 202, []string{"enable orders/clean in prod by ann (unverified): "}},
		"Remove":     {"A lot.", one, `{"why":"wrong"}`, bob, "", nil, 202, []string{"remove orders/clean@1 20260101PT1H004 in prod by bob: wrong"}},
		"Nobody":     {"Who acts has a name.", one, `{}`, token, "", nil, 400, nil},
		"NoToken":    {"And a sign-on.", one, `{}`, "", "ann", nil, 401, nil},
		"NoAct":      {"There is no such act.", workload + "/forget", `{}`, bob, "", nil, 404, nil},
		"NoLot":      {"There is no such lot.", "/api/v1/lots/prod/orders/clean@1/all/remove", `{}`, bob, "", nil, 404, nil},
		"Backwards":  {"A range has a length.", workload + "/retry", `{"from":"2026-01-02T00:00:00Z","until":"2026-01-02T00:00:00Z"}`, bob, "", nil, 400, nil},
		"Partly":     {"Nothing is disabled in part.", workload + "/disable", `{"from":"2026-01-02T00:00:00Z"}`, bob, "", nil, 400, nil},
		"RemoveMore": {"What is not known is not passed over.", one, `{"all":true}`, bob, "", nil, 400, nil},
		"Unsure":     {"Data go only once it is said of how many lots.", one, `{"data":true}`, bob, "", nil, 400, nil},
		"Data":       {"With its data.", one, `{"data":true,"lots":1}`, bob, "", nil, 202, []string{"remove orders/clean@1 20260101PT1H004 of 1 with data in prod by bob: "}},
		"DryRun":     {"What would be.", one, `{"data":true,"dryRun":true}`, bob, "", nil, 202, []string{"remove orders/clean@1 20260101PT1H004 dry with data in prod by bob: "}},
		"Several":    {"Those of a range.", many, `{"from":"2026-01-01T00:00:00Z","lots":3}`, bob, "", nil, 202, []string{"remove orders/clean@1 2026-01-01T00:00:00Z of 3 in prod by bob: "}},
		"AllOf":      {"Nobody means all.", many, `{"lots":3}`, bob, "", nil, 400, nil},
		"SeveralBut": {"It is said of how many.", many, `{"from":"2026-01-01T00:00:00Z"}`, bob, "", nil, 400, nil},
		"OneOfRange": {"A lot is no range.", one, `{"from":"2026-01-01T00:00:00Z","lots":1}`, bob, "", nil, 400, nil},
		"NoRange":    {"A range has a length.", many, `{"from":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z","lots":3}`, bob, "", nil, 400, nil},
		"Conflict":   {"What cannot be done is said to be.", workload + "/disable", `{}`, bob, "", console.ErrConflict, 409, []string{"disable orders/clean in prod by bob: "}},
		"NotFound":   {"What is not there is said to be.", workload + "/disable", `{}`, bob, "", console.ErrNotFound, 404, []string{"disable orders/clean in prod by bob: "}},
		"Broken":     {"What goes wrong inside stays inside.", workload + "/disable", `{}`, bob, "", errors.New("secret"), 500, []string{"disable orders/clean in prod by bob: "}},
	} {
		t.Run(name, func(t *testing.T) {
			d := lotted(t)
			d.Err = tc.err
			got, _ := ask(t, d, request{
				method: "POST", path: tc.path, token: tc.token, body: tc.body, header: map[string]string{"Content-Type": "application/json", "Trunkline-Claim": tc.claim},
			})
			if got.Code != tc.code || strings.Contains(got.Body, "secret") {
				t.Errorf("%s got %d %s, want %d", tc.reason, got.Code, got.Body, tc.code)
			}
			if diff := cmp.Diff(tc.asked, d.Asked()); diff != "" {
				t.Errorf("%s asked: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLotLog: the log of a run is shown to people with a name, and to nobody else.
func TestLotLog(t *testing.T) {
	const path = "/api/v1/lots/prod/orders/clean@1/20260101PT1H004/log"
	for name, tc := range map[string]struct {
		reason, path, token, claim string
		err                        error
		code                       int
		text                       string
	}{
		"Last":     {"The last run.", path, bob, "", nil, 200, "KeyError"},
		"Attempt":  {"An earlier one.", path + "?attempt=r1aaaaabbbbbbb", bob, "", nil, 200, "the first try"},
		"Claimed":  {"A name that is claimed is logged.", path, token, "ann", nil, 200, "KeyError"},
		"Nobody":   {"Who asks has a name.", path, token, "", nil, 400, ""},
		"NoToken":  {"And a sign-on.", path, "", "ann", nil, 401, ""},
		"None":     {"There is none.", path + "?attempt=r3", bob, "", nil, 404, ""},
		"Twice":    {"One at a time.", path + "?attempt=r1&attempt=r2", bob, "", nil, 400, ""},
		"NoLot":    {"There is no such lot.", "/api/v1/lots/prod/orders/clean@1/all/log", bob, "", nil, 404, ""},
		"Unread":   {"It cannot be read.", path, bob, "", console.ErrConflict, 409, ""},
		"NotHere":  {"Another replica knows.", path, bob, "", console.ErrNotKnown, 503, ""},
		"Internal": {"What goes wrong inside stays inside.", path, bob, "", errors.New("secret"), 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := lotted(t)
			d.Err = tc.err
			got, _ := ask(t, d, request{method: "GET", path: tc.path, token: tc.token, header: map[string]string{"Trunkline-Claim": tc.claim}})
			if got.Code != tc.code || strings.Contains(got.Body, "secret") || got.Code == 200 && !strings.Contains(got.Body, tc.text) {
				t.Errorf("%s got %d %.200s, want %d", tc.reason, got.Code, got.Body, tc.code)
			}
		})
	}
}
