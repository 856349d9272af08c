// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"errors"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// settingsOf reads what the environment of a release says about it. What was read is returned also with an error.
func (r *Reconciler) settingsOf(c *catalog.Catalog, id catalog.ReleaseID) (release.Settings, error) {
	t, err := terms.Of(c, id)
	access, ok := c.Access(id)
	if ok && access.Account == "" {
		access.Account = r.opts.DefaultServiceAccount
	}
	return release.Settings{Terms: t, Access: release.Access{Access: access, Declared: ok}}, err
}

// dispatch hands every release its new desired state, and returns how many were told of one. It returns once all have
// dealt with it: nobody may read that the commit is accepted and find a release as it was before.
func (r *Reconciler) dispatch(e *evaluate.Evaluation, rev Revision) int {
	removed, gone := r.declare(e)
	c := e.Catalog()
	changed := map[catalog.ReleaseID]*render.Packed{}
	news := e.News()
	for _, rel := range news {
		if out, ok := e.Rendered(rel.ID); ok && out.Err == nil {
			changed[rel.ID] = out.Objects
		}
	}
	for _, a := range removed {
		changed[a.id] = nil
	}
	r.declarations.update(changed)
	told := 0
	for _, level := range inOrder(c, news) {
		var dealt sync.WaitGroup
		r.mu.Lock()
		for _, rel := range level {
			out, _ := e.Rendered(rel.ID)
			if r.hand(c, rev, rel, out, &dealt) {
				told++
			}
		}
		r.mu.Unlock()
		r.await(&dealt)
	}
	var dealt sync.WaitGroup
	r.mu.Lock()
	for _, a := range removed {
		if r.actors[a.id] == a {
			r.remove(a, release.Target{Commit: rev.Commit.Hash, Remove: true}, &dealt)
			told++
		}
	}
	r.mu.Unlock()
	r.await(&dealt)
	for _, id := range gone {
		r.opts.Board.RemoveRelease(id) // it never came as far as an actor
	}
	// A release may be in a cluster that no actor knows of, from before the daemon was started.
	for _, c := range r.clusters {
		c.wake()
	}
	return told
}

// declare makes the catalog the accepted one, and returns the releases that it does not declare any more: those that are
// kept, and those of which only the board knows.
func (r *Reconciler) declare(e *evaluate.Evaluation) (removed []*actor, gone []catalog.ReleaseID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.platform, r.catalog = e.Catalog().Name(), e.Catalog()
	before := r.declared
	r.declared = map[catalog.ReleaseID]bool{}
	for rel := range e.Releases() {
		r.declared[rel.ID] = true
	}
	r.removals.begin(r.declared)
	for id, a := range r.actors {
		if !r.declared[id] {
			r.removals.add(id)
			removed = append(removed, a)
		}
	}
	for id := range before {
		if !r.declared[id] && r.actors[id] == nil {
			gone = append(gone, id)
		}
	}
	return removed, gone
}

// await waits until all have dealt with what they were told, if anybody is there to: before Run, nobody is.
func (r *Reconciler) await(dealt *sync.WaitGroup) {
	r.mu.Lock()
	running := r.keep != nil
	r.mu.Unlock()
	if !running {
		return
	}
	done := make(chan struct{})
	go func() { dealt.Wait(); close(done) }()
	select {
	case <-done:
	case <-r.stopped:
	}
}

// hand returns a release what is declared of it, and reports whether it was told of something to do. The caller holds the lock.
func (r *Reconciler) hand(c *catalog.Catalog, rev Revision, rel catalog.Release, out evaluate.Rendered, dealt *sync.WaitGroup) bool {
	if rel.Suspended {
		r.actor(rel.ID).box.putAndTell(release.Paused{Namespace: rel.Namespace, Owner: rel.Owner}, dealt)
		return true
	}
	s, err := r.settingsOf(c, rel.ID)
	if err = errors.Join(out.Err, err); err != nil {
		// What runs stays as it is: only what is said of it changes.
		if a := r.actors[rel.ID]; a != nil {
			a.box.putAndTell(release.NotRendered{Why: err.Error(), Namespace: rel.Namespace, Owner: rel.Owner, Access: s.Access}, dealt)
			return false
		}
		r.opts.Board.SetRelease(rel.ID, func(st *status.Release) {
			st.Namespace, st.Owner, st.Result, st.Message = rel.Namespace, rel.Owner, status.Failed, err.Error()
		})
		return false
	}
	a := r.actor(rel.ID)
	target := release.Target{Commit: rev.Commit.Hash, Namespace: rel.Namespace, Owner: rel.Owner, Objects: out.Objects, Digest: out.Objects.Digest()}
	r.progress.follow(a, follows{s.Sources, s.Needs}, func(sources, needs []gate.Source) {
		a.box.putAndTell(release.Declared{Target: target, Settings: s, Sources: sources, Needs: needs}, dealt)
	})
	return a.copied.Load().wanted != target.Digest
}
