// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// drawn draws what stores have of the lots of a world's two datasets: for each nothing, a manifest that counts, or attempts that failed.
func (w *world) drawn(t *rapid.T, s *state, what string) map[survey.At]survey.Lot {
	out := map[survey.At]survey.Lot{}
	for _, id := range []string{"orders/raw@1", "sales/clean@1"} {
		for n := range hours {
			at := survey.At{Series: id, Lot: w.at(n)}
			state := plan.State(rapid.IntRange(0, 4).Draw(t, what))
			if state == plan.None {
				continue
			}
			f := survey.Lot{Mark: plan.Mark{State: state, Written: noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "written")) * time.Second)}, ETag: fmt.Sprint("e", state)}
			arc, _ := s.graph.Arc(s.graph.Producer(id))
			out[at] = f
			if state == plan.Partial || rapid.IntRange(0, 4).Draw(t, "failed") == 0 {
				a := attempt{rapid.IntRange(1, 3).Draw(t, "attempt"), epoch(arc, at.Lot, in(out)), short("d", digestLength)}
				f.Partial = map[string]time.Time{a.String(): noon}
			}
			out[at] = f
		}
	}
	return out
}

// told is what is known, and what follows from it, once everything is taken.
func (s *state) told(w *world) map[string]any {
	out := map[string]any{"runs": s.runs}
	for _, id := range s.graph.Datasets() {
		for n := range hours {
			at := survey.At{Series: id, Lot: w.at(n)}
			out[fmt.Sprint(at)] = s.lot(at)
			out[fmt.Sprint("why ", at)] = s.planner.Why(id, at.Lot)
		}
	}
	starts := s.planner.Plan().Starts
	out["starts"] = starts
	return out
}

// TestSnapshotThenListing: a snapshot of any age, right or wrong, with whatever was seen of single lots in the meantime, and a listing after
// it are what the listing alone is; nobody is told of anything that is not so.
func TestSnapshotThenListing(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		alone, hinted := planned(t, w), planned(t, w)
		truth := w.drawn(r, alone, "truth")
		alone.have, hinted.have = newHave(), newHave()
		hinted.planner, hinted.subscriptions = nil, []egress.Subscription{{Target: "x"}}
		hinted.suppose(hinted.stockOf(t, w.drawn(r, alone, "snapshot"), rapid.SampledFrom([][]string{nil, {"orders/raw@1"}, {"sales/clean@1"}}).Draw(r, "of")...))
		hinted.plan(w.now)
		for at, f := range truth {
			if rapid.IntRange(0, 3).Draw(r, "looked at") == 0 {
				hinted.saw(at, f)
			}
		}
		if len(hinted.facts) > 0 {
			r.Fatalf("before anything was listed, it is told that %+v", hinted.facts)
		}
		if all, ok := hinted.expired(w.now); ok {
			r.Fatalf("before anything was listed, %v are removed", all)
		}
		if hinted.whole() {
			r.Fatal("before anything was listed, all is known")
		}
		for _, s := range []*state{alone, hinted} {
			s.lists(t, truth)
			s.plan(w.now)
		}
		if diff := cmp.Diff(alone.told(w), hinted.told(w)); diff != "" {
			r.Fatalf("-listing alone +after a snapshot:\n%s", diff)
		}
	})
}

// TestListingsInPieces: however a listing is cut into pieces, and whatever is seen between them, what is known in the end is what was seen
// last of each lot, and what was planned is what would be planned of that.
func TestListingsInPieces(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(r *rapid.T) {
		s := planned(t, w)
		want := map[survey.At]survey.Lot{}
		for range rapid.IntRange(1, 5).Draw(r, "listings") {
			truth := w.drawn(r, s, "listing")
			clear(s.touched)
			look := func() {
				for at, f := range w.drawn(r, s, "look") {
					if rapid.IntRange(0, 5).Draw(r, "looked at") == 0 {
						s.saw(at, f)
						truth[at] = f
					}
				}
			}
			lots := s.stockOf(t, maps.Clone(truth))
			changed := s.stock.Changed(lots)
			look() // while it is listed
			s.list(lots, changed)
			for s.news != nil {
				// One lot at a time.
				own, left := s.news.own, s.news.left
				s.news.own, s.news.left = own[:min(1, len(own))], left[:min(1, len(left))]
				cut := []int{len(s.news.own), len(s.news.left)}
				held := s.news
				lots, _ := s.next()
				held.own, held.left = own[cut[0]-len(held.own):], left[cut[1]-len(held.left):]
				for at, f := range lots {
					s.put(at, f)
				}
				look()
				s.have.ended()
			}
			want = truth
		}
		for _, id := range s.graph.Datasets() {
			for n := range hours {
				at := survey.At{Series: id, Lot: w.at(n)}
				if diff := cmp.Diff(want[at], s.lot(at)); diff != "" {
					r.Fatalf("%v: -want +got:\n%s", at, diff)
				}
			}
		}
		v := s.view()
		seen := v.seen()
		for _, run := range s.runs {
			seen.Run(run)
		}
		fresh := plan.New(s.graph, seen, s.limited(s.missing, s.held), w.now)
		s.planner.At(w.now)
		if diff := cmp.Diff(fresh.Plan().Starts, s.planner.Plan().Starts); diff != "" {
			r.Fatalf("starts: -of what is known +got:\n%s", diff)
		}
	})
}

// TestPlanningBeside: what happens while a planner is made is not lost on it, and one that is made of what does not count any more is not
// taken.
func TestPlanningBeside(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	key := survey.At{Series: "orders/raw@1", Lot: w.at(2)}
	there := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "a"}
	s.redeclare(declare(w.catalog.Load(), "dev", ""))
	p := s.toPlan(w.now)
	if again := s.toPlan(w.now); p == nil || again != nil {
		t.Fatalf("it is made %v, and then %v", p, again)
	}
	made := p.do()
	s.saw(key, there)
	s.ran(arcLot{"orders/land", w.at(3)}, plan.Run{Arc: "orders/land", Lot: w.at(3), Attempt: 1})
	if todo, _ := s.starts(w.now); len(todo) > 0 {
		t.Errorf("%d runs are started by what does not count any more", len(todo))
	}
	s.planned(made, w.now)
	started := map[string]bool{}
	todo, _ := s.starts(w.now)
	for _, one := range todo {
		started[one.key.arc+" "+one.key.lot.ID()] = true
	}
	want := map[string]bool{"sales/clean " + w.at(2).ID(): true}
	for n := range hours {
		if n != 2 && n != 3 {
			want["orders/land "+w.at(n).ID()] = true
		}
	}
	if diff := cmp.Diff(want, started); diff != "" {
		t.Errorf("started are: -want +got:\n%s", diff)
	}
	s.redeclare(declare(w.catalog.Load(), "dev", ""))
	old := s.toPlan(w.now)
	s.redeclare(declare(w.catalog.Load(), "dev", ""))
	if s.planned(old.do(), w.now); !s.stale || s.planning != nil {
		t.Error("a planner counts that was made of an older catalog")
	}
}

// TestStoresThatAreNotListed: workloads that write or read what has not been listed are held, and it is said why; the others run. A store
// that could be listed once, and cannot be now, stays as it was.
func TestStoresThatAreNotListed(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	begin := func() {
		s.have = newHave()
		s.planner, s.runs, s.busy = nil, map[arcLot]plan.Run{}, map[arcLot]bool{}
	}
	arcs := func() (ids []string) {
		s.plan(w.now)
		todo, _ := s.starts(w.now)
		for _, one := range todo {
			if !slices.Contains(ids, one.key.arc) {
				ids = append(ids, one.key.arc)
			}
		}
		return ids
	}
	raw := map[survey.At]survey.Lot{}
	for n := range hours {
		raw[survey.At{Series: "orders/raw@1", Lot: w.at(n)}] = survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon}, ETag: "a"}
	}
	s.trouble[s.places["sales/clean@1"].store] = "it is down"
	for _, tc := range []struct {
		reason string
		all    map[survey.At]survey.Lot
		only   string
		want   []string
	}{
		{"who writes what is known runs, and who reads it and writes what is not does not", nil, "orders/raw@1", []string{"orders/land"}},
		{"who writes what is known, and reads what is not, does not", nil, "sales/clean@1", nil},
		{"the inputs are there, and whether their lots are is not known", raw, "orders/raw@1", nil},
	} {
		begin()
		s.takes(s.stockOf(t, tc.all, tc.only))
		if diff := cmp.Diff(tc.want, arcs()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
		}
	}
	why := s.planner.Why("sales/clean@1", w.at(2))
	if want := "the store of the manifests of sales/clean@1, which has not been listed yet: it is down"; !slices.ContainsFunc(s.unknown(), func(h plan.Hold) bool { return h.By == want }) {
		t.Errorf("said is %+v, of a lot %+v", s.unknown(), why)
	}
	s.takes(s.stockOf(t, nil, "sales/clean@1"))
	if diff := cmp.Diff([]string{"sales/clean"}, arcs()); diff != "" {
		t.Errorf("once it was listed: -want +got:\n%s", diff)
	}
	s.takes(s.stockOf(t, nil, "sales/clean@1")) // the other one could not be
	if f := s.lot(survey.At{Series: "orders/raw@1", Lot: w.at(0)}); f.State != plan.Complete {
		t.Errorf("a store that cannot be listed now has by now %+v", f)
	}
	// Nothing is removed of a store that cannot be read, nor what a lot there is made of.
	s.trouble = map[string]string{"x": "down"}
	s.places["sales/clean@1"] = kept{"x", s.places["sales/clean@1"].unit}
	stays := slices.Sorted(maps.Keys(s.retained().Stays))
	if diff := cmp.Diff([]string{"orders/raw@1", "sales/clean@1"}, stays); diff != "" {
		t.Errorf("stays: -want +got:\n%s", diff)
	}
}
