// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"container/heap"
	"time"
)

// The time limit of a join: how long what is missing of a lot's inputs is waited for. It begins with the end of the lot, and again
// with each input that comes, so that a backfill, in which inputs come one after the other, is not cut short.

// readable is what is there to be read at most of a read for a lot: of its window, what is declared and has ended.
func (p *Planner) readable(a *arc, r *read, n int64) (from, to int64) {
	from, to = p.g.window(a, r, n)
	s := &p.g.series[r.series]
	return max(from, s.first), min(to, p.ended[s.Unit]-1)
}

// counted reports whether a read of a lot counts as an input: whole, or any lot of it once the wait for the rest is over.
func (p *Planner) counted(a *arc, r *read, n int64, over bool) bool {
	if p.whole(a, r, n) {
		return true
	}
	if !over {
		return false
	}
	from, to := p.readable(a, r, n)
	_, some := p.columns[r.series].found(from, to)
	return some
}

// over reports whether what is missing of a lot's inputs is not waited for any more.
func (p *Planner) over(a *arc, n int64) bool {
	at, ok := p.overAt(a, n)
	return ok && !at.After(p.now)
}

// overAt is when what is missing of a lot's inputs is not waited for any more; false if that is never.
func (p *Planner) overAt(a *arc, n int64) (time.Time, bool) {
	if a.Within <= 0 {
		return time.Time{}, false
	}
	var newest int64
	some := false
	for i := range a.reads {
		r := &a.reads[i]
		if !r.Trigger {
			continue
		}
		from, to := p.readable(a, r, n)
		at, found := p.columns[r.series].found(from, to)
		newest, some = max(newest, at), some || found
	}
	last := time.Unix(startOf(a.unit, n+1), 0).UTC()
	if at := timeOf(newest); at.After(last) {
		last = at
	}
	return last.Add(a.Within), some
}

// waitsUntil is when a lot is to be looked at again since its wait is over; false if that changes nothing.
func (p *Planner) waitsUntil(i int, n int64) (time.Time, bool) {
	a, st := &p.g.arcs[i], &p.arcs[i]
	if a.Within <= 0 || a.apart() || n < st.floor || n >= st.due || st.done.has(n) && !a.recomputes && !st.marked(n) {
		return time.Time{}, false
	}
	missing := false
	for j := range a.reads {
		r := &a.reads[j]
		missing = missing || r.Trigger && !p.whole(a, r, n)
	}
	if !missing {
		return time.Time{}, false
	}
	at, ok := p.overAt(a, n)
	return at, ok && at.After(p.now)
}

// wakeOver has a lot looked at again when its wait is over.
func (p *Planner) wakeOver(i int, n int64) {
	if at, ok := p.waitsUntil(i, n); ok {
		heap.Push(&p.wakes, wake{at, i, n})
	}
}

// awaits reports whether there is still a reason to look at a lot at the time of a wake: a pause ends, or a wait.
func (p *Planner) awaits(w wake) bool {
	if r, ok := p.arcs[w.arc].runs[w.lot]; ok && !r.Failed.IsZero() && p.limits.until(r).Equal(w.at) {
		return true
	}
	at, ok := p.waitsUntil(w.arc, w.lot)
	return ok && at.Equal(w.at)
}

// short reports whether a lot that is ready is made of less than it needs.
func (p *Planner) short(a *arc, n int64) bool {
	if a.Within <= 0 {
		return false
	}
	count := 0
	for i := range a.reads {
		if r := &a.reads[i]; r.Trigger && p.whole(a, r, n) {
			count++
		}
	}
	return count < a.need
}
