// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// ByHand is who asks for something, how they signed on, and why.
type ByHand struct{ By, SignOn, Why string }

// Act is what a person can ask of a release.
type Act = release.Do

// The acts; see [release.Do].
const (
	Suspend   = release.Suspend
	Resume    = release.Resume
	Reconcile = release.Reconcile
	Rollback  = release.Rollback
)

// ErrNotFound reports that what was asked for is not there.
var ErrNotFound = errors.New("there is no such release")

// ErrCannot reports that what was asked for is not possible at the moment.
var ErrCannot = release.ErrRefused

// ErrUnsaved reports that a request was accepted, and could not be persisted yet.
var ErrUnsaved = errors.New("accepted but not persisted yet; lost if the daemon stops now")

// ElsewhereError reports that another replica keeps the release, so that only it can act on it.
type ElsewhereError struct {
	// Replica names it; empty while no replica has the release.
	Replica string
}

func (e *ElsewhereError) Error() string {
	if e.Replica == "" {
		return "no replica keeps the release at the moment: try again in a few seconds"
	}
	return fmt.Sprintf("the release is kept by the replica %s: ask that one", e.Replica)
}

// Is has the error count as [ErrCannot].
func (e *ElsewhereError) Is(target error) bool { return target == ErrCannot }

// Do does what a person asks for a release. It returns when that is persisted, or with [ErrUnsaved] when ctx ends before; how
// it goes is on the board.
func (r *Reconciler) Do(ctx context.Context, id catalog.ReleaseID, act Act, hand ByHand) error {
	r.mu.Lock()
	there := r.actors[id] != nil
	r.mu.Unlock()
	if there && !r.opts.Sharing.Owned(id) {
		return fmt.Errorf("cannot %s %s: %w", act, id, &ElsewhereError{Replica: r.opts.Sharing.Owner(id)})
	}
	if !there {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	ticket, reply := r.replies.expect()
	defer r.replies.forget(ticket)
	r.opts.Log.Info("asked by hand", "release", id.String(), "act", string(act), "by", hand.By, "how", hand.SignOn, "why", hand.Why)
	if !r.put(id, release.Act{ID: ticket, Do: act, By: hand.By, SignOn: hand.SignOn, Why: hand.Why}) {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	select {
	case err := <-reply:
		if errors.Is(err, release.ErrElsewhere) {
			err = &ElsewhereError{Replica: r.opts.Sharing.Owner(id)}
		}
		if err != nil {
			return fmt.Errorf("cannot %s %s: %w", act, id, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s of %s: %w", act, id, ErrUnsaved)
	}
}

// put puts an event into the mailbox of a release, if there is one. One that retires meanwhile reads it no more.
func (r *Reconciler) put(id catalog.ReleaseID, e release.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.actors[id]
	if a != nil {
		a.box.put(e)
	}
	return a != nil
}

// replies are those that someone waits for.
type replies struct {
	mu      sync.Mutex
	last    int64
	waiting map[int64]chan error
}

// expect returns the number of a new request, and where the reply to it comes.
func (r *replies) expect() (int64, <-chan error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = map[int64]chan error{}
	}
	r.last++
	reply := make(chan error, 1)
	r.waiting[r.last] = reply
	return r.last, reply
}

func (r *replies) answer(id int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reply := r.waiting[id]; reply != nil {
		reply <- err
		delete(r.waiting, id) // there is one reply
	}
}

func (r *replies) forget(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// Approve confirms what of the accepted commit waits for it in an environment, as the board shows it with a digest: that releases are
// deleted which it does not declare any more, or most of the objects of others, and changes that were not reviewed. See [status.ToApprove]; what has come to light since has to be
// approved for itself.
func (r *Reconciler) Approve(environment, digest string, hand ByHand) error {
	held, current := status.ToApprove(r.opts.Board.Snapshot().Releases, environment)
	switch {
	case len(held) == 0:
		return fmt.Errorf("%w: nothing of the accepted commit waits for an approval in the environment %q%s", ErrCannot, environment, r.elsewhere(environment))
	case digest != current:
		return fmt.Errorf("%w: what waits for an approval in the environment %q is not what was shown any more: look at the status again", ErrCannot, environment)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var removed []catalog.ReleaseID
	shrunk, unreviewed := 0, 0
	for _, h := range held {
		if h.Held.Removed() {
			removed = append(removed, h.ReleaseID)
		} else if a := r.actors[h.ReleaseID]; a != nil {
			rule := gate.Rule(h.Held.Rule)
			a.box.put(release.Approved{Digest: h.Held.Digest, Hold: rule, By: hand.By, Why: hand.Why})
			if rule == gate.Unreviewed {
				unreviewed++
			} else {
				shrunk++
			}
		}
	}
	r.removals.approve(environment, removed)
	what := fmt.Sprintf("the removal of %d releases", len(removed))
	if shrunk > 0 {
		what += fmt.Sprintf(", and most objects of %d others", shrunk)
	}
	if unreviewed > 0 {
		what += fmt.Sprintf(", and changes of %d that were not reviewed", unreviewed)
	}
	r.opts.Tell(history.Event{
		Release: catalog.ReleaseID{Environment: environment}, Kind: history.Approved, By: hand.By, SignOn: hand.SignOn, Why: hand.Why, Message: what,
	})
	r.opts.Log.Info("approved", "environment", environment, "removed", len(removed), "shrunk", shrunk, "unreviewed", unreviewed, "by", hand.By, "why", hand.Why)
	r.recount(environment)
	return nil
}

// Reviewed reports of a state of a release, as [status.Held] names it, whether it was reviewed; if not, why says how. It does nothing
// for a release that is not kept here, or that is to become something else by now.
func (r *Reconciler) Reviewed(id catalog.ReleaseID, digest, why string) {
	r.put(id, release.Reviewed{Digest: digest, Not: why})
}

// elsewhere says how many releases of an environment other replicas keep, and may have to be approved there; empty if none.
func (r *Reconciler) elsewhere(environment string) string {
	n := 0
	for _, rel := range r.opts.Board.Snapshot().Releases {
		if rel.Environment == environment && rel.Result == status.Elsewhere {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" at this replica; others keep %d of its releases: ask those", n)
}

// recount tells the releases that are to be removed from an environment how many there are. The caller holds the lock.
func (r *Reconciler) recount(environment string) {
	for id, a := range r.actors {
		if id.Environment == environment && !r.declared[id] {
			a.box.put(release.Counted{Removals: r.removals.of(id)})
		}
	}
}
