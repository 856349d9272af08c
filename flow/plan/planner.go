// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"container/heap"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Planner plans, and goes on planning as things change: each change costs what it affects, and not what there is. What it
// says is always what [New] would say of all that is known now. It is for one goroutine.
type Planner struct {
	g      *Graph
	seen   *Seen
	limits Limits
	now    time.Time
	// ended is the number of the first lot of each unit that has not ended.
	ended [lot.Daily + 1]int64

	columns []*column // of the series
	arcs    []progress
	// running are the runs under way, also of arcs that nobody declares any more: they take up room all the same.
	running int
	wakes   wakes
	// plan is what was planned last, until something changes; left is the room that it leaves, and started are its starts, once
	// someone asks for one of them.
	plan    *Plan
	left    room
	started map[runKey]bool
}

// progress is what is known of an arc's lots, by their numbers.
type progress struct {
	// due is the number of the first lot that has not ended, and floor that of the first that is looked after.
	due, floor int64
	// done are the lots that are there; again those of them that are to be made once more; ready those whose runs can be
	// started, as far as limits and holds let them.
	done, again, ready set
	runs               map[int64]Run
	running            int
	markers            []marker
}

// span is a range of lots of an arc, both ends of which belong to it.
type span struct {
	arc      int
	from, to int64
}

// New plans from nothing. What has been seen belongs to the planner from then on.
func New(g *Graph, seen *Seen, limits Limits, now time.Time) *Planner {
	p := &Planner{g: g, seen: seen, limits: limits}
	for i := range g.series {
		p.columns = append(p.columns, seen.column(g.series[i].ID, g.series[i].Unit))
	}
	p.begin(now)
	return p
}

// endedAt has, of each unit, the number of the first lot that has not ended.
func endedAt(now time.Time) (out [lot.Daily + 1]int64) {
	for _, u := range lot.Units() {
		out[u] = ended(u, now)
	}
	return out
}

// begin plans from nothing at a time.
func (p *Planner) begin(now time.Time) {
	p.now, p.ended, p.plan, p.running, p.wakes = now, endedAt(now), nil, 0, nil
	p.arcs = make([]progress, len(p.g.arcs))
	dirty := make([]span, 0, len(p.arcs))
	for i := range p.arcs {
		p.arcs[i] = p.g.progress(&p.g.arcs[i], now)
		dirty = append(dirty, span{i, p.arcs[i].floor, p.arcs[i].due - 1})
	}
	for _, r := range p.seen.runs {
		p.took(r)
	}
	p.mark()
	p.settle(dirty)
}

// progress is that of an arc of whose lots nothing is known yet.
func (g *Graph) progress(a *arc, now time.Time) progress {
	due, floor := g.bounds(a, now)
	return progress{due: due, floor: floor, runs: map[int64]Run{}, done: newSet(floor), again: newSet(floor), ready: newSet(floor)}
}

// At moves the clock. Without a lot that becomes due, and without a failure whose pause ends, it costs nothing.
func (p *Planner) At(now time.Time) {
	const year = 366 * 24 * time.Hour
	if now.Before(p.now) || now.Sub(p.now) > year {
		p.begin(now) // a clock that is or was wrong: what seemed due is not, and what seems due is too much to go through
		return
	}
	before := p.ended
	p.now, p.ended, p.plan = now, endedAt(now), nil
	var dirty []span
	for _, u := range lot.Units() {
		if from, to := before[u], p.ended[u]; from < to {
			dirty = append(dirty, p.advance(u, from, to)...)
		}
	}
	for len(p.wakes) > 0 && !p.wakes[0].at.After(now) {
		w, _ := heap.Pop(&p.wakes).(wake)
		dirty = append(dirty, span{w.arc, w.lot, w.lot})
	}
	p.settle(dirty)
}

// advance has the lots of a unit become due, those from one number to before another.
func (p *Planner) advance(u lot.Unit, from, to int64) (dirty []span) {
	for i := range p.g.series {
		if p.g.series[i].Unit == u {
			// What is written of a lot before it has ended counts only now.
			for n := max(from, p.g.series[i].first); n < to; n++ {
				if p.columns[i].there(n) {
					dirty = append(dirty, p.readers(i, n)...)
				}
			}
		}
	}
	for i := range p.arcs {
		if p.g.arcs[i].unit != u {
			continue
		}
		st := &p.arcs[i]
		due, floor := st.due, st.floor
		st.due, st.floor = p.g.bounds(&p.g.arcs[i], p.now)
		dirty = append(dirty, span{i, max(due, st.floor), st.due - 1}, span{i, floor, st.floor - 1})
	}
	return dirty
}

// Saw notes what the store has of a lot of a series now.
func (p *Planner) Saw(id string, l lot.Lot, m Mark) {
	p.plan = nil
	p.seen.Lot(id, l, m)
	i, ok := p.g.seriesAt[id]
	if !ok || p.g.series[i].Unit != l.Unit {
		return // nobody declares it
	}
	n := numberOf(l)
	dirty := p.readers(i, n)
	for _, producer := range p.g.series[i].producers {
		dirty = append(dirty, span{producer, n, n})
	}
	p.settle(dirty)
}

// Ran notes a run that is under way, or has failed.
func (p *Planner) Ran(r Run) {
	p.plan = nil
	p.forget(r.Arc, r.Lot)
	p.seen.Run(r)
	p.took(r)
	p.settle(p.spanOf(r.Arc, r.Lot))
}

// Forget takes out what is known of the runs of an arc for a lot, once they ended well, or are to be tried again at once.
func (p *Planner) Forget(arc string, l lot.Lot) {
	p.plan = nil
	p.forget(arc, l)
	p.settle(p.spanOf(arc, l))
}

// Replay notes a replay.
func (p *Planner) Replay(r Replay) {
	p.plan = nil
	before := p.g.markers(p.seen.replays)
	p.seen.Replay(r)
	p.mark()
	var dirty []span
	for _, markers := range [][][]marker{before, p.g.markers(p.seen.replays)} {
		for i, ms := range markers {
			for _, m := range ms {
				if m.replay == r.ID {
					dirty = append(dirty, span{i, m.from, m.to})
				}
			}
		}
	}
	p.settle(dirty)
}

// Limit changes the limits.
func (p *Planner) Limit(limits Limits) {
	p.plan, p.limits = nil, limits
	var dirty []span
	for i := range p.arcs {
		for n, r := range p.arcs[i].runs {
			dirty = append(dirty, span{i, n, n})
			p.wakeAfter(i, n, r)
		}
	}
	p.settle(dirty)
}

// spanOf is the one lot, if it is of an arc.
func (p *Planner) spanOf(id string, l lot.Lot) []span {
	i, ok := p.g.arcAt[id]
	if !ok || p.g.arcs[i].unit != l.Unit {
		return nil
	}
	return []span{{i, numberOf(l), numberOf(l)}}
}

// took counts a run.
func (p *Planner) took(r Run) {
	if r.Failed.IsZero() {
		p.running++
	}
	p.tookOf(r)
}

// tookOf counts a run of its arc.
func (p *Planner) tookOf(r Run) {
	for _, s := range p.spanOf(r.Arc, r.Lot) {
		st := &p.arcs[s.arc]
		st.runs[s.from] = r
		if r.Failed.IsZero() {
			st.running++
		}
		p.wakeAfter(s.arc, s.from, r)
	}
}

// wakeAfter has a lot looked at again when its run may be tried again.
func (p *Planner) wakeAfter(arc int, n int64, r Run) {
	if until := p.limits.until(r); !r.Failed.IsZero() && until.After(p.now) {
		heap.Push(&p.wakes, wake{until, arc, n})
	}
}

// forget counts a run no longer.
func (p *Planner) forget(arc string, l lot.Lot) {
	r, ok := p.seen.runs[runKey{arc, l}]
	if !ok {
		return
	}
	p.seen.Forget(arc, l)
	if r.Failed.IsZero() {
		p.running--
	}
	for _, s := range p.spanOf(arc, l) {
		st := &p.arcs[s.arc]
		delete(st.runs, s.from)
		if r.Failed.IsZero() {
			st.running--
		}
	}
}

// mark notes the replays.
func (p *Planner) mark() {
	for i, ms := range p.g.markers(p.seen.replays) {
		p.arcs[i].markers = ms
	}
}

// readers are the lots that are made of a lot of a series.
func (p *Planner) readers(series int, n int64) (out []span) {
	for _, r := range p.g.series[series].readers {
		a := &p.g.arcs[r.arc]
		if rd := &a.reads[r.read]; rd.Trigger {
			if from, to := p.g.readersOf(a, rd, n); from <= to {
				out = append(out, span{r.arc, from, to})
			}
		}
	}
	return out
}

// settle looks at lots again. Whether a lot is there and is to be made again depends on manifests alone; whether it is
// ready, also on whether what it reads is to be made again.
func (p *Planner) settle(dirty []span) {
	for i := range dirty {
		s := &dirty[i]
		st := &p.arcs[s.arc]
		// Before the base of the sets nothing is ever looked after.
		s.from, s.to = max(s.from, st.done.base), min(s.to, st.due-1)
	}
	after := dirty
	for _, s := range dirty {
		a, st := &p.g.arcs[s.arc], &p.arcs[s.arc]
		for n := s.from; n <= s.to; n++ {
			there := p.there(a, n)
			st.done.put(n, there)
			if st.again.put(n, there && p.isAgain(s.arc, n)) {
				for _, w := range a.writes {
					for _, r := range p.readers(w, n) {
						r.from, r.to = max(r.from, p.arcs[r.arc].done.base), min(r.to, p.arcs[r.arc].due-1)
						after = append(after, r)
					}
				}
			}
		}
	}
	for _, s := range after {
		st := &p.arcs[s.arc]
		for n := s.from; n <= s.to; n++ {
			st.ready.put(n, p.isReady(s.arc, n))
			p.wakeOver(s.arc, n)
		}
	}
}

// there reports whether a lot of an arc is.
func (p *Planner) there(a *arc, n int64) bool {
	for _, w := range a.writes {
		if n >= p.g.series[w].first && !p.columns[w].there(n) {
			return false
		}
	}
	return n >= a.first
}

// made is when a lot of an arc was made that is there: the oldest of its manifests tells.
func (p *Planner) made(a *arc, n int64) int64 {
	oldest := int64(-1)
	for _, w := range a.writes {
		if n >= p.g.series[w].first {
			if t := p.columns[w].written(n); oldest < 0 || t < oldest {
				oldest = t
			}
		}
	}
	return max(0, oldest)
}

// whole reports whether all is there that belongs to a read of a lot.
func (p *Planner) whole(a *arc, r *read, n int64) bool {
	s := &p.g.series[r.series]
	from, to := p.g.window(a, r, n)
	return from >= s.first && to < p.ended[s.Unit] && p.columns[r.series].all(from, to)
}

// inputs reports whether enough of what a lot is made of is there, and whether any of that is to be made again.
func (p *Planner) inputs(a *arc, n int64) (enough, unsettled bool) {
	count, over := 0, p.over(a, n)
	for i := range a.reads {
		if r := &a.reads[i]; r.Trigger && p.counted(a, r, n, over) {
			count++
			unsettled = unsettled || p.unsettled(a, r, n)
		}
	}
	return count >= a.needs(over), unsettled
}

// unsettled reports whether any lot of a read is to be made again.
func (p *Planner) unsettled(a *arc, r *read, n int64) bool {
	producers := p.g.series[r.series].producers
	if len(producers) == 0 || p.arcs[producers[0]].again.len() == 0 {
		return false
	}
	from, to := p.g.window(a, r, n)
	next, ok := p.arcs[producers[0]].again.next(from)
	return ok && next <= to
}

// later is the first read of a lot that is there of which something was written after the lot was made; of those that
// recompute, or of those that do not.
func (p *Planner) later(a *arc, n int64, recompute bool) *read {
	made, over := p.made(a, n), p.over(a, n)
	for i := range a.reads {
		r := &a.reads[i]
		if !r.Trigger || r.Recompute != recompute || !p.counted(a, r, n, over) {
			continue
		}
		from, to := p.readable(a, r, n)
		if newest, _ := p.columns[r.series].found(from, to); newest > made {
			return r
		}
	}
	return nil
}

// isAgain reports whether a lot that is there is to be made once more, and can be.
func (p *Planner) isAgain(i int, n int64) bool {
	a, st := &p.g.arcs[i], &p.arcs[i]
	if a.apart() || n < st.floor || n >= st.due {
		return false
	}
	if p.replay(i, n) == "" && (!a.recomputes || p.later(a, n, true) == nil) {
		return false
	}
	enough, _ := p.inputs(a, n)
	return enough
}

// isReady reports whether the run of a lot can be started, as far as limits and holds let it.
func (p *Planner) isReady(i int, n int64) bool {
	a, st := &p.g.arcs[i], &p.arcs[i]
	if a.Stop != Runs || n < st.floor || n >= st.due || st.done.has(n) && !st.again.has(n) {
		return false
	}
	if r, ok := st.runs[n]; ok && (r.Failed.IsZero() || p.pauses(i, n, r)) {
		return false
	}
	enough, unsettled := p.inputs(a, n)
	return enough && !unsettled
}

// pauses reports whether a failure of a lot is not to be tried again yet.
func (p *Planner) pauses(i int, n int64, r Run) bool {
	return p.counts(i, n, r) && (r.Digest == "" || r.Digest == p.g.arcs[i].Digest) && p.limits.until(r).After(p.now)
}

// counts reports whether a failure is of the lot as it is now, and not of one that was made since. No clocks are compared
// for that: those of whoever saw the failure and of the store may differ.
func (p *Planner) counts(i int, n int64, r Run) bool {
	return !r.Failed.IsZero() && (!p.arcs[i].done.has(n) || instant(r.Replaces) == p.made(&p.g.arcs[i], n))
}

// wake is when a lot is to be looked at again.
type wake struct {
	at  time.Time
	arc int
	lot int64
}

// wakes are a heap of them.
type wakes []wake

func (w wakes) Len() int           { return len(w) }
func (w wakes) Less(i, j int) bool { return w[i].at.Before(w[j].at) }
func (w wakes) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push implements [heap.Interface].
func (w *wakes) Push(x any) {
	if v, ok := x.(wake); ok {
		*w = append(*w, v)
	}
}

// Pop implements [heap.Interface].
func (w *wakes) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
