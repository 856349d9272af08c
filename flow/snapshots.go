// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/snapshot"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// snapshotEvery is how often it is written down what the stores of an environment have, at most, and snapshotAtLeast how often if
	// nothing changes, so that it does not become too old.
	snapshotEvery, snapshotAtLeast = 15 * time.Minute, snapshot.MaxAge / 2
	// snapshotFrom is from how many lots on: fewer are listed in a few seconds.
	snapshotFrom = 10_000
)

// saving is what is known of the snapshot of an environment.
type saving struct {
	saved *survey.Stock
	at    time.Time
	busy  bool
	// why it could not be written last.
	why string
}

// supposed is the event that the snapshot of an environment was read. Nothing is said by the zero snapshot.
type supposed struct {
	state    *state
	declared *declared
	snapshot.Snapshot
	remembered
	why error
}

// saved is the event that a snapshot was written, or did not have to be.
type saved struct {
	state *state
	stock *survey.Stock
	at    time.Time
	err   error
}

// load has the snapshot of an environment read, while its stores are listed.
func (l *loop) load(s *state) {
	d, now := s.declared, l.opts.Now()
	l.aside(s, func() {
		e := supposed{state: s, declared: d}
		found := false
		e.why = bucket.With(l.ctx, d.records, l.opts.Stores, func(f bucket.Folder) (err error) {
			e.Snapshot, found, err = snapshot.Read(l.ctx, f, d.catalog.Platform.Metadata.Name, d.name, now)
			return err
		})
		if !found && e.why == nil {
			return
		}
		if found {
			e.remembered = l.stores().remembered(l.ctx, d.records)
		}
		l.tell(e)
	})
}

// supposed takes a snapshot. Until the stores have been listed, runs are started by it: whoever starts one looks at the store first, and
// nothing else is done by it.
func (l *loop) supposed(e supposed) {
	s, now := e.state, l.opts.Now()
	at, ok := l.upkeep[s]
	switch {
	case !ok || l.ctx.Err() != nil:
		return
	case e.why != nil:
		l.opts.Log.Info("the snapshot of the lots is not used: all is listed first", "environment", s.name, "why", e.why.Error())
		return
	}
	at.snap.saved, at.snap.at = e.Lots, e.Taken
	lots := e.Lots.Only(func(id string) bool {
		where, is := s.places[id]
		return is && where == kept{e.Stores[id], e.Lots.Unit(id)}
	})
	if lots = s.suppose(lots); len(lots.Datasets()) == 0 {
		return // what was listed already is known better
	}
	if e.err == nil && e.declared.records == s.records && !s.recorded {
		s.recorded = true
		s.noteBegun(e.begun)
		if !s.acted {
			l.heed(s, e.written, now)
		}
	}
	s.renew(lots.Datasets()...)
	s.unplanned()
	l.opts.Log.Info("the lots are known by a snapshot until they have been listed", "environment", s.name, "lots", lots.Len(), "taken", e.Taken.UTC().Format(time.RFC3339))
}

// suspect has the manifests read that were not written when those of the snapshot were, which has no ETags, once the stores were listed: nobody has
// seen yet whether they are damaged. Most
// are what the daemon before wrote after its last snapshot, which is not much.
func (s *state) suspect(lots *survey.Stock) {
	if len(s.supposed) == 0 {
		return
	}
	supposed := func(id string) bool { return s.supposed[id] && lots.Has(id) }
	was := s.stock.Only(supposed)
	for _, key := range was.Changed(lots.Only(supposed)) {
		f, before := lots.Lot(key), was.Lot(key)
		same := f.State == before.State && f.Written.Equal(before.Written)
		if !f.State.There() || same || f.ETag == s.own[key].ETag {
			continue
		}
		if s.foreign.unread == nil {
			s.foreign.unread = map[survey.At]string{}
		}
		s.foreign.unread[key] = f.ETag
	}
}

// save has it written down what the stores of an environment have, if that was not done for a while and is of use.
func (l *loop) save(s *state, lots *survey.Stock, began, now time.Time) {
	at := &l.upkeep[s].snap
	if at.busy || lots.Len() < l.snapshotFrom || now.Sub(at.at).Abs() < snapshotEvery {
		return
	}
	at.busy = true
	before, due := at.saved, now.Sub(at.at).Abs() >= snapshotAtLeast
	records := s.records
	one := snapshot.Snapshot{Platform: s.catalog.Platform.Metadata.Name, Environment: s.name, Taken: began, Stores: map[string]string{}, Lots: lots}
	for id, where := range s.places {
		one.Stores[id] = where.store
	}
	l.aside(s, func() {
		var err error
		if due || len(before.Changed(lots)) > 0 {
			err = bucket.With(l.ctx, records, l.opts.Stores, func(f bucket.Folder) error { return snapshot.Write(l.ctx, f, one) })
		}
		l.tell(saved{s, lots, now, err})
	})
}

// saved takes that a snapshot was written. That it could not be is said once.
func (l *loop) saved(e saved) {
	kept, ok := l.upkeep[e.state]
	if !ok {
		return
	}
	at := &kept.snap
	at.busy, at.at = false, e.at
	if e.err == nil {
		at.saved, at.why = e.stock, ""
		return
	}
	if why := text(e.err); why != at.why && l.ctx.Err() == nil {
		at.why = why
		words := []any{"environment", e.state.name, "err", why}
		if errors.Is(e.err, snapshot.ErrTooLarge) {
			l.opts.Log.Info("no snapshot of the lots is written: the next start lists all first", words...)
			return
		}
		l.opts.Log.Warn("cannot write a snapshot of the lots: the next start lists all first", words...)
	}
}
