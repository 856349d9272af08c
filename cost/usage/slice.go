// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"errors"
	"math/big"
	"slices"
	"time"
)

// Nano is how many units of amounts are one of a currency: amounts are kept with nine digits behind the point.
const Nano = 1_000_000_000

// ErrTooMuch means that an amount is larger than can be kept: nine billion of a currency, for one thing and day.
var ErrTooMuch = errors.New("it costs more than can be kept, which is about nine billion for one thing: is a price wrong?")

// Step is a price that holds from a time on.
type Step struct {
	From    time.Time
	PerHour *big.Rat
	// Unpriced reports whether something of what is taken has no price.
	Unpriced bool
}

// Tariff is what something costs over time: steps, the earliest first. Before the first one it costs what that says.
type Tariff struct {
	Currency string
	Steps    []Step
}

// Slice is what something did cost on a day.
type Slice struct {
	// Day is its begin, in UTC.
	Day time.Time
	// Nano is the amount in billionths of the currency.
	Nano     int64
	Currency string
	// Lasted is for how long it was there on that day, and MilliCoreSeconds and MiBSeconds what it requested meanwhile.
	Lasted                       time.Duration
	MilliCoreSeconds, MiBSeconds int64
	Unpriced                     bool
}

// DayOf returns the begin of the day of a time, in UTC.
func DayOf(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Slices cuts what something did cost into days, beginning with that of a time. The amount of a day is what the running total, which is
// exact and then rounded, grew by: whatever days there are, they add up to the rounded total to the last digit.
func Slices(f Fact, t Tariff, since time.Time) ([]Slice, error) {
	if !f.Until.After(f.Began) {
		return nil, nil
	}
	var out []Slice
	from := f.Began
	if day := DayOf(since); day.After(from) {
		from = day
	}
	for day := DayOf(from); day.Before(f.Until); day = day.AddDate(0, 0, 1) {
		begin, end := latest(day, f.Began), earliest(day.AddDate(0, 0, 1), f.Until)
		nano := new(big.Int).Sub(rounded(t.between(f.Began, end)), rounded(t.between(f.Began, begin)))
		if !nano.IsInt64() {
			return nil, ErrTooMuch
		}
		lasted := end.Sub(begin)
		out = append(out, Slice{
			Day: day, Nano: nano.Int64(), Currency: t.Currency, Lasted: lasted,
			MilliCoreSeconds: whole(f.Cores, 1000, lasted), MiBSeconds: whole(f.MiB, 1, lasted), Unpriced: t.unpriced(begin),
		})
	}
	return out, nil
}

// between is what is exactly to be paid from a time to another.
func (t Tariff) between(from, until time.Time) *big.Rat {
	sum := new(big.Rat)
	for i, step := range t.Steps {
		begin, end := from, until
		if i > 0 {
			begin = latest(step.From, from)
		}
		if i+1 < len(t.Steps) {
			end = earliest(t.Steps[i+1].From, until)
		}
		if end.After(begin) {
			hours := big.NewRat(int64(end.Sub(begin)), int64(time.Hour))
			sum.Add(sum, hours.Mul(hours, step.PerHour))
		}
	}
	return sum
}

// unpriced reports whether something has no price at a time.
func (t Tariff) unpriced(at time.Time) bool {
	for i, step := range slices.Backward(t.Steps) {
		if i == 0 || !step.From.After(at) {
			return step.Unpriced
		}
	}
	return true
}

// rounded returns an amount in billionths, half away from zero.
func rounded(amount *big.Rat) *big.Int {
	nano := new(big.Rat).Mul(amount, big.NewRat(Nano, 1))
	twice := new(big.Int).Mul(nano.Num(), big.NewInt(2))
	half := nano.Denom()
	if twice.Sign() < 0 {
		twice.Sub(twice, half)
	} else {
		twice.Add(twice, half)
	}
	return twice.Quo(twice, new(big.Int).Mul(half, big.NewInt(2)))
}

// whole is so much for so long, in seconds, rounded down.
func whole(amount *big.Rat, times int64, lasted time.Duration) int64 {
	if amount == nil {
		return 0
	}
	n := new(big.Rat).Mul(amount, big.NewRat(times, int64(time.Second)))
	n.Mul(n, big.NewRat(int64(lasted), 1))
	out := new(big.Int).Quo(n.Num(), n.Denom())
	if !out.IsInt64() {
		return 0 // nobody pays by it
	}
	return out.Int64()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Decimal writes an amount of billionths with some digits behind the point, rounded half away from zero.
func Decimal(nano int64, digits int) string {
	return decimal(big.NewRat(nano, Nano), digits)
}

// Times is so many times an amount, rounded down.
func Times(amount *big.Rat, n int64) int64 { return whole(amount, n, time.Second) }
