// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// foreignAtOnce bounds how many manifests of others are read in one go, one after the other.
const foreignAtOnce = 256

// foreign are the manifests that others wrote while the lots were kept, by their ETags, of which nobody has seen yet whether they are
// damaged. A run that reads a lot finds that by itself; a lot that nothing reads would count for ever. What was there before is believed:
// reading it would take a request for each lot that there is.
type foreign struct {
	unread  map[survey.At]string
	reading bool
}

// appeared notes what a listing, or a look that someone else asked for, says of a lot.
func (s *state) appeared(key survey.At, f survey.Lot) {
	mine := s.busy[arcLot{s.declared.graph.Producer(key.Series), key.Lot}] // a run is writing it just now
	if s.sure(key.Series) && !mine && f.State.There() && f.ETag != s.lot(key).ETag {
		if s.foreign.unread == nil {
			s.foreign.unread = map[survey.At]string{}
		}
		s.foreign.unread[key] = f.ETag
	}
}

// verified is the event that manifests of others were read: those that are damaged, by their ETags.
type verified struct {
	state   *state
	damaged map[survey.At]string
	err     error
}

// verify has manifests of others read that have appeared.
func (l *loop) verify(s *state) {
	at := &s.foreign
	if at.reading || len(at.unread) == 0 {
		return
	}
	todo := map[survey.At]string{}
	for key, etag := range at.unread {
		if delete(at.unread, key); s.lot(key).ETag == etag {
			todo[key] = etag
		}
		if len(todo) == foreignAtOnce {
			break
		}
	}
	at.reading = true
	d := s.declared
	states := map[survey.At]plan.State{}
	for key := range todo {
		states[key] = s.lot(key).State
	}
	l.aside(s, func() {
		damaged, err := l.stores().damaged(l.ctx, d, todo, states)
		l.tell(verified{s, damaged, err})
	})
}

// damaged reads manifests, and returns those that are damaged.
func (r reader) damaged(ctx context.Context, d *declared, todo map[survey.At]string, states map[survey.At]plan.State) (map[survey.At]string, error) {
	out := map[survey.At]string{}
	var errs []error
	for key, etag := range todo {
		location, kept := d.catalog.Manifests(key.Series, d.name, catalog.Reads)
		data, placed := d.catalog.Location(key.Series, d.name, catalog.Reads)
		_, dataset, there := d.catalog.Dataset(key.Series)
		if !kept || !placed || !there {
			continue // nobody declares it any more
		}
		of := manifest.Key{Dataset: manifest.Dataset{Name: dataset.Name, Version: dataset.Version}, Lot: key.Lot, State: manifest.State(states[key].String())}
		_, err := r.read(ctx, location, of, strings.TrimSuffix(data, "/")+"/")
		if _, is := errors.AsType[*store.DamagedError](err); is {
			out[key] = etag
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	return out, errors.Join(errs...)
}

// verified takes what came of reading manifests of others. One that could not be read is believed, as all are that were there before.
func (l *loop) verified(e verified) {
	e.state.foreign.reading = false
	if l.states[e.state.name] != e.state {
		return
	}
	for key, etag := range e.damaged {
		if f := e.state.lot(key); f.ETag == etag && f.State.There() {
			l.opts.Log.Warn("a manifest does not count: it is damaged", "environment", e.state.name, "dataset", key.Series, "lot", key.Lot.ID())
			e.state.doubt(map[survey.At]string{key: etag})
		}
	}
	if e.err != nil && l.ctx.Err() == nil {
		l.opts.Log.Warn("cannot read all manifests that others wrote; those that a run reads are read again", "environment", e.state.name, "err", e.err.Error())
	}
}
