// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

const (
	// fightMemory is how long a field must be left alone for the fight about it to be over.
	fightMemory = 10 * time.Minute
	// fightRounds is how often a field is taken back at once.
	fightRounds = 3
	// Between these, the pause before it is taken back again doubles.
	firstPause = time.Minute
	lastPause  = 30 * time.Minute
)

// Fights remembers how often which fields were taken back, so that two who cannot agree do not keep the API server
// busy: after three rounds within ten minutes each next one waits, from a minute up to half an hour. The zero
// value is ready to use.
type Fights struct{ fields map[fightKey]fight }

type fightKey struct {
	ref  Ref
	path string
}

type fight struct {
	path   field.Path
	rounds int
	last   time.Time
	until  time.Time
}

// Corrected records that a field was taken back.
func (f *Fights) Corrected(ref Ref, lost ownership.Field, now time.Time) {
	key := fightKey{ref, lost.Path.String()}
	one := f.fields[key]
	if now.Sub(one.last) > max(fightMemory, 2*one.pause()) {
		one.rounds = 0
	}
	one.path, one.last = lost.Path, now
	if one.rounds++; one.rounds >= fightRounds {
		one.until = now.Add(one.pause())
	}
	if f.fields == nil {
		f.fields = map[fightKey]fight{}
	}
	f.fields[key] = one
}

// pause is how long a field is left after so many rounds.
func (f fight) pause() time.Duration {
	if f.rounds < fightRounds {
		return 0
	}
	return min(firstPause<<min(f.rounds-fightRounds, 10), lastPause)
}

// Damped returns the fields that are not taken back now, and when the first of them is again; the zero time if there are
// none. What has been at peace for long is forgotten.
func (f *Fights) Damped(now time.Time) (damped map[Ref][]field.Path, next time.Time) {
	maps.DeleteFunc(f.fields, func(_ fightKey, one fight) bool { return now.Sub(one.last) > max(fightMemory, 2*one.pause()) })
	damped = map[Ref][]field.Path{}
	for key, one := range f.fields {
		if one.last.After(now) {
			// The clock was set back: nothing that it says lasts longer than it would have.
			one.last, one.until = now, now.Add(min(max(one.until.Sub(one.last), 0), one.pause()))
			f.fields[key] = one
		}
		if !now.Before(one.until) {
			continue
		}
		damped[key.ref] = append(damped[key.ref], one.path)
		if next.IsZero() || one.until.Before(next) {
			next = one.until
		}
	}
	for _, paths := range damped {
		slices.SortFunc(paths, field.Path.Compare)
	}
	return damped, next
}

// Rounds returns how often a field was taken back in the fight about it.
func (f *Fights) Rounds(ref Ref, path field.Path) int {
	return f.fields[fightKey{ref, path.String()}].rounds
}

// Clone returns a copy that does not change with the original.
func (f *Fights) Clone() Fights { return Fights{fields: maps.Clone(f.fields)} }
