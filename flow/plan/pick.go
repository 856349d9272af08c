// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"container/heap"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Cause is why a run is started.
type Cause string

// The causes.
const (
	// First is the first computation of a new lot.
	First Cause = "first"
	// Gap is a lot that is missing between others, or was removed.
	Gap Cause = "gap"
	// Backfill is the first computation of an old lot.
	Backfill Cause = "backfill"
	// Late is a lot that something was written for after it was made.
	Late Cause = "late"
	// Replayed is a lot that a replay wants once more.
	Replayed Cause = "replay"
	// Retry is a lot whose run has failed before.
	Retry Cause = "retry"
)

// Start is a run to start.
type Start struct {
	// Arc is the id.
	Arc string
	Lot lot.Lot
	// Attempt counts the runs in a row for the lot, from 1 on.
	Attempt int
	Cause   Cause
	// Replay is the id of the replay that it is for, if it is for one.
	Replay string
	// Replaces is when the manifest was written that the run replaces; the zero time if there is none. Together with arc,
	// lot and attempt it tells the run from all others.
	Replaces time.Time
	// Old says that the lot counts as backfill for the limits.
	Old bool
	// Short says that not all that the lot would be made of is there, and is not waited for any more.
	Short bool
}

// Plan is what is to be done now.
type Plan struct {
	// Starts are the runs to start, in order.
	Starts []Start
	// Queued is how many more could be started but for limits and holds.
	Queued int
	// Next is when to plan again at the latest, if nothing changes before; the zero time for never.
	Next time.Time
}

// Plan returns what is to be done now. The plan does not count what it starts as started: that is for [Planner.Ran].
func (p *Planner) Plan() Plan {
	if p.plan == nil {
		p.plan = &Plan{Next: p.next()}
		p.pick()
	}
	return *p.plan
}

// next is when to plan again, if nothing changes.
func (p *Planner) next() (next time.Time) {
	sooner := func(t time.Time) {
		if t.After(p.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for i := range p.g.arcs {
		a := &p.g.arcs[i]
		if a.Stop != Runs {
			continue
		}
		sooner(p.ends(a.unit))
		for _, r := range a.reads {
			// What is read may end after the lot that is made of it, and be written before it ends.
			if u := p.g.series[r.series].Unit; r.Trigger && (!u.Divides(a.unit) || r.Offset < 0) {
				sooner(p.ends(u))
			}
		}
	}
	for len(p.wakes) > 0 {
		w := p.wakes[0]
		if p.awaits(w) {
			sooner(w.at)
			break
		}
		heap.Pop(&p.wakes) // of a failure that is forgotten, or of inputs that came
	}
	for _, h := range p.limits.Holds {
		sooner(h.Until)
	}
	return next
}

// ends is when the next lot of a unit does.
func (p *Planner) ends(u lot.Unit) time.Time {
	return time.Unix(startOf(u, p.ended[u]+1), 0).UTC()
}

// room is how many more runs there may be.
type room struct {
	all, old int
	arcs     []int
}

const unlimited = int(^uint(0) >> 1)

// room counts what is left of the limits.
func (p *Planner) room() room {
	out := room{all: unlimited, old: unlimited, arcs: make([]int, len(p.arcs))}
	if p.limits.AtOnce > 0 {
		out.all = p.limits.AtOnce - p.running
	}
	if old := p.limits.old(); old > 0 {
		out.old = old
		for i := range p.arcs {
			if p.arcs[i].running == 0 {
				continue
			}
			live := p.live(i)
			for n, r := range p.arcs[i].runs {
				if r.Failed.IsZero() && n < live {
					out.old--
				}
			}
		}
	}
	for i := range out.arcs {
		out.arcs[i] = unlimited
		if most := p.limits.ofArc(p.g.arcs[i].ID); most > 0 {
			out.arcs[i] = most - p.arcs[i].running
		}
	}
	return out
}

// live is the first lot of an arc that is not old.
func (p *Planner) live(i int) int64 {
	live := p.limits.Live
	if live <= 0 {
		live = defaultLive
	}
	// The last lot is never old.
	return min(ended(p.g.arcs[i].unit, p.now.Add(-live)), p.arcs[i].due-1)
}

// pick fills the plan with as many starts as there is room for: first of what is not old.
func (p *Planner) pick() {
	p.left, p.started = p.room(), nil
	queued := 0
	for i := range p.arcs {
		queued += p.arcs[i].ready.len()
	}
	p.plan.Starts = make([]Start, 0, max(0, min(queued, p.left.all)))
	p.pickFrom(&p.left, false)
	p.pickFrom(&p.left, true)
	p.plan.Queued = queued - len(p.plan.Starts)
}

// pickFrom fills the plan with old lots, or with those that are not.
func (p *Planner) pickFrom(left *room, old bool) {
	queue := cursors{newest: p.limits.NewestFirst}
	for i := range p.arcs {
		st := &p.arcs[i]
		if left.all <= 0 || st.ready.len() == 0 || left.arcs[i] <= 0 {
			continue
		}
		if _, held := p.limits.hold(p.g.arcs[i].ID, p.now); held {
			continue
		}
		c := cursor{arc: i, unit: p.g.arcs[i].unit, from: max(p.live(i), st.floor), to: st.due - 1}
		if old {
			c.from, c.to = st.floor, p.live(i)-1
		}
		if c.step(&st.ready, queue.newest) {
			queue.all = append(queue.all, c)
		}
	}
	heap.Init(&queue)
	for len(queue.all) > 0 && left.all > 0 && (!old || left.old > 0) {
		c := &queue.all[0]
		p.plan.Starts = append(p.plan.Starts, p.start(c.arc, c.at, old))
		left.all--
		left.arcs[c.arc]--
		if old {
			left.old--
		}
		if left.arcs[c.arc] > 0 && c.step(&p.arcs[c.arc].ready, queue.newest) {
			heap.Fix(&queue, 0)
		} else {
			heap.Pop(&queue)
		}
	}
}

// start is the start of the run of a lot.
func (p *Planner) start(i int, n int64, old bool) Start {
	a, st := &p.g.arcs[i], &p.arcs[i]
	s := Start{Arc: a.ID, Lot: lotOf(a.unit, n), Attempt: 1, Old: old}
	if st.done.has(n) {
		s.Replaces = timeOf(p.made(a, n))
	}
	s.Cause, s.Replay = p.cause(i, n)
	s.Short = p.short(a, n)
	if r, ok := st.runs[n]; ok && p.counts(i, n, r) {
		s.Attempt, s.Cause = r.Attempt+1, Retry
	}
	return s
}

// cause is why a lot has to be made, whatever came of trying to.
func (p *Planner) cause(i int, n int64) (cause Cause, replay string) {
	a, st := &p.g.arcs[i], &p.arcs[i]
	if st.done.has(n) {
		if id := p.replay(i, n); id != "" {
			return Replayed, id
		}
		return Late, ""
	}
	for _, w := range a.writes {
		if n >= p.g.series[w].first && p.columns[w].state(n) == Removed {
			return Gap, ""
		}
	}
	before, earlier := st.done.prev(n)
	_, after := st.done.next(n)
	switch {
	case earlier && before >= st.floor && after:
		return Gap, ""
	case n >= p.live(i):
		return First, ""
	default:
		return Backfill, ""
	}
}

// cursor goes through the lots of an arc that are ready, between two that belong to it.
type cursor struct {
	arc      int
	unit     lot.Unit
	from, to int64
	at       int64
}

// step goes to the next, and reports whether there is one.
func (c *cursor) step(ready *set, newest bool) (ok bool) {
	if c.from > c.to {
		return false
	}
	if newest {
		if c.at, ok = ready.prev(c.to); ok {
			c.to = c.at - 1
		}
		return ok && c.at >= c.from
	}
	to := c.to
	if c.at, ok = ready.next(c.from); ok {
		c.from = c.at + 1
	}
	return ok && c.at <= to
}

// cursors are a heap, with the lot on top that is first.
type cursors struct {
	all    []cursor
	newest bool
}

func (c *cursors) Len() int { return len(c.all) }

func (c *cursors) Less(i, j int) bool {
	a, b := &c.all[i], &c.all[j]
	x, y := startOf(a.unit, a.at), startOf(b.unit, b.at)
	if x == y {
		return a.arc < b.arc
	}
	return x < y != c.newest
}

func (c *cursors) Swap(i, j int) { c.all[i], c.all[j] = c.all[j], c.all[i] }

// Push implements [heap.Interface]; nothing comes in later.
func (c *cursors) Push(any) {}

// Pop implements [heap.Interface].
func (c *cursors) Pop() any {
	c.all = c.all[:len(c.all)-1]
	return nil
}
