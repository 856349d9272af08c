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
			out.Known[id] = func(yield func(lot.Lot, plan.Mark) bool) {
				for k, m := range w.marks {
					if k.id == id && !yield(k.lot, m) {
						return
					}
				}
			}
		}
	}
	return out
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
