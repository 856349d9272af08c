// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// TestMonths: all months together count what there is, whatever is there, and the first that is missing is that of the first gap.
func TestMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]lot.Unit{lot.Hourly, lot.Daily}).Draw(t, "unit")
		first := unit.At(since.AddDate(0, 0, rapid.IntRange(0, 40).Draw(t, "begins")))
		at := first.Start.Add(time.Duration(rapid.IntRange(0, 70*24).Draw(t, "hours")) * time.Hour)
		s := plan.Series{ID: "a/b@1", Unit: unit, Since: first.Start, External: true}
		if rapid.Bool().Draw(t, "expires") {
			s.Retention = time.Duration(rapid.IntRange(1, 60).Draw(t, "days")) * 24 * time.Hour
		}
		seen := &plan.Seen{}
		for l := range lot.Range(unit, first.Start, at) {
			if l.Start.Unix()/3600%int64(rapid.IntRange(2, 5).Draw(t, "every")) != 0 {
				seen.Lot(s.ID, l, plan.Mark{State: plan.Complete, Written: at})
			}
			if unit == lot.Hourly && l.Start.Sub(first.Start) > 50*time.Hour {
				break
			}
		}
		g := plan.NewGraph([]plan.Series{s}, nil)
		v := report.View{Graph: g, Planner: plan.New(g, seen, plan.Limits{}, at), Now: at}
		var due, there int64
		for _, m := range v.Months(s.ID) {
			due, there = due+m.Due, there+m.There
		}
		want := v.Summarize(s.ID, v.Kept(s.ID))
		if due != want.Range || there != want.TotalFound {
			t.Fatalf("%d of %d are there, the summary has %d of %d", there, due, want.TotalFound, want.Range)
		}
		gaps := v.Gaps(s.ID, v.Kept(s.ID))
		l, missing := v.FirstMissing(s.ID)
		if missing != (len(gaps) > 0) || missing && l.ID() != gaps[0].First {
			t.Fatalf("the first that is missing is %s, of %v", l, gaps)
		}
	})
}
