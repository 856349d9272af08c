// SPDX-License-Identifier: Apache-2.0

// Package schedule answers what a cron schedule does before anybody runs it: whether it ever fires, when it fires next,
// and how close together.
//
// Expressions are those that a CronJob of Kubernetes takes, since that is what runs them: five fields, or a macro
// such as "@hourly" or "@every 90m", read by the same library. What a CronJob would take and then do something else
// than it says is refused here: a zone within the expression, a list without values, a delay of less than a second.
//
// Time zones are those of the machine, and of time/tzdata where it has none. The time is always an argument, and all work
// is bounded.
//
// The package is pure. It may import nothing of Trunkline.
package schedule

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is an expression in a time zone. It is a value that nothing changes; whoever asks often keeps it by its
// expression and zone.
type Schedule struct {
	expression string
	zone       *time.Location
	// spec is what the expression says, or nil for one with a fixed delay.
	spec  *cron.SpecSchedule
	delay time.Duration
	never bool
	// least is how close two firings are between which the clock is not set.
	least time.Duration
}

// location is the zone; that of the zero value is UTC.
func (s Schedule) location() *time.Location {
	if s.zone == nil {
		return time.UTC
	}
	return s.zone
}

// Expression returns the expression as it was written.
func (s Schedule) Expression() string { return s.expression }

// Zone returns the name of the time zone, "UTC" if none was given.
func (s Schedule) Zone() string { return s.zone.String() }

// String returns the expression with its zone.
func (s Schedule) String() string { return s.expression + " (" + s.Zone() + ")" }

// Never reports whether the schedule has no day on which it fires, as with the 30th of February. The 29th of February
// is a day: it comes.
func (s Schedule) Never() bool { return s.never }

// neverFires reports whether an expression has no day. The library looks at five years, and those from 2000 on have each
// month with each of its dates; days of the week come in each month.
func neverFires(spec cron.SpecSchedule) bool {
	spec.Location = time.UTC
	return spec.Next(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero()
}

// maxNext bounds how many firings are returned.
const maxNext = 1000

// Next returns the first n times after a time at which the schedule fires, in its own zone; at most 1000, and fewer
// only if it never fires. A fixed delay counts from the time given.
func (s Schedule) Next(after time.Time, n int) []time.Time {
	var out []time.Time
	for t := s.next(after.In(s.location())); !t.IsZero() && len(out) < min(n, maxNext); t = s.next(t) {
		out = append(out, t)
	}
	return out
}

// Count returns how often the schedule fires from a time on and before another. A fixed delay counts from the first time. What
// a schedule of every minute fires in a year is the most that is counted; the work grows with it.
func (s Schedule) Count(from, before time.Time) int64 {
	if s.spec == nil {
		if s.delay == 0 || !from.Before(before) {
			return 0
		}
		return int64(before.Sub(from) / s.delay)
	}
	const most = 366 * 24 * 60
	n := int64(0)
	// The library looks at the seconds after the time that it is given.
	for t := s.next(from.In(s.location()).Add(-time.Nanosecond)); !t.IsZero() && t.Before(before) && n < most; t = s.next(t) {
		n++
	}
	return n
}

// Location returns the time zone.
func (s Schedule) Location() *time.Location { return s.location() }

// maxTries bounds how often the library is asked for one firing.
const maxTries = 20

// next returns the first firing after a time, or the zero time.
func (s Schedule) next(t time.Time) time.Time {
	if s.spec == nil {
		if s.delay == 0 {
			return time.Time{}
		}
		return cron.ConstantDelaySchedule{Delay: s.delay}.Next(t)
	}
	if s.never {
		return time.Time{}
	}
	for from, tries := t, 0; tries < maxTries; tries++ {
		next := s.spec.Next(from)
		switch {
		case next.After(t):
			return next
		case next.IsZero():
			// The library gives up after five years, and from 2096 on the 29th of February is eight away.
			from = time.Date(from.Year()+6, time.January, 1, 0, 0, 0, 0, t.Location()).Add(-time.Second)
		default:
			// Where a clock is set back within an hour, as on the Chatham Islands, it goes back in time.
			from = from.Add(time.Second).Truncate(15 * time.Minute).Add(15*time.Minute - time.Second)
		}
	}
	return time.Time{}
}
