// SPDX-License-Identifier: Apache-2.0

// Package ledger asks stores what a run of a workload for a lot finds before it starts and leaves when it has ended, and writes the
// manifests that come of it. What these are is decided in flow/run.
//
// Of Trunkline it imports api/lot, flow/bucket, flow/manifest, flow/run and flow/store.
package ledger

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// Ledger is the stores of an environment. Its methods may be called by any goroutine.
type Ledger struct {
	opts bucket.Options
	// read is what was read of manifests that count.
	read *cache
}

// New returns a ledger of stores that are opened as the options say.
func New(opts bucket.Options) *Ledger { return &Ledger{opts, newCache()} }

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

// Look lists what there is of the lots that a run reads and writes, and reads the manifests that it is given.
func (l *Ledger) Look(ctx context.Context, r run.Run) (Standing, error) {
	out := Standing{Seen: run.Seen{Inputs: map[string][]run.Found{}}}
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
	sinks, err := l.Sinks(ctx, r, func(run.Sink) bool { return true })
	if err != nil {
		return Standing{}, err
	}
	out.There, out.Partial, err = Written(r, sinks)
	return out, err
}

// inputs finds the manifests that count of the lots of an input, in the order of the lots.
func (l *Ledger) inputs(ctx context.Context, in run.Input) (found []run.Found, damaged []string, err error) {
	entries, err := l.Entries(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	var wanted []Wanted
	why := map[lot.Lot]error{}
	for _, one := range in.Lots {
		switch counts := Counting(entries[one]); len(counts) {
		case 0:
		case 1:
			wanted = append(wanted, Wanted{counts[0].Key, counts[0].ETag})
		default: // they contradict each other
			why[one] = &store.DamagedError{Path: address(in.Place, counts[0].Key), Why: fmt.Errorf("%s says something else", counts[1].Path)}
		}
	}
	got, err := l.Read(ctx, in, wanted)
	if err != nil {
		return nil, nil, err
	}
	for i, one := range got {
		switch {
		case one.Damaged != nil:
			why[wanted[i].Key.Lot] = one.Damaged
		case one.Changed:
			return nil, nil, fmt.Errorf("%s is being changed just now: look again", address(in.Place, wanted[i].Key))
		default:
			found = append(found, one.Found)
		}
	}
	for _, one := range in.Lots {
		if why[one] != nil {
			damaged = append(damaged, why[one].Error())
		}
	}
	return found, damaged, nil
}

// Sinks lists what there is of the run's lot in those of its sinks that are asked for, by role.
func (l *Ledger) Sinks(ctx context.Context, r run.Run, which func(run.Sink) bool) (map[string][]store.Entry, error) {
	out := map[string][]store.Entry{}
	for _, sink := range r.Sinks {
		if sink.Store == "" || !which(sink) {
			continue
		}
		err := store.With(ctx, sink.Store, l.opts, func(s *store.Store) (err error) {
			out[sink.Role], err = entries(ctx, s, sink.Place, r)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// entries lists the manifests of a run's lot.
func entries(ctx context.Context, s *store.Store, p run.Place, r run.Run) (all []store.Entry, err error) {
	for e, err := range s.List(ctx, store.Of{Dataset: p.Name, Lot: r.Lot}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Written says what is listed of the sinks of a run: the manifests that count, and the addresses of what earlier attempts left. That there
// was an attempt of its name is an error.
func Written(r run.Run, sinks map[string][]store.Entry) (there map[string][]store.Entry, partial map[string][]string, err error) {
	there, partial = map[string][]store.Entry{}, map[string][]string{}
	for _, sink := range r.Sinks {
		if counts := Counting(sinks[sink.Role]); len(counts) > 0 {
			there[sink.Role] = counts
		}
		for _, e := range sinks[sink.Role] {
			switch {
			case e.Stray != nil || e.Key.State != manifest.Partial:
			case e.Key.Attempt == r.Attempt:
				return nil, nil, fmt.Errorf("there was an attempt %s at %s: name another one", r.Attempt, r.Lot)
			default:
				partial[sink.Role] = append(partial[sink.Role], address(sink.Place, e.Key))
			}
		}
	}
	return there, partial, nil
}

// Counting are those of the manifests of a lot that say that they count. Of several, none does.
func Counting(entries []store.Entry) (counts []store.Entry) {
	for _, e := range entries {
		if e.Stray == nil && e.Key.State.Counts() {
			counts = append(counts, e)
		}
	}
	return counts
}

// Fresh returns why an attempt cannot be made: something lies where it is to write.
func (l *Ledger) Fresh(ctx context.Context, r run.Run) error {
	for _, sink := range r.Sinks {
		if sink.Store == "" {
			continue
		}
		found, err := store.Objects(ctx, sink.Own(), l.opts, 1)
		if len(found) > 0 {
			return fmt.Errorf("the attempt %s at %s has been made: there is %s; name another one", r.Attempt, r.Lot, found[0].URI)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
