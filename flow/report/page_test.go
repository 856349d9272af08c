// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// TestPages: all pages together are what there is, whatever their size.
func TestPages(t *testing.T) {
	states := rapid.SampledFrom([]plan.State{plan.None, plan.Complete, plan.Partial})
	rapid.Check(t, func(t *rapid.T) {
		have := map[string]map[int]plan.State{}
		for _, id := range shop().Datasets() {
			have[id] = rapid.MapOf(rapid.IntRange(0, 8), states).Draw(t, id)
		}
		v, limit := view(shop(), have), rapid.IntRange(1, 4).Draw(t, "limit")
		fits := func(l report.Lot) bool { return l.State != "partial" }
		for _, id := range shop().Datasets() {
			var want []report.Lot
			for _, l := range v.Lots(id, report.Range{}) {
				if fits(l) {
					want = append(want, l)
				}
			}
			got := paged(t, limit, func(r report.Range) ([]report.Lot, string) {
				p := v.Page(id, r, limit, fits)
				return p.Items, p.Next
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("lots of %s: -want +got:\n%s", id, diff)
			}
			gaps := paged(t, limit, func(r report.Range) ([]report.Gap, string) {
				p := v.GapsPage(id, r, limit)
				return p.Items, p.Next
			})
			if diff := cmp.Diff(v.Gaps(id, report.Range{}), append([]report.Gap{}, gaps...)); diff != "" {
				t.Fatalf("gaps of %s: -want +got:\n%s", id, diff)
			}
		}
	})
}

// paged asks for one page after the other.
func paged[T any](t *rapid.T, limit int, page func(report.Range) ([]T, string)) (all []T) {
	r := report.Range{}
	for {
		items, next := page(r)
		if len(items) > limit {
			t.Fatalf("a page of %d has %d", limit, len(items))
		}
		all = append(all, items...)
		if next == "" {
			return all
		}
		after, err := lot.ParseID(next)
		if err != nil {
			t.Fatal(err)
		}
		r = r.After(after)
	}
}
