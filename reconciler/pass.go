// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"

	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/status"
)

// pass hands an event of a release that an agent keeps to the agent, as a part of what it is to know. Nothing is decided here.
func (a *actor) pass(c *clusterState, e release.Event) {
	if a.passed == nil {
		a.passed = a.handOver()
	}
	switch e := e.(type) {
	case release.Act:
		if !a.r.opts.Sharing.Owned(a.id) {
			a.r.replies.answer(e.ID, release.ErrElsewhere)
			return
		}
		c.desk.Act(agent.Act{ID: a.id, Asked: e})
		return
	case release.Declared:
		if !e.Target.Remove {
			a.gone.Store(false)
		}
		a.passed.Told(e)
	default:
		a.passed.Told(e) // the agent sees for itself what others are about
	}
	b := a.passed
	if b.Target != nil || b.Paused != nil || b.Unrendered != nil {
		c.desk.File(*b)
	}
	next := &snapshot{}
	if t := b.Target; t != nil && !t.Remove && b.Unrendered == nil {
		next.wanted = t.Digest
	}
	a.copied.Store(next)
	a.r.showPassed(c, a)
	if a.gone.Load() && b.Key() == agent.Removing {
		if a.retired = a.r.retirePassed(a); a.retired {
			c.desk.Discard(a.id, false)
		}
	}
}

// handOver ends keeping the release here, and returns what an agent has to know of it.
func (a *actor) handOver() *agent.Brief {
	s := a.state
	a.cancel()
	a.state, a.wakeAt = release.New(a.id), noTime
	b := &agent.Brief{ID: a.id}
	if s.Newest != nil {
		b.Told(release.Declared{Target: *s.Newest, Settings: s.Settings, Sources: s.Sources, Needs: s.Needs, Removals: s.Removals})
	}
	if s.Suspended {
		b.Told(release.Paused{})
	}
	if s.RenderErr != "" {
		b.Told(release.NotRendered{Why: s.RenderErr, Access: s.Settings.Access})
	}
	return b
}

// back keeps the release here again that an agent kept.
func (a *actor) back(ctx context.Context) {
	if a.passed == nil {
		return
	}
	b := a.passed
	a.passed = nil
	var events []release.Event
	a.r.progress.now(a, func(f follows) {
		events = b.News(nil, a.r.progress.of(f.sources), a.r.progress.of(f.needs))
	})
	for _, e := range append(events, a.ownership()) {
		a.step(ctx, e)
	}
}

// discard has the desk know nothing of a release that is not kept here any more; the agent goes on with it.
func (a *actor) discard() {
	if c := a.r.clusters.get(a.id.Cluster); a.passed != nil && c != nil && c.desk != nil {
		c.desk.Discard(a.id, false)
	}
}

// showPassed puts what the agent says of a release on the board: what it says of an older state than it was told last is not how
// the release is.
func (r *Reconciler) showPassed(c *clusterState, a *actor) {
	c.showing.Lock()
	defer c.showing.Unlock()
	r.mu.Lock()
	kept := r.actors[a.id] == a
	r.mu.Unlock()
	if !kept {
		return
	}
	if !r.opts.Sharing.Owned(a.id) {
		r.show(a.id, status.Release{Result: status.Elsewhere, Health: status.Unknown, Message: release.KeptBy(r.opts.Sharing.Owner(a.id))})
		return
	}
	s, current, known := c.desk.Standing(a.id)
	if current {
		r.show(a.id, s.Shown)
		r.progress.set(a.id, s.Progress.Current, s.Progress.HealthySince)
		return
	}
	shown := s.Shown
	if !known {
		shown.Health = status.Unknown
	}
	shown.Result, shown.Message = status.Pending, "the agent of the cluster has not taken the newest commit yet"
	r.show(a.id, shown)
	r.progress.set(a.id, false, noTime)
}

// retirePassed takes an actor away whose release the agent has removed, unless someone has said something to it meanwhile.
func (r *Reconciler) retirePassed(a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.actors[a.id] != a {
		return true // it was forgotten
	}
	if r.declares(a.id) || !a.box.empty() {
		return false // which is dealt with, and it is looked at again
	}
	delete(r.actors, a.id)
	r.progress.forget(a)
	r.opts.Board.RemoveRelease(a.id)
	return true
}
