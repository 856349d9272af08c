// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"time"
)

// Limits are how much may run at a time, and what comes first. The zero value limits nothing.
type Limits struct {
	// AtOnce is how many runs the environment may have at a time; 0 for any number.
	AtOnce int
	// PerArc is how many each arc may have, and Arcs how many an arc of that id; 0 for any number.
	PerArc int
	Arcs   map[string]int
	// Backfill is how many percent of AtOnce may be runs of old lots, at least one of them; 0 for all.
	Backfill int
	// Live is how long ago a lot has ended that is not old yet; 0 for a day. The newest lot of an arc is never old. What is
	// not old comes first.
	Live time.Duration
	// NewestFirst begins with the newest of the old lots, and not with the oldest.
	NewestFirst bool
	// Pause is how long the first failure of a run is waited after, and each further one twice as long, up to MaxPause;
	// 0 for a minute and for an hour.
	Pause, MaxPause time.Duration
	// Holds keep runs from being started.
	Holds []Hold
}

// Hold keeps runs from being started.
type Hold struct {
	// Of is the id of an arc, or the name of a project; empty for all of the environment.
	Of string
	// By says what holds, such as "the freeze \"year end\"".
	By string
	// Disabled says that a person has disabled what it holds.
	Disabled bool
	// Until is when it ends by itself; the zero time if it does not.
	Until time.Time
}

// DefaultLimits are those of an environment that declares none.
func DefaultLimits() Limits { return Limits{AtOnce: 100, PerArc: 10, Backfill: 80} }

const (
	defaultLive     = 24 * time.Hour
	defaultPause    = time.Minute
	defaultMaxPause = time.Hour
)

// ofArc is how many runs an arc may have at a time; 0 for any number.
func (l *Limits) ofArc(id string) int {
	if n, ok := l.Arcs[id]; ok {
		return n
	}
	return l.PerArc
}

// atOnce is how many runs of old lots an arc may have at a time, if no other has any; 0 for any number.
func (l *Limits) atOnce(arc string) int {
	most := l.ofArc(arc)
	for _, other := range []int{l.AtOnce, l.old()} {
		if other > 0 && (most <= 0 || other < most) {
			most = other
		}
	}
	return most
}

// old is how many runs may be of old lots; 0 for any number.
func (l *Limits) old() int {
	if l.AtOnce <= 0 || l.Backfill <= 0 {
		return 0
	}
	return max(1, l.AtOnce*min(l.Backfill, 100)/100)
}

// until is when a run that has failed may be tried again.
func (l *Limits) until(r Run) time.Time {
	pause, most := l.Pause, l.MaxPause
	if pause <= 0 {
		pause = defaultPause
	}
	if most <= 0 {
		most = defaultMaxPause
	}
	for i := 1; i < r.Attempt && pause < most; i++ {
		pause *= 2
	}
	return r.Failed.Add(min(pause, most))
}

// hold returns what holds an arc now: of several, what ends last.
func (l *Limits) hold(arc string, now time.Time) (Hold, bool) {
	project, _, _ := strings.Cut(arc, "/")
	var out Hold
	held := false
	for _, h := range l.Holds {
		if h.Of != "" && h.Of != project && h.Of != arc || !h.Until.IsZero() && !h.Until.After(now) {
			continue
		}
		if !held || !out.Until.IsZero() && (h.Until.IsZero() || h.Until.After(out.Until)) {
			out, held = h, true
		}
	}
	return out, held
}
