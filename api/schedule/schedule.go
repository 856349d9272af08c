// Package schedule answers what a cron schedule does before anybody runs it: whether it ever fires, how close
// together, and what daylight saving does to it.
//
// Expressions are those that a CronJob of Kubernetes takes, since that is what runs them: five fields, or a macro
// such as "@hourly" or "@every 90m", read by the same library. What a CronJob would take and then do something else
// than it says is refused here: a zone within the expression, a list without values, a delay of less than a second.
//
// Zones are read from the tables in this package and never from the machine, so that the answer is the same
// everywhere. The time is always an argument. All work is bounded by the expression's length and by a number of
// years, see [Schedule.MinInterval].
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
	zone       zone
	// spec is what the expression says, or nil for one with a fixed delay.
	spec    *cron.SpecSchedule
	pattern pattern
	delay   time.Duration
}

// Expression is the expression as it was written.
func (s Schedule) Expression() string { return s.expression }

// Zone is the name of the time zone, "UTC" if none was given.
func (s Schedule) Zone() string { return s.zone.name }

// String gives the expression with its zone.
func (s Schedule) String() string { return s.expression + " (" + s.zone.name + ")" }

// Never tells whether the schedule has no day on which it fires, as with the 30th of February. The 29th of February
// is a day: it comes.
func (s Schedule) Never() bool { return s.spec != nil && !s.pattern.anyDay() }

// maxNext bounds how many firings are given.
const maxNext = 1000

// Next gives the first n times after a time at which the schedule fires, in its own zone; at most 1000, and fewer
// only if it never fires. A fixed delay counts from the time given.
func (s Schedule) Next(after time.Time, n int) []time.Time {
	var out []time.Time
	for t := s.next(after.In(s.zone.location())); !t.IsZero() && len(out) < min(n, maxNext); t = s.next(t) {
		out = append(out, t)
	}
	return out
}

// next is the first firing after a time, or the zero time.
func (s Schedule) next(t time.Time) time.Time {
	if s.spec == nil {
		if s.delay == 0 {
			return time.Time{}
		}
		return cron.ConstantDelaySchedule{Delay: s.delay}.Next(t)
	}
	if s.Never() {
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

// maxTries bounds how often the library is asked for one firing.
const maxTries = 20
