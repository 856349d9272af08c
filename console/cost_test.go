// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/cost/usage"
)

func TestQuestionsAboutCosts(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		reason, query string
		want          *usage.Filter // nil: it is refused
		text          string
	}{
		"Since": {"A month, if nobody says until when.", "?since=2026-11-01", &usage.Filter{Since: day(1), Until: day(31)}, ""},
		"All": {
			"All parts.", "?since=2026-11-01&until=2026-11-03&by=day&by=project&project=p&environment=e&owner=o&cluster=c&workload=w&run=r&lot=l&currency=EUR",
			&usage.Filter{
				Since: day(1), Until: day(3), By: []usage.Dimension{usage.ByDay, usage.ByProject}, Cluster: "c", Currency: "EUR",
				Place: usage.Place{Project: "p", Environment: "e", Owner: "o", Workload: "w", Run: "r", Lot: "l"},
			}, "",
		},
		"Never":     {"Since when is not left to chance.", "", nil, "since is missing: say the first day, such as 2026-11-01"},
		"Time":      {"A day is one.", "?since=24h", nil, "since is not a day: write 2026-01-31"},
		"Backwards": {"It ends after it begins.", "?since=2026-11-03&until=2026-11-03", nil, "until is not after since, or is more than 3700 days after it"},
		"By":        {"There are some dimensions.", "?since=2026-11-01&by=everything", nil, `there is no by "everything": want one of: cluster, day, environment, kind, lot, owner, project, run, workload`},
		"Unknown":   {"What is misspelt is not left out in silence.", "?since=2026-11-01&platform=x", nil, `there is no parameter "platform": want one of: by, cluster, currency, environment, lot, owner, project, run, since, until, workload`},
	} {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t)
			got, _ := ask(t, d, request{method: "GET", path: "/api/v1/cost" + tc.query})
			if diff := cmp.Diff(tc.want, d.CostFilter()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if tc.want == nil {
				if diff := cmp.Diff(response{http.StatusBadRequest, tc.text}, got); diff != "" {
					t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
				}
			}
		})
	}
}

func TestCosts(t *testing.T) {
	d := consoletest.Start(t)
	row := usage.Row{Day: "2026-11-01", Kind: usage.Pod, Place: usage.Place{Project: "orders"}, Nano: 1_234_567_891, SpotNano: 5, CoreHours: 1.5, Unpriced: 1}
	d.Spent = usage.Answer{
		Currency: "EUR", Rows: []usage.Row{row}, Total: row.Nano, Idle: []usage.Row{{Cluster: "one", Kind: usage.Idle, Nano: -1}},
		Gaps: []usage.Gap{{Cluster: "one", From: time.Unix(0, 0).UTC(), Until: time.Unix(60, 0).UTC(), Lost: 2}},
	}
	got := get[console.CostAnswer](t, d, "/api/v1/cost?since=2026-11-01&by=day")
	if len(got.Rows) != 1 || got.Rows[0].Amount != "1.234567891" || got.Rows[0].Spot != "0.000000005" || got.Total != "1.234567891" ||
		got.Idle[0].Amount != "-0.000000001" || got.Gaps[0].Lost != 2 {
		t.Errorf("got %+v", got)
	}
	for name, tc := range map[string]struct {
		err  error
		want response
	}{
		"Mixed": {&usage.MixedError{Currencies: []string{"EUR", "USD"}}, response{http.StatusBadRequest, "costs are in EUR and USD, which are not added up: ask for one of them (currency), or for a cluster"}},
		"Many":  {&usage.TooManyError{Limit: 10}, response{http.StatusBadRequest, "these are more than 10 rows: ask for fewer days, or add up by less"}},
		"Other": {errors.New("secret"), response{http.StatusServiceUnavailable, "the costs cannot be read at the moment; see the daemon's log"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t)
			d.CostErr = tc.err
			answer, _ := ask(t, d, request{method: "GET", path: "/api/v1/cost?since=2026-11-01"})
			if diff := cmp.Diff(tc.want, answer); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	none := consoletest.Start(t, func(o *console.Options) { o.Costs = nil })
	answer, _ := ask(t, none, request{method: "GET", path: "/api/v1/cost/outlook"})
	if diff := cmp.Diff(response{http.StatusNotFound, "this daemon does not count costs: start it with --usage"}, answer); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
