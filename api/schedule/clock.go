// SPDX-License-Identifier: Apache-2.0

package schedule

import "time"

// ClockChange is a time at which the clock of a zone is set, and a schedule fires otherwise than it says.
type ClockChange struct {
	// At is when the clock is set, and By how far: forward if it is more than nothing.
	At time.Time
	By time.Duration
	// Fires is the time of day that the schedule names, as a clock shows it: one that does not come, or comes twice.
	Fires string
}

// Skips reports whether the schedule does not fire on that day; otherwise it fires twice.
func (c ClockChange) Skips() bool { return c.By > 0 }

// ClockChanges returns the next change of the clock at which the schedule does not fire, and the next at which it fires twice, of
// about a year. A schedule that fires once an hour or more often goes by hours that pass, and has neither.
func (s Schedule) ClockChanges(now time.Time) (out []ClockChange) {
	if s.spec == nil || s.never || s.least <= time.Hour {
		return nil
	}
	from := now.In(s.location())
	var skips, doubles bool
	for _, at := range s.changes(from, from.Add(ahead)) {
		_, before := at.Add(-time.Second).Zone()
		_, after := at.Zone()
		c := ClockChange{At: at, By: time.Duration(after-before) * time.Second}
		switch fires, found := s.firesAt(c); {
		case !found || c.Skips() && skips || !c.Skips() && doubles:
			continue
		default:
			c.Fires = fires
			skips, doubles = skips || c.Skips(), doubles || !c.Skips()
			out = append(out, c)
		}
	}
	return out
}

// firesAt returns the time of day of the schedule that a change of the clock skips or repeats.
func (s Schedule) firesAt(c ClockChange) (fires string, found bool) {
	const clock = "15:04"
	if c.Skips() {
		// On a clock that nobody sets, it would fire between what the clock shows before and after.
		utc := *s.spec
		utc.Location = time.UTC
		_, before := c.At.Add(-time.Second).Zone()
		shown := c.At.UTC().Add(time.Duration(before) * time.Second)
		next := utc.Next(shown.Add(-time.Second))
		return next.Format(clock), !next.IsZero() && next.Before(shown.Add(c.By))
	}
	first := s.next(c.At.Add(c.By - time.Second))
	if first.IsZero() || !first.Before(c.At) {
		return "", false
	}
	again := s.next(first)
	return first.Format(clock), again.Equal(first.Add(-c.By))
}
