// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// turn is what a planner turns to that knew the world as it was, with some series that are known as a whole.
func (w *world) turn(t *rapid.T, known []string) plan.Turn {
	out := plan.Turn{Graph: w.graph(t), Replays: slices.Collect(maps.Values(w.replays)), Known: map[string]iter.Seq2[lot.Lot, plan.Mark]{}}
	for _, id := range known {
		out.Known[id] = nil
		if len(w.marks) > 0 {
			out.Known[id] = w.marksOf(id)
		}
	}
	return out
}

// marksOf are what is known of the lots of a series.
func (w *world) marksOf(id string) iter.Seq2[lot.Lot, plan.Mark] {
	return func(yield func(lot.Lot, plan.Mark) bool) {
		for k, m := range w.marks {
			if k.id == id && !yield(k.lot, m) {
				return
			}
		}
	}
}

// drawCommit changes what is declared, and returns the series of which something else is known as a whole.
func drawCommit(t *rapid.T, w *world) (known []string) {
	arc := rapid.SampledFrom(slices.Sorted(maps.Keys(w.arcs))).Draw(t, "changed arc")
	series := rapid.SampledFrom(slices.Sorted(maps.Keys(w.series))).Draw(t, "changed series")
	a, s := w.arcs[arc], w.series[series]
	switch rapid.SampledFrom([]string{"nothing", "digest", "stop", "leaves", "comes", "since", "retention", "unit", "reads", "replay", "known", "gone"}).Draw(t, "commit") {
	case "digest":
		a.Digest = rapid.SampledFrom([]string{"one", "two"}).Draw(t, "digest")
		w.arcs[arc] = a
	case "stop":
		a.Stop = rapid.SampledFrom([]plan.Stop{plan.Runs, plan.Suspended, plan.Excluded, plan.Scheduled, plan.Steady}).Draw(t, "stop")
		a.ByItself = a.Stop == plan.Scheduled || a.Stop == plan.Steady
		w.arcs[arc] = a
	case "leaves":
		if len(w.arcs) > 1 {
			delete(w.arcs, arc)
		}
	case "comes":
		id := fmt.Sprintf("b/more-%d@1", len(w.series))
		s.ID, s.External = id, false
		w.series[id] = s
		w.arcs["b/more-"+id] = plan.Arc{ID: "b/more-" + id, Digest: "one", Writes: []string{id}, Reads: []plan.Read{{Role: "r", Series: series, Lots: 1, Trigger: true, Recompute: true}}}
	case "since":
		s.Since = s.Since.Add(time.Duration(rapid.IntRange(-4, 4).Draw(t, "by")) * s.Unit.Duration())
		w.series[series] = s
	case "retention":
		s.Retention = rapid.SampledFrom([]time.Duration{0, 5 * time.Hour, 24 * time.Hour}).Draw(t, "retention")
		w.series[series] = s
	case "unit":
		if s.External {
			s.Unit = rapid.SampledFrom(units).Draw(t, "unit")
			s.Since = s.Unit.At(s.Since).Start
			w.series[series] = s
		}
	case "reads":
		a.Reads = slices.Clone(a.Reads)
		for i := range a.Reads {
			a.Reads[i].Recompute = !a.Reads[i].Recompute
		}
		w.arcs[arc] = a
	case "replay":
		delete(w.replays, rapid.SampledFrom([]string{"one", "two"}).Draw(t, "id"))
	case "known", "gone":
		maps.DeleteFunc(w.marks, func(k key, _ plan.Mark) bool { return k.id == series })
		for _, l := range w.lots(series) {
			if rapid.Bool().Draw(t, "is there") {
				w.write(series, l, plan.Complete)
			}
		}
		return []string{series}
	}
	return nil
}

// TestTurnGoesOn: a planner that turns to another commit says what one from nothing says, whatever of what it knew holds no more.
func TestTurnGoesOn(t *testing.T) {
	const clean, raw = "orders/clean", "orders/raw@1"
	missing := func(w *world, n int) { delete(w.marks, key{"orders/clean@1", hour(n)}) }
	failed := func(w *world) {
		missing(w, 3)
		w.runs[key{clean, hour(3)}] = plan.Run{Arc: clean, Lot: hour(3), Attempt: 1, Failed: w.now, Reason: "boom", Digest: "one"}
	}
	for reason, tc := range map[string]struct {
		before, commit func(*world)
		// known is a series of which something else is known as a whole.
		known string
		// later is how much later it is compared again.
		later time.Duration
		// starts are how many runs are started after all of it.
		starts int
	}{
		"what has failed is tried again by a commit that changes its workload": {
			before: failed, commit: func(w *world) { w.arc(clean, func(a *plan.Arc) { a.Digest = "two" }) }, starts: 1,
		},
		"what has failed is not tried again by one that changes another": {
			before: failed, commit: func(w *world) { w.arc("rates/sum", func(a *plan.Arc) { a.Digest = "two" }) }, starts: 0,
		},
		"what waits for a time goes on then": {
			before: failed, commit: func(w *world) { w.arc("rates/sum", func(a *plan.Arc) { a.Stop = plan.Suspended }) }, later: 40 * time.Minute, starts: 1,
		},
		"what has come by another listing is made": {
			before: func(w *world) { missing(w, 3); delete(w.marks, key{raw, hour(3)}) }, commit: func(w *world) { w.write(raw, hour(3), plan.Complete) },
			known: raw, starts: 1,
		},
		"what has gone by another listing is not": {
			before: func(w *world) { missing(w, 3) }, commit: func(w *world) { delete(w.marks, key{raw, hour(3)}) }, known: raw, starts: 0,
		},
		"what is not to be made again any more is not waited for": {
			before: func(w *world) {
				w.now = epoch.Add(48*time.Hour + 10*time.Minute)
				for n := 36; n < 48; n++ {
					w.write(raw, hour(n), plan.Complete)
					w.write("orders/clean@1", hour(n), plan.Complete)
				}
				w.write(raw, hour(30), plan.Complete)
			},
			commit: func(w *world) {
				w.arc(clean, func(a *plan.Arc) { a.Reads = slices.Clone(a.Reads); a.Reads[0].Recompute = false })
			}, starts: 1,
		},
		"a replay begins": {
			commit: func(w *world) {
				w.replays["one"] = plan.Replay{ID: "one", Of: clean, From: hour(3).Start, Until: hour(6).Start, Marked: w.clock.Add(time.Second)}
			}, starts: 3,
		},
		"a replay is taken out": {
			before: func(w *world) {
				w.replays["one"] = plan.Replay{ID: "one", Of: clean, From: hour(3).Start, Until: hour(6).Start, Marked: w.clock.Add(time.Second)}
			},
			commit: func(w *world) { clear(w.replays) }, starts: 0,
		},
		"what is under way of a workload that waits otherwise is not started twice": {
			before: func(w *world) {
				missing(w, 3)
				w.runs[key{clean, hour(3)}] = plan.Run{Arc: clean, Lot: hour(3), Attempt: 1}
			},
			commit: func(w *world) { w.arc(clean, func(a *plan.Arc) { a.Within = time.Hour }) }, starts: 0,
		},
		"a workload begins earlier": {
			before: func(w *world) {
				for _, id := range []string{raw, "orders/clean@1"} {
					s := w.series[id]
					s.Since = s.Since.Add(3 * time.Hour)
					w.series[id] = s
				}
				for n := range 3 {
					missing(w, n)
				}
			},
			commit: func(w *world) {
				for _, id := range []string{raw, "orders/clean@1"} {
					s := w.series[id]
					s.Since = epoch
					w.series[id] = s
				}
			}, starts: 3,
		},
	} {
		t.Run(reason, func(t *testing.T) {
			w := chain()
			if tc.before != nil {
				tc.before(w)
			}
			p := w.plain()
			tc.commit(w)
			turn := plan.Turn{Graph: w.plainGraph(), Replays: slices.Collect(maps.Values(w.replays)), Known: map[string]iter.Seq2[lot.Lot, plan.Mark]{}}
			if tc.known != "" {
				turn.Known[tc.known] = w.marksOf(tc.known)
			}
			if !p.Turn(turn, 1_000) {
				t.Fatal("another planner is to be made")
			}
			w.now = w.now.Add(tc.later)
			p.At(w.now)
			if diff := cmp.Diff(w.plain().Plan(), p.Plan()); diff != "" {
				t.Errorf("the plan (-from nothing +turned):\n%s", diff)
			}
			if got := len(p.Plan().Starts); got != tc.starts {
				t.Errorf("%d runs are started, want %d", got, tc.starts)
			}
		})
	}
}

// TestTurnIsBounded: a planner that would have to look at too many lots stays as it is; one commit of a platform costs what it changes.
func TestTurnIsBounded(t *testing.T) {
	g, now := large(20, 500)
	seen := filled(g, now, 100)
	p := plan.New(g, seen, plan.Limits{}, now)
	before := p.Plan()
	changed := func(edit func(*plan.Arc)) *plan.Graph {
		var series []plan.Series
		var arcs []plan.Arc
		for _, id := range g.Datasets() {
			s, _ := g.Series(id)
			series = append(series, s)
		}
		for _, id := range g.Arcs() {
			a, _ := g.Arc(id)
			edit(&a)
			arcs = append(arcs, a)
		}
		return plan.NewGraph(series, arcs)
	}
	for reason, one := range map[string]struct {
		edit func(*plan.Arc)
		most int
		want bool
	}{
		"nothing is another":                 {func(*plan.Arc) {}, 0, true},
		"a program is another":               {func(a *plan.Arc) { a.Digest += "2" }, 0, true},
		"one of them is suspended":           {func(a *plan.Arc) { a.Stop = map[bool]plan.Stop{true: plan.Suspended}[a.ID == "p/w-007"] }, 500, true},
		"all are suspended, which is a lot":  {func(a *plan.Arc) { a.Stop = plan.Suspended }, 9_999, false},
		"all are suspended, and it may cost": {func(a *plan.Arc) { a.Stop = plan.Suspended }, 10_000, true},
	} {
		p := plan.New(g, filled(g, now, 100), plan.Limits{}, now)
		next := changed(one.edit)
		if got := p.Turn(plan.Turn{Graph: next}, one.most); got != one.want {
			t.Errorf("%s: %v", reason, got)
			continue
		}
		want := before
		if one.want {
			want = plan.New(next, filled(g, now, 100), plan.Limits{}, now).Plan()
		}
		if diff := cmp.Diff(want, p.Plan()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}
