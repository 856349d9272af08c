// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/expire"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// expireEvery is how often lots are removed that are not kept any more: each time, all manifests of their datasets are read. After an
	// error it is tried again sooner.
	expireEvery, expireAgain = time.Hour, 5 * time.Minute
	// expireAtOnce bounds how many lots are removed each time, and expireLogged how many of them are named in the log.
	expireAtOnce, expireLogged = 1000, 100
)

// expiring is what is known of the removal of lots that are not kept any more.
type expiring struct {
	// listed is set once the stores were listed, until it is decided by that; next is when it is decided again at the earliest.
	listed bool
	next   time.Time
	// lots are those that are being removed just now; nil while none is.
	lots map[survey.At]bool
}

// expired is the event that lots were removed.
type expired struct {
	state    *state
	declared *declared
	removed  []survey.At
	err      error
}

// expired are the lots to remove now; false if it is not the time to. There are none where the environment does not have them removed: then
// only what people had removed is finished.
func (s *state) expired(now time.Time) (all []plan.Expired, ok bool) {
	at := &s.expiring
	if !at.listed || s.news != nil || at.lots != nil || now.Before(at.next) || s.planner == nil || s.stale || !s.known() {
		return nil, false
	}
	if s.retain.Enforce {
		s.planner.At(now)
		all = s.planner.Remove(s.retained())
	}
	all = all[:min(len(all), expireAtOnce)]
	at.lots, at.listed = map[survey.At]bool{}, false
	for _, e := range all {
		at.lots[survey.At{Series: e.Series, Lot: e.Lot}] = true
	}
	return all, true
}

// retained is how lots are removed that are not kept any more: of stores that could not be listed last none are, nor any that something is
// made of that lies there.
func (s *state) retained() plan.Retain {
	stays := maps.Clone(s.retain.Stays)
	if stays == nil {
		stays = map[string]string{}
	}
	blind := func(id string) bool { return !s.sure(id) || s.trouble[s.places[id].store] != "" }
	for _, id := range s.graph.Datasets() {
		if blind(id) {
			stays[id] = "its manifests could not be listed"
		}
	}
	for _, id := range s.graph.Arcs() {
		a, _ := s.graph.Arc(id)
		if i := slices.IndexFunc(a.Writes, blind); i >= 0 {
			for _, r := range a.Reads {
				stays[r.Series] = "the manifests of " + a.Writes[i] + ", which is made of it, could not be listed"
			}
		}
	}
	out := s.retain
	out.Stays = stays
	return out
}

// expires reports whether a lot reads one that is being removed just now.
func (s *state) expires(arc plan.Arc, l lot.Lot) bool {
	if len(s.expiring.lots) == 0 {
		return false
	}
	inputs := s.graph.Inputs(arc.ID, l)
	return slices.ContainsFunc(arc.Reads, func(r plan.Read) bool {
		return slices.ContainsFunc(inputs[r.Role], func(in lot.Lot) bool { return s.expiring.lots[survey.At{Series: r.Series, Lot: in}] })
	})
}

// expire has lots of an environment removed that are not kept any more, and what earlier removals left.
func (l *loop) expire(s *state, now time.Time) {
	all, ok := s.expired(now)
	if !ok {
		return
	}
	d := s.declared
	lots := map[string][]expire.Lot{}
	for _, e := range all {
		lots[e.Series] = append(lots[e.Series], expire.Lot{Lot: e.Lot, ETag: s.lot(survey.At{Series: e.Series, Lot: e.Lot}).ETag})
	}
	l.aside(s, func() {
		removed, err := l.stores().expire(l.ctx, d, lots)
		l.tell(expired{s, d, removed, err})
	})
}

// expire removes lots, by their datasets, and finishes what earlier removals of any dataset left. It returns those that it has removed, or
// may have, also with an error.
func (r reader) expire(ctx context.Context, d *declared, lots map[string][]expire.Lot) (removed []survey.At, err error) {
	left, err := expire.Unfinished(ctx, d.records, r.opts)
	if err != nil {
		return nil, fmt.Errorf("listing what is being removed: %w", err)
	}
	for _, id := range left {
		lots[id] = slices.Clip(lots[id]) // none are to be removed of it, unless some are
	}
	stays := d.retain.Stays
	if len(left) > 0 && !d.retain.Enforce {
		stays = plan.RetainOf(d.catalog, d.name).Stays
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(lots)) {
		at, ok := expiringOf(d, id, stays)
		if !ok {
			continue // nobody declares it any more, or so that it may be: what it left stays
		}
		gone, err := expire.Remove(ctx, at, lots[id], r.opts)
		for _, one := range gone {
			removed = append(removed, survey.At{Series: id, Lot: one})
		}
		errs = append(errs, err)
	}
	return removed, errors.Join(errs...)
}

// expiringOf is where a dataset has its lots.
func expiringOf(d *declared, id string, stays map[string]string) (expire.Dataset, bool) {
	_, dataset, there := d.catalog.Dataset(id)
	manifests, kept := d.catalog.Manifests(id, d.name, catalog.Writes)
	data, placed := d.catalog.Location(id, d.name, catalog.Writes)
	if _, is := stays[id]; is || !there || !kept || !placed {
		return expire.Dataset{}, false
	}
	return expire.Dataset{
		ID: id, Dataset: manifest.Dataset{Name: dataset.Name, Version: dataset.Version}, Manifests: manifests, Data: data, Records: d.records,
		Why: fmt.Sprintf("older than the retention of %d days", int(dataset.Retention)),
	}, true
}

// expired takes that lots were removed.
func (l *loop) expired(e expired) {
	if l.states[e.declared.name] != e.state {
		return
	}
	now := l.opts.Now()
	e.state.expiring.lots, e.state.expiring.next = nil, now.Add(expireEvery)
	for i, at := range e.removed {
		// What may not have been is counted as if it had: the next listing says how it is.
		e.state.saw(at, survey.Lot{Mark: plan.Mark{State: plan.Removed, Written: now}})
		if i < expireLogged {
			l.opts.Log.Info("a lot was removed that is not kept any more", "environment", e.declared.name, "dataset", at.Series, "lot", at.Lot.ID())
		}
	}
	l.tellExpired(e)
	if n := len(e.removed) - expireLogged; n > 0 {
		l.opts.Log.Info("more lots were removed that are not kept any more", "environment", e.declared.name, "lots", n)
	}
	if e.err != nil && l.ctx.Err() == nil {
		e.state.expiring.next = now.Add(expireAgain)
		l.opts.Log.Warn("cannot remove all lots that are not kept any more; it is tried again", "environment", e.declared.name, "err", e.err.Error(),
			"in", expireAgain.String())
	}
}

// Expired are lots of a dataset that were removed with their data, since they are not kept any more.
type Expired struct {
	Environment, Dataset string
	Lots                 int
	// First and Last bound them; others between them may have stayed.
	First, Last lot.Lot
	// Why is the retention that they are older than.
	Why string
}

// tellExpired tells of lots that were removed, dataset by dataset.
func (l *loop) tellExpired(e expired) {
	if l.opts.Expired == nil {
		return
	}
	all := map[string]*Expired{}
	for _, at := range e.removed {
		of := all[at.Series]
		if of == nil {
			d, _ := expiringOf(e.declared, at.Series, nil)
			of = &Expired{Environment: e.declared.name, Dataset: at.Series, First: at.Lot, Last: at.Lot, Why: d.Why}
			all[at.Series] = of
		}
		of.Lots++
		if at.Lot.Start.Before(of.First.Start) {
			of.First = at.Lot
		}
		if at.Lot.Start.After(of.Last.Start) {
			of.Last = at.Lot
		}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		l.opts.Expired(*all[id])
	}
}
