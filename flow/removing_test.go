// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
)

// TestRemoveLots: the lots of a range count no longer once it is said how many they are, with their data if that is asked for, and are made
// again.
func TestRemoveLots(t *testing.T) {
	for name, data := range map[string]bool{"manifests": false, "data too": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep()
			w.await("all lots", w.made)
			said(t, "sales/clean makes no lots until it is enabled; what runs just now goes on")(w.keeper.Disable(t.Context(), "dev", "sales/clean", ann))
			r := Removing{From: w.at(2).Start, Until: w.at(5).Start, Data: data, Dry: true}
			remove := func(r Removing) (Removed, error) {
				return w.keeper.RemoveLots(t.Context(), "dev", "sales/clean@1", r, ann)
			}
			objects := func() int {
				found, _ := filepath.Glob(filepath.Join(w.dir, "lake/clean/*/*/part"))
				more, _ := filepath.Glob(filepath.Join(w.dir, "lake/clean/*/part"))
				return len(found) + len(more)
			}
			before := objects()
			would, err := remove(r)
			bounds := w.at(2).ID() + " to " + w.at(4).ID()
			want := "3 lots of sales/clean@1 would be removed, " + bounds
			if data {
				want += ", and with them 3 objects of data that no other lists"
			}
			if would.Said != want || would.Lots != 3 || err != nil || before != hours {
				t.Fatalf("it says %+v, %v, want %q, with %d objects", would, err, want, before)
			}
			r.Dry, r.Confirmed = false, 2
			if _, err := remove(r); !errors.Is(err, asking.ErrCannot) || len(w.lots("clean", manifest.Complete)) != hours || objects() != before {
				t.Fatalf("of 2 lots that are 3, it says %v", err)
			}
			r.Confirmed = 3
			done, err := remove(r)
			want = "3 lots of sales/clean@1 are removed, " + bounds
			if data {
				want += ", with the data that no other lists"
			}
			if want += "; sales/clean makes them again, unless it is disabled"; done.Said != want || done.Lots != 3 || err != nil {
				t.Errorf("it says %+v, %v, want %q", done, err, want)
			}
			if got := len(w.lots("clean", manifest.Complete)); got != hours-3 {
				t.Errorf("%d lots count, want %d", got, hours-3)
			}
			left := map[bool]int{false: before, true: before - 3}[data]
			if got := objects(); got != left {
				t.Errorf("%d objects are left, want %d", got, left)
			}
			if all := strings.Join(removals(t, w, "clean"), "\n"); strings.Count(all, `"comment":"removed by ann: it was repaired"`) != 3 {
				t.Errorf("the records are %s", all)
			}
			if _, err := remove(r); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "there is nothing to remove") {
				t.Errorf("once more, it says %v", err)
			}
			if _, err := w.keeper.Enable(t.Context(), "dev", "sales/clean", askedNow()); err != nil {
				t.Fatal(err)
			}
			w.await("all lots again", w.made)
		})
	}
}

// TestDataStays: data are not removed that a run reads just now, by a replica that does not know what runs, or where others have theirs.
func TestDataStays(t *testing.T) {
	w := newWorld(t)
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return false, o.Template.Workload == "sales/clean" && o.Lot == w.at(2)
	}
	w.keep()
	w.await("a run to begin", func() bool {
		return w.cluster.starts()["sales/clean "+w.at(2).ID()] == 1 && len(w.lots("raw", manifest.Complete)) == hours
	})
	w.await("it to be known", func() bool { return w.why("sales/clean@1", 2).Status == "running" })
	refuses := func(k *Keeper, n int, dataset string, kind error, why string) {
		t.Helper()
		r := Removing{From: w.at(n).Start, Until: w.at(n).End(), Data: true, Confirmed: 1}
		if _, err := k.RemoveLots(t.Context(), "dev", dataset, r, ann); !errors.Is(err, kind) || !strings.Contains(err.Error(), why) {
			t.Errorf("it says %v, want %q", err, why)
		}
	}
	refuses(w.keeper, 2, "orders/raw@1", asking.ErrCannot, "sales/clean is reading "+w.at(2).ID())
	refuses(w.replica(time.Second), 3, "orders/raw@1", asking.ErrNotYet, "ask the one that leads")
	refuses(w.keeper, 2, "sales/clean@1", asking.ErrCannot, "there is nothing to remove")
	refuses(w.keeper, 2, "sales/clan@1", asking.ErrNotFound, `there is no dataset with lots "sales/clan@1"`)
	w.declare(`path: "lake://raw/", lots`, `path: "lake://raw/", external: true, lots`, "writes: {main: raw@1}}]", "writes: {}}]")
	refuses(w.keeper, 3, "orders/raw@1", asking.ErrCannot, "the data of orders/raw@1 are not removed: its dataset is external; without them, its lots can be")
	if got := len(w.lots("raw", manifest.Complete)); got != hours {
		t.Errorf("%d lots count, want %d", got, hours)
	}
}
