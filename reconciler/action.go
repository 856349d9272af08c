package reconciler

import (
	"context"
	"errors"
	"fmt"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// ByHand is who asks for something, and why.
type ByHand struct{ By, Why string }

// Act is what a person can ask of a release.
type Act string

// The acts.
const (
	// Suspend leaves the release as it is, until it is resumed.
	Suspend Act = "suspend"
	Resume  Act = "resume"
	// Reconcile applies everything again, also a commit that is not tried again by itself.
	Reconcile Act = "reconcile"
	// Rollback goes back to the healthy state before, and does not take the present one again.
	Rollback Act = "rollback"
)

// ErrNotFound means that what somebody asked for is not there.
var ErrNotFound = errors.New("there is no such release")

// ErrCannot means that what somebody asked for cannot be done as things are; the error says why.
var ErrCannot = errors.New("not possible as things are")

// cannotError is [ErrCannot] in the words of its reason.
type cannotError struct{ reason string }

func (e *cannotError) Error() string        { return e.reason }
func (e *cannotError) Is(target error) bool { return target == ErrCannot } //nolint:errorlint // it is compared with the sentinel itself

func cannot(format string, args ...any) error { return &cannotError{fmt.Sprintf(format, args...)} }

// ErrUnsaved means that something was accepted, and could not be saved where it outlives the daemon.
var ErrUnsaved = errors.New("accepted but not persisted yet; lost if the daemon stops now")

// Do does what a person asks for a release. It returns when it is taken in and remembered, or with [ErrUnsaved] when ctx
// ends before; how it goes is on the board.
func (r *Reconciler) Do(ctx context.Context, id catalog.ReleaseID, act Act, hand ByHand) error {
	r.mu.Lock()
	w := r.workers[id]
	r.mu.Unlock()
	if w == nil {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	kind, err := w.do(act, hand)
	if err != nil {
		return fmt.Errorf("cannot %s %s: %w", act, id, err)
	}
	r.opts.Tell(history.Event{Release: id, Kind: kind, By: hand.By, Why: hand.Why})
	r.opts.Log.Info("asked by hand", "release", id.String(), "act", string(act), "by", hand.By, "why", hand.Why)
	select {
	case <-w.remembered():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s of %s: %w", act, id, ErrUnsaved)
	}
}

// remembered gives what is closed once everything is saved that has to be remembered.
func (w *worker) remembered() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.safe == nil {
		w.safe = make(chan struct{})
	}
	safe := w.safe
	if !w.unsaved && w.phase.back == nil {
		close(safe)
		w.safe = nil
	}
	return safe
}

func (w *worker) do(act Act, hand ByHand) (history.Kind, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.signal()
	switch act {
	case Suspend:
		w.memory.Suspended = &gate.ByHand{By: hand.By, Why: hand.Why, At: w.r.opts.Now().UTC()}
		w.unsaved = true
		if w.supersede != nil {
			w.supersede()
		}
		w.admit()
		w.r.opts.Board.SetRelease(w.id, w.addHealth())
		return history.Suspended, nil
	case Resume:
		if w.memory.Suspended == nil {
			return "", cannot("nobody has suspended it")
		}
		// Nobody looked after it meanwhile: whatever it was, it may be so no more.
		w.memory.Suspended, w.unsaved, w.due, w.everything = nil, true, true, true
		w.r.opts.Board.SetRelease(w.id, func(s *status.Release) { s.Result, s.Message = status.Pending, "" })
		w.admit()
		return history.Resumed, nil
	case Reconcile:
		if w.memory.Failed != nil {
			w.memory.Failed, w.unsaved = nil, true
		}
		w.due, w.everything, w.restoreErr = true, true, nil
		w.admit()
		return history.Reconcile, nil
	case Rollback:
		d := w.desired
		if d == nil || d.remove || w.idle() {
			return "", cannot("nothing of it is being kept in place")
		}
		if _, ok := w.memory.Before(d.digest); !ok {
			return "", cannot("no other state is known at which it was healthy")
		}
		w.phase.back = &gate.Failed{Commit: d.commit, Digest: d.digest, Why: "taken back " + gate.ByHand{By: hand.By, Why: hand.Why}.String()}
		return history.Rollback, nil
	default:
		return "", cannot("there is no such act")
	}
}

// Approve confirms what the accepted commit removes from an environment. The digest is that of the removals as they were
// shown; it is not compared yet.
func (r *Reconciler) Approve(environment, _ string, hand ByHand) error {
	n := r.removals.approve(environment)
	if n == 0 {
		return cannot("nothing to approve: the accepted commit removes nothing from the environment %q", environment)
	}
	r.opts.Tell(history.Event{
		Release: catalog.ReleaseID{Environment: environment}, Kind: history.Approved, By: hand.By, Why: hand.Why,
		Message: fmt.Sprintf("the removal of %d releases", n),
	})
	r.opts.Log.Info("removals approved", "environment", environment, "releases", n, "by", hand.By, "why", hand.Why)
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, w := range r.workers {
		if id.Environment == environment {
			w.recheck()
		}
	}
	return nil
}
