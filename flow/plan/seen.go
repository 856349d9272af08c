// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"iter"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// State is what the manifests say of a lot of a series.
type State uint8

// The states.
const (
	// None says that there is no manifest.
	None State = iota
	// Complete lots are there.
	Complete
	// Empty lots are there too, and hold nothing.
	Empty
	// Partial lots are what a run left that failed half-way; they do not count.
	Partial
	// Removed lots were there, and have been taken away.
	Removed
)

// String returns the state, as manifests write it.
func (s State) String() string {
	switch s {
	case None:
		return "none"
	case Complete:
		return "complete"
	case Empty:
		return "empty"
	case Partial:
		return "partial"
	case Removed:
		return "removed"
	}
	return "unknown"
}

// There reports whether the lot counts.
func (s State) There() bool { return s == Complete || s == Empty }

// Mark is what is known of a lot of a series: the state that counts, and when its manifest was written, by the clock of
// the store.
type Mark struct {
	State   State
	Written time.Time
}

// Run is a run that is not simply done: it is under way, or has failed.
type Run struct {
	// Arc is the id.
	Arc string
	Lot lot.Lot
	// Attempt counts the runs in a row, from 1 on.
	Attempt int
	// Failed is when it failed; the zero time while it is under way.
	Failed time.Time
	// Reason says why it failed.
	Reason string
	// Digest is that of the arc that it was a run of.
	Digest string
	// Replaces is that of its [Start]: a failure counts for as long as the manifest is there that the run was to replace.
	Replaces time.Time
}

// Replay asks for lots to be made once more: those whose manifests were written before it was marked. So each is made
// once, however often the replay is planned.
type Replay struct {
	// ID tells it from all others of the environment.
	ID string
	// Of is the id of an arc, or of a series: then it is of the arc that makes it.
	Of string
	// From and Until bound the starts of the lots; Until does not belong to it.
	From, Until time.Time
	// Marked is when the store first had the replay, by its own clock.
	Marked time.Time
	// Cascade also makes again what was made of the lots, and so on.
	Cascade bool
	// Reason is why, for people.
	Reason string
}

// Seen is what is known of an environment, whatever is declared in it: manifests, runs and replays. The zero value is
// that nothing is.
type Seen struct {
	columns map[columnKey]*column
	runs    map[runKey]Run
	replays map[string]Replay
}

type columnKey struct {
	series string
	unit   lot.Unit
}

type runKey struct {
	arc string
	lot lot.Lot
}

// Lot notes what the store has of a lot of a series; no state takes it out.
func (s *Seen) Lot(series string, l lot.Lot, m Mark) { s.column(series, l.Unit).set(numberOf(l), m) }

// Lots notes what the store has of lots of a series, as [Seen.Lot] does of each, and faster.
func (s *Seen) Lots(series string, lots iter.Seq2[lot.Lot, Mark]) {
	var last *column
	var unit lot.Unit
	for l, m := range lots {
		if last == nil || l.Unit != unit {
			last, unit = s.column(series, l.Unit), l.Unit
		}
		last.set(numberOf(l), m)
	}
}

// Run notes a run, in place of what was known of its arc and lot.
func (s *Seen) Run(r Run) {
	if s.runs == nil {
		s.runs = map[runKey]Run{}
	}
	s.runs[runKey{r.Arc, r.Lot}] = r
}

// Forget takes out what is known of the runs of an arc for a lot: it ended well, or is to be tried again at once.
func (s *Seen) Forget(arc string, l lot.Lot) { delete(s.runs, runKey{arc, l}) }

// Replay notes a replay. Of one id there is one.
func (s *Seen) Replay(r Replay) {
	if s.replays == nil {
		s.replays = map[string]Replay{}
	}
	s.replays[r.ID] = r
}

// Mark returns what is known of a lot of a series.
func (s *Seen) Mark(series string, l lot.Lot) Mark {
	if c := s.columns[columnKey{series, l.Unit}]; c != nil {
		return c.mark(numberOf(l))
	}
	return Mark{}
}

// column is the column of a series, which is made if there is none.
func (s *Seen) column(series string, u lot.Unit) *column {
	if s.columns == nil {
		s.columns = map[columnKey]*column{}
	}
	key := columnKey{series, u}
	c := s.columns[key]
	if c == nil {
		c = &column{}
		s.columns[key] = c
	}
	return c
}
