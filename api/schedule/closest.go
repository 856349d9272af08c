// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"math/bits"
	"time"
)

const (
	// ahead is how far firings are looked at: a year, so that each change of the clock and each length of month is in it.
	ahead = 400 * 24 * time.Hour
	// around is how far from a change of the clock firings are looked at one by one: a day on either side.
	around = 25 * time.Hour
	// maxChanges bounds the changes of the clock that are looked at; a zone has two a year, and some have four.
	maxChanges = 10
)

// Gap is the time between two firings that follow each other.
type Gap struct{ From, To time.Time }

// Length returns how long the gap is.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// Often reports whether the schedule fires again before a run that takes as long as the timeout has ended, and where that
// is worst. A timeout of 0 is none. Where days alone cannot be too often, it looks at the changes of the clock only, so
// that it can be asked of each workload of a large platform.
func (s Schedule) Often(now time.Time, timeout time.Duration) (Gap, bool) {
	if timeout <= 0 || s.never {
		return Gap{}, false
	}
	if s.spec != nil && timeout <= s.least {
		var g Gap
		s.nearChanges(now.In(s.location()), &g)
		if g.From.IsZero() || g.Length() >= timeout {
			return Gap{}, false
		}
	}
	g, ok := s.Closest(now)
	return g, ok && g.Length() < timeout
}

// leastInDay returns how close two firings are that no change of the clock lies between: of one day, or of two days next to
// each other. Minutes and hours are the library's sets of bits.
func leastInDay(minutes, hours uint64) time.Duration {
	const star = 1 << 63 // the library's mark of a field that restricts nothing
	first, before, least := -1, -1, 24*60
	for hour := hours &^ star; hour != 0; hour &= hour - 1 {
		for minute := minutes &^ star; minute != 0; minute &= minute - 1 {
			at := bits.TrailingZeros64(hour)*60 + bits.TrailingZeros64(minute)
			if before >= 0 {
				least = min(least, at-before)
			} else {
				first = at
			}
			before = at
		}
		if least == 1 {
			break
		}
	}
	return time.Duration(min(least, first+24*60-before)) * time.Minute
}

// Closest returns the shortest gap between firings of about a year, from the next day on; none if it never fires. Of gaps
// that are as short it returns the first. Of schedules that fire often it looks at the first thousand firings, and at
// those near each change of the clock: "0 2 * * *" fires twice within an hour when Brussels sets its clock back.
func (s Schedule) Closest(now time.Time) (Gap, bool) {
	begin := now.In(s.location())
	if s.spec != nil {
		year, month, day := begin.Date()
		begin = time.Date(year, month, day+1, 0, 0, 0, 0, s.location()).Add(-time.Second)
	}
	firings := s.Next(begin, 2)
	if len(firings) < 2 {
		return Gap{}, false
	}
	closest := Gap{firings[0], firings[1]}
	if s.spec == nil {
		return closest, true
	}
	end := begin.Add(ahead)
	if at := s.walk(begin, end, &closest); at.Before(end) {
		s.nearChanges(begin, &closest)
	}
	return closest, true
}

// nearChanges looks at the gaps near each change of the clock in the year after a time.
func (s Schedule) nearChanges(from time.Time, closest *Gap) {
	for _, change := range s.changes(from, from.Add(ahead)) {
		s.walk(change.Add(-around), change.Add(around), closest)
	}
}

// walk looks at the gaps between a thousand firings at most, and returns the last firing that it looked at.
func (s Schedule) walk(from, to time.Time, closest *Gap) time.Time {
	var before time.Time
	at := from
	for range maxNext {
		if at = s.next(at); at.IsZero() {
			break
		}
		if g := (Gap{before, at}); !before.IsZero() && (closest.From.IsZero() || g.Length() < closest.Length()) {
			*closest = g
		}
		if before = at; at.After(to) {
			break
		}
	}
	return before
}

// changes lists the times between two at which the clock of the zone is set.
func (s Schedule) changes(from, to time.Time) (changes []time.Time) {
	for at := from; len(changes) < maxChanges; {
		_, end := at.ZoneBounds()
		switch {
		case end.IsZero() || end.After(to):
			return changes
		case end.After(at):
			changes, at = append(changes, end), end
		default:
			// Where a rule holds, the bounds are cut at the 365th day, and the last of a leap year lies behind its own.
			at = at.AddDate(0, 0, 1)
		}
	}
	return changes
}
