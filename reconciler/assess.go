package reconciler

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// phase is how far the state in force has come.
type phase struct {
	// applied is when all of it was applied; zero before.
	applied time.Time
	// sick is since when it is not healthy; zero while it is.
	sick time.Time
	// wrote tells that something was applied for it, by this process.
	wrote bool
	// healthy tells that it was healthy once.
	healthy bool
	// failure says why it has failed; empty if it has not.
	failure string
	// told tells that the failure was told of.
	told bool
	// back asks for the state before, in the words of who asked.
	back *gate.Failed
}

// counts tells that the health of the state in force is to be judged: all of it was applied, or what was is waited for. The
// caller holds the lock.
func (w *worker) counts() bool { return !w.phase.applied.IsZero() || w.waiting }

// observe takes in the health of the state in force. The caller holds the lock.
func (w *worker) observe(health status.Health, message string) (status.Health, string) {
	now := w.r.opts.Now()
	p := &w.phase
	if !w.counts() {
		return health, message
	}
	if p.sick.After(now) {
		p.sick = now // the clock was set back
	}
	switch health {
	case status.Healthy:
		if p.applied.IsZero() {
			break // a wave is there, and the next has not begun
		}
		p.sick, p.failure, p.told = time.Time{}, "", false
		if !p.healthy {
			p.healthy = true
			w.mark(now)
		}
	default:
		if p.sick.IsZero() {
			p.sick = now
		}
		if health == status.Unhealthy {
			p.failure = message
		} else if !now.Before(p.sick.Add(w.settings.HealthTimeout)) {
			health, message = status.Unhealthy, fmt.Sprintf("not healthy for %s: %s", w.settings.HealthTimeout, message)
			p.failure = message
		}
	}
	if p.failure != "" && !p.told {
		p.told = true
		w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Unhealthy, Commit: w.desired.commit, Message: p.failure})
	}
	return health, message
}

// mark remembers that the state in force is healthy, where somebody may ask: those who wait for it, and who goes back
// to it.
func (w *worker) mark(now time.Time) {
	d := w.desired
	next := w.memory.Mark(gate.Mark{Commit: d.commit, Digest: d.digest, Since: now.UTC().Truncate(time.Second)})
	if w.phase.wrote && (len(w.memory.Healthy) == 0 || w.memory.Healthy[0].Digest != d.digest) {
		w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Healthy, Commit: d.commit})
	}
	if f := next.Failed; f != nil && f.Digest == d.digest {
		next.Failed = nil
	}
	w.memory, w.unsaved = next, w.unsaved || (w.settings.Rollback || w.settings.Awaited) && next.String() != w.memory.String()
}

// publish tells those who wait for this release how far it is. The caller holds the lock.
func (w *worker) publish() {
	if !w.settings.Awaited {
		return
	}
	current := w.renderErr == nil && !w.idle() && w.newest != nil && !w.newest.remove && w.desired.same(w.newest) && !w.phase.applied.IsZero()
	var since time.Time
	if current && w.phase.sick.IsZero() && w.phase.healthy && len(w.memory.Healthy) > 0 && w.memory.Healthy[0].Digest == w.desired.digest {
		since = w.memory.Healthy[0].Since
	}
	w.r.progress.set(w.id, current, since)
}

// assess goes back to an older state if the one in force has failed, saves what has to be remembered, and says when
// to look again at the latest; the zero time if only an event can change anything.
func (w *worker) assess(daemon, ctx context.Context, retryAt time.Time) time.Time {
	w.mu.Lock()
	w.giveUp()
	back, unsaved := w.phase.back, w.unsaved && w.known
	w.mu.Unlock()
	if back != nil {
		w.goBack(ctx, *back)
	}
	if unsaved || back != nil {
		if err := w.save(daemon, ctx); err != nil && ctx.Err() == nil {
			w.r.opts.Log.Warn("cannot save what is remembered of a release", "release", w.id.String(), "err", err.Error())
			retryAt = earliest(retryAt, w.r.opts.Now().Add(lastRetry))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle() {
		return time.Time{}
	}
	look := w.diagnose(daemon)
	var deadline time.Time
	if p := w.phase; !p.sick.IsZero() && p.failure == "" && w.counts() {
		deadline = p.sick.Add(w.settings.HealthTimeout)
	}
	return earliest(retryAt, deadline, look, w.verdict.Until, w.dampedUntil, w.askAt)
}

// giveUp asks for the state before if the one in force has failed, was never healthy, and the environment wants that.
// The caller holds the lock.
func (w *worker) giveUp() {
	d, p := w.desired, &w.phase
	if d == nil || d.remove || w.idle() || !w.settings.Rollback || p.failure == "" || p.healthy || p.back != nil {
		return
	}
	for _, m := range w.memory.Healthy {
		if m.Digest == d.digest {
			return // it was healthy once: what made it sick is not the commit
		}
	}
	if _, ok := w.memory.Before(d.digest); ok {
		p.back = &gate.Failed{Commit: d.commit, Digest: d.digest, Why: p.failure}
	}
}

// goBack makes the last healthy state before the one that failed the one in force.
func (w *worker) goBack(ctx context.Context, failed gate.Failed) {
	w.mu.Lock()
	to, ok := w.memory.Before(failed.Digest)
	w.mu.Unlock()
	if !ok {
		return
	}
	d, err := w.r.past.restore(ctx, w.id, to.Commit)
	if ctx.Err() != nil {
		return // the release was handed over, or the daemon ends: that says nothing of the commit
	}
	if err == nil && d.digest != to.Digest {
		err = fmt.Errorf("commit %s does not render to what was healthy any more", status.Short(to.Commit))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.desired == nil || w.desired.digest != failed.Digest || w.phase.back == nil {
		return // something newer has come
	}
	w.phase.back = nil
	if err != nil {
		w.settings.Rollback = false // until the next commit: it cannot be done
		w.restoreErr = fmt.Errorf("cannot go back to commit %s: %w", status.Short(to.Commit), err)
		w.r.opts.Log.Warn("cannot roll back", "release", w.id.String(), "to", to.Commit, "err", err.Error())
		return
	}
	w.memory.Failed, w.unsaved = &failed, true
	w.r.opts.Log.Warn("rolling back", "release", w.id.String(), "from", failed.Commit, "to", to.Commit, "why", failed.Why)
	w.r.opts.Tell(history.Event{Release: w.id, Kind: history.Rollback, Commit: to.Commit, Message: fmt.Sprintf("from %s: %s", status.Short(failed.Commit), failed.Why)})
	w.force(d)
	w.admit()
}

// save writes what has to be remembered to the inventory.
func (w *worker) save(daemon, ctx context.Context) error {
	c := w.r.clusters[w.id.Cluster]
	if c == nil {
		return &unknownClusterError{name: w.id.Cluster}
	}
	conn, err := w.connect(daemon, ctx, c)
	if err != nil {
		return err
	}
	w.mu.Lock()
	memory, d := w.memory, w.desired
	w.mu.Unlock()
	inv, recorded := c.inventory(w.id)
	if !recorded {
		inv = cluster.Inventory{Platform: w.r.platformName(), Release: w.id}
		if d != nil {
			inv.Namespace = d.namespace
		}
	}
	inv.Memory = memory
	if err := conn.Record(ctx, inv); err != nil {
		return err
	}
	c.setInventory(inv)
	w.saved(memory)
	return nil
}

// saved takes in that something was written to the inventory.
func (w *worker) saved(memory gate.Memory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if memory.String() == w.memory.String() {
		w.unsaved = false
	}
	if w.safe != nil && !w.unsaved && w.phase.back == nil {
		close(w.safe)
		w.safe = nil
	}
}
