package reconciler

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/status"
)

// Sharing says which releases are this replica's, when there are several. It is [shard.Coordinator] where there are.
type Sharing interface {
	// Begin tells that something is about to be done for a release; ok is false if it is not this replica's. Otherwise
	// the context ends when it is to be given up, and done must be called when nothing is under way any more.
	Begin(ctx context.Context, id catalog.ReleaseID) (running context.Context, done func(), ok bool)
	// Owned tells that a release is this replica's at this moment.
	Owned(id catalog.ReleaseID) bool
	// Owner names the replica that has a release, as far as that is known.
	Owner(id catalog.ReleaseID) string
}

// alone has everything: there is one replica.
type alone struct{}

func (alone) Begin(ctx context.Context, _ catalog.ReleaseID) (context.Context, func(), bool) {
	return ctx, func() {}, true
}
func (alone) Owned(catalog.ReleaseID) bool   { return true }
func (alone) Owner(catalog.ReleaseID) string { return "" }

// standBy leaves the release to another replica, and tells that there is nothing more to do for it.
func (w *worker) standBy() (gone bool) {
	w.mu.Lock()
	w.mine, w.stale = false, true
	w.known, w.desired, w.inPlace = false, nil, ""
	w.memory, w.unsaved = gate.Memory{}, false // its owner remembers
	w.phase, w.drifts, w.ill = phase{}, drifts{}, diagnosis{underWay: w.ill.underWay}
	clear(w.judged)
	w.gone = nil
	w.publish()                                 // that nothing is known of it any more
	leave := w.newest != nil && w.newest.remove // its owner deletes it
	owner := w.r.opts.Sharing.Owner(w.id)
	if !leave {
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) {
			*s = status.Release{
				ReleaseID: s.ReleaseID, Namespace: s.Namespace, Owner: s.Owner, Since: s.Since, Result: status.Elsewhere, Health: status.Unknown,
				Message: elsewhere(owner),
			}
		})
	}
	w.mu.Unlock()
	clear(w.applied)
	w.fights, w.attempted, w.lastErr = plan.Fights{}, "", nil
	return leave && w.r.leave(w)
}

func elsewhere(owner string) string {
	if owner == "" {
		return "no replica has it just now"
	}
	return fmt.Sprintf("kept by the replica %s", owner)
}

// takeOver begins with a release that was another replica's before.
func (w *worker) takeOver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mine {
		return
	}
	w.mine = true
	if w.stale {
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Result, s.Message = status.Pending, "" })
	}
}

// leave takes a worker away whose release another replica deletes.
func (r *Reconciler) leave(w *worker) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.declared[w.id] {
		return false
	}
	delete(r.workers, w.id)
	r.opts.Board.RemoveRelease(w.id)
	return true
}

// Shared has everybody look again whose releases are whose; to be called when that may have changed. It does not block.
func (r *Reconciler) Shared() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workers {
		w.signal()
	}
	for _, c := range r.clusters {
		c.outdated()
		c.wake()
	}
}
