// SPDX-License-Identifier: Apache-2.0

package lot

import (
	"cmp"
	"time"
)

// first and end bound the starts of lots, in seconds since 1970: from the year 1 to before the year 10000.
const (
	first int64 = -62135596800
	end   int64 = 253402300800
)

// Lot is one interval: from Start, which belongs to it, to [Lot.End], which does not. Lots that are the same are
// equal by ==. The zero value is none.
type Lot struct {
	Unit Unit
	// Start is in UTC, and a multiple of the unit into its day.
	Start time.Time
}

// At is the lot that a time lies in, whatever the time's zone.
func (u Unit) At(t time.Time) Lot { return u.at(t.Unix()) }

// at is the lot that a second since 1970 lies in.
func (u Unit) at(second int64) Lot {
	size := u.seconds()
	if size == 0 || second < first || second >= end {
		return Lot{}
	}
	// Counted from the first of all lots, where no remainder is negative.
	return Lot{Unit: u, Start: time.Unix(second-(second-first)%size, 0).UTC()}
}

// IsZero reports whether it is no lot.
func (l Lot) IsZero() bool { return l == Lot{} }

// End is where the next lot starts.
func (l Lot) End() time.Time { return l.Start.Add(l.Unit.Duration()) }

// Contains reports whether a time lies in the lot.
func (l Lot) Contains(t time.Time) bool {
	return !l.IsZero() && !t.Before(l.Start) && t.Before(l.End())
}

// Next is the lot that starts where this one ends.
func (l Lot) Next() Lot { return l.Unit.at(l.Start.Unix() + l.Unit.seconds()) }

// Prev is the lot that ends where this one starts.
func (l Lot) Prev() Lot { return l.Unit.at(l.Start.Unix() - l.Unit.seconds()) }

// Compare orders lots by start; of those that start together, the shorter comes first.
func (l Lot) Compare(o Lot) int {
	return cmp.Or(l.Start.Compare(o.Start), cmp.Compare(l.Unit.seconds(), o.Unit.seconds()))
}
