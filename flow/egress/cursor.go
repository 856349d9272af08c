// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"maps"
	"slices"
	"time"
)

// Cursor says what need not be told any more. Together with the manifests, which are all that there is to tell, it is the outbox: what a
// process knew that was killed is found again by comparing the two.
type Cursor struct {
	// Until is the time up to which everything is settled: delivered, or put with the dead letters.
	Until time.Time `json:"until"`
	// Told are the ids of what happened later and is settled, with when that was.
	Told map[string]time.Time `json:"told,omitempty"`

	// settled is how many facts were settled by then.
	settled int
}

// maxTold bounds the cursor. Of more, those that happened first are told once more after a crash.
const maxTold = 50_000

// Cursor returns where the outbox is, and whether that differs from what was said to be saved last.
func (o *Outbox) Cursor() (Cursor, bool) {
	until := o.until()
	told := maps.Clone(o.told)
	maps.DeleteFunc(told, func(_ string, at time.Time) bool { return !at.After(until) })
	if len(told) > maxTold {
		ids := slices.SortedFunc(maps.Keys(told), func(a, b string) int { return told[a].Compare(told[b]) })
		for _, id := range ids[:len(ids)-maxTold] {
			delete(told, id)
		}
	}
	return Cursor{until, told, o.settled}, o.settled != o.saved
}

// Saved says that a cursor that was returned is kept: of what happened before it, nothing has to be remembered.
func (o *Outbox) Saved(c Cursor) {
	o.saved = c.settled
	maps.DeleteFunc(o.told, func(_ string, at time.Time) bool { return !at.After(c.Until) })
}

// until is the time up to which everything is settled. What appears in a listing later than others that were written after it is not
// missed: it lies behind what is settled last, by as much as the clocks and listings of stores are apart.
func (o *Outbox) until() time.Time {
	until := o.base
	if o.missing && o.floor.Before(until) {
		until = o.floor
	}
	for _, l := range o.lanes {
		for _, e := range l.entries {
			if before := e.fact.At.Add(-1); !e.letter && before.Before(until) {
				until = before
			}
		}
	}
	return until
}
