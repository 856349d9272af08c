// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/survey"
)

// listed is the event that stores of an environment were listed, all of them or those of some datasets, with what has changed since the
// listing before.
type listed struct {
	state    *state
	declared *declared
	found    survey.Found
	changed  []survey.At
	whole    bool
	remembered
}

// remembered is what is written down of an environment: which replays have begun, and what people asked for.
type remembered struct {
	begun   map[string]time.Time
	written acts.Written
	err     error
}

// list has the stores of an environment listed. What has changed is found beside the loop, too.
func (l *loop) list(s *state, now time.Time) {
	at := l.upkeep[s]
	at.listing = true
	at.begins(now)
	clear(s.touched)
	s.acted = false
	only := at.only
	at.only = nil
	d, was := s.declared, s.stock
	l.aside(s, func() {
		found := l.stores().all(l.ctx, d, only)
		e := listed{state: s, declared: d, found: found, changed: was.Changed(found.Lots), whole: len(only) == 0}
		e.remembered = l.stores().remembered(l.ctx, d.records)
		l.tell(e)
	})
}

// tookStock takes that stores of an environment were listed. A store that could not be, and what is written down if that could not be read,
// stay as they were known.
func (l *loop) tookStock(e listed) {
	at, ok := l.upkeep[e.state]
	if !ok {
		return
	}
	s, now := e.state, l.opts.Now()
	at.listing, s.heard = false, true
	at.ended(now, now.Add(l.opts.Interval))
	l.troubled(e, now)
	s.expiring.listed = e.whole && e.err == nil
	as := func(id string) bool { where, is := s.places[id]; return is && where == e.declared.places[id] } // others are elsewhere by now
	if lots := e.found.Lots.Only(as); len(lots.Datasets()) > 0 || len(s.places) == 0 {
		s.list(lots, e.changed)
	}
	if e.err == nil && e.declared.records == s.records {
		s.recorded = true
		s.noteBegun(e.begun)
		if !s.acted { // what is asked for while it is read is newer
			l.heed(s, e.written, now)
		}
	}
	// What is declared only since it began is listed at once.
	if at.only = slices.DeleteFunc(s.unlisted(), func(id string) bool { return slices.Contains(e.found.Unknown, id) }); len(at.only) > 0 {
		at.next = now
	}
	if s.planner != nil && !s.stale {
		s.planner.Limit(s.limited(s.missing, s.held)) // which stores are not known, and why
	}
	if e.whole && e.err == nil && len(e.found.Failed) == 0 {
		l.save(s, e.found.Lots, at.began, now)
	}
}

// troubled notes which stores could be listed, and says of each once that it cannot be, until it is for another reason.
func (l *loop) troubled(e listed, now time.Time) {
	s, at := e.state, l.upkeep[e.state]
	for store := range e.declared.stores {
		if e.found.Failed[store] != nil || !e.whole {
			continue
		}
		if s.trouble[store] != "" {
			l.opts.Log.Info("the manifests of lots can be listed again", "environment", s.name, "store", store)
		}
		delete(s.trouble, store)
		at.listed[store] = now
	}
	for store, err := range e.found.Failed {
		if why := text(err); why != s.trouble[store] {
			s.trouble[store] = why
			l.opts.Log.Warn("cannot list the manifests of lots in a store; what was known of them counts, and it is tried again", "environment", s.name,
				"store", store, "err", why)
		}
	}
	if why := text(e.err); why != at.unread {
		if at.unread = why; why != "" {
			l.opts.Log.Warn("cannot read what is written down about lots; what was known of it counts, and it is tried again", "environment", s.name, "err", why)
		}
	}
	maps.DeleteFunc(s.trouble, func(store, _ string) bool { return s.stores[store] == nil })
	maps.DeleteFunc(at.listed, func(store string, _ time.Time) bool { return s.stores[store] == nil })
	var all []error
	for _, store := range slices.Sorted(maps.Keys(e.found.Failed)) {
		all = append(all, e.found.Failed[store])
	}
	at.trouble = text(errors.Join(append(all, e.err)...))
}

// listedAt is when all stores of an environment had been listed last; zero if some were not yet.
func (u *upkeep) listedAt(s *state) (oldest time.Time) {
	for store := range s.stores {
		at := u.listed[store]
		if at.IsZero() || !s.recorded {
			return time.Time{}
		}
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// heed takes what people asked for about the lots of an environment.
func (l *loop) heed(s *state, written acts.Written, now time.Time) {
	for _, at := range written.Damaged {
		l.opts.Log.Warn("a request to try lots again is damaged and passed over; delete it", "environment", s.name, "record", s.records+at)
	}
	records := s.records
	for _, name := range s.heed(written, now) {
		l.aside(s, func() {
			err := bucket.With(l.ctx, records, l.opts.Stores, func(f bucket.Folder) error { return acts.Done(l.ctx, f, name) })
			if err != nil && l.ctx.Err() == nil {
				l.opts.Log.Warn("cannot remove what was asked for and done", "environment", s.name, "err", err.Error())
			}
		})
	}
}
