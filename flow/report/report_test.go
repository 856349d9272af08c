// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

var (
	since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now   = since.Add(6*time.Hour + 30*time.Minute)
)

// hour is a lot by the hour of the first day.
func hour(n int) lot.Lot { return lot.Hourly.At(since.Add(time.Duration(n) * time.Hour)) }

// shop is raw data that come from outside, what is made of it, and what is made of that, an hour at a time.
func shop(change ...func(*plan.Arc)) *plan.Graph {
	series := func(id string, external bool) plan.Series {
		return plan.Series{ID: id, Unit: lot.Hourly, Since: since, External: external}
	}
	clean := plan.Arc{ID: "orders/clean", Writes: []string{"orders/clean@1"}, Reads: []plan.Read{{Role: "raw", Series: "orders/raw@1", Lots: 1, Trigger: true}}}
	for _, c := range change {
		c(&clean)
	}
	return plan.NewGraph(
		[]plan.Series{series("orders/raw@1", true), series("orders/clean@1", false), series("revenue/sum@1", false)},
		[]plan.Arc{clean, {ID: "revenue/sum", Writes: []string{"revenue/sum@1"}, Reads: []plan.Read{{Role: "in", Series: "orders/clean@1", Lots: 1, Trigger: true}}}},
	)
}

// view is what is asked when stores have some lots, by the hour.
func view(g *plan.Graph, have map[string]map[int]plan.State) report.View {
	s := &plan.Seen{}
	for id, lots := range have {
		for n, state := range lots {
			s.Lot(id, hour(n), plan.Mark{State: state, Written: now})
		}
	}
	return report.View{Graph: g, Planner: plan.New(g, s, plan.Limits{}, now), Now: now}
}

func TestSummarize(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		have   map[int]plan.State
		r      report.Range
		want   report.Summary
	}{
		"Nothing": {
			"All that has ended is missing, before the first and after the last that is there.", nil,
			report.Range{},
			report.Summary{Earliest: "20260101PT1H000", Latest: "20260101PT1H005", EarliestGap: 6, LatestGap: 6, Range: 6, RangeGap: 6},
		},
		"All": {
			"The lot that has not ended is not counted, whoever wrote it.",
			map[int]plan.State{0: plan.Complete, 1: plan.Complete, 2: plan.Empty, 3: plan.Complete, 4: plan.Complete, 5: plan.Complete, 6: plan.Complete},
			report.Range{},
			report.Summary{
				Earliest: "20260101PT1H000", Latest: "20260101PT1H005", EarliestFound: "20260101PT1H000", LatestFound: "20260101PT1H005",
				Complete: 5, Empty: 1, TotalFound: 6, Range: 6,
			},
		},
		"Holes": {
			"What failed or was removed is missing.",
			map[int]plan.State{1: plan.Complete, 2: plan.Partial, 3: plan.Removed, 4: plan.Empty},
			report.Range{},
			report.Summary{
				Earliest: "20260101PT1H000", Latest: "20260101PT1H005", EarliestFound: "20260101PT1H001", EarliestGap: 1,
				LatestFound: "20260101PT1H004", LatestGap: 1, Complete: 1, Empty: 1, Partial: 1, Removed: 1, TotalFound: 2, Range: 6, RangeGap: 4,
			},
		},
		"Range": {
			"The end does not belong to it.",
			map[int]plan.State{0: plan.Complete, 3: plan.Complete},
			report.Range{From: hour(2).Start, Until: hour(4).Start},
			report.Summary{
				Earliest: "20260101PT1H002", Latest: "20260101PT1H003", EarliestFound: "20260101PT1H003", EarliestGap: 1,
				LatestFound: "20260101PT1H003", Complete: 1, TotalFound: 1, Range: 2, RangeGap: 1,
			},
		},
		"Never": {"A range before the first lot has none.", nil, report.Range{Until: since.Add(-time.Hour)}, report.Summary{}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Dataset, tc.want.TemporalUnit, tc.want.Known = "orders/raw@1", "hourly", true
			got := view(shop(), map[string]map[int]plan.State{"orders/raw@1": tc.have}).Summarize("orders/raw@1", tc.r)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	all := map[int]plan.State{0: plan.Complete, 1: plan.Complete, 2: plan.Complete, 3: plan.Complete, 4: plan.Complete, 5: plan.Complete}
	external := "it is written outside of the platform, and was not"
	for name, tc := range map[string]struct {
		reason string
		graph  *plan.Graph
		have   map[string]map[int]plan.State
		want   []report.Gap
	}{
		"None": {"All is there.", shop(), map[string]map[int]plan.State{"revenue/sum@1": all}, []report.Gap{}},
		"Upstream": {
			"The first cause is two datasets away, and lots in a row that have it are one gap.", shop(),
			map[string]map[int]plan.State{"orders/raw@1": {0: plan.Complete, 3: plan.Complete}, "orders/clean@1": {0: plan.Complete, 3: plan.Complete}, "revenue/sum@1": {0: plan.Complete, 3: plan.Complete}},
			[]report.Gap{
				{
					"revenue/sum@1", "20260101PT1H001", "20260101PT1H002", 2, plan.Waits, "waits for orders/clean@1 20260101PT1H001",
					&report.Cause{"orders/raw@1", "20260101PT1H001", plan.IsExternal, external},
				},
				{
					"revenue/sum@1", "20260101PT1H004", "20260101PT1H005", 2, plan.Waits, "waits for orders/clean@1 20260101PT1H004",
					&report.Cause{"orders/raw@1", "20260101PT1H004", plan.IsExternal, external},
				},
			},
		},
		"Suspended": {
			"What nobody starts is named, and where it begins to matter is another gap.", shop(func(a *plan.Arc) { a.Stop = plan.Suspended }),
			map[string]map[int]plan.State{"orders/raw@1": all, "orders/clean@1": {0: plan.Complete, 1: plan.Complete, 2: plan.Complete}},
			[]report.Gap{
				{"revenue/sum@1", "20260101PT1H000", "20260101PT1H002", 3, plan.IsReady, "starts next", nil},
				{
					"revenue/sum@1", "20260101PT1H003", "20260101PT1H005", 3, plan.Waits, "waits for orders/clean@1 20260101PT1H003",
					&report.Cause{"orders/clean@1", "20260101PT1H003", plan.IsSuspended, "orders/clean is suspended"},
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, view(tc.graph, tc.have).Gaps("revenue/sum@1", report.Range{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCountsAgree: whatever there is, a lot that is due is there or in one gap, and a summary counts as many.
func TestCountsAgree(t *testing.T) {
	states := rapid.SampledFrom([]plan.State{plan.None, plan.Complete, plan.Empty, plan.Partial, plan.Removed})
	rapid.Check(t, func(t *rapid.T) {
		have := map[string]map[int]plan.State{}
		for _, id := range shop().Datasets() {
			have[id] = rapid.MapOf(rapid.IntRange(0, 8), states).Draw(t, id)
		}
		r := report.Range{}
		if rapid.Bool().Draw(t, "bounded") {
			r.From = hour(rapid.IntRange(-1, 7).Draw(t, "from")).Start
			r.Until = hour(rapid.IntRange(-1, 8).Draw(t, "until")).Start
		}
		v := view(shop(), have)
		for _, id := range shop().Datasets() {
			s, lots := v.Summarize(id, r), v.Lots(id, r)
			missing := int64(0)
			for _, g := range v.Gaps(id, r) {
				missing += g.Lots
			}
			if s.Range != int64(len(lots)) || s.RangeGap != missing || s.TotalFound+missing != s.Range {
				t.Fatalf("%s: %d lots, %d of them missing in gaps; the summary is %+v", id, len(lots), missing, s)
			}
		}
	})
}

func TestLast(t *testing.T) {
	v := view(shop(), nil)
	if got := len(v.Lots("orders/raw@1", v.Last("orders/raw@1", 4))); got != 4 {
		t.Errorf("the last 4 lots are %d", got)
	}
	if got := len(v.Lots("orders/raw@1", v.Last("orders/raw@1", 100))); got != 6 {
		t.Errorf("of the 6 that there are, the last 100 are %d", got)
	}
}
