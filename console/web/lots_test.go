// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// keeping is a daemon that keeps the lots of [consoletest.Daemon.KeepLots].
func keeping() *consoletest.Daemon {
	d, _ := consoletest.New()
	d.KeepLots()
	return d
}

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestLotsAreFiltered(t *testing.T) {
	cases := map[string]struct {
		reason string
		q      lotsQuery
		want   []string
	}{
		"All":         {"By environment, and then by name.", lotsQuery{}, []string{"dev rates/fx@1 not known yet", "dev rates/spot@1 not listed", "prod orders/clean@1 failed", "prod orders/raw@1 late"}},
		"Text":        {"A part of a name or a workload.", lotsQuery{Text: "CLEAN"}, []string{"prod orders/clean@1 failed"}},
		"Environment": {"The whole name.", lotsQuery{Environment: "dev"}, []string{"dev rates/fx@1 not known yet", "dev rates/spot@1 not listed"}},
		"Late":        {"One is.", lotsQuery{State: "late"}, []string{"prod orders/raw@1 late"}},
		"Missing":     {"What is not known is not missing.", lotsQuery{State: "missing"}, []string{"prod orders/clean@1 failed", "prod orders/raw@1 late"}},
		"Disabled":    {"By a person.", lotsQuery{State: "disabled"}, []string{"prod orders/clean@1 failed"}},
		"Beyond":      {"There is nothing so far down.", lotsQuery{Skip: 7}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, r := range lotsPageOf(keeping().LotsOf, tc.q, noon).Rows {
				got = append(got, r.Environment+" "+r.Dataset+" "+r.Badge.Text)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	cases := map[string]struct {
		reason string
		unit   lot.Unit
		at     string
		want   string
		lots   int64
	}{
		"Days":   {"A year.", lot.Daily, "2026-06-15", "2026", 365},
		"Hours":  {"A month.", lot.Hourly, "2026-02-10", "February 2026", 28 * 24},
		"Five":   {"A week from its Monday.", lot.Twelfths, "2026-11-30", "30 November to 6 December 2026", 7 * 288},
		"Sunday": {"It is the last day of one.", lot.Sixths, "2026-11-29", "23 November to 29 November 2026", 7 * 144},
		"Fourth": {"A week that two years share.", lot.Fourths, "2027-01-01", "28 December to 3 January 2027", 7 * 96},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := windowOf(tc.unit, day(tc.at))
			if got, lots := w.Title(), lot.Count(tc.unit, w.From, w.Until); got != tc.want || lots != tc.lots {
				t.Errorf("%s Got %s with %d lots, want %s with %d", tc.reason, got, lots, tc.want, tc.lots)
			}
		})
	}
}

// signs are those of a row, with those that are chosen in brackets.
func signs(r gridRow) string {
	var b strings.Builder
	for _, c := range r.Cells {
		if strings.HasSuffix(c.Class, " chosen") {
			b.WriteString("[" + c.Sign + "]")
			continue
		}
		b.WriteString(c.Sign)
	}
	return b.String()
}

func TestGrid(t *testing.T) {
	v := keeping().Seen
	s, _ := v.Graph.Series("orders/clean@1")
	chosen := report.Range{From: s.Since.Add(2 * time.Hour), Until: s.Since.Add(4 * time.Hour)}
	g := gridOf(v, s, windowOf(s.Unit, s.Since), chosen)
	if got, want := signs(g.Rows[0]), "✓✓[‖][✓]✕✓"+strings.Repeat("·", 18); got != want || g.Rows[0].Label != "Thu 1 Jan" || len(g.Rows) != 31 {
		t.Errorf("got %s %s in %d rows, want %s", g.Rows[0].Label, got, len(g.Rows), want)
	}
	if before := gridOf(v, s, windowOf(s.Unit, s.Since.AddDate(0, 0, -1)), report.Range{}); signs(before.Rows[0]) != "" {
		t.Errorf("before the first lot there is %s", signs(before.Rows[0]))
	}
	counts := map[string]int{}
	for _, l := range g.Legend {
		counts[l.Word] = l.Lots
	}
	if diff := cmp.Diff(map[string]int{"there": 4, "failed": 1, "waits for inputs": 1, "not due yet": 31*24 - 6}, counts); diff != "" {
		t.Errorf("the legend, -want +got:\n%s", diff)
	}
}

// TestSigns: no two kinds of lots have one sign, which colour-blind people go by, and what is bad says what to do.
func TestSigns(t *testing.T) {
	words := map[string]string{}
	for _, state := range []plan.State{plan.None, plan.Complete, plan.Empty, plan.Partial, plan.Removed} {
		for _, status := range []plan.Status{
			plan.IsThere, plan.NotDeclared, plan.NoProducer, plan.NotComputable, plan.NotKept, plan.TooMany, plan.IsExternal, plan.IsExcluded, plan.IsSuspended, plan.IsDisabled,
			plan.IsScheduled, plan.IsSteady, plan.IsAwaited, plan.IsFailed, plan.IsHeld, plan.Waits, plan.IsLimited, plan.IsReady, plan.IsRunning, plan.NotDue,
		} {
			k := kindOf(report.Lot{State: state.String(), Status: status})
			if was, known := words[k.Sign]; known && was != k.Word {
				t.Errorf("%s is %s and %s", k.Sign, was, k.Word)
			}
			words[k.Sign] = k.Word
			if (k.Mood == bad || k.Mood == warn) && k.Do == "" {
				t.Errorf("%s does not say what to do", k.Word)
			}
		}
	}
}

// TestMillionLots: a dataset of a million lots has a page of some thousands, and its months count all of them.
func TestMillionLots(t *testing.T) {
	const lots = 1_000_000
	since := day("2017-01-01")
	now := since.Add(lots*5*time.Minute + time.Minute)
	g := plan.NewGraph([]plan.Series{{ID: "a/b@1", Unit: lot.Twelfths, Since: since, External: true}}, nil)
	seen, missing := &plan.Seen{}, int64(0)
	seen.Lots("a/b@1", func(yield func(lot.Lot, plan.Mark) bool) {
		n := 0
		for l := range lot.Range(lot.Twelfths, since, now) {
			if n++; n%1000 == 0 {
				missing++
				continue
			}
			if !yield(l, plan.Mark{State: plan.Complete, Written: l.End()}) {
				return
			}
		}
	})
	v := report.View{Graph: g, Planner: plan.New(g, seen, plan.Limits{}, now), Now: now}
	s, _ := g.Series("a/b@1")
	page := datasetPageOf(v, s, datasetQuery{Environment: "prod", Dataset: s.ID}, false)
	cells := 0
	for _, r := range page.Grid.Rows {
		cells += len(r.Cells)
	}
	if page.Due != lots || page.Missing != missing || cells != 7*288 || len(page.Years) != 10 {
		t.Errorf("%d of %d missing, %d cells and %d years; want %d missing", page.Missing, page.Due, cells, len(page.Years), missing)
	}
}

// TestReplayDecodes: what is to be pasted is a declaration, whatever its reason says.
func TestReplayDecodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		why := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a: b", "\"\n  x: 1", "{{.}}", "# no", "\u2028\x7f\x1b[31m", "<b>&"})).Draw(t, "why")
		first := lot.Hourly.At(day("2026-03-01"))
		got := replayText("orders/clean@1", first, first.End().Add(time.Hour), why)
		file := v1alpha1.DecodeFile("orders.yaml", []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: orders}\n"+got+
			"      path: lake://clean/\n      lots: {unit: hourly, since: 2026-01-01T00:00:00Z}\n  owner: team\n  environments: [prod]\n"))
		if len(file.Documents) != 1 || len(file.Broken) > 0 {
			t.Fatalf("it does not decode: %v\n%s", file.Problems, got)
		}
		p, ok := file.Documents[0].Object.(*v1alpha1.Project)
		if !ok || len(p.Spec.Datasets) != 1 || len(p.Spec.Datasets[0].Replay) != 1 {
			t.Fatalf("it is something else:\n%s", got)
		}
		d := p.Spec.Datasets[0]
		r := d.Replay[0]
		if d.Name != "clean" || d.Version != "1" || r.ID != "again-20260301pt1h000" || !r.From.Equal(first.Start) || !r.Until.Equal(first.Start.Add(2*time.Hour)) || !r.Cascade || r.Reason == "" {
			t.Fatalf("got %+v of %s", r, d.Name)
		}
	})
}

func TestChosen(t *testing.T) {
	v := keeping().Seen
	cases := map[string]struct {
		reason, dataset string
		from, until     int
		due, missing    int64
		acts            []string
		replay          bool
	}{
		"Range":    {"Two of four are missing.", "orders/clean@1", 2, 6, 4, 2, []string{"act-retry", "act-remove", "act-disable", "act-enable"}, true},
		"Future":   {"What has not ended is nobody's to act on.", "orders/clean@1", 8, 9, 0, 0, []string{"act-disable", "act-enable"}, false},
		"Before":   {"It begins with the first lot.", "orders/clean@1", -5, 1, 1, 0, []string{"act-retry", "act-remove", "act-disable", "act-enable"}, true},
		"External": {"Nothing here makes the lots.", "orders/raw@1", 2, 3, 1, 1, []string{"act-remove"}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, _ := v.Graph.Series(tc.dataset)
			hour := func(n int) time.Time { return s.Since.Add(time.Duration(n) * time.Hour) }
			q := datasetQuery{Environment: "prod", Dataset: tc.dataset, Chosen: report.Range{From: hour(tc.from), Until: hour(tc.until)}}
			page := datasetPageOf(v, s, q, true)
			var acts []string
			for _, a := range page.Acts {
				acts = append(acts, a.ID)
				if !a.Nameless || !strings.HasPrefix(a.Path, "/api/v1/") {
					t.Errorf("%+v", a)
				}
			}
			if page.Chosen.Due != tc.due || page.Chosen.Missing != tc.missing || (page.Replay != "") != tc.replay || !slices.Equal(acts, tc.acts) {
				t.Errorf("%s Got %+v, acts %v, replay %q (%s)", tc.reason, page.Chosen, acts, page.Replay, page.NoReplay)
			}
		})
	}
}

// TestRetryAsksForTheRange: the body is what the API takes, and has the range that is shown.
func TestRetryAsksForTheRange(t *testing.T) {
	from := day("2026-01-01")
	acts := rangeActs("prod", "orders/clean@1", "orders/clean", report.Range{From: from, Until: from.Add(2 * time.Hour)}, 2, false)
	got := []string{acts[0].Path, acts[0].Body, acts[1].Path, acts[1].Body, acts[0].Command}
	want := []string{
		"/api/v1/workloads/prod/orders/clean/retry", `{"from":"2026-01-01T00:00:00Z","until":"2026-01-01T02:00:00Z"}`,
		"/api/v1/lots/prod/orders/clean@1/remove", `{"from":"2026-01-01T00:00:00Z","until":"2026-01-01T02:00:00Z"}`,
		"trunkline lots retry orders/clean -e prod --earliest 2026-01-01T00:00:00Z --latest 2026-01-01T02:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLot(t *testing.T) {
	v := keeping().Seen
	waits, failed := lot.Hourly.At(day("2026-01-01").Add(2*time.Hour)), lot.Hourly.At(day("2026-01-01").Add(4*time.Hour))
	seesAll := func(string) bool { return true }
	page := lotPageOf(v, "prod", "orders/clean@1", waits, false)
	page.near(v, waits, seesAll)
	if page.Kind.Sign != "‖" || len(page.Causes) != 1 || page.Causes[0].Lot.Path != "/lots/prod/orders/raw@1/20260101PT1H002" || len(page.Inputs) != 1 {
		t.Errorf("a lot that waits: %+v", page)
	}
	page.Inputs = nil
	if page.near(v, waits, func(string) bool { return false }); len(page.Inputs) != 0 {
		t.Errorf("whoever does not see orders/raw is told of its lots: %+v", page.Inputs)
	}
	if page := lotPageOf(v, "prod", "orders/clean@1", failed, true); page.Kind.Word != "failed" || !strings.Contains(page.Why, "exit code 3") || page.Kind.Do == "" || !page.Log.Nameless {
		t.Errorf("a lot that failed: %+v", page)
	}
	raw := lotPageOf(v, "prod", "orders/raw@1", failed, false)
	if raw.near(v, failed, seesAll); len(raw.Outputs) != 1 || raw.Outputs[0].Of != "orders/clean@1" || raw.Workload != "" {
		t.Errorf("what is made of a lot: %+v", raw.Outputs)
	}
	runs := runsView([]console.LotRun{{Attempt: "a", Ended: noon, Failed: true}, {Attempt: "b", Started: noon}}, "prod", "orders/clean", failed, noon)
	if runs[0].Attempt != "b" || runs[0].Path != "/runs/prod/orders/clean/"+failed.ID()+".b" || runs[0].Badge.Text != "running" || runs[1].Badge.Text != "failed" {
		t.Errorf("the runs: %+v", runs)
	}
}
