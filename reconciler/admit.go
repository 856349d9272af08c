package reconciler

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/gate"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/plan"
	"trunkline.dev/trunkline/reconciler/status"
)

// defaultHealthTimeout is how long a release may take to become healthy.
const defaultHealthTimeout = 10 * time.Minute

// defaultMaxRemovals is how many percent of an environment's releases one commit may remove unasked.
const defaultMaxRemovals = 50

// settings are what an environment says about how its releases are kept.
type settings struct {
	drift         plan.Drift
	healthTimeout time.Duration
	rollback      bool
	schedule      gate.Schedule
	soak          time.Duration
	// sources are the releases that this one is promoted from, and needs those that it depends on.
	sources, needs []catalog.ReleaseID
	// awaited tells that others are promoted from this one, or depend on it.
	awaited bool
	// protected is set if the environment is protected; named if it lets the project go.
	protected, named bool
	maxRemovals      int
	access           access
}

// undeclared are the settings of a release whose environment is not declared any more.
func undeclared() settings {
	return settings{drift: plan.Drift{Correct: true}, healthTimeout: defaultHealthTimeout, maxRemovals: defaultMaxRemovals}
}

// settingsOf reads what the environment of a release says.
func settingsOf(c *catalog.Catalog, id catalog.ReleaseID) (settings, error) {
	env, ok := c.Environments[id.Environment]
	if !ok {
		return undeclared(), nil
	}
	s := settings{
		drift:         plan.Drift{Correct: env.Spec.Drift.Mode != v1alpha1.DriftReport, Ignore: env.Spec.Drift.Ignore},
		healthTimeout: time.Duration(env.Spec.HealthTimeout), rollback: env.Spec.Rollback, soak: time.Duration(env.Spec.Soak),
		protected: env.Spec.Protected, maxRemovals: defaultMaxRemovals,
	}
	if s.healthTimeout == 0 {
		s.healthTimeout = defaultHealthTimeout
	}
	if env.Spec.MaxRemovals != nil {
		s.maxRemovals = *env.Spec.MaxRemovals
	}
	for _, name := range env.Spec.Removals {
		s.named = s.named || name == id.Project
	}
	var err error
	if s.schedule, err = gate.NewSchedule(env.Spec); err != nil {
		return s, fmt.Errorf("environment %q: %w", id.Environment, err)
	}
	p, declared := c.Project(id.Project)
	if !declared {
		return s, nil
	}
	s.needs, s.awaited = c.Dependencies(id), c.Needed(id.Project)
	for _, other := range c.ReleasesOf(p) {
		if other.Environment == env.Spec.PromotesFrom {
			s.sources = append(s.sources, other)
		}
		s.awaited = s.awaited || c.Environments[other.Environment].Spec.PromotesFrom == id.Environment
	}
	return s, nil
}

// admit makes the newest state the one in force, unless something holds it. The caller holds the lock.
func (w *worker) admit() {
	if w.newest == nil {
		return
	}
	before := w.verdict
	w.verdict = gate.Decide(w.gateInput())
	if w.verdict.Hold == "" {
		if w.desired.same(w.newest) {
			w.desired.commit = w.newest.commit
		} else {
			w.force(w.newest)
		}
	}
	if before.Hold != w.verdict.Hold && w.verdict.Hold != "" && w.verdict.Hold != gate.Unasked {
		w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Held, Commit: w.newest.commit, Message: w.verdict.Reason})
	}
	w.publish()
	if before != w.verdict {
		held := w.held()
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Held = held })
	}
}

func (w *worker) gateInput() gate.Input {
	in := gate.Input{
		Now: w.r.opts.Now(), Commit: w.newest.commit, Digest: w.newest.digest, Remove: w.newest.remove,
		InPlace: w.inPlace, Known: w.known, Suspended: w.memory.Suspended, Failed: w.memory.Failed,
		Schedule: w.settings.schedule, Soak: w.settings.soak,
		Protected: (w.settings.protected || w.memory.Protected) && !w.settings.named,
	}
	if w.newest.remove {
		in.Removals = w.r.removals.of(w.id.Environment, w.settings.maxRemovals)
		return in
	}
	in.Sources, in.Needs = w.r.progress.of(w.settings.sources), w.r.progress.of(w.settings.needs)
	return in
}

// held says to people what holds the newest state. The caller holds the lock.
func (w *worker) held() *status.Held {
	if w.verdict.Hold == "" || w.verdict.Hold == gate.Unasked || w.newest == nil {
		return nil
	}
	h := &status.Held{
		Rule: string(w.verdict.Hold), Reason: w.verdict.Reason, Commit: w.newest.commit, Until: w.verdict.Until, Person: w.verdict.Person(),
	}
	if w.restoreErr != nil {
		h.Reason += "; what is in place is left as it is meanwhile: " + w.restoreErr.Error()
	}
	return h
}

// recheck has the gate asked again, since something that it depends on has changed.
func (w *worker) recheck() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.admit()
	w.signal()
}

// look reads what the inventory remembers of the release, once a connection. A state that is held cannot be judged
// without, and what is in place meanwhile has to be rendered from the commit that brought it.
func (w *worker) look(daemon, ctx context.Context) error {
	w.mu.Lock()
	known, nothing := w.known, w.newest == nil && !w.suspended
	w.mu.Unlock()
	if known || nothing {
		return w.restoreInPlace(ctx)
	}
	c := w.r.clusters[w.id.Cluster]
	if c == nil {
		w.mu.Lock()
		w.known = true // nothing can be in place
		w.admit()
		w.mu.Unlock()
		return nil
	}
	conn, err := w.connect(daemon, ctx, c)
	if err != nil {
		return err
	}
	if w.stale {
		if err := c.refresh(ctx, conn, w.r.platformName(), w.id); err != nil {
			return err
		}
		w.stale = false
	}
	inv, _ := c.inventory(w.id)
	w.mu.Lock()
	w.known, w.inPlace = true, inv.Digest
	if !w.unsaved {
		w.memory = inv.Memory
	}
	w.recorded, w.recordedDigest = inv.Commit, inv.Digest
	w.admit()
	w.mu.Unlock()
	return w.restoreInPlace(ctx)
}

// restoreInPlace finds out what is in place when the newest state is held and this process does not know: it renders
// the commit that brought it. What cannot be rendered to just the same is left as it is.
func (w *worker) restoreInPlace(ctx context.Context) error {
	w.mu.Lock()
	needed := w.known && w.newest != nil && w.desired == nil && w.verdict.Hold != "" && w.inPlace != "" && w.restoreErr == nil && !w.idle()
	commit, want := w.recorded, w.inPlace
	if f := w.memory.Failed; f != nil && f.Digest == want {
		// The daemon ended on the way back from what failed.
		if before, ok := w.memory.Before(want); ok {
			commit, want = before.Commit, before.Digest
		}
	}
	w.mu.Unlock()
	if !needed {
		return nil
	}
	d, err := w.r.restore(ctx, w.id, commit)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil && d.digest != want {
		err = fmt.Errorf("commit %s does not render to what is in place any more", status.Short(commit))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.restoreErr = err
		held := w.held()
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Held = held })
	case w.desired == nil && w.verdict.Hold != "":
		w.force(d)
	}
	return nil
}

// cannotLook puts on the board that the cluster cannot be asked.
func (w *worker) cannotLook(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	w.r.opts.Board.SetRelease(w.id, func(s *status.Release) {
		if s.Result, s.Message = status.Retrying, err.Error(); terminal(err) {
			s.Result = status.Failed
		}
	})
}
