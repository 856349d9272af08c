// SPDX-License-Identifier: Apache-2.0

package report

import (
	"iter"

	"trunkline.dev/trunkline/api/lot"
)

// maxLooked is how many lots are looked at for a page: a filter that lets none through must not keep others waiting.
const maxLooked = 10_000

// Page is a part of what there is of a dataset, in the order of the lots.
type Page[T any] struct {
	Items []T
	// Next is the id of the lot after which the page after this one begins; empty: there is none. A page that is empty can have one.
	Next string
}

// After bounds a range to what comes after a lot.
func (r Range) After(l lot.Lot) Range {
	if !l.IsZero() && l.End().After(r.From) {
		r.From = l.End()
	}
	return r
}

// Page returns the first lots of a dataset that fit, at most so many.
func (v View) Page(id string, r Range, limit int, fits func(Lot) bool) Page[Lot] {
	out := Page[Lot]{Items: []Lot{}}
	s, ok := v.Graph.Series(id)
	if !ok {
		return out
	}
	looked := 0
	for l := range v.lots(s, r) {
		if len(out.Items) == limit || looked == maxLooked {
			out.Next = l.Prev().ID()
			break
		}
		looked++
		if one := v.Lot(id, l); fits(one) {
			out.Items = append(out.Items, one)
		}
	}
	return out
}

// maxMissing is how many missing lots are looked at for a page: the first cause of each may be far.
const maxMissing = 2000

// GapsPage returns the first gaps of a dataset, at most so many. A gap that is so long that it is not looked at to its end goes on in
// the page after.
func (v View) GapsPage(id string, r Range, limit int) Page[Gap] {
	missing := 0
	var next lot.Lot
	gaps := v.gaps(id, r, func(found []Gap, l lot.Lot) bool {
		if missing++; missing > maxMissing || len(found) > limit {
			next = l
			return false
		}
		return true
	})
	out := Page[Gap]{Items: gaps}
	if len(gaps) > limit {
		out.Items = gaps[:limit]
		if first, err := lot.ParseID(gaps[limit].First); err == nil {
			next = first
		}
	}
	if !next.IsZero() {
		out.Next = next.Prev().ID()
	}
	return out
}

// missing are the lots of a dataset that are due and not there.
func (v View) missing(id string, r Range) iter.Seq[lot.Lot] {
	return func(yield func(lot.Lot) bool) {
		s, ok := v.Graph.Series(id)
		if !ok {
			return
		}
		from, until := v.bounds(s, r)
		l := s.Unit.At(from)
		if l.Start.Before(from) {
			l = l.Next()
		}
		for l = v.Planner.NextMissing(id, l); l.Start.Before(until); l = v.Planner.NextMissing(id, l.Next()) {
			if !yield(l) {
				return
			}
		}
	}
}
