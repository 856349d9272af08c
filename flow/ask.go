// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/report"
)

// question is the event that someone asks something, which is answered by the loop, between two steps of it.
type question struct{ answer func() }

// ask has the loop do something, which must not take long.
func (k *Keeper) ask(ctx context.Context, do func(*loop) error) error {
	l := k.running.Load()
	if l == nil {
		return asking.Errorf(asking.ErrNotYet, "this replica does not keep lots at the moment: ask the one that leads")
	}
	answer := make(chan error, 1)
	select {
	case l.events <- question{func() { answer <- do(l) }}:
		return <-answer
	case <-l.ctx.Done():
		return asking.Errorf(asking.ErrNotYet, "this replica keeps lots no longer: ask the one that leads")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// View has a look at what is known of an environment's lots as it is now. What is looked at is good until look returns, which must not
// take long: nothing is started meanwhile. It asks no store.
func (k *Keeper) View(ctx context.Context, environment string, look func(report.View) error) error {
	return k.ask(ctx, func(l *loop) error {
		s, err := l.kept(environment)
		if err != nil {
			return err
		}
		now := l.opts.Now()
		s.planner.At(now)
		return look(report.View{Graph: s.graph, Planner: s.planner, Now: now, Refused: s.refused})
	})
}

// kept is the state of an environment, once it is known what it has.
func (l *loop) kept(environment string) (*state, error) {
	s := l.states[environment]
	switch {
	case s == nil && l.catalog == nil:
		return nil, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	case s == nil:
		names := slices.Sorted(maps.Keys(l.states))
		hint := "none does"
		if len(names) > 0 {
			hint = v1alpha1.Suggest(environment, names)
		}
		return nil, asking.Errorf(asking.ErrNotFound, "there is no environment %q that keeps lots: %s", environment, hint)
	case s.planner == nil && l.upkeep[s].trouble != "":
		return nil, asking.Errorf(asking.ErrNotYet, "what %s has is not known, and nothing is started: %s", environment, l.upkeep[s].trouble)
	case s.planner == nil && len(s.fleets) == 1 && s.fleets[0].away:
		return nil, asking.Errorf(asking.ErrNotYet, "what %s has is not known, and nothing is started: it is waited for %s", environment, s.fleets[0].absence())
	case s.planner == nil, !s.heard:
		return nil, asking.Errorf(asking.ErrNotYet, "what the stores and the cluster of %s have is still being listed: try again in a few seconds", environment)
	}
	return s, nil
}
