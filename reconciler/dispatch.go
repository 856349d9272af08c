package reconciler

import (
	"errors"
	"slices"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/status"
)

// dispatch hands every release its new desired state, and gives the number of those for which it is new.
func (r *Reconciler) dispatch(e *evaluate.Evaluation, rev Revision) int {
	c := e.Catalog()
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := 0
	r.platform, r.catalog = c.Name(), c
	before := r.declared
	r.declared = map[catalog.ReleaseID]bool{}
	for rel := range e.Releases() {
		r.declared[rel.ID] = true
	}
	r.removals.begin(r.declared)
	for id := range r.workers {
		if !r.declared[id] {
			r.removals.add(id)
		}
	}
	for _, rel := range inOrder(c, e.News()) {
		out, _ := e.Rendered(rel.ID)
		if r.hand(c, rev, rel, out) {
			changed++
		}
	}
	for id, w := range r.workers {
		if !r.declared[id] && r.remove(c, w, desired{commit: rev.Commit.Hash, remove: true}) {
			changed++
		}
	}
	for id := range before {
		if !r.declared[id] && r.workers[id] == nil {
			r.opts.Board.RemoveRelease(id) // it never came as far as a worker
		}
	}
	// A release may be in a cluster that no worker knows of, from before the daemon was started.
	for _, c := range r.clusters {
		c.wake()
	}
	return changed
}

// hand gives a release what is declared of it, and says whether that is new.
func (r *Reconciler) hand(c *catalog.Catalog, rev Revision, rel catalog.Release, out evaluate.Rendered) bool {
	about := func(s *status.Release) { s.Namespace, s.Owner = rel.Namespace, rel.Owner }
	if rel.Suspended {
		fresh := r.worker(rel.ID).suspend()
		r.opts.Board.SetRelease(rel.ID, about)
		return fresh
	}
	s, err := r.settingsOf(c, rel.ID)
	if err = errors.Join(out.Err, err); err != nil {
		// What runs stays as it is: only the word on the board changes.
		if w := r.workers[rel.ID]; w != nil {
			w.blocked(err, s.access)
		}
		r.opts.Board.SetRelease(rel.ID, func(s *status.Release) {
			about(s)
			s.Result, s.Message = status.Failed, err.Error()
		})
		return false
	}
	w := r.worker(rel.ID)
	r.progress.follow(w, slices.Concat(s.Sources, s.Needs))
	return w.set(desired{
		commit: rev.Commit.Hash, namespace: rel.Namespace, owner: rel.Owner, objects: out.Objects, digest: out.Objects.Digest(),
	}, s)
}

// remove asks for a release to be deleted that is not declared any more.
func (r *Reconciler) remove(c *catalog.Catalog, w *worker, d desired) bool {
	s := settings{Terms: terms.Undeclared()}
	if c != nil {
		var err error
		if s, err = r.settingsOf(c, w.id); err != nil {
			w.blocked(err, s.access)
			return false
		}
	}
	r.progress.follow(w, nil) // a removal waits for nobody
	return w.set(d, s)
}
