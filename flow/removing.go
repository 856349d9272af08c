// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/expire"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// maxRemoved bounds the lots that a person removes at once, and removedAtOnce how many manifests are retired at a time.
	maxRemoved, removedAtOnce = 1000, 16
)

// Removing asks for lots of a dataset to count no longer.
type Removing struct {
	// From and Until bound the starts of the lots; Until does not belong to it. What is zero does not bound.
	From, Until time.Time
	// Data has the data go, too, that their manifests list and no other.
	Data bool
	// Dry only says what would be removed. Otherwise Confirmed is how many lots that is: if there are others by now, nothing is.
	Dry       bool
	Confirmed int
}

// Removed is what was removed, or would be.
type Removed struct {
	// Lots counts them, and First and Last bound them.
	Lots        int
	First, Last lot.Lot
	// Objects counts those of the data that would go; it is only known of a dry run.
	Objects int
	// Said says it in a sentence.
	Said string
}

// whereabouts is where the lots of a dataset are that someone acts on.
type whereabouts struct {
	id string
	of manifest.Dataset
	// manifests is the store, and data the location of the data.
	manifests, data string
	unit            lot.Unit
}

// places finds where the lots of a dataset are.
func (a asked) places(dataset string) (whereabouts, error) {
	series, ok := a.graph.Series(dataset)
	if !ok {
		return whereabouts{}, asking.Errorf(asking.ErrNotFound, "there is no dataset with lots %q in %s: %s", dataset, a.environment, v1alpha1.Instead(dataset, a.graph.Datasets()))
	}
	location, kept := a.catalog.Manifests(dataset, a.environment, catalog.Writes)
	data, _ := a.catalog.Location(dataset, a.environment, catalog.Writes)
	_, declared, there := a.catalog.Dataset(dataset)
	if !kept || !there {
		return whereabouts{}, asking.Errorf(asking.ErrNotFound, "nobody keeps the manifests of %s in %s", dataset, a.environment)
	}
	return whereabouts{dataset, manifest.Dataset{Name: declared.Name, Version: declared.Version}, location, data, series.Unit}, nil
}

// RemoveLots has lots of a dataset count no longer that start in a range: their manifests are retired, with who did it and why. As a rule
// they are made again. With an error it returns what was removed until then.
func (k *Keeper) RemoveLots(ctx context.Context, environment, dataset string, r Removing, by acts.By) (out Removed, err error) {
	a, err := k.about(environment)
	if err != nil {
		return out, err
	}
	p, err := a.places(dataset)
	if err != nil {
		return out, err
	}
	counts, lots, err := a.counting(ctx, p, r)
	if err != nil {
		return out, err
	}
	out.Lots, out.First, out.Last = len(lots), lots[0].Lot, lots[len(lots)-1].Lot
	at := expire.Dataset{
		ID: dataset, Dataset: p.of, Manifests: p.manifests, Data: p.data, Records: a.records, Why: "removed by " + words(by),
	}
	if stays, is := plan.RetainOf(a.catalog, environment).Stays[dataset]; r.Data && is {
		return Removed{}, asking.Errorf(asking.ErrCannot, "the data of %s are not removed: %s; without them, its lots can be", dataset, stays)
	}
	if r.Dry {
		if r.Data {
			if out.Objects, err = expire.Count(ctx, at, lots, a.stores.opts); err != nil {
				return out, fmt.Errorf("counting the data of %s: %w", dataset, err)
			}
		}
		out.Said = out.would(dataset, r.Data)
		return out, nil
	}
	if r.Confirmed != out.Lots {
		return Removed{}, asking.Errorf(asking.ErrCannot, "%s are there of %s, and not %d: nothing is removed; look again with a dry run", number.Count(out.Lots, "lot"), dataset, r.Confirmed)
	}
	var gone []lot.Lot
	if r.Data {
		release, err := k.reserve(ctx, environment, dataset, lots)
		if err != nil {
			return Removed{}, err
		}
		defer release()
		gone, err = expire.Remove(ctx, at, lots, a.stores.opts)
		err = k.removed(ctx, a, dataset, gone, err)
		return a.settled(out, dataset, gone, r.Data), err
	}
	gone, err = a.retireAll(ctx, p, counts, at.Why)
	err = k.removed(ctx, a, dataset, gone, err)
	return a.settled(out, dataset, gone, r.Data), err
}

// counting lists the manifests that count of a range, and their lots, in their order. It is an error if there are none, or too many.
func (a asked) counting(ctx context.Context, p whereabouts, r Removing) (counts []store.Entry, lots []expire.Lot, err error) {
	err = a.stores.list(ctx, p.manifests, store.Of{Dataset: p.of}, func(e store.Entry) {
		l := e.Key.Lot
		if e.Stray == nil && e.Key.State.Counts() && l.Unit == p.unit && !l.Start.Before(r.From) && (r.Until.IsZero() || l.Start.Before(r.Until)) {
			counts = append(counts, e)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(counts, func(a, b store.Entry) int { return a.Key.Lot.Start.Compare(b.Key.Lot.Start) })
	for _, e := range counts {
		if len(lots) == 0 || lots[len(lots)-1].Lot != e.Key.Lot {
			lots = append(lots, expire.Lot{Lot: e.Key.Lot, ETag: e.ETag})
		}
	}
	switch {
	case len(lots) == 0:
		return nil, nil, asking.Errorf(asking.ErrCannot, "no lot of %s is there in that range: there is nothing to remove", p.id)
	case len(lots) > maxRemoved:
		return nil, nil, asking.Errorf(asking.ErrCannot, "%d lots of %s are there in that range, and no more than %d are removed at once: name a shorter one", len(lots), p.id, maxRemoved)
	}
	return counts, lots, nil
}

// retireAll retires manifests, several at a time, and returns the lots of those that it has retired.
func (a asked) retireAll(ctx context.Context, p whereabouts, counts []store.Entry, why string) (gone []lot.Lot, err error) {
	var mu sync.Mutex
	err = store.With(ctx, p.manifests, a.stores.opts, func(s *store.Store) error {
		group, retiring := errgroup.WithContext(ctx)
		group.SetLimit(removedAtOnce)
		for _, e := range counts {
			group.Go(func() error {
				if err := s.Retire(retiring, e, p.data, why); err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				gone = append(gone, e.Key.Lot)
				return nil
			})
		}
		return group.Wait()
	})
	slices.SortFunc(gone, func(a, b lot.Lot) int { return a.Start.Compare(b.Start) })
	return slices.Compact(gone), err
}

// reserve has no run start that reads lots, and nobody else remove them, until release is called. It is refused while a run reads or makes
// one of them, and where this replica does not know that.
func (k *Keeper) reserve(ctx context.Context, environment, dataset string, lots []expire.Lot) (release func(), err error) {
	all := map[survey.At]bool{}
	for _, l := range lots {
		all[survey.At{Series: dataset, Lot: l.Lot}] = true
	}
	var s *state
	err = k.ask(ctx, func(l *loop) (err error) {
		if s, err = l.kept(environment); err != nil {
			return err
		}
		if s.expiring.lots != nil {
			return asking.Errorf(asking.ErrCannot, "lots of %s are being removed just now: try again in a minute", environment)
		}
		if why := s.occupied(all); why != "" {
			return asking.Errorf(asking.ErrCannot, "nothing is removed: %s; disable it, or wait until that has ended", why)
		}
		s.expiring.lots = all
		return nil
	})
	if err != nil {
		return nil, err
	}
	return func() {
		_ = k.ask(context.WithoutCancel(ctx), func(*loop) error { s.expiring.lots = nil; return nil }) // nobody keeps the lots any more otherwise
	}, nil
}

// occupied says which run reads or makes one of some lots just now; empty if none does.
func (s *state) occupied(lots map[survey.At]bool) string {
	var found []string
	for key, r := range s.runs {
		arc, ok := s.graph.Arc(key.arc)
		if !ok || !r.Failed.IsZero() {
			continue
		}
		for _, id := range arc.Writes {
			if lots[survey.At{Series: id, Lot: key.lot}] {
				found = append(found, key.arc+" is making "+key.lot.ID())
			}
		}
		inputs := s.graph.Inputs(key.arc, key.lot)
		for _, read := range arc.Reads {
			for _, in := range inputs[read.Role] {
				if lots[survey.At{Series: read.Series, Lot: in}] {
					found = append(found, key.arc+" is reading "+in.ID())
				}
			}
		}
	}
	if len(found) == 0 {
		return ""
	}
	return slices.Min(found)
}

// removed has the one that keeps the lots, if that is this replica, know at once which were removed. It returns the error of that.
func (k *Keeper) removed(ctx context.Context, a asked, dataset string, gone []lot.Lot, failed error) error {
	_ = k.ask(context.WithoutCancel(ctx), func(l *loop) error {
		if s := l.states[a.environment]; s != nil {
			for _, one := range gone { // what may not have been is counted as if it had: the next listing says how it is
				at := survey.At{Series: dataset, Lot: one}
				s.touched[at] = true
				s.saw(at, survey.Lot{Mark: plan.Mark{State: plan.Removed, Written: l.opts.Now()}})
			}
		}
		return nil
	}) // otherwise it is seen within a minute
	if failed != nil && !errors.Is(failed, asking.ErrCannot) {
		return fmt.Errorf("removing lots of %s, of which %d are removed: %w", dataset, len(gone), failed)
	}
	return failed
}

// settled says what was removed.
func (a asked) settled(r Removed, dataset string, gone []lot.Lot, data bool) Removed {
	if r.Lots = len(gone); r.Lots == 0 {
		r.First, r.Last, r.Said = lot.Lot{}, lot.Lot{}, "nothing is removed: the lots are others by now"
		return r
	}
	r.First, r.Last = gone[0], gone[len(gone)-1]
	said := r.words(dataset, "removed")
	if data {
		said += ", with the data that no other lists"
	}
	arc, made := a.graph.Arc(a.graph.Producer(dataset))
	switch {
	case !made:
		said += "; no workload makes them again"
	case arc.Stop == plan.Runs, arc.Stop == plan.Arrives:
		said += "; " + arc.ID + " makes them again, unless it is disabled"
	default:
		said += "; " + arc.ID + " is " + string(arc.Stop) + ", and does not make them again"
	}
	r.Said = said
	return r
}

// would says what would be removed.
func (r Removed) would(dataset string, data bool) string {
	said := r.words(dataset, "would be removed")
	if data {
		said += fmt.Sprintf(", and with them %d objects of data that no other lists", r.Objects)
	}
	return said
}

// words say what is or would be, such as "3 lots of orders/clean@1 are removed, 20260101P1D000 to 20260103P1D000".
func (r Removed) words(dataset, what string) string {
	be := map[bool]string{true: "is ", false: "are "}[r.Lots == 1]
	if what != "removed" {
		be = ""
	}
	text := fmt.Sprintf("%s of %s %s%s, %s", number.Count(r.Lots, "lot"), dataset, be, what, r.First.ID())
	if r.Lots > 1 {
		text += " to " + r.Last.ID()
	}
	return text
}
