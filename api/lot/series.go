// SPDX-License-Identifier: Apache-2.0

package lot

import (
	"iter"
	"time"
)

// Range returns the lots that start from one time on and before another, in order. So those from a to b and those
// from b to c are together those from a to c.
func Range(u Unit, from, to time.Time) iter.Seq[Lot] {
	return func(yield func(Lot) bool) {
		start, stop := bounds(u, from, to)
		for ; start < stop; start += u.seconds() {
			if !yield(u.at(start)) {
				return
			}
		}
	}
}

// Count returns the number of lots that [Range] would return, without making them.
func Count(u Unit, from, to time.Time) int64 {
	start, stop := bounds(u, from, to)
	if start >= stop {
		return 0
	}
	return (stop - start + u.seconds() - 1) / u.seconds()
}

// bounds are the start of the first lot at or after a time, and where lots no longer start, in seconds since 1970.
func bounds(u Unit, from, to time.Time) (start, stop int64) {
	if !u.Valid() || !from.Before(to) {
		return 0, 0
	}
	stop = to.Unix()
	if to.Nanosecond() > 0 {
		stop++ // the second itself is before to
	}
	start = max(from.Unix(), first)
	if start >= end {
		return 0, 0
	}
	at := u.at(start).Start.Unix()
	if at < start || (at == from.Unix() && from.Nanosecond() > 0) {
		at += u.seconds()
	}
	return at, min(stop, end)
}

// Within returns the lots of the unit that a lot of a coarser unit, or of the same, is made of, in order: at most
// 288. It returns none if the unit does not divide that of the lot.
func (u Unit) Within(coarse Lot) []Lot {
	if coarse.IsZero() || !u.Divides(coarse.Unit) {
		return nil
	}
	lots := make([]Lot, 0, coarse.Unit.seconds()/u.seconds())
	for l := range Range(u, coarse.Start, coarse.End()) {
		lots = append(lots, l)
	}
	return lots
}

// Window returns the n lots of the unit that end with a lot's end, in order: what a workload with a window over
// earlier lots reads for that lot. Near the year 1 there are fewer than n. It returns none if no lot of the unit
// ends there; [Unit.Aligned] of the lot's end tells.
func (u Unit) Window(l Lot, n int) iter.Seq[Lot] {
	// The end of the last lot of all is no lot's start, but the end of lots of every unit.
	ends := !l.IsZero() && n > 0 && u.Valid() && (l.End().Unix()-first)%u.seconds() == 0
	if !ends {
		return func(func(Lot) bool) {}
	}
	stop := l.End().Unix()
	there := (stop - first) / u.seconds()
	return Range(u, time.Unix(stop-min(int64(n), there)*u.seconds(), 0), l.End())
}
