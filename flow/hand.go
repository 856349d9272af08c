// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// asked is what an act by hand is about. Every replica can do it: what it does is in the store, and the one that keeps the lots sees it
// there, at once if it is the same.
type asked struct {
	catalog     *catalog.Catalog
	environment string
	graph       *plan.Graph
	stores      reader
	// records is the folder in which it is written down what is asked for.
	records string
}

// about finds the environment that an act is about.
func (k *Keeper) about(environment string) (asked, error) {
	c := k.opts.Accepted()
	if c == nil {
		return asked{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	records, ok := c.Records(environment)
	if !ok {
		return asked{}, asking.Errorf(asking.ErrNotFound, "there is no environment %q that keeps lots", environment)
	}
	return asked{c, environment, plan.Of(c, environment), k.stores(), records}, nil
}

// arc is the workload that is meant by the id of a workload, or of a dataset whose lots it makes, which needs no version if it has one.
func (a asked) arc(id string) (plan.Arc, error) {
	if arc, ok := a.graph.Arc(id); ok {
		return arc, nil
	}
	var versions []string
	for _, d := range a.graph.Datasets() {
		if name, _, _ := strings.Cut(d, "@"); name == id {
			versions = append(versions, d)
		}
	}
	switch len(versions) {
	case 0:
	case 1:
		id = versions[0]
	default:
		return plan.Arc{}, asking.Errorf(asking.ErrCannot, "%s has several versions: name one of %s", id, strings.Join(versions, ", "))
	}
	if _, ok := a.graph.Series(id); ok {
		if arc, made := a.graph.Arc(a.graph.Producer(id)); made {
			return arc, nil
		}
		return plan.Arc{}, asking.Errorf(asking.ErrCannot, "no workload makes the lots of %s", id)
	}
	return plan.Arc{}, asking.Errorf(asking.ErrNotFound, "there is no workload %q that makes lots in %s: %s", id, a.environment, v1alpha1.Instead(id, a.graph.Arcs()))
}

// Retry has lots of a workload, or of the one that makes a dataset, tried again at once that have failed, those that start in a range: the
// end does not belong to it, and what is zero does not bound. It returns what comes of it, in a sentence.
func (k *Keeper) Retry(ctx context.Context, environment, id string, from, until time.Time, by acts.By) (string, error) {
	a, err := k.about(environment)
	if err != nil {
		return "", err
	}
	arc, err := a.arc(id)
	if err != nil {
		return "", err
	}
	r := acts.Retry{Workload: arc.ID, From: from, Until: until, By: by}
	var name string
	err = bucket.With(ctx, a.records, a.stores.opts, func(f bucket.Folder) error {
		name, err = acts.Ask(ctx, f, r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("writing down what is to be tried again: %w", err)
	}
	n := 0
	var disabled *acts.Disabled
	err = k.ask(ctx, func(l *loop) error {
		s, err := l.kept(environment)
		if err != nil {
			return err
		}
		s.acted = true
		if s.written.Retries == nil {
			s.written.Retries = map[string]acts.Retry{}
		}
		s.written.Retries[name] = r
		s.retry(false)
		n = s.heeded[name] // it may have been seen in the store before
		if d, is := s.written.Disabled[arc.ID]; is {
			disabled = &d
		}
		return nil
	})
	switch {
	case err != nil:
		return arc.ID + ": the lots that have failed are tried again within a minute, by the replica that keeps them", nil //nolint:nilerr // it is written down
	case n == 0:
		return arc.ID + ": no such lot has failed: there is nothing to try again", nil
	case disabled != nil:
		return fmt.Sprintf("%s: what has failed is tried again once it is enabled: it is disabled by %s", arc.ID, disabled.By), nil
	case n == 1:
		return arc.ID + ": 1 lot that failed is tried again", nil
	}
	return fmt.Sprintf("%s: %d lots that failed are tried again", arc.ID, n), nil
}

// Disable has a workload make no lots until it is enabled. Runs that are under way end as they do.
func (k *Keeper) Disable(ctx context.Context, environment, id string, by acts.By) (string, error) {
	a, err := k.about(environment)
	if err != nil {
		return "", err
	}
	arc, err := a.arc(id)
	if err != nil {
		return "", err
	}
	if arc.Stop == plan.Scheduled || arc.Stop == plan.Steady {
		return "", asking.Errorf(asking.ErrCannot, "%s is %s, and writes its lots by itself: suspend it where it is declared", arc.ID, arc.Stop)
	}
	d := acts.Disabled{Workload: arc.ID, By: by}
	err = bucket.With(ctx, a.records, a.stores.opts, func(f bucket.Folder) error { return acts.Disable(ctx, f, d) })
	if already, is := errors.AsType[*acts.DisabledError](err); is {
		return "", asking.Errorf(asking.ErrCannot, "%s", already.Error())
	}
	if err != nil {
		return "", fmt.Errorf("disabling %s: %w", arc.ID, err)
	}
	k.reread(ctx, environment, func(w *acts.Written) { w.Disabled[arc.ID] = d })
	return arc.ID + " makes no lots until it is enabled; what runs just now goes on", nil
}

// Enable has a workload make lots again that is disabled; also one that nobody declares any more.
func (k *Keeper) Enable(ctx context.Context, environment, id string, by acts.By) (string, error) {
	a, err := k.about(environment)
	if err != nil {
		return "", err
	}
	if arc, err := a.arc(id); err == nil {
		id = arc.ID
	}
	var was acts.Disabled
	err = bucket.With(ctx, a.records, a.stores.opts, func(f bucket.Folder) error {
		was, err = acts.Enable(ctx, f, id)
		return err
	})
	if errors.Is(err, acts.ErrEnabled) {
		if _, err := a.arc(id); err != nil {
			return "", err
		}
		return "", asking.Errorf(asking.ErrCannot, "%s", err.Error())
	}
	if err != nil {
		return "", fmt.Errorf("enabling %s: %w", id, err)
	}
	k.reread(ctx, environment, func(w *acts.Written) { delete(w.Disabled, id) })
	return fmt.Sprintf("%s makes lots again; it was disabled by %s", id, was.By), nil
}

// reread has what is written down by now count at once, if this replica keeps the lots.
func (k *Keeper) reread(ctx context.Context, environment string, change func(*acts.Written)) {
	_ = k.ask(ctx, func(l *loop) error {
		if s := l.states[environment]; s != nil {
			s.acted = true
			w := acts.Written{Disabled: map[string]acts.Disabled{}, Retries: s.written.Retries}
			maps.Copy(w.Disabled, s.written.Disabled)
			change(&w)
			s.heed(w, l.opts.Now())
		}
		return nil
	}) // it is written down, and seen within a minute otherwise
}

// Remove has a lot of a dataset count no longer: its manifest is retired, with who did it and why. Its data stay. It returns what comes
// of it, in a sentence: as a rule the lot is made again.
func (k *Keeper) Remove(ctx context.Context, environment, dataset string, l lot.Lot, by acts.By) (string, error) {
	a, err := k.about(environment)
	if err != nil {
		return "", err
	}
	p, err := a.places(dataset)
	if err != nil {
		return "", err
	}
	if p.unit != l.Unit {
		return "", asking.Errorf(asking.ErrNotFound, "%s is no lot of %s, whose lots are %s", l, dataset, p.unit)
	}
	of := store.Of{Dataset: p.of, Lot: l}
	removed, err := retire(ctx, a.stores, p.manifests, p.data, of, "removed by "+words(by))
	if err != nil {
		return "", fmt.Errorf("removing %s of %s: %w", l, dataset, err)
	}
	if removed == 0 {
		return "", asking.Errorf(asking.ErrCannot, "%s of %s is not there: there is nothing to remove", l, dataset)
	}
	disabled := k.look(ctx, a, dataset, p.manifests, of)
	what := fmt.Sprintf("%s of %s counts no longer; ", l, dataset)
	arc, made := a.graph.Arc(a.graph.Producer(dataset))
	switch {
	case !made:
		return what + "no workload makes it again", nil
	case disabled:
		return what + "it is made again once " + arc.ID + " is enabled", nil
	case arc.Stop == plan.Arrives:
		return what + arc.ID + " makes it again of what has arrived; disable that first if it is not to", nil
	case arc.Stop != plan.Runs:
		return what + arc.ID + " is " + string(arc.Stop) + ", and does not make it again", nil
	}
	return what + arc.ID + " makes it again; disable that first if it is not to", nil
}

// words say who asks, and why, for a manifest.
func words(by acts.By) string {
	if by.Why == "" {
		return by.By
	}
	return by.By + ": " + by.Why
}

// retire retires the manifests of a lot that count, and returns how many.
func retire(ctx context.Context, r reader, location, data string, of store.Of, why string) (n int, err error) {
	err = store.With(ctx, location, r.opts, func(s *store.Store) error {
		var counts []store.Entry
		for e, err := range s.List(ctx, of) {
			if err != nil {
				return err
			}
			if e.Stray == nil && e.Key.State.Counts() {
				counts = append(counts, e)
			}
		}
		for _, e := range counts {
			if err := s.Retire(ctx, e, data, why); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// look has the one that keeps the lots, if that is this replica, know at once what there is of a lot. It reports whether the workload is
// disabled that makes it, as far as is known here.
func (k *Keeper) look(ctx context.Context, a asked, dataset, location string, of store.Of) (stopped bool) {
	if entries, err := a.stores.one(ctx, location, of); err == nil {
		_ = k.ask(ctx, func(l *loop) error {
			if s := l.states[a.environment]; s != nil {
				s.noticed(survey.At{Series: dataset, Lot: of.Lot}, survey.Fold(entries))
			}
			return nil
		}) // otherwise it is seen within a minute
	}
	w, err := a.stores.written(ctx, a.records)
	return err == nil && slices.ContainsFunc(disabled(w), func(h plan.Hold) bool { return h.Of == a.graph.Producer(dataset) })
}
