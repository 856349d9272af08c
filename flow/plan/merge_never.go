// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// Never are lots of a series that are declared and were not, and that can never be made: one of the inputs begins later.
type Never struct {
	Environment string
	// Series is the id, and Input that of what they would be made of, whose first lot is Begins.
	Series, Input string
	Begins        lot.Lot
	First, Last   lot.Lot
	Lots          int64
}

// Expire are lots of a series that are declared, were kept and are no longer: those that are there are removed.
type Expire struct {
	Environment string
	// Series is the id, and Kept is how long its lots are kept.
	Series      string
	Kept        time.Duration
	First, Last lot.Lot
	Lots        int64
	// PerDay is how many lots of the environment are removed in 24 hours, at most.
	PerDay int
}

// never are the lots of what an arc of the head writes that are new, and cannot be made.
func (d difference) never(a *arc) (out []Never) {
	for _, w := range a.writes {
		s := &d.head.series[w]
		if maker, ok := d.head.maker(s); !ok || maker.ID != a.ID || a.Stop != Runs {
			continue
		}
		_, floor := d.head.bounds(a, d.now)
		from, to := max(s.first, floor), ended(s.Unit, d.now)
		if at, until := d.lots(d.head, s.ID, s.Unit); at < until {
			to = at
		}
		if i, ok := d.base.seriesAt[s.ID]; ok && !d.base.series[i].unknown && d.base.series[i].Unit == s.Unit && d.base.makes(&d.base.series[i]) {
			to = min(to, d.base.series[i].first)
		}
		if from >= to {
			continue
		}
		n := Never{Series: s.ID, First: lotOf(s.Unit, from), Last: lotOf(s.Unit, to-1), Lots: to - from}
		if r := d.head.missing(a, to-1); r != nil {
			in := &d.head.series[r.series]
			n.Input, n.Begins = in.ID, lotOf(in.Unit, in.first)
			out = append(out, n)
		}
	}
	return out
}

// missing is one of the inputs of a lot that begin too late for it; nil if none does. Of several it is the one that decides: the last to
// begin if all are needed, and else the first.
func (g *Graph) missing(a *arc, n int64) (of *read) {
	begins := func(r *read) int64 { return startOf(g.series[r.series].Unit, g.series[r.series].first) }
	for i := range a.reads {
		r := &a.reads[i]
		from, _ := g.window(a, r, n)
		if !r.Trigger || g.series[r.series].unknown || from >= g.series[r.series].first {
			continue
		}
		if of == nil || (begins(r) > begins(of)) == (a.need == a.triggers) {
			of = r
		}
	}
	return of
}

// expire are the lots of a series of the head that were kept, by when there were to be any of them; enforced says that the base has those
// removed that it does not keep.
func (d difference) expire(s *series, enforced bool) (Expire, bool) {
	if s.unknown || s.Retention <= 0 {
		return Expire{}, false
	}
	from, to := s.first, ended(s.Unit, d.now.Add(-s.Retention))
	i, ok := d.base.seriesAt[s.ID]
	if !ok || d.base.series[i].unknown || d.base.series[i].Unit != s.Unit {
		return Expire{}, false // nothing of it is there
	}
	before := &d.base.series[i]
	if from = max(from, before.first); enforced && before.Retention > 0 {
		from = max(from, ended(s.Unit, d.now.Add(-before.Retention)))
	}
	if from >= to {
		return Expire{}, false
	}
	return Expire{Series: s.ID, Kept: s.Retention, First: lotOf(s.Unit, from), Last: lotOf(s.Unit, to-1), Lots: to - from}, true
}

// expiring are the lots of an environment's own series that were kept and are no longer.
func (d difference) expiring(base, head *catalog.Catalog, env string, own func(series string) bool) (out []Expire) {
	if !Enforces(head, env) {
		return nil
	}
	// What stays is asked for last, and of few: that looks at all datasets of the platform.
	var is, was Retain
	for i := range d.head.series {
		s := &d.head.series[i]
		if !own(s.ID) {
			continue
		}
		if _, some := d.expire(s, false); !some {
			continue
		}
		if is.Stays == nil {
			is, was = RetainOf(head, env), RetainOf(base, env)
		}
		e, ok := d.expire(s, was.Enforce && was.Stays[s.ID] == "")
		if ok && is.Stays[s.ID] == "" {
			e.Environment, e.PerDay = env, is.PerDay
			out = append(out, e)
		}
	}
	return out
}
