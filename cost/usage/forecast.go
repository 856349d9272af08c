// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"math/big"
	"time"

	"trunkline.dev/trunkline/cost"
)

// recentDays is how many whole days the recent rate is made of: one of each day of the week.
const recentDays = 7

// Outlook is what a month is going to cost.
type Outlook struct {
	Month cost.Month
	// Spent is what it did cost so far, in billionths.
	Spent int64
	// ByRecent is that and what the rest of the month costs if it goes on like the last seven whole days, or those that there are; false
	// before there is one.
	ByRecent int64
	Recent   bool
	// ByDeclared is that and what the rest of the month costs by what is declared; false if that is not known.
	ByDeclared int64
	Declared   bool
}

// Recent returns which whole days before today say how it goes on: the last seven, or those since it was begun to count.
func Recent(began, now time.Time) (since, until time.Time, days int) {
	until = DayOf(now)
	since = until
	for days < recentDays && !since.AddDate(0, 0, -1).Before(began) {
		since, days = since.AddDate(0, 0, -1), days+1
	}
	return since, until, days
}

// Forecast says what the month of now is going to cost: spent is what it did cost so far, recent what so many whole days did that were the
// last ones, and declared what the whole month costs by the estimate, nil if that is not known.
func Forecast(now time.Time, spent, recent int64, days int, declared *big.Rat) Outlook {
	month := cost.MonthOf(now)
	first, end := time.Date(month.Year, month.Month, 1, 0, 0, 0, 0, time.UTC), firstOfNext(now)
	out := Outlook{Month: month, Spent: spent}
	left := int64(end.Sub(now))
	if days > 0 {
		rest := big.NewRat(left, int64(days)*int64(24*time.Hour))
		out.ByRecent, out.Recent = spent+nearest(rest.Mul(rest, big.NewRat(recent, 1))), true
	}
	if declared != nil {
		rest := big.NewRat(left, int64(end.Sub(first)))
		rest.Mul(rest, declared)
		out.ByDeclared, out.Declared = spent+nearest(rest.Mul(rest, big.NewRat(Nano, 1))), true
	}
	return out
}

// nearest rounds a number, half away from zero.
func nearest(r *big.Rat) int64 {
	n := rounded(r.Quo(r, big.NewRat(Nano, 1)))
	if !n.IsInt64() {
		return 0
	}
	return n.Int64()
}

// Estimated is what a part of the platform was to cost in a month, and what it did.
type Estimated struct{ Estimate, Actual int64 }

// Accuracy says how far off estimates were, in percent of what was really spent: -12 if they were 12 % low. It is not known if nothing was.
func Accuracy(all []Estimated) (percent float64, known bool) {
	var estimate, actual int64
	for _, e := range all {
		estimate, actual = estimate+e.Estimate, actual+e.Actual
	}
	if actual <= 0 {
		return 0, false
	}
	percent, _ = new(big.Rat).Quo(new(big.Rat).Mul(big.NewRat(100, 1), big.NewRat(estimate-actual, 1)), big.NewRat(actual, 1)).Float64()
	return percent, true
}
