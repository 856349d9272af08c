// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// sighting is what was found of a workspace, with what lets us in.
type sighting struct {
	found

	at     time.Time
	token  string
	podUID string
	// act is what is to be done about it.
	act plans.Act
}

// kept is the last sighting of a workspace for requests, which one at a time renews.
type kept struct {
	sighting

	once sync.Mutex
}

// look finds out how a workspace is. With server, one that starts is asked whether it answers.
func (k *Keeper) look(ctx context.Context, c *catalog.Catalog, f found, server bool) (sighting, error) {
	s := sighting{found: f, at: k.opts.Now()}
	p, err := f.pod(ctx)
	if err != nil {
		return s, err
	}
	s.podUID = p.uid
	facts := plans.Facts{Wanted: f.wanted, Woken: f.woken, Stopped: f.stopped, Pod: p.there, Active: k.lastUse(f)}
	if f.wanted && p.running {
		facts.Answers = true
		if server {
			if s.token, err = f.token(ctx); err != nil {
				return s, err
			}
			use, err := f.ask(ctx, s.token, k.limit)
			if facts.Answers = err == nil; err != nil {
				s.Why = "its server does not answer yet"
				k.opts.Log.Debug("the server of a workspace does not answer", "workspace", f.Name, "err", err.Error())
			} else {
				facts.Busy = use.busy
				if use.busy { // so that it is known when it was, if it does not answer for a moment
					use.last = k.opts.Now()
				}
				facts.Active = k.use(f, use.last)
			}
		}
	}
	if server || !facts.Answers { // who does not ask does not know
		facts.Silent = k.silence(f, facts.Answers)
	}
	set, _ := setup(c, f)
	var act plans.Act
	var why string
	s.Phase, act, why = plans.Step(facts, set, k.opts.Now())
	if why != "" {
		s.Why = why
	} else if s.Phase == plans.Starting && p.why != "" {
		s.Why = p.why
	}
	if facts.Active.After(s.Used) {
		s.Used = facts.Active
	}
	if s.Phase == plans.Running || s.Phase == plans.Idle {
		s.StopsAt = s.Used.Add(set.Idle)
	}
	s.act = act
	return s, nil
}

// lastUse is when a workspace was used last, as far as it is known here.
func (k *Keeper) lastUse(f found) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at := k.active[string(f.uid)]; at.After(f.active) {
		return at
	}
	return f.active
}

// silence keeps since when the server of a workspace that is to run does not answer, as far as it is known here; the zero time if it does.
func (k *Keeper) silence(f found, answers bool) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := string(f.uid)
	if answers || !f.wanted {
		delete(k.silent, id)
		return time.Time{}
	}
	if k.silent[id].IsZero() {
		k.silent[id] = k.opts.Now()
	}
	return k.silent[id]
}

// use keeps when a workspace was used last. What its server says is bounded by the time of day: it is code of others.
func (k *Keeper) use(f found, at time.Time) time.Time {
	if now := k.opts.Now(); at.After(now) {
		at = now
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if last := k.active[string(f.uid)]; at.Before(last) {
		at = last
	}
	k.active[string(f.uid)] = at
	return at
}

// Run stops and removes what is over until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		if err := k.sweep(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, asking.ErrNotYet) {
			k.opts.Log.Warn("workspaces that are not used may go on", "err", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// sweep looks at each workspace once.
func (k *Keeper) sweep(ctx context.Context) error {
	c, all, err := k.all(ctx)
	if err != nil {
		return err
	}
	for _, f := range all {
		err = errors.Join(err, k.tend(ctx, c, f))
	}
	k.forget(all)
	return err
}

// tend does what is to be done about a workspace.
func (k *Keeper) tend(ctx context.Context, c *catalog.Catalog, f found) error {
	if set, declared := setup(c, f); declared && set.KeepVolume != f.keeps {
		return f.keep(ctx, set.KeepVolume) // the cluster has to know it before the workspace goes
	}
	s, err := k.look(ctx, c, f, true)
	if err != nil {
		return err
	}
	switch s.act {
	case plans.Stop:
		return k.stop(ctx, f, asking.By{}, s.Why)
	case plans.Remove:
		err := f.remove(ctx, f.version)
		if apierrors.IsConflict(err) {
			return nil // it was woken meanwhile
		}
		if err == nil {
			k.opts.Happened(Happened{Workspace: f.Workspace, Said: "deleted: " + s.Why})
		}
		return err
	case plans.Nothing:
		if used := k.lastUse(f); used.Sub(f.active) >= noteEvery {
			return f.change(ctx, note(plans.AnnotationActive, used.UTC().Format(time.RFC3339)))
		}
	}
	return nil
}

// forget drops what is known of workspaces that are gone.
func (k *Keeper) forget(all []found) {
	there := map[string]bool{}
	for _, f := range all {
		there[string(f.uid)] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	gone := func(uid string, _ time.Time) bool { return !there[uid] }
	maps.DeleteFunc(k.active, gone)
	maps.DeleteFunc(k.silent, gone)
	maps.DeleteFunc(k.seen, func(_ string, s *kept) bool { return !there[string(s.uid)] })
}
