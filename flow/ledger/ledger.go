// SPDX-License-Identifier: Apache-2.0

// Package ledger asks stores what a run of a workload for a lot finds before it starts and leaves when it has ended, and writes the
// manifests that come of it. What these are is decided in flow/run.
//
// Of Trunkline it imports api/lot, flow/bucket, flow/manifest, flow/run and flow/store.
package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// atOnce is how many lots are looked at at a time.
const atOnce = 16

// Ledger is the stores of an environment.
type Ledger struct{ opts bucket.Options }

// New returns a ledger of stores that are opened as the options say.
func New(opts bucket.Options) *Ledger { return &Ledger{opts} }

// Standing is what the stores have of the lots of a run.
type Standing struct {
	run.Seen
	// There are the manifests of the lot that count, by the role of the sink.
	There map[string][]store.Entry
	// Damaged are the manifests that say that they count, and do not.
	Damaged []string
}

// State is how far the workload is with the lot: it is complete if each sink has it.
func (s Standing) State(r run.Run) run.State {
	state := run.Complete
	for _, sink := range r.Sinks {
		if sink.Store != "" && len(s.There[sink.Role]) == 0 {
			state = run.Missing
		}
	}
	if state == run.Missing && len(s.Partial) > 0 {
		return run.Partial
	}
	return state
}

// Look reads what there is of the lots that a run reads and writes.
func (l *Ledger) Look(ctx context.Context, r run.Run) (Standing, error) {
	out := Standing{Seen: run.Seen{Inputs: map[string][]run.Found{}, Partial: map[string][]string{}}, There: map[string][]store.Entry{}}
	for _, in := range r.Inputs {
		if in.Store == "" {
			continue
		}
		found, damaged, err := l.inputs(ctx, in)
		if err != nil {
			return Standing{}, err
		}
		out.Damaged = append(out.Damaged, damaged...)
		if len(found) > 0 {
			out.Inputs[in.Role] = found
		}
	}
	for _, sink := range r.Sinks {
		if sink.Store == "" {
			continue
		}
		if err := l.sink(ctx, r, sink, &out); err != nil {
			return Standing{}, err
		}
	}
	return out, nil
}

// sink notes what there is of the run's lot in a sink.
func (l *Ledger) sink(ctx context.Context, r run.Run, sink run.Sink, out *Standing) error {
	return store.With(ctx, sink.Store, l.opts, func(s *store.Store) error {
		for e, err := range s.List(ctx, store.Of{Dataset: sink.Name, Lot: r.Lot}) {
			switch {
			case err != nil:
				return err
			case e.Stray != nil:
			case e.Key.State.Counts():
				out.There[sink.Role] = append(out.There[sink.Role], e)
			case e.Key.State == manifest.Partial && e.Key.Attempt == r.Attempt:
				return fmt.Errorf("there was an attempt %s at %s: name another one", r.Attempt, r.Lot)
			case e.Key.State == manifest.Partial:
				out.Partial[sink.Role] = append(out.Partial[sink.Role], s.Location()+e.Path)
			}
		}
		return nil
	})
}

// inputs finds the manifests that count of the lots of an input, in the order of the lots.
func (l *Ledger) inputs(ctx context.Context, in run.Input) (found []run.Found, damaged []string, err error) {
	each := make([]*run.Found, len(in.Lots))
	broken := make([]string, len(in.Lots))
	err = store.With(ctx, in.Store, l.opts, func(s *store.Store) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for i, one := range in.Lots {
			group.Go(func() error {
				m, err := counting(ctx, s, in, one)
				if bad, ok := errors.AsType[*store.DamagedError](err); ok {
					broken[i], err = bad.Error(), nil
				}
				each[i] = m
				return err
			})
		}
		return group.Wait()
	})
	for i := range each {
		if each[i] != nil {
			found = append(found, *each[i])
		}
		if broken[i] != "" {
			damaged = append(damaged, broken[i])
		}
	}
	return found, damaged, err
}

// counting reads the manifest of a lot that counts; nil if there is none.
func counting(ctx context.Context, s *store.Store, in run.Input, one lot.Lot) (*run.Found, error) {
	var counts []store.Entry
	for e, err := range s.List(ctx, store.Of{Dataset: in.Name, Lot: one}) {
		if err != nil {
			return nil, err
		}
		if e.Stray == nil && e.Key.State.Counts() {
			counts = append(counts, e)
		}
	}
	switch len(counts) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, &store.DamagedError{Path: s.Location() + counts[0].Path, Why: fmt.Errorf("%s says something else", counts[1].Path)}
	}
	m, err := s.Read(ctx, counts[0].Key, in.Location)
	if err != nil {
		return nil, err
	}
	return &run.Found{Lot: one, Manifest: m}, nil
}

// Fresh returns why an attempt cannot be made: something lies where it is to write.
func (l *Ledger) Fresh(ctx context.Context, r run.Run) error {
	for _, sink := range r.Sinks {
		if sink.Store == "" {
			continue
		}
		at := sink.Attempt
		if sink.Table() {
			at = sink.Returns()
		}
		found, err := store.Objects(ctx, at, l.opts, 1)
		if len(found) > 0 {
			return fmt.Errorf("the attempt %s at %s has been made: there is %s; name another one", r.Attempt, r.Lot, found[0].URI)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Left reads what a run has left at each of its sinks.
func (l *Ledger) Left(ctx context.Context, r run.Run) (map[string]run.Left, error) {
	out := map[string]run.Left{}
	for _, sink := range r.Sinks {
		if sink.Store == "" {
			continue
		}
		left, err := l.objects(ctx, sink)
		if err != nil {
			return nil, err
		}
		if left.Returned, err = l.returned(ctx, sink); err != nil {
			return nil, err
		}
		out[sink.Role] = left
	}
	return out, nil
}

// objects lists what a run left at a sink; of a table nothing can be listed.
func (l *Ledger) objects(ctx context.Context, sink run.Sink) (left run.Left, err error) {
	if sink.Table() {
		return run.Left{}, nil
	}
	found, err := store.Objects(ctx, sink.Attempt, l.opts, run.MaxObjects+1)
	if err != nil && !errors.Is(err, store.ErrMore) {
		return run.Left{}, err
	}
	for _, o := range found {
		left.Objects = append(left.Objects, o.URI)
	}
	return left, nil
}

// maxReturned is how many manifests of a program are read: more than one cannot be true.
const maxReturned = 10

// returned reads the manifests that a program left itself.
func (l *Ledger) returned(ctx context.Context, sink run.Sink) (back []run.Returned, err error) {
	err = store.With(ctx, sink.Returns(), l.opts, func(s *store.Store) error {
		for e, err := range s.List(ctx, store.Of{}) {
			if err != nil || len(back) == maxReturned {
				return err
			}
			one := run.Returned{Path: e.Path, Key: e.Key, Damaged: e.Stray}
			if e.Stray == nil {
				one.Manifest, err = s.Read(ctx, e.Key, sink.Attempt)
				if bad, ok := errors.AsType[*store.DamagedError](err); ok {
					one.Damaged, err = bad.Why, nil
				}
			}
			if err != nil {
				return err
			}
			back = append(back, one)
		}
		return nil
	})
	return back, err
}

// Publish writes the manifests of an outcome. What counted before is retired first, of each sink, so that a crash leaves either of them
// or a lot that is to be made; why says so to people. What has come to count meanwhile stays.
func (l *Ledger) Publish(ctx context.Context, out run.Outcome, there map[string][]store.Entry, why string) error {
	for _, made := range out.Sinks {
		if made.Manifest == nil {
			continue
		}
		err := store.With(ctx, made.Store, l.opts, func(s *store.Store) error {
			if err := retire(ctx, s, made, there[made.Role], why); err != nil {
				return err
			}
			return s.Write(ctx, made.Key, *made.Manifest)
		})
		if _, taken := errors.AsType[*store.ConflictError](err); taken {
			return fmt.Errorf("someone else has made %s of %s meanwhile, which counts; what this run wrote does not: %w", made.Key.Lot, made.ID, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// retire has what counted before the run count no more, if what it made is to count. A lot is complete or empty, and these are two places:
// that one of them is free says nothing of the other.
func retire(ctx context.Context, s *store.Store, made run.Made, before []store.Entry, why string) error {
	if !made.Key.State.Counts() {
		return nil
	}
	for _, old := range before {
		if err := s.Retire(ctx, old, made.Location, why); err != nil {
			return err
		}
	}
	for e, err := range s.List(ctx, store.Of{Dataset: made.Name, Lot: made.Key.Lot}) {
		if err != nil {
			return err
		}
		if e.Stray == nil && e.Key.State.Counts() && e.Key != made.Key {
			return &store.ConflictError{Path: s.Location() + e.Path, Have: []byte(e.Key.State), Want: []byte(made.Key.State)}
		}
	}
	return nil
}
