// SPDX-License-Identifier: Apache-2.0

// Package survey lists what the stores of an environment have of its lots, for flow/plan to decide by. It reads no manifest: what a
// listing says is enough.
//
// Of Trunkline it may import api, catalog, flow/manifest, flow/plan and flow/store.
package survey

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
)

// Store lists manifests.
type Store interface {
	Location() string
	List(ctx context.Context, of store.Of) iter.Seq2[store.Entry, error]
	Close() error
}

// Opener opens the store at a location.
type Opener func(ctx context.Context, location string) (Store, error)

// Found is what the stores have.
type Found struct {
	// Lots are what there is of the datasets that were listed.
	Lots *Stock
	// Strays are what lies among the manifests and counts for nothing.
	Strays []Stray
	// Unknown are the datasets whose manifests could not be listed, sorted: whether their lots are there is not known.
	Unknown []string
	// Failed says why, by the locations of their stores.
	Failed map[string]error
}

// At is a lot of a dataset, by the dataset's id.
type At struct {
	Series string
	Lot    lot.Lot
}

// Lot is what a store has of a lot.
type Lot struct {
	plan.Mark
	// ETag is that of the manifest that counts; empty if none does.
	ETag string
	// Partial are the attempts that failed, with when that was written down.
	Partial map[string]time.Time
}

// Seen is what is found, as it is planned with.
func (f Found) Seen() *plan.Seen {
	out := &plan.Seen{}
	for _, id := range f.Lots.Datasets() {
		for at, l := range f.Lots.Lots(id) {
			out.Lot(id, at, l.Mark)
		}
	}
	return out
}

// Stray is something that lies among the manifests and counts for nothing.
type Stray struct {
	// Path is where it is, with the address of the store.
	Path string
	// Why is what is wrong with it.
	Why error
}

// atOnce bounds how many stores are listed at a time.
const atOnce = 8

// Of lists what the stores of an environment have of some datasets, by their ids; of none: of all of the environment. What could not
// be listed is in the error, and the rest is returned with it.
func Of(ctx context.Context, c *catalog.Catalog, environment string, datasets []string, open Opener) (Found, error) {
	stores := Places(c, environment)
	whole := len(datasets) == 0
	for location, of := range stores {
		if !whole {
			maps.DeleteFunc(of, func(_ manifest.Dataset, id string) bool { return !slices.Contains(datasets, id) })
		}
		if len(of) == 0 {
			delete(stores, location)
		}
	}
	locations := slices.Sorted(maps.Keys(stores))
	listed := make([]listing, len(locations))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, location := range locations {
		group.Go(func() error {
			listed[i] = list(ctx, seriesOf(c, stores[location]), location, whole, open)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	out := Found{Lots: &Stock{}, Failed: map[string]error{}}
	var errs []error
	for i, l := range listed {
		out.Strays = append(out.Strays, l.strays...)
		out.Unknown = append(out.Unknown, l.unknown...)
		out.Lots = out.Lots.With(l.lots.Stock().Only(func(id string) bool { return !slices.Contains(l.unknown, id) }))
		if l.err != nil {
			out.Failed[locations[i]] = l.err
			errs = append(errs, l.err)
		}
	}
	slices.Sort(out.Unknown)
	return out, errors.Join(errs...)
}

// Places are the stores of an environment's manifests, by their locations, with the ids of the datasets whose manifests each has.
func Places(c *catalog.Catalog, environment string) map[string]map[manifest.Dataset]string {
	out := map[string]map[manifest.Dataset]string{}
	for p := range c.Projects() {
		for i := range p.Spec.Datasets {
			d := &p.Spec.Datasets[i]
			id := p.Name + "/" + d.Name + "@" + d.Version
			location, ok := c.Manifests(id, environment, catalog.Reads)
			if !ok {
				continue
			}
			if out[location] == nil {
				out[location] = map[manifest.Dataset]string{}
			}
			out[location][manifest.Dataset{Name: d.Name, Version: d.Version}] = id
		}
	}
	return out
}

// series is a dataset whose manifests are looked for.
type series struct {
	id   string
	unit lot.Unit
}

// seriesOf finds the units of datasets that have lots, by their ids.
func seriesOf(c *catalog.Catalog, of map[manifest.Dataset]string) map[manifest.Dataset]series {
	out := make(map[manifest.Dataset]series, len(of))
	for name, id := range of {
		if _, d, ok := c.Dataset(id); ok && d.Lots != nil {
			unit, _ := lot.ParseUnit(string(d.Lots.Unit)) // what is none has no lots
			out[name] = series{id, unit}
		}
	}
	return out
}

// listing is what one store has.
type listing struct {
	lots    Maker
	strays  []Stray
	unknown []string
	err     error
}

// list lists what one store has of the datasets that have it as their place. If all of the environment is asked for, the store is listed
// as a whole, which costs fewer requests and finds what nobody declares; else dataset by dataset.
func list(ctx context.Context, of map[manifest.Dataset]series, location string, whole bool, open Opener) (out listing) {
	for _, d := range of {
		out.lots.Dataset(d.id, d.unit)
	}
	s, err := open(ctx, location)
	if err != nil {
		out.unknown, out.err = idsOf(of), fmt.Errorf("opening the store of manifests %s: %w", location, err)
		return out
	}
	defer func() { out.err = errors.Join(out.err, s.Close()) }()
	if whole {
		if err := out.take(ctx, s, store.Of{}, of); err != nil {
			out.unknown, out.err = idsOf(of), err
		}
		return out
	}
	for _, d := range slices.SortedFunc(maps.Keys(of), func(a, b manifest.Dataset) int { return strings.Compare(a.Prefix(), b.Prefix()) }) {
		if err := out.take(ctx, s, store.Of{Dataset: d}, of); err != nil {
			out.unknown, out.err = append(out.unknown, of[d].id), errors.Join(out.err, err)
		}
	}
	return out
}

// take accepts a listing. A lot's manifests follow one another, since all that is listed comes in the order of its keys, and so do the lots
// of a dataset: only those of one lot are held at a time.
func (l *listing) take(ctx context.Context, s Store, which store.Of, of map[manifest.Dataset]series) error {
	var at At
	var entries []store.Entry
	fold := func() error {
		if len(entries) > 0 && !l.lots.Add(at, Fold(entries)) {
			return fmt.Errorf("listing the manifests in %s: those of %s of %s do not come in their order, so that the store is not believed", s.Location(), at.Lot, at.Series)
		}
		entries = entries[:0]
		return nil
	}
	for e, err := range s.List(ctx, which) {
		if err != nil {
			return fmt.Errorf("listing the manifests in %s: %w", s.Location(), err)
		}
		declared, ok := of[e.Key.Dataset]
		why := e.Stray
		if why == nil {
			why = countsNot(declared, ok, e.Key)
		}
		if why != nil {
			l.strays = append(l.strays, Stray{s.Location() + e.Path, why})
			continue
		}
		if now := (At{declared.id, e.Key.Lot}); now != at {
			if err := fold(); err != nil {
				return err
			}
			at = now
		}
		entries = append(entries, e)
	}
	return fold()
}

// countsNot returns why what a key says is of no dataset that is declared.
func countsNot(s series, declared bool, k manifest.Key) error {
	switch {
	case !declared:
		return fmt.Errorf("no project that is deployed here declares the dataset %s", k.Dataset)
	case s.unit != k.Lot.Unit:
		return fmt.Errorf("%s is no lot of %s, whose lots are %s", k.Lot, s.id, s.unit)
	}
	return nil
}

func idsOf(of map[manifest.Dataset]series) (ids []string) {
	for _, s := range of {
		ids = append(ids, s.id)
	}
	return ids
}

// Fold makes of what is listed of one lot what counts. Of two manifests that say that they count, none does: they contradict each other.
func Fold(entries []store.Entry) Lot {
	var out Lot
	counting := 0
	for _, e := range entries {
		switch {
		case e.Stray != nil:
		case e.Key.State.Counts():
			counting++
			out.Mark, out.ETag = plan.Mark{State: stateOf(e.Key.State), Written: kept(e.Written)}, e.ETag
		case e.Key.State == manifest.Partial:
			if out.Partial == nil {
				out.Partial = map[string]time.Time{}
			}
			out.Partial[e.Key.Attempt] = kept(e.Written)
		}
	}
	switch counting {
	case 0:
		out.Mark = newest(entries)
	case 1:
	default:
		out.State, out.ETag = plan.Partial, ""
	}
	return out
}

// newest is what is known of a lot of which no manifest counts: that it was removed, or else that an attempt failed.
func newest(entries []store.Entry) (out plan.Mark) {
	for _, e := range entries {
		m := plan.Mark{State: stateOf(e.Key.State), Written: kept(e.Written)}
		if e.Stray == nil && (m.State > out.State || m.State == out.State && m.Written.After(out.Written)) {
			out = m
		}
	}
	return out
}

func stateOf(s manifest.State) plan.State {
	switch s {
	case manifest.Complete:
		return plan.Complete
	case manifest.Empty:
		return plan.Empty
	case manifest.Partial:
		return plan.Partial
	case manifest.Removed:
		return plan.Removed
	}
	return plan.None
}
