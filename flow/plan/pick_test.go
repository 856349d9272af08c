// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// TestStarts is what is started, in which order and why.
func TestStarts(t *testing.T) {
	none := func(w *world, hours ...int) {
		for _, n := range hours {
			w.write("orders/clean@1", hour(n), plan.None)
		}
	}
	fix := plan.Replay{ID: "fix", Of: "orders/clean@1", From: hour(3).Start, Until: hour(5).Start}
	cases := map[string]struct {
		reason string
		change func(*world)
		want   []string
	}{
		"Nothing":  {"all is there", func(*world) {}, nil},
		"First":    {"the newest hour", func(w *world) { none(w, 35) }, []string{"orders/clean 20260302PT1H011 attempt 1: first"}},
		"Gap":      {"an hour between others", func(w *world) { none(w, 5) }, []string{"orders/clean 20260301PT1H005 attempt 1: gap, old"}},
		"Removed":  {"what was taken away is made again", func(w *world) { w.write("orders/clean@1", hour(35), plan.Removed) }, []string{"orders/clean 20260302PT1H011 attempt 1: gap"}},
		"Backfill": {"hours before all others", func(w *world) { none(w, 0, 1) }, []string{"orders/clean 20260301PT1H000 attempt 1: backfill, old", "orders/clean 20260301PT1H001 attempt 1: backfill, old"}},
		"Live":     {"what is new comes first, whatever is to be filled", func(w *world) { none(w, 0, 1, 34, 35) }, []string{"orders/clean 20260302PT1H010 attempt 1: first", "orders/clean 20260302PT1H011 attempt 1: first", "orders/clean 20260301PT1H000 attempt 1: backfill, old", "orders/clean 20260301PT1H001 attempt 1: backfill, old"}},
		"Newest":   {"the other way around", func(w *world) { none(w, 0, 1); w.limits.NewestFirst = true }, []string{"orders/clean 20260301PT1H001 attempt 1: backfill, old", "orders/clean 20260301PT1H000 attempt 1: backfill, old"}},
		"Share":    {"a third of four is one", func(w *world) { none(w, 0, 1, 35); w.limits.AtOnce, w.limits.Backfill = 4, 33 }, []string{"orders/clean 20260302PT1H011 attempt 1: first", "orders/clean 20260301PT1H000 attempt 1: backfill, old"}},
		"Arcs": {"a limit of one arc", func(w *world) {
			none(w, 33, 34, 35)
			w.limits.PerArc, w.limits.Arcs = 1, map[string]int{"orders/clean": 2}
		}, []string{"orders/clean 20260302PT1H009 attempt 1: first", "orders/clean 20260302PT1H010 attempt 1: first"}},
		"Late":      {"an input that was written again", func(w *world) { w.write("orders/raw@1", hour(35), plan.Complete) }, []string{"orders/clean 20260302PT1H011 attempt 1: late, replaces 2026-03-02T12:01:12Z"}},
		"Replay":    {"each lot of it", func(w *world) { fix.Marked = w.clock.Add(time.Second); w.replays["fix"] = fix }, []string{"orders/clean 20260301PT1H003 attempt 1: replay fix, old, replaces 2026-03-02T12:00:40Z", "orders/clean 20260301PT1H004 attempt 1: replay fix, old, replaces 2026-03-02T12:00:41Z"}},
		"ReplayOff": {"a replay of a lot that is not there is its computation", func(w *world) { none(w, 3, 4); fix.Marked = w.clock.Add(time.Second); w.replays["fix"] = fix }, []string{"orders/clean 20260301PT1H003 attempt 1: gap, old", "orders/clean 20260301PT1H004 attempt 1: gap, old"}},
		"Suspended": {"what is not there waits for what a replay makes again, though it is suspended", func(w *world) {
			w.write("rates/sum@1", day(0), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop = plan.Suspended })
			fix.Marked, fix.Cascade = w.clock.Add(time.Second), true
			w.replays["fix"] = fix
		}, nil},
		"SuspendedByItself": {"and not for what runs by the clock, which no replay has made again", func(w *world) {
			w.write("rates/sum@1", day(0), plan.None)
			w.arc("orders/clean", func(a *plan.Arc) { a.Stop, a.ByItself = plan.Suspended, true })
			fix.Marked, fix.Cascade = w.clock.Add(time.Second), true
			w.replays["fix"] = fix
		}, []string{"rates/sum 20260301P1D000 attempt 1: first"}},
		"Retry": {"once its pause is over", func(w *world) {
			none(w, 35)
			w.runs[key{"orders/clean", hour(35)}] = plan.Run{Arc: "orders/clean", Lot: hour(35), Attempt: 3, Failed: w.now.Add(-4 * time.Minute)}
		}, []string{"orders/clean 20260302PT1H011 attempt 4: retry"}},
		"Pause": {"and not before", func(w *world) {
			none(w, 35)
			w.runs[key{"orders/clean", hour(35)}] = plan.Run{Arc: "orders/clean", Lot: hour(35), Attempt: 3, Failed: w.now.Add(-4*time.Minute + 1)}
		}, nil},
		"Held": {"what holds the project holds its runs", func(w *world) {
			none(w, 35)
			w.limits.Holds = []plan.Hold{{Of: "orders", By: "alice"}}
		}, nil},
		"HeldElsewhere": {"and no others", func(w *world) {
			none(w, 35)
			w.limits.Holds = []plan.Hold{{Of: "rates", By: "alice"}, {Of: "orders/other", By: "bob"}}
		}, []string{"orders/clean 20260302PT1H011 attempt 1: first"}},
		"Running": {"nothing runs twice", func(w *world) {
			none(w, 35)
			w.runs[key{"orders/clean", hour(35)}] = plan.Run{Arc: "orders/clean", Lot: hour(35), Attempt: 3}
		}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := chain()
			tc.change(w)
			var got []string
			for _, s := range w.plain().Plan().Starts {
				text := fmt.Sprintf("%s %s attempt %d: %s", s.Arc, s.Lot, s.Attempt, s.Cause)
				if s.Replay != "" {
					text += " " + s.Replay
				}
				if s.Old {
					text += ", old"
				}
				if !s.Replaces.IsZero() {
					text += ", replaces " + s.Replaces.Format(time.RFC3339)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestNext is when to plan again.
func TestNext(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*world)
		want   time.Time
	}{
		"Due": {"when the next hour has ended", func(*world) {}, epoch.Add(37 * time.Hour)},
		"Failed": {"when a pause ends", func(w *world) {
			w.runs[key{"orders/clean", hour(5)}] = plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 1, Failed: w.now}
		}, epoch.Add(36*time.Hour + 11*time.Minute)},
		"Read": {"when what is read ends, which is after what is made of it, and before the next of that", func(w *world) {
			clear(w.marks)
			delete(w.arcs, "rates/sum")
			for id, unit := range map[string]lot.Unit{"orders/raw@1": lot.Sixths, "orders/clean@1": lot.Fourths} {
				s := w.series[id]
				s.Unit = unit
				w.series[id] = s
			}
			w.now = epoch.Add(36*time.Hour + 16*time.Minute)
		}, epoch.Add(36*time.Hour + 20*time.Minute)},
		"Held":  {"when a hold ends", func(w *world) { w.limits.Holds = []plan.Hold{{By: "a freeze", Until: w.now.Add(time.Second)}} }, epoch.Add(36*time.Hour + 10*time.Minute + time.Second)},
		"Never": {"if nothing runs", func(w *world) { clear(w.arcs) }, time.Time{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := chain()
			tc.change(w)
			if got := w.plain().Plan().Next; !got.Equal(tc.want) {
				t.Errorf("%s: want %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

// TestWhatIsMadeOfALotHearsOfIt tells a planner of lots one by one.
func TestWhatIsMadeOfALotHearsOfIt(t *testing.T) {
	w := chain()
	w.write("rates/sum@1", day(0), plan.None)
	w.write("orders/raw@1", hour(5), plan.None)
	w.write("orders/clean@1", hour(5), plan.None)
	p := w.plain()
	var got []string
	look := func(what string) {
		for _, s := range p.Plan().Starts {
			what += " " + s.Arc + " " + s.Lot.ID()
		}
		got = append(got, what)
	}
	look("nothing:")
	p.Saw("orders/raw@1", hour(5), w.write("orders/raw@1", hour(5), plan.Complete))
	look("raw:")
	p.Ran(plan.Run{Arc: "orders/clean", Lot: hour(5), Attempt: 1})
	look("begun:")
	p.Saw("orders/clean@1", hour(5), w.write("orders/clean@1", hour(5), plan.Complete))
	p.Forget("orders/clean", hour(5))
	look("clean:")
	p.Saw("orders/raw@1", hour(6), w.write("orders/raw@1", hour(6), plan.Complete))
	look("late:")
	p.Saw("orders/clean@1", hour(6), w.write("orders/clean@1", hour(6), plan.Complete))
	p.Saw("rates/sum@1", day(0), w.write("rates/sum@1", day(0), plan.Complete))
	look("all:")
	p.At(epoch.Add(37 * time.Hour))
	look("an hour later:")
	p.Saw("orders/raw@1", hour(36), w.write("orders/raw@1", hour(36), plan.Empty))
	look("and its data:")
	want := []string{
		"nothing:", "raw: orders/clean 20260301PT1H005", "begun:", "clean: rates/sum 20260301P1D000", "late: orders/clean 20260301PT1H006", "all:",
		"an hour later:", "and its data: orders/clean 20260302PT1H012",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
