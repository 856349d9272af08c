// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/arrivals"
	"trunkline.dev/trunkline/flow/ingress"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// readBoundaries notes the boundaries of a project that are at work.
func (d *declared) readBoundaries(p *catalog.Project) {
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		id := p.Name + "/" + w.Name
		spec, is := d.catalog.Boundary(p, w, d.name)
		arc, known := d.graph.Arc(id)
		if !is || !known || arc.Stop != plan.Arrives || len(arc.Writes) != 1 {
			continue
		}
		series, _ := d.graph.Series(arc.Writes[0])
		location, there := d.catalog.Location(series.ID, d.name, catalog.Writes)
		store, kept := d.catalog.Manifests(series.ID, d.name, catalog.Writes)
		if !there || !kept {
			continue
		}
		name, version, _ := strings.Cut(strings.TrimPrefix(series.ID, p.Name+"/"), "@")
		g := arrivals.Boundary{
			Boundary: ingress.Boundary{
				ID: id, Spec: spec, Dataset: manifest.Dataset{Name: name, Version: version}, Unit: series.Unit, Since: series.Since,
				Retention: series.Retention, Location: strings.TrimSuffix(location, "/") + "/",
			},
			Series: series.ID, Store: store,
		}
		apart := []string{}
		for place := range d.stores {
			apart = append(apart, place+manifest.Folder)
		}
		if records, ok := d.catalog.Records(d.name); ok {
			apart = append(apart, records)
		}
		for _, place := range apart {
			if below, in := strings.CutPrefix(place, g.Location); in {
				g.Apart = append(g.Apart, below)
			}
		}
		slices.Sort(g.Apart)
		d.boundaries[id] = g
	}
}

// boundary is one that is looked at from time to time.
type boundary struct {
	arrivals.Boundary

	looker  *arrivals.Looker
	looking bool
	pace
	// told is what was logged of it last.
	told string
}

// looked is the event that a boundary was looked at.
type looked struct {
	state    *state
	boundary *boundary
	of       arrivals.Boundary
	arrivals.Look
	err error
}

// watch has the boundaries that count be looked at, and what notifications can be about.
func (l *loop) watch() {
	var places []place
	for name, s := range l.states {
		boundaries := map[string]*boundary{}
		for id, now := range s.boundaries {
			g := l.boundaries[s][id]
			if g == nil {
				g = &boundary{}
			}
			if g.looker == nil || g.Location != now.Location || g.Store != now.Store || g.Series != now.Series {
				g.looker = arrivals.New(l.opts.Stores)
			}
			g.Boundary, g.next = now, time.Time{}
			g.hurry() // a look that is under way is of what was declared before
			boundaries[id] = g
			places = append(places, place{prefix: now.Location, spot: spot{name, id}})
		}
		l.boundaries[s] = boundaries
		for store, of := range s.stores {
			places = append(places, place{store + manifest.Folder, spot{environment: name}, of})
		}
	}
	l.hints.about(places)
}

// look has the boundaries of an environment looked at whose turn it is, and returns in how long the next one's is.
func (l *loop) look(s *state, now time.Time) time.Duration {
	wait := lookInterval
	for _, id := range slices.Sorted(maps.Keys(l.boundaries[s])) {
		g := l.boundaries[s][id]
		_, disabled := s.written.Disabled[id]
		switch {
		case g.looking, disabled, !s.sure(g.Series): // what is there is not known
		case g.next.After(now):
			wait = min(wait, g.next.Sub(now))
		default:
			g.looking = true
			g.begins(now)
			of, looker, have := g.Boundary, g.looker, s.view()
			l.aside(s, func() {
				came, err := looker.Look(l.ctx, of, have.of(of, now), now)
				l.tell(looked{s, g, of, came, err})
			})
		}
	}
	return wait
}

// of is what is known of the lots of a boundary.
func (h *have) of(g arrivals.Boundary, now time.Time) map[lot.Lot]survey.Lot {
	out := map[lot.Lot]survey.Lot{}
	note := func(at lot.Lot) {
		f := h.lot(survey.At{Series: g.Series, Lot: at})
		if f.State != plan.None && at.Unit == g.Unit && !at.Start.Before(g.Since) && at.Start.Before(now) {
			out[at] = f
		}
	}
	for at := range h.stock.Lots(g.Series) {
		note(at)
	}
	for at := range h.own {
		if at.Series == g.Series {
			note(at.Lot)
		}
	}
	return out
}

// looked takes what came of looking at a boundary.
func (l *loop) looked(e looked) {
	if _, ok := l.upkeep[e.state]; !ok {
		return
	}
	for at, f := range e.Lots {
		e.state.noticed(survey.At{Series: e.of.Series, Lot: at}, f)
	}
	now, g := l.opts.Now(), e.boundary
	g.looking = false
	next := now.Add(l.opts.Interval)
	if !e.Next.IsZero() && e.Next.Before(next) {
		next = e.Next
	}
	if e.More {
		next = now
	}
	g.ended(now, next)
	if l.ctx.Err() == nil {
		l.tellOf(e)
	}
}

// manyLots is how many lots are logged one by one that a look has made.
const manyLots = 10

// tellOf logs what came of looking at a boundary: what is in the way once, until it is another thing.
func (l *loop) tellOf(e looked) {
	words := []any{"environment", e.state.name, "boundary", e.of.ID, "dataset", e.of.Series}
	told := ""
	switch {
	case e.err != nil:
		if told = e.err.Error(); told != e.boundary.told {
			l.opts.Log.Warn("cannot make lots of what arrived; it is tried again", append(words, "err", told)...)
		}
	case len(e.Refused) > 0:
		first := slices.MinFunc(slices.Collect(maps.Keys(e.Refused)), lot.Lot.Compare)
		if told = first.ID() + ": " + e.Refused[first]; told != e.boundary.told {
			l.opts.Log.Warn("a lot of what arrived cannot be made", append(words, "lots", len(e.Refused), "lot", first.ID(), "why", e.Refused[first])...)
		}
	default:
		for _, why := range slices.Sorted(maps.Keys(e.Passed)) {
			told += fmt.Sprintf("%d objects %s; ", e.Passed[why], why)
		}
		if told = strings.TrimSuffix(told, "; "); told != "" && told != e.boundary.told {
			l.opts.Log.Warn("objects that arrived are of no lot", append(words, "why", told)...)
		}
	}
	e.boundary.told = told
	if len(e.Written) > manyLots {
		l.opts.Log.Info("lots of what arrived are made", append(words, "lots", len(e.Written))...)
		return
	}
	for _, at := range slices.SortedFunc(maps.Keys(e.Written), lot.Lot.Compare) {
		w := e.Written[at]
		of := append(slices.Clip(words), "lot", at.ID(), "state", string(w.State), "objects", w.Objects)
		if w.Why != "" {
			of = append(of, "why", w.Why)
		}
		l.opts.Log.Info("a lot of what arrived is made", of...)
	}
}
