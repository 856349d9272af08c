// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// epoch is near to where the declarations of these tests begin.
var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// key is a lot of a series or of an arc.
type key struct {
	id  string
	lot lot.Lot
}

// world is an environment, with a store in it and a clock: what the planner is told about, in the plainest form. What it
// answers is said without numbers of lots, ranges and sets, one lot at a time.
type world struct {
	series  map[string]plan.Series
	arcs    map[string]plan.Arc
	marks   map[key]plan.Mark
	runs    map[key]plan.Run
	replays map[string]plan.Replay
	limits  plan.Limits
	now     time.Time
	// clock is the store's.
	clock time.Time
}

func (w *world) clone() *world {
	c := *w
	c.series, c.arcs, c.marks, c.runs, c.replays = maps.Clone(w.series), maps.Clone(w.arcs), maps.Clone(w.marks), maps.Clone(w.runs), maps.Clone(w.replays)
	return &c
}

// planner plans from nothing, with all that goes in in an order that the test draws.
func (w *world) planner(t *rapid.T) *plan.Planner {
	return plan.New(w.graph(t), w.seen(t), w.limits, w.now)
}

func (w *world) graph(t *rapid.T) *plan.Graph {
	var arcs []plan.Arc
	for _, id := range shuffled(t, w.arcs) {
		a := w.arcs[id]
		a.Writes = rapid.Permutation(a.Writes).Draw(t, "writes")
		a.Reads = rapid.Permutation(a.Reads).Draw(t, "reads")
		arcs = append(arcs, a)
	}
	var series []plan.Series
	for _, id := range shuffled(t, w.series) {
		series = append(series, w.series[id])
	}
	return plan.NewGraph(series, arcs)
}

func (w *world) seen(t *rapid.T) *plan.Seen {
	seen := &plan.Seen{}
	keys := make([]string, 0, len(w.marks))
	byName := map[string]key{}
	for k := range w.marks {
		name := fmt.Sprint(k.id, k.lot.ID())
		keys, byName[name] = append(keys, name), k
	}
	slices.Sort(keys)
	if rapid.Bool().Draw(t, "backwards") {
		slices.Reverse(keys)
	}
	for _, name := range keys {
		seen.Lot(byName[name].id, byName[name].lot, w.marks[byName[name]])
	}
	for _, r := range w.runs {
		seen.Run(r)
	}
	for _, id := range shuffled(t, w.replays) {
		seen.Replay(w.replays[id])
	}
	return seen
}

func shuffled[V any](t *rapid.T, m map[string]V) []string {
	keys := slices.Sorted(maps.Keys(m))
	if len(keys) == 0 {
		return nil
	}
	return rapid.Permutation(keys).Draw(t, "order")
}

// write has the store hold a manifest, written now by its clock.
func (w *world) write(id string, l lot.Lot, s plan.State) plan.Mark {
	w.clock = w.clock.Add(time.Second)
	m := plan.Mark{State: s, Written: w.clock}
	if s == plan.None {
		m = plan.Mark{}
	}
	w.marks[key{id, l}] = m
	return m
}

// unit is that of an arc.
func (w *world) unit(a plan.Arc) lot.Unit { return w.series[a.Writes[0]].Unit }

// lots are all lots of an arc or a series that could matter: from well before it begins to well after now.
func (w *world) lots(id string) []lot.Lot {
	var u lot.Unit
	var since time.Time
	if s, ok := w.series[id]; ok {
		u, since = s.Unit, s.Since
	} else {
		a := w.arcs[id]
		u, since = w.unit(a), w.series[a.Writes[0]].Since
		for _, x := range a.Writes {
			if s := w.series[x].Since; s.Before(since) {
				since = s
			}
		}
	}
	return slices.Collect(lot.Range(u, since.Add(-2*u.Duration()), maxTime(w.now, since).Add(2*u.Duration())))
}

// producer is the arc that makes the lots of a series.
func (w *world) producer(series string) (plan.Arc, bool) {
	var found []plan.Arc
	for _, id := range slices.Sorted(maps.Keys(w.arcs)) {
		if slices.Contains(w.arcs[id].Writes, series) {
			found = append(found, w.arcs[id])
		}
	}
	for _, stops := range [][]plan.Stop{{plan.Runs}, {plan.Suspended, plan.Scheduled, plan.Steady}, {plan.Excluded}} {
		for _, a := range found {
			if slices.Contains(stops, a.Stop) {
				return a, true
			}
		}
	}
	return plan.Arc{}, false
}

func (w *world) declared(series string, l lot.Lot) bool {
	s, ok := w.series[series]
	return ok && s.Unit == l.Unit && !l.Start.Before(s.Since)
}

func (w *world) due(l lot.Lot) bool { return !l.End().After(w.now) }

// lotThere reports whether a lot of a series counts.
func (w *world) lotThere(series string, l lot.Lot) bool {
	return w.declared(series, l) && w.due(l) && w.marks[key{series, l}].State.There()
}

// window are the lots that a read of an arc takes for one of its own.
func (w *world) window(r plan.Read, l lot.Lot) (out []lot.Lot) {
	s, ok := w.series[r.Series]
	if !ok {
		return []lot.Lot{l}
	}
	last := s.Unit.At(l.End().Add(-time.Second))
	for range r.Offset {
		last = last.Prev()
	}
	for range r.Lots {
		out = append(out, last)
		last = last.Prev()
	}
	return out
}

func (w *world) whole(r plan.Read, l lot.Lot) bool {
	for _, in := range w.window(r, l) {
		if !w.lotThere(r.Series, in) {
			return false
		}
	}
	return true
}

// over reports whether what is missing of the inputs of a lot is not waited for any more.
func (w *world) over(a plan.Arc, l lot.Lot) bool {
	last, some := l.End(), false
	for _, r := range a.Reads {
		for _, in := range w.window(r, l) {
			if r.Trigger && w.lotThere(r.Series, in) {
				last, some = maxTime(last, w.marks[key{r.Series, in}].Written), true
			}
		}
	}
	return a.Within > 0 && some && !last.Add(a.Within).After(w.now)
}

// counted reports whether a read counts as an input of a lot.
func (w *world) counted(a plan.Arc, r plan.Read, l lot.Lot) bool {
	some := slices.ContainsFunc(w.window(r, l), func(in lot.Lot) bool { return w.lotThere(r.Series, in) })
	return w.whole(r, l) || some && w.over(a, l)
}

// there reports whether an arc's lot is, and when the oldest of its manifests was written.
func (w *world) there(a plan.Arc, l lot.Lot) (made time.Time, ok bool) {
	for _, s := range a.Writes {
		if !w.declared(s, l) {
			continue
		}
		if !w.lotThere(s, l) {
			return time.Time{}, false
		}
		if m := w.marks[key{s, l}].Written; !ok || m.Before(made) {
			made, ok = m, true
		}
	}
	return made, ok
}

// plannable reports whether a lot is one that an arc may have to make now.
func (w *world) plannable(a plan.Arc, l lot.Lot) bool {
	begins, ends := false, true
	var kept time.Duration
	for _, s := range a.Writes {
		begins = begins || w.declared(s, l)
		ends = ends && w.series[s].Retention > 0
		kept = max(kept, w.series[s].Retention)
	}
	return begins && w.due(l) && (!ends || l.End().Add(kept).After(w.now))
}

// enough reports whether enough of the inputs of a lot are there.
func (w *world) enough(a plan.Arc, l lot.Lot) bool {
	triggers, there := 0, 0
	for _, r := range a.Reads {
		if r.Trigger {
			triggers++
			if w.counted(a, r, l) {
				there++
			}
		}
	}
	need := triggers
	if a.Need > 0 {
		need = a.Need
	}
	if w.over(a, l) {
		need = min(need, 1)
	}
	return there >= need
}

// replayed reports whether a replay is of a lot of an arc.
func (w *world) replayed(r plan.Replay, a plan.Arc, l lot.Lot) bool {
	begins := false
	for _, s := range a.Writes {
		begins = begins || w.declared(s, l)
	}
	if !begins || apart(a) {
		return false
	}
	within := func(l lot.Lot) bool { return !l.Start.Before(r.From) && l.Start.Before(r.Until) }
	of, isSeries := w.producer(r.Of)
	if (r.Of == a.ID || isSeries && of.ID == a.ID) && within(l) {
		return true
	}
	if !r.Cascade {
		return false
	}
	for _, read := range a.Reads {
		if !read.Trigger {
			continue
		}
		for _, in := range w.window(read, l) {
			if !w.declared(read.Series, in) {
				continue
			}
			p, made := w.producer(read.Series)
			if made && w.replayed(r, p, in) || !made && read.Series == r.Of && within(in) {
				return true
			}
		}
	}
	return false
}

// again reports whether a lot that is there is to be made once more.
func (w *world) again(a plan.Arc, l lot.Lot) bool {
	made, there := w.there(a, l)
	if !there || !w.plannable(a, l) || apart(a) || !w.enough(a, l) {
		return false
	}
	for _, r := range w.replays {
		if r.Marked.After(made) && w.replayed(r, a, l) {
			return true
		}
	}
	for _, r := range a.Reads {
		if r.Trigger && r.Recompute && w.counted(a, r, l) {
			for _, in := range w.window(r, l) {
				if w.lotThere(r.Series, in) && w.marks[key{r.Series, in}].Written.After(made) {
					return true
				}
			}
		}
	}
	return false
}

// ready reports whether the run of a lot is to be started, but for limits and holds.
func (w *world) ready(a plan.Arc, l lot.Lot) bool {
	made, there := w.there(a, l)
	if a.Stop != plan.Runs || !w.plannable(a, l) || !w.enough(a, l) || there && !w.again(a, l) {
		return false
	}
	for _, r := range a.Reads {
		p, ok := w.producer(r.Series)
		if !r.Trigger || !ok || !w.counted(a, r, l) {
			continue
		}
		for _, in := range w.window(r, l) {
			if w.again(p, in) {
				return false
			}
		}
	}
	run, ok := w.runs[key{a.ID, l}]
	switch {
	case !ok:
		return true
	case run.Failed.IsZero():
		return false
	case there && !run.Replaces.Equal(made), run.Digest != "" && run.Digest != a.Digest:
		return true
	}
	pause := time.Minute
	for i := 1; i < run.Attempt; i++ {
		pause = min(2*pause, time.Hour)
	}
	return !run.Failed.Add(pause).After(w.now)
}

// allReady are the runs that are to be started.
func (w *world) allReady() []string {
	out := []string{}
	for id, a := range w.arcs {
		for _, l := range w.lots(id) {
			if w.ready(a, l) {
				out = append(out, id+" "+l.ID())
			}
		}
	}
	slices.Sort(out)
	return out
}

// run has the runs of a plan end well, all at once, and returns them.
func (w *world) run(starts []plan.Start, fails func(plan.Start) bool) {
	for _, s := range starts {
		k := key{s.Arc, s.Lot}
		if fails != nil && fails(s) {
			w.runs[k] = plan.Run{Arc: s.Arc, Lot: s.Lot, Attempt: s.Attempt, Failed: w.now, Reason: "boom", Digest: w.arcs[s.Arc].Digest, Replaces: s.Replaces}
			continue
		}
		delete(w.runs, k)
		for _, series := range w.arcs[s.Arc].Writes {
			if w.declared(series, s.Lot) {
				w.write(series, s.Lot, plan.Complete)
			}
		}
	}
}

// keyOf is a start as allReady writes it.
func keyOf(s plan.Start) string { return s.Arc + " " + s.Lot.ID() }

func keysOf(starts []plan.Start) []string {
	out := []string{}
	for _, s := range starts {
		out = append(out, keyOf(s))
	}
	slices.Sort(out)
	return out
}

var units = []lot.Unit{lot.Hourly, lot.Fourths, lot.Daily, lot.Sixths}

// drawWorld draws declarations: series from outside, and arcs in layers that read what is above them.
func drawWorld(t *rapid.T) *world {
	w := &world{
		series: map[string]plan.Series{}, arcs: map[string]plan.Arc{}, marks: map[key]plan.Mark{}, runs: map[key]plan.Run{},
		replays: map[string]plan.Replay{}, now: epoch.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "now")) * time.Minute),
	}
	// What the store has may be old.
	w.clock = w.now.Add(-rapid.SampledFrom([]time.Duration{0, 3 * time.Hour, 20 * time.Hour}).Draw(t, "age"))
	drawSeries := func(id string, u lot.Unit, external bool) {
		since := u.At(epoch.Add(time.Duration(rapid.IntRange(-3, 20).Draw(t, "since")) * time.Hour))
		s := plan.Series{ID: id, Unit: u, Since: since.Start, External: external}
		if rapid.IntRange(0, 5).Draw(t, "retention") == 0 {
			s.Retention = 24 * time.Hour
		}
		w.series[id] = s
	}
	var readable []string
	for i := range rapid.IntRange(1, 3).Draw(t, "outside") {
		id := fmt.Sprintf("a/raw-%d@1", i)
		drawSeries(id, rapid.SampledFrom(units).Draw(t, "unit"), true)
		readable = append(readable, id)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "arcs") {
		a := plan.Arc{ID: fmt.Sprintf("%c/w-%d", 'a'+i%2, 9-i), Digest: "one"}
		u := rapid.SampledFrom(units).Draw(t, "unit")
		for j := range rapid.IntRange(1, 2).Draw(t, "writes") {
			id := fmt.Sprintf("%c/d-%d-%d@1", 'a'+i%2, i, j)
			drawSeries(id, u, false)
			a.Writes = append(a.Writes, id)
		}
		triggers := 0
		for j := range rapid.IntRange(0, 3).Draw(t, "reads") {
			r := plan.Read{
				Role: fmt.Sprintf("r%d", j), Series: rapid.SampledFrom(readable).Draw(t, "series"),
				Lots: rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(t, "lots"), Offset: rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(t, "offset"),
				Trigger: rapid.IntRange(0, 4).Draw(t, "trigger") > 0, Recompute: rapid.Bool().Draw(t, "recompute"),
			}
			if r.Trigger {
				triggers++
			}
			a.Reads = append(a.Reads, r)
		}
		if triggers > 0 && rapid.Bool().Draw(t, "join") {
			a.Need = rapid.IntRange(1, triggers).Draw(t, "need")
		}
		a.Within = rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, time.Hour, 10 * time.Hour}).Draw(t, "within")
		if rapid.IntRange(0, 5).Draw(t, "stops") == 0 {
			a.Stop = rapid.SampledFrom([]plan.Stop{plan.Suspended, plan.Excluded, plan.Scheduled, plan.Steady}).Draw(t, "stop")
			a.ByItself = a.Stop == plan.Scheduled || a.Stop == plan.Steady || rapid.Bool().Draw(t, "by itself")
		}
		w.arcs[a.ID] = a
		readable = append(readable, a.Writes...)
	}
	return w
}

// drawStore has the store hold some of the lots.
func drawStore(t *rapid.T, w *world) {
	how := rapid.IntRange(0, 3).Draw(t, "how much is there")
	for _, id := range slices.Sorted(maps.Keys(w.series)) {
		for _, l := range w.lots(id) {
			switch {
			case !w.series[id].External && how == 0:
			case rapid.IntRange(0, 9).Draw(t, "hole") == 0:
				w.write(id, l, rapid.SampledFrom([]plan.State{plan.None, plan.Empty, plan.Partial, plan.Removed}).Draw(t, "state"))
			default:
				w.write(id, l, plan.Complete)
			}
		}
	}
}

// drawReplay draws a replay.
func drawReplay(t *rapid.T, w *world) plan.Replay {
	of := append(slices.Sorted(maps.Keys(w.series)), slices.Sorted(maps.Keys(w.arcs))...)
	from := epoch.Add(time.Duration(rapid.IntRange(-2, 30).Draw(t, "from")) * time.Hour)
	w.clock = w.clock.Add(time.Second)
	return plan.Replay{
		ID: rapid.SampledFrom([]string{"one", "two"}).Draw(t, "id"), Of: rapid.SampledFrom(of).Draw(t, "of"), From: from,
		Until: from.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "length")) * time.Hour), Marked: w.clock, Cascade: rapid.Bool().Draw(t, "cascade"),
	}
}

func drawLimits(t *rapid.T, w *world) plan.Limits {
	l := plan.Limits{
		AtOnce: rapid.SampledFrom([]int{0, 1, 2, 5, 20}).Draw(t, "at once"), PerArc: rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "per arc"),
		Backfill: rapid.SampledFrom([]int{0, 1, 30, 100}).Draw(t, "backfill"), NewestFirst: rapid.Bool().Draw(t, "newest first"),
		Live: rapid.SampledFrom([]time.Duration{0, time.Hour, 5 * time.Hour}).Draw(t, "live"),
	}
	if rapid.IntRange(0, 3).Draw(t, "hold") == 0 {
		l.Holds = []plan.Hold{{
			Of: rapid.SampledFrom(append(slices.Sorted(maps.Keys(w.arcs)), "a", "b", "")).Draw(t, "of"), By: "a freeze",
			Until: w.now.Add(time.Duration(rapid.IntRange(-1, 60).Draw(t, "until")) * time.Minute),
		}}
	}
	return l
}

// drawRun draws what is known of the run of some lot.
func drawRun(t *rapid.T, w *world) plan.Run {
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(w.arcs))).Draw(t, "arc")
	r := plan.Run{Arc: id, Lot: rapid.SampledFrom(w.lots(id)).Draw(t, "lot"), Attempt: rapid.IntRange(1, 5).Draw(t, "attempt")}
	if rapid.IntRange(0, 9).Draw(t, "stranger") == 0 {
		r.Arc = "nobody/knows"
	}
	if rapid.Bool().Draw(t, "failed") {
		r.Failed = w.now.Add(-time.Duration(rapid.IntRange(0, 40).Draw(t, "ago")) * time.Minute)
		r.Reason, r.Digest = "boom", rapid.SampledFrom([]string{"", "one", "two"}).Draw(t, "digest")
		if made, ok := w.there(w.arcs[id], r.Lot); ok && rapid.Bool().Draw(t, "of this one") {
			r.Replaces = made
		}
	}
	return r
}

// project is that of an arc.
func project(id string) string {
	p, _, _ := strings.Cut(id, "/")
	return p
}

// apart reports whether a plan does not have an arc make its lots.
func apart(a plan.Arc) bool {
	return a.ByItself || slices.Contains([]plan.Stop{plan.Excluded, plan.Scheduled, plan.Steady}, a.Stop)
}
