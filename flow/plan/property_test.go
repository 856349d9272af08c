// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// TestExactlyWhatIsReadyIsStarted holds the planner to what a lot at a time says: nothing is started that is not due, whose
// inputs are not there or that runs already, and everything else is.
func TestExactlyWhatIsReadyIsStarted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			r := drawRun(t, w)
			w.runs[key{r.Arc, r.Lot}] = r
		}
		for range rapid.IntRange(0, 2).Draw(t, "replays") {
			r := drawReplay(t, w)
			w.replays[r.ID] = r
		}
		p := w.planner(t)
		if diff := cmp.Diff(w.allReady(), keysOf(p.Plan().Starts)); diff != "" {
			t.Fatalf("(-lot by lot +planner):\n%s", diff)
		}
	})
}

// TestLimitsHold has no plan, with what runs already, go beyond the limits, and none leave room that something waits for.
func TestLimitsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			r := drawRun(t, w)
			w.runs[key{r.Arc, r.Lot}] = r
		}
		free := w.planner(t).Plan().Starts
		old := map[string]bool{}
		w.limits = drawLimits(t, w)
		p := w.planner(t)
		starts := p.Plan().Starts
		running, perArc := 0, map[string]int{}
		for _, r := range w.runs {
			if r.Failed.IsZero() {
				running++
				perArc[r.Arc]++
			}
		}
		seen, backfill := map[string]bool{}, 0
		var last *plan.Start
		for i, s := range starts {
			if seen[keyOf(s)] {
				t.Fatalf("%s is started twice", keyOf(s))
			}
			seen[keyOf(s)], old[keyOf(s)] = true, s.Old
			running++
			perArc[s.Arc]++
			if s.Old {
				backfill++
			}
			if last != nil && (last.Old && !s.Old || last.Old == s.Old && last.Lot.Start != s.Lot.Start && last.Lot.Start.After(s.Lot.Start) != w.limits.NewestFirst) {
				t.Fatalf("%s comes before %s", keyOf(*last), keyOf(s))
			}
			last = &starts[i]
			for _, h := range w.limits.Holds {
				if h.Until.After(w.now) && (h.Of == "" || h.Of == s.Arc || h.Of == project(s.Arc)) {
					t.Fatalf("%s is started, and held", keyOf(s))
				}
			}
		}
		most := func(limit, n int, what string) {
			if limit > 0 && n > limit && len(starts) > 0 {
				t.Fatalf("%d runs of %s, and the limit is %d", n, what, limit)
			}
		}
		for id := range w.arcs {
			if slices.ContainsFunc(starts, func(s plan.Start) bool { return s.Arc == id }) {
				most(w.limits.PerArc, perArc[id], id)
			}
		}
		most(w.limits.AtOnce, running, "the environment")
		if p.Plan().Queued != len(free)-len(starts) {
			t.Fatalf("%d are queued, and %d of %d are started", p.Plan().Queued, len(starts), len(free))
		}
		for _, s := range free {
			why := p.Why(s.Arc, s.Lot)
			switch why.Status {
			case plan.IsReady:
				if !seen[keyOf(s)] {
					t.Fatalf("%s is ready, and not started", keyOf(s))
				}
			case plan.IsHeld:
			case plan.IsLimited:
				full := map[string]bool{
					"workload": w.limits.PerArc > 0 && perArc[s.Arc] >= w.limits.PerArc, "environment": w.limits.AtOnce > 0 && running >= w.limits.AtOnce,
					"backfill": backfill > 0 || w.limits.Backfill > 0,
				}
				if !full[why.By] || seen[keyOf(s)] {
					t.Fatalf("%s is limited by the %s, which is not full: %v", keyOf(s), why.By, why)
				}
			default:
				t.Fatalf("%s could be started, and is %v", keyOf(s), why)
			}
		}
	})
}

// settle runs what is planned until nothing is, and returns each start.
func settle(t *rapid.T, w *world, fails func(plan.Start) bool) (all []plan.Start) {
	for round := 0; ; round++ {
		starts := w.planner(t).Plan().Starts
		if len(starts) == 0 {
			return all
		}
		if round > 5000 {
			t.Fatalf("it does not end: %v", starts)
		}
		all = append(all, starts...)
		w.run(starts, fails)
	}
}

// TestPlansEnd has runs end well until nothing is planned: then everything that can be there is, and each lot was replayed
// once.
func TestPlansEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		w.limits = drawLimits(t, w)
		w.limits.Holds = nil
		for range rapid.IntRange(0, 2).Draw(t, "replays") {
			r := drawReplay(t, w)
			w.replays[r.ID] = r
		}
		replayed := map[string]int{}
		for _, s := range settle(t, w, nil) {
			if s.Replay != "" {
				if replayed[keyOf(s)+s.Replay]++; replayed[keyOf(s)+s.Replay] > 1 {
					t.Fatalf("%s was replayed twice by %s", keyOf(s), s.Replay)
				}
			}
		}
		w.limits = plan.Limits{}
		if rest := w.allReady(); len(rest) > 0 {
			t.Fatalf("nothing is planned, and these are ready: %v", rest)
		}
		for _, r := range w.replays {
			for id, a := range w.arcs {
				for _, l := range w.lots(id) {
					made, there := w.there(a, l)
					if a.Stop == plan.Runs && there && w.plannable(a, l) && w.enough(a, l) && w.replayed(r, a, l) && made.Before(r.Marked) && !w.blocked(a, l) {
						t.Fatalf("%s %s was not replayed by %s", id, l, r.ID)
					}
				}
			}
		}
	})
}

// blocked reports whether a lot is made of one that is to be made again and cannot, since its arc is suspended; or that is
// itself blocked.
func (w *world) blocked(a plan.Arc, l lot.Lot) bool {
	for _, r := range a.Reads {
		p, ok := w.producer(r.Series)
		if !r.Trigger || !ok || !w.counted(a, r, l) {
			continue
		}
		for _, in := range w.window(r, l) {
			if w.again(p, in) {
				return true
			}
		}
	}
	return false
}

// TestAFailureDelaysWhatDependsOnIt has one lot fail for ever: all lots that are not made of it come to be as without.
func TestAFailureDelaysWhatDependsOnIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		w.limits = drawLimits(t, w)
		w.limits.Holds = nil
		if rapid.Bool().Draw(t, "replays") {
			r := drawReplay(t, w)
			w.replays[r.ID] = r
		}
		ready := w.planner(t).Plan().Starts
		if len(ready) == 0 {
			t.Skip("nothing can fail")
		}
		bad := rapid.SampledFrom(ready).Draw(t, "bad")
		well, ill := w.clone(), w.clone()
		settle(t, well, nil)
		for _, s := range settle(t, ill, func(s plan.Start) bool { return s.Arc == bad.Arc && s.Lot == bad.Lot }) {
			if s.Arc == bad.Arc && s.Lot == bad.Lot && s.Attempt > 1 {
				t.Fatalf("it is tried again before its pause is over")
			}
		}
		for id, a := range w.arcs {
			for _, l := range w.lots(id) {
				if w.madeOf(a, l, bad.Arc, bad.Lot) {
					continue
				}
				_, wellThere := well.there(a, l)
				_, illThere := ill.there(a, l)
				if wellThere != illThere || well.again(a, l) != ill.again(a, l) {
					t.Fatalf("%s %s is delayed by %s, and not made of it", id, l, keyOf(bad))
				}
			}
		}
	})
}

// madeOf reports whether a lot is another, or made of it, and so on.
func (w *world) madeOf(a plan.Arc, l lot.Lot, arc string, of lot.Lot) bool {
	if a.ID == arc && l == of {
		return true
	}
	for _, r := range a.Reads {
		if p, ok := w.producer(r.Series); r.Trigger && ok {
			for _, in := range w.window(r, l) {
				if w.madeOf(p, in, arc, of) {
					return true
				}
			}
		}
	}
	return false
}

// TestChangesAreAsFromNothing holds a planner that is told each change to one that begins from nothing.
func TestChangesAreAsFromNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		if rapid.Bool().Draw(t, "store") {
			drawStore(t, w)
		}
		p := w.planner(t)
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			switch rapid.SampledFrom([]string{"saw", "saw", "saw", "ran", "ran", "forget", "replay", "tick", "tick", "jump", "limit", "turn", "turn"}).Draw(t, "change") {
			case "saw":
				id := rapid.SampledFrom(slices.Sorted(maps.Keys(w.series))).Draw(t, "series")
				l := rapid.SampledFrom(w.lots(id)).Draw(t, "lot")
				if rapid.IntRange(0, 9).Draw(t, "stranger") == 0 {
					l = rapid.SampledFrom(units).Draw(t, "unit").At(l.Start)
				}
				p.Saw(id, l, w.write(id, l, rapid.SampledFrom([]plan.State{plan.Complete, plan.Complete, plan.Empty, plan.None, plan.Partial, plan.Removed}).Draw(t, "state")))
			case "ran":
				r := drawRun(t, w)
				w.runs[key{r.Arc, r.Lot}] = r
				p.Ran(r)
			case "forget":
				r := drawRun(t, w)
				delete(w.runs, key{r.Arc, r.Lot})
				p.Forget(r.Arc, r.Lot)
			case "replay":
				r := drawReplay(t, w)
				w.replays[r.ID] = r
				p.Replay(r)
			case "tick":
				w.now = w.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "minutes")) * time.Minute)
				p.At(w.now)
			case "jump":
				w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 200).Draw(t, "minutes")) * time.Minute)
				p.At(w.now)
			case "limit":
				w.limits = drawLimits(t, w)
				p.Limit(w.limits)
			case "turn":
				known := drawCommit(t, w)
				if turn := w.turn(t, known); !p.Turn(turn, 1<<40) {
					t.Fatal("it is too much")
				}
			}
			w.clock = maxTime(w.clock, w.now)
			if diff := cmp.Diff(w.planner(t).Plan(), p.Plan()); diff != "" {
				t.Fatalf("the plan (-from nothing +by changes):\n%s", diff)
			}
		}
		fresh := w.planner(t)
		for _, id := range append(slices.Sorted(maps.Keys(w.series)), slices.Sorted(maps.Keys(w.arcs))...) {
			for _, l := range w.lots(id) {
				if diff := cmp.Diff(fresh.Cause(id, l), p.Cause(id, l)); diff != "" {
					t.Fatalf("why of %s %s (-from nothing +by changes):\n%s", id, l, diff)
				}
			}
		}
	})
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// TestEveryLotHasAReason has each lot that is not there say why, and each first cause be one.
func TestEveryLotHasAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		w.limits = drawLimits(t, w)
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			r := drawRun(t, w)
			w.runs[key{r.Arc, r.Lot}] = r
		}
		p := w.planner(t)
		for id, a := range w.arcs {
			for _, l := range w.lots(id) {
				_, there := w.there(a, l)
				why := p.Why(id, l)
				if there != why.There {
					t.Fatalf("%s %s is there: %v, and %v", id, l, there, why)
				}
				if (why.Status == plan.IsThere) != (there && !w.again(a, l)) {
					t.Fatalf("%s %s: %v", id, l, why)
				}
				chain := p.Cause(id, l)
				for i, r := range chain {
					if r.Status == plan.Waits != (i < len(chain)-1) {
						t.Fatalf("%s %s: %v of %v", id, l, r, chain)
					}
					if r.String() == "" {
						t.Fatal("no words for it")
					}
				}
				if last := chain[len(chain)-1]; len(chain) > 1 && last.There && last.Status == plan.IsThere {
					t.Fatalf("%s %s waits for what is there: %v", id, l, chain)
				}
			}
		}
	})
}

// TestSinceMovedBack has exactly the lots computed that are new, and moved forward none.
func TestSinceMovedBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for id, a := range w.arcs {
			for i := range a.Reads {
				a.Reads[i].Recompute = false
			}
			w.arcs[id] = a
		}
		drawStore(t, w)
		settle(t, w, nil)
		id := rapid.SampledFrom(slices.Sorted(maps.Keys(w.series))).Draw(t, "series")
		s := w.series[id]
		by := rapid.IntRange(-5, 5).Draw(t, "by")
		was := s.Since
		s.Since = s.Since.Add(-time.Duration(by) * s.Unit.Duration())
		w.series[id] = s
		if by < 0 {
			if starts := w.planner(t).Plan().Starts; len(starts) > 0 {
				t.Fatalf("the first lot is a later one, and these are started: %v", starts)
			}
			return
		}
		// Lots that the store has from before count; those of the series that it has not are new.
		var want []string
		if a, ok := w.producer(id); ok {
			for _, l := range w.lots(a.ID) {
				if l.Start.Before(was) && w.declared(id, l) && w.ready(a, l) {
					want = append(want, a.ID+" "+l.ID())
				}
			}
		}
		got := map[string]bool{}
		for _, s := range w.planner(t).Plan().Starts {
			got[keyOf(s)] = true
			if _, there := w.there(w.arcs[s.Arc], s.Lot); there {
				t.Fatalf("%s is there, and is made again", keyOf(s))
			}
		}
		for _, k := range want {
			if !got[k] {
				t.Fatalf("%s is new, and not started", k)
			}
		}
	})
}

// TestPlanIsAFunction has a plan not change by being asked for.
func TestPlanIsAFunction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		w.limits = drawLimits(t, w)
		p := w.planner(t)
		first := fmt.Sprint(p.Plan())
		for id := range w.arcs {
			for _, l := range w.lots(id) {
				p.Why(id, l)
			}
		}
		if again := fmt.Sprint(p.Plan()); again != first {
			t.Fatalf("got %s, then %s", first, again)
		}
		if next := p.Plan().Next; !next.IsZero() && !next.After(w.now) {
			t.Fatalf("the next plan is to be made at %s, and it is %s", next, w.now)
		}
	})
}

// TestNextIsInTime has no plan change before the time that the one before has said.
func TestNextIsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		drawStore(t, w)
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			r := drawRun(t, w)
			w.runs[key{r.Arc, r.Lot}] = r
		}
		w.limits = drawLimits(t, w)
		before := w.planner(t).Plan()
		then := w.clone()
		then.now = w.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
		if !before.Next.IsZero() && !then.now.Before(before.Next) {
			then.now = before.Next.Add(-time.Nanosecond)
		}
		then.limits.AtOnce, then.limits.PerArc = 0, 0
		w.limits.AtOnce, w.limits.PerArc = 0, 0
		if diff := cmp.Diff(keysOf(w.planner(t).Plan().Starts), keysOf(then.planner(t).Plan().Starts)); diff != "" && !w.expires(then.now) {
			t.Fatalf("the plan changes before %s (-now +then):\n%s", before.Next, diff)
		}
	})
}

// expires reports whether a lot is no longer kept at a later time.
func (w *world) expires(then time.Time) bool {
	for _, s := range w.series {
		if s.Retention > 0 && s.Unit.At(w.now) != s.Unit.At(then) {
			return true
		}
	}
	return false
}
