// SPDX-License-Identifier: Apache-2.0

package survey_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// drawLots draws what there is of lots of two datasets.
func drawLots(t *rapid.T, name string) map[survey.At]survey.Lot {
	out := map[survey.At]survey.Lot{}
	for range rapid.IntRange(0, 12).Draw(t, name) {
		series := rapid.SampledFrom([]string{"a/x@1", "b/y@1"}).Draw(t, "dataset")
		f := survey.Lot{Mark: plan.Mark{
			State:   rapid.SampledFrom([]plan.State{plan.Complete, plan.Empty, plan.Partial, plan.Removed}).Draw(t, "state"),
			Written: noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "written")) * time.Nanosecond),
		}, ETag: rapid.SampledFrom([]string{"", "e", "f"}).Draw(t, "etag")}
		if rapid.IntRange(0, 3).Draw(t, "failed") == 0 {
			f.Partial = map[string]time.Time{fmt.Sprint("r", rapid.IntRange(1, 3).Draw(t, "attempt")): noon}
		}
		out[survey.At{Series: series, Lot: lot.Hourly.At(noon.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "lot")) * time.Hour))}] = f
	}
	return out
}

func stockOf(t interface{ Fatal(args ...any) }, all map[survey.At]survey.Lot, datasets ...string) *survey.Stock {
	var m survey.Maker
	for _, id := range datasets {
		m.Dataset(id, lot.Hourly)
	}
	for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b survey.At) int {
		if c := strings.Compare(a.Series, b.Series); c != 0 {
			return c
		}
		return a.Lot.Compare(b.Lot)
	}) {
		if !m.Add(at, all[at]) && slices.Contains(datasets, at.Series) {
			t.Fatal("it cannot be added", at)
		}
	}
	return m.Stock()
}

// TestStock: a stock says of each lot what a table of them says, and of two of them exactly what differs.
func TestStock(t *testing.T) {
	both := []string{"a/x@1", "b/y@1"}
	rapid.Check(t, func(t *rapid.T) {
		was, is := drawLots(t, "was"), drawLots(t, "is")
		old, all := stockOf(t, was, both...), stockOf(t, is, both...)
		want, listed := map[survey.At]bool{}, map[survey.At]survey.Lot{}
		for _, id := range both {
			for n := -1; n < 12; n++ {
				at := survey.At{Series: id, Lot: lot.Hourly.At(noon.Add(time.Duration(n) * time.Hour))}
				if diff := cmp.Diff(is[at], all.Lot(at)); diff != "" {
					t.Fatalf("%v: -want +got:\n%s", at, diff)
				}
				if !cmp.Equal(was[at], is[at]) {
					want[at] = true
				}
				if quarter := (survey.At{Series: id, Lot: lot.Fourths.At(at.Lot.Start)}); all.Lot(quarter).State != plan.None {
					t.Fatalf("there is %v, which is of another unit", quarter)
				}
			}
			for at, f := range all.Lots(id) {
				listed[survey.At{Series: id, Lot: at}] = f
			}
			after := noon.Add(time.Nanosecond)
			for at, f := range all.After(id, after) {
				if !f.Written.After(after) && f.Partial == nil {
					t.Fatalf("%s is none of those after", at)
				}
			}
		}
		if diff := cmp.Diff(is, listed); diff != "" {
			t.Fatalf("all: -want +got:\n%s", diff)
		}
		got := map[survey.At]bool{}
		for _, at := range old.Changed(all) {
			got[at] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("changed: -want +got:\n%s", diff)
		}
		failed := maps.Collect(all.Failed())
		maps.DeleteFunc(is, func(_ survey.At, f survey.Lot) bool { return f.Partial == nil })
		if diff := cmp.Diff(is, failed); diff != "" {
			t.Fatalf("failed: -want +got:\n%s", diff)
		}
	})
}

// TestStockOfParts: what was not listed is not known to be empty, and what is newer takes the place of what was before.
func TestStockOfParts(t *testing.T) {
	at := survey.At{Series: "a/x@1", Lot: lot.Hourly.At(noon)}
	is := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}}
	var none *survey.Stock
	one := none.With(stockOf(t, map[survey.At]survey.Lot{at: is}, "a/x@1"))
	gone := one.With(stockOf(t, nil, "a/x@1", "b/y@1"))
	for what, ok := range map[string]bool{
		"nothing is not known":       !none.Has("a/x@1") && none.Lot(at).State == plan.None && none.Len() == 0 && len(none.Datasets()) == 0,
		"one is":                     one.Has("a/x@1") && !one.Has("b/y@1") && one.Lot(at).State == plan.Complete && one.Len() == 1,
		"a newer one has none of it": gone.Has("a/x@1") && gone.Has("b/y@1") && gone.Lot(at).State == plan.None && len(one.Changed(gone)) == 1,
		"the older one stays":        one.Lot(at).State == plan.Complete,
		"what is not wanted goes":    !gone.Only(func(id string) bool { return id != "a/x@1" }).Has("a/x@1"),
	} {
		if !ok {
			t.Errorf("it is not so that %s", what)
		}
	}
	var m survey.Maker
	m.Dataset("a/x@1", lot.Hourly)
	for what, bad := range map[string]bool{"another dataset": m.Add(survey.At{Series: "c/z@1", Lot: at.Lot}, is), "another unit": m.Add(survey.At{Series: "a/x@1", Lot: lot.Daily.At(noon)}, is)} {
		if bad {
			t.Errorf("%s is taken", what)
		}
	}
	if !m.Add(at, is) || m.Add(at, is) || m.Add(survey.At{Series: "a/x@1", Lot: at.Lot.Prev()}, is) {
		t.Error("lots are taken in any order")
	}
}
