// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"time"

	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// peeked is the event that some lots were looked at, since a notification said that their manifests were written.
type peeked struct {
	state *state
	lots  map[survey.At]survey.Lot
}

// peek has the lots looked at of which notifications say that someone wrote their manifests. It returns in how long to ask again.
func (l *loop) peek(s *state, now time.Time) time.Duration {
	at := l.upkeep[s]
	switch {
	case len(at.written) == 0 || at.peeks.busy || s.stock == nil:
		return lookInterval
	case at.peeks.earliest.After(now):
		return min(lookInterval, at.peeks.earliest.Sub(now))
	}
	todo := at.written
	at.written = map[written]bool{}
	at.peeks.begins(now)
	l.aside(s, func() {
		lots := map[survey.At]survey.Lot{}
		for one := range todo {
			entries, err := l.stores().one(l.ctx, one.store, store.Of{Dataset: one.dataset, Lot: one.at.Lot})
			if err != nil {
				break // the next listing says so
			}
			lots[one.at] = survey.Fold(entries)
		}
		l.tell(peeked{s, lots})
	})
	return lookInterval
}

// peeked takes what there is of lots.
func (l *loop) peeked(e peeked) {
	at, ok := l.upkeep[e.state]
	if !ok {
		return
	}
	now := l.opts.Now()
	at.peeks.ended(now, now)
	for key, f := range e.lots {
		e.state.appeared(key, f)
		e.state.noticed(key, f)
	}
}

// noticed takes what the store has of a lot by now, whatever a listing says that is under way.
func (s *state) noticed(key survey.At, f survey.Lot) {
	if _, declared := s.declared.graph.Series(key.Series); declared && s.stock != nil {
		s.saw(key, f)
	}
}
