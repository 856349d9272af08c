// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/arcstate"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// Begin says that a run begins, where Clusterless sees it, or returns why it must not: Clusterless is making the lot, or has made it, which
// counts unless it is asked for again. A workload without states may always begin.
func (l *Ledger) Begin(ctx context.Context, r run.Run, again bool) (why string, err error) {
	err = l.states(ctx, r, func(s states) error {
		now, err := s.current(ctx)
		if err != nil {
			return err
		}
		if why = arcstate.Start(now, again).Why(); why != "" || now.State == run.Running {
			return nil // a run of ours that did not come to its end goes on
		}
		if err := s.move(ctx, now, run.Running, arcstate.Line{Attempt: r.Attempt}); err != nil {
			return err
		}
		// Clusterless does not ask whether it is there when it writes: what is there now is what it will go by.
		if now, err = s.current(ctx); err != nil {
			return err
		}
		why = arcstate.Start(now, false).Why()
		return nil
	})
	return why, err
}

// End says what came of a run, of what is there of all that it writes.
func (l *Ledger) End(ctx context.Context, r run.Run, sinks []manifest.State, failed string) error {
	return l.states(ctx, r, func(s states) error {
		now, err := s.current(ctx)
		if err != nil {
			return err
		}
		to, outcome := arcstate.End(sinks, failed != "")
		if now.State == run.Running && !now.Ours() || !arcstate.Moves(now.State, to) {
			return nil // Clusterless is at it, or it is written already
		}
		return s.move(ctx, now, to, arcstate.Line{Attempt: r.Attempt, Outcome: outcome, Error: failed})
	})
}

// ArcStates lists how far Clusterless and Trunkline are with the lots of an arc, and reads nothing. Of two that a crash left for a lot, the
// one that was written last is told.
func (l *Ledger) ArcStates(ctx context.Context, folder string, arc arcstate.Arc) (all map[lot.Lot]run.State, err error) {
	f, err := bucket.Open(ctx, folder, l.opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last := map[lot.Lot]bucket.Object{}
	all = map[lot.Lot]run.State{}
	for o, err := range f.List(ctx, arc.Prefix()) {
		if err != nil {
			return nil, fmt.Errorf("listing the states of arcs: %w", err)
		}
		at, state, ok := arc.Parse(o.Key)
		if ok && !o.Written.Before(last[at].Written) {
			last[at], all[at] = o, state
		}
	}
	return all, nil
}

// states are those of the lot of a run.
type states struct {
	folder bucket.Folder
	arc    arcstate.Arc
	lot    lot.Lot
}

// states opens those of a run for as long as something is done with them, if it has any.
func (l *Ledger) states(ctx context.Context, r run.Run, do func(states) error) (err error) {
	if r.States == "" {
		return nil
	}
	f, err := bucket.Open(ctx, r.States, l.opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := do(states{f, arcstate.Arc(r.Arc), r.Lot}); err != nil {
		return fmt.Errorf("the state of the arc %s: %w", r.Arc.Name, err)
	}
	return nil
}

// current reads what there is, and removes what a crash in the middle of a move left.
func (s states) current(ctx context.Context) (arcstate.Object, error) {
	var all []arcstate.Object
	for o, err := range s.folder.List(ctx, s.arc.LotPrefix(s.lot)) {
		if err != nil {
			return arcstate.Object{}, err
		}
		_, state, ok := s.arc.Parse(o.Key)
		if !ok {
			continue
		}
		body, err := s.folder.Read(ctx, o.Key, maxState)
		if bucket.ClassOf(err) == bucket.NotFound {
			continue // it was moved just now
		}
		if err != nil {
			return arcstate.Object{}, err
		}
		all = append(all, arcstate.Object{State: state, Written: o.Written, Body: body})
	}
	now, left := arcstate.Current(all)
	for _, old := range left {
		if err := s.folder.Delete(ctx, s.arc.Key(s.lot, old.State)); err != nil {
			return arcstate.Object{}, err
		}
	}
	return now, nil
}

// maxState is how large an object may be: Clusterless itself moves none that has more.
const maxState = 1 << 20

// move writes the new state, and then removes the old one. After a crash both are there, and it is known which counts.
func (s states) move(ctx context.Context, from arcstate.Object, to run.State, line arcstate.Line) error {
	body, key := from.Append(line), s.arc.Key(s.lot, to)
	err := s.folder.Create(ctx, key, body)
	if bucket.ClassOf(err) == bucket.Exists {
		there, readErr := s.folder.Read(ctx, key, maxState)
		if readErr != nil || !bytes.Equal(there, body) {
			return errors.Join(err, readErr) // someone else has moved it meanwhile
		}
		err = nil
	}
	if err != nil || from.State == "" {
		return err
	}
	return s.folder.Delete(ctx, s.arc.Key(s.lot, from.State))
}
