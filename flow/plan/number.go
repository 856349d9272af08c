// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Lots are counted here: the number of a lot is how many of its unit lie between 1970 and its start. So a window is a
// range of numbers, whatever the units.

// seconds is the length of the lots of a unit; 1 of what is not a unit, so that nothing is divided by 0.
func seconds(u lot.Unit) int64 { return max(1, int64(u.Duration()/time.Second)) }

// floorDiv is the quotient rounded down, also where it is negative.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// numberOf is the number of a lot.
func numberOf(l lot.Lot) int64 { return floorDiv(l.Start.Unix(), seconds(l.Unit)) }

// lotOf is the lot of a number.
func lotOf(u lot.Unit, n int64) lot.Lot { return u.At(time.Unix(n*seconds(u), 0)) }

// ended is the number of the first lot of a unit that has not ended at a time.
func ended(u lot.Unit, now time.Time) int64 { return floorDiv(now.Unix(), seconds(u)) }

// startOf is where the lot of a number starts, in seconds since 1970.
func startOf(u lot.Unit, n int64) int64 { return n * seconds(u) }

// firstOf is the number of the first lot that starts at a time or later.
func firstOf(u lot.Unit, since time.Time) int64 { return -floorDiv(-ceilSecond(since), seconds(u)) }

func ceilSecond(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// instant is a time of the store's clock as it is kept: in nanoseconds since 1970. What that cannot say counts as never.
func instant(t time.Time) int64 {
	if t.Year() < 1700 || t.Year() > 2200 {
		return 0
	}
	return t.UnixNano()
}

// timeOf is the time of an instant.
func timeOf(i int64) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, i).UTC()
}
