// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// TestLate is when a dataset is late, and with what.
func TestLate(t *testing.T) {
	const raw, clean = "orders/raw@1", "orders/clean@1"
	fresh := func(w *world, id string, d time.Duration) {
		s := w.series[id]
		s.Freshness = d
		w.series[id] = s
	}
	at := func(n int, minutes int) time.Time { return hour(n).Start.Add(time.Duration(minutes) * time.Minute) }
	cases := map[string]struct {
		reason string
		change func(*world)
		late   lot.Lot
		since  time.Time
		next   time.Time
	}{
		"Fresh":  {"the newest lot is there", func(w *world) { fresh(w, clean, 5*time.Minute) }, lot.Lot{}, time.Time{}, at(37, 0)},
		"Nobody": {"nobody says how fresh it is to be", func(w *world) { w.write(clean, hour(35), plan.None) }, lot.Lot{}, time.Time{}, at(37, 0)},
		"NotYet": {"there is time until half past twelve", func(w *world) { fresh(w, clean, 30*time.Minute); w.write(clean, hour(35), plan.None) }, lot.Lot{}, time.Time{}, at(36, 30)},
		"Late":   {"it had to be there by five past twelve", func(w *world) { fresh(w, clean, 5*time.Minute); w.write(clean, hour(35), plan.None) }, hour(35), at(36, 5), at(37, 0)},
		"OnTheDot": {"what has to be there by now is late now", func(w *world) {
			fresh(w, clean, 10*time.Minute)
			w.write(clean, hour(35), plan.None)
		}, hour(35), at(36, 10), at(37, 0)},
		"Gap": {"a gap before the newest lot is a gap", func(w *world) { fresh(w, clean, 5*time.Minute); w.write(clean, hour(34), plan.None) }, lot.Lot{}, time.Time{}, at(37, 0)},
		"Long": {"it is late since the first that is missing", func(w *world) {
			fresh(w, clean, 90*time.Minute)
			for n := 30; n < 36; n++ {
				w.write(clean, hour(n), plan.None)
			}
		}, hour(30), at(32, 30), at(37, 0)},
		"Empty":   {"a lot that holds nothing is as fresh as another", func(w *world) { fresh(w, clean, 5*time.Minute); w.write(clean, hour(35), plan.Empty) }, lot.Lot{}, time.Time{}, at(37, 0)},
		"Partial": {"what a run left that failed is not there", func(w *world) { fresh(w, clean, 5*time.Minute); w.write(clean, hour(35), plan.Partial) }, hour(35), at(36, 5), at(37, 0)},
		"Never": {"of what never came, the first lot is late", func(w *world) {
			fresh(w, clean, time.Hour)
			for n := range 36 {
				w.write(clean, hour(n), plan.None)
			}
		}, hour(0), at(2, 0), at(37, 0)},
		"Early": {"what is written before its hour is over does not count yet", func(w *world) {
			fresh(w, clean, 5*time.Minute)
			w.write(clean, hour(35), plan.None)
			w.write(clean, hour(36), plan.Complete)
		}, hour(35), at(36, 5), at(37, 0)},
		"Suspended": {"what nobody makes just now is late all the same", func(w *world) {
			fresh(w, clean, 5*time.Minute)
			w.write(clean, hour(35), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Suspended })
		}, hour(35), at(36, 5), at(37, 0)},
		"Excluded": {"what is left out here is never late", func(w *world) {
			fresh(w, clean, 5*time.Minute)
			w.write(clean, hour(35), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Excluded })
		}, lot.Lot{}, time.Time{}, at(37, 0)},
		"Outside": {"what comes from outside can be late", func(w *world) {
			fresh(w, raw, 5*time.Minute)
			fresh(w, clean, 0)
			w.write(raw, hour(35), plan.None)
		}, hour(35), at(36, 5), at(37, 0)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := chain()
			tc.change(w)
			id := clean
			if name == "Outside" {
				id = raw
			}
			got, ok := w.plain().Tally(id)
			if !ok || got.Late != tc.late || !got.LateSince.Equal(tc.since) || !got.Next.Equal(tc.next) {
				t.Errorf("%s: late with %s since %s, next at %s; want %s since %s, next at %s", tc.reason, got.Late, got.LateSince, got.Next, tc.late, tc.since, tc.next)
			}
		})
	}
}

// TestTallies: what is counted is what counting one lot after the other says, and is the same until the time that it says.
func TestTallies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		for id, s := range w.series {
			if rapid.Bool().Draw(t, "fresh") {
				s.Freshness = time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute
				w.series[id] = s
			}
		}
		p := w.planner(t)
		for id, s := range w.series {
			got, _ := p.Tally(id)
			want := plan.Tally{LateSince: got.LateSince, Late: got.Late, Next: got.Next}
			for _, l := range w.lots(id) {
				kept := s.Retention == 0 || l.End().After(w.now.Add(-s.Retention))
				if !w.declared(id, l) || !w.due(l) || !kept {
					continue
				}
				want.Due++
				if !w.lotThere(id, l) {
					continue
				}
				if want.There++; want.There == 1 {
					want.Oldest = l
				}
				want.Newest = l
			}
			if got != want {
				t.Fatalf("%s: got %+v, want %+v", id, got, want)
			}
			if !got.Next.After(w.now) {
				t.Fatalf("%s says something else at %s, and it is %s", id, got.Next, w.now)
			}
			later := w.clone()
			later.now = got.Next.Add(-time.Nanosecond)
			if s.Retention == 0 {
				if then, _ := later.planner(t).Tally(id); then != got {
					t.Fatalf("%s: nothing was to change before %s, and it is %+v after %+v", id, got.Next, then, got)
				}
			}
		}
	})
}
