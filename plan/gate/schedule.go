// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"strconv"
	"time"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Schedule is when an environment takes changes.
type Schedule struct {
	// Windows are the times in which it does; none means always.
	Windows []Window
	// Freezes are times in which it does not, whatever the windows say.
	Freezes []v1alpha1.Freeze
}

// Window is a time that comes again and again.
type Window struct {
	Opens    schedule.Schedule
	Duration time.Duration
}

// NewSchedule reads what an environment declares.
func NewSchedule(env v1alpha1.EnvironmentSpec) (Schedule, error) {
	s := Schedule{Freezes: env.Freezes}
	for _, w := range env.Windows {
		opens, err := schedule.Parse(w.Schedule, w.TimeZone)
		if err != nil {
			return Schedule{}, fmt.Errorf("reading a deploy window: %w", err)
		}
		s.Windows = append(s.Windows, Window{Opens: opens, Duration: time.Duration(w.Duration)})
	}
	return s, nil
}

// Holds reports whether nothing that windows and freezes hold is to happen now: what holds it, and until when; the zero time if
// that never ends.
func (s Schedule) Holds(now time.Time) (by string, until time.Time, held bool) {
	if reason, until, frozen := s.freeze(now); frozen {
		return "the freeze " + strconv.Quote(reason), until, true
	}
	v, held := s.closed(now)
	return "the deploy windows", v.Until, held
}

// frozen holds until the last of the freezes that hang together is over.
func (s Schedule) frozen(now time.Time) (Verdict, bool) {
	reason, until, frozen := s.freeze(now)
	if !frozen {
		return Verdict{}, false
	}
	return Verdict{Reason: fmt.Sprintf("frozen until %s: %s", until.UTC().Format(time.RFC3339), reason), Until: until}, true
}

// freeze finds the freezes that hang together from now on: why, and the end of the last.
func (s Schedule) freeze(now time.Time) (reason string, until time.Time, frozen bool) {
	until = now
	for more := true; more; {
		more = false
		for _, f := range s.Freezes {
			if !f.From.After(until) && f.Until.After(until) {
				until, more = f.Until.Time, true
				if reason == "" {
					reason = f.Reason
				}
			}
		}
	}
	return reason, until, reason != "" || !until.Equal(now)
}

// closed holds until the next window opens.
func (s Schedule) closed(now time.Time) (Verdict, bool) {
	if len(s.Windows) == 0 {
		return Verdict{}, false
	}
	var next time.Time
	for _, w := range s.Windows {
		// The window is open if it opened less than its duration ago; an opening at exactly that distance is over.
		opens := w.Opens.Next(now.Add(-w.Duration), 1)
		if len(opens) == 0 {
			continue // it never opens
		}
		if !opens[0].After(now) {
			return Verdict{}, false
		}
		if next.IsZero() || opens[0].Before(next) {
			next = opens[0]
		}
	}
	if next.IsZero() {
		return Verdict{Reason: "outside of the deploy windows, none of which ever opens"}, true
	}
	return Verdict{Reason: fmt.Sprintf("outside of the deploy windows: the next one opens at %s", next.UTC().Format(time.RFC3339)), Until: next}, true
}
