// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"errors"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan"
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
	return release.Settings{Terms: t, Access: release.Access{Access: access, Declared: ok}, Repository: c.SourceOfRelease(id)}, err
}

// dispatch hands every release its new desired state that does not have it yet, and returns how many were told of one. It returns
// once all have dealt with it: nobody may read that the commit is accepted and find a release as it was before. Those in early
// may have an older commit than the last one that all have.
func (r *Reconciler) dispatch(e *evaluate.Evaluation, rev Revision, early, handed map[catalog.ReleaseID]bool) int {
	removed := r.undeclared()
	c := e.Catalog()
	changed := map[catalog.ReleaseID]*render.Packed{}
	var left []catalog.Release
	for _, rel := range e.News(early) {
		if out, ok := e.Rendered(rel.ID); ok && out.Err == nil {
			changed[rel.ID] = out.Objects
		}
		if !handed[rel.ID] {
			left = append(left, rel)
		}
	}
	for _, a := range removed {
		changed[a.id] = nil
	}
	r.declarations.update(changed)
	told := 0
	for _, level := range inOrder(c, left) {
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
	return told
}

// declare makes the catalog the accepted one. Nothing that it does not declare is removed yet.
func (r *Reconciler) declare(e *evaluate.Evaluation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doubtChanged(r.catalog, e.Catalog())
	r.platform, r.catalog = e.Catalog().Name(), e.Catalog()
	before := r.declared
	r.declared = map[catalog.ReleaseID]bool{}
	for rel := range e.Releases() {
		r.declared[rel.ID] = true
	}
	r.removals.begin(r.declared)
	for id, a := range r.actors {
		if !r.declared[id] && !a.preview && r.waitsFor(id) == "" && len(r.catalog.MovedTo(id)) == 0 {
			r.removals.add(id)
		}
	}
	for id := range before {
		if !r.declared[id] && r.actors[id] == nil {
			r.opts.Board.RemoveRelease(id) // it never came as far as an actor
		}
	}
}

// undeclared returns the releases that are kept, and that the accepted commit does not declare.
func (r *Reconciler) undeclared() (actors []*actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.actors {
		if !r.declared[id] && !a.preview && r.waitsFor(id) == "" {
			actors = append(actors, a)
		}
	}
	return actors
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
	r.progress.handed(rel.ID)
	if rel.Suspended {
		r.actor(rel.ID).box.putAndTell(release.Paused{Namespace: rel.Namespace, Owner: rel.Owner}, dealt)
		return true
	}
	s, err := r.settingsOf(c, rel.ID)
	return r.handTo(identity{rel.ID, rel.Namespace, rel.Owner}, rev.Commit.Hash, s, out.Objects, errors.Join(out.Err, err), dealt)
}

// identity is a release with what people are told of it in any case.
type identity struct {
	id               catalog.ReleaseID
	namespace, owner string
}

// handTo returns a release what it renders to at a commit, or why it does not, as [Reconciler.hand] does.
func (r *Reconciler) handTo(rel identity, commit string, s release.Settings, objects *render.Packed, err error, dealt *sync.WaitGroup) bool {
	if err != nil {
		// What runs stays as it is: only what is said of it changes.
		if a := r.actors[rel.id]; a != nil {
			a.box.putAndTell(release.NotRendered{Why: err.Error(), Namespace: rel.namespace, Owner: rel.owner, Access: s.Access}, dealt)
			return false
		}
		r.opts.Board.SetRelease(rel.id, func(st *status.Release) {
			st.Namespace, st.Owner, st.Result, st.Message = rel.namespace, rel.owner, status.Failed, err.Error()
		})
		return false
	}
	a := r.actorOf(rel.id, s.Preview != plan.NoPreview)
	target := release.Target{Commit: commit, Namespace: rel.namespace, Owner: rel.owner, Objects: objects, Digest: objects.Digest()}
	r.progress.follow(a, follows{s.Sources, s.Needs}, func(sources, needs []gate.Source) {
		a.box.putAndTell(release.Declared{Target: target, Settings: s, Sources: sources, Needs: needs}, dealt)
	})
	return a.copied.Load().wanted != target.Digest
}
