// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/status"
)

// UnfinishedError reports that a revision is the accepted one, and that not all releases have been handed it: they are handed
// the one that is accepted next, which may be the same again.
type UnfinishedError struct {
	Commit   string
	Problems v1alpha1.Problems
	Err      error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("commit %s is accepted, and not all releases have it yet: %s", e.Commit, e.Err.Error())
}

func (e *UnfinishedError) Unwrap() error { return e.Err }

// handover takes a revision from its evaluation to the releases: it is accepted once, and each release is handed it once. Where
// nothing that is rendered can refuse it, it is accepted before it is rendered, and a release is handed it as soon as that
// is; others have it when all are.
type handover struct {
	*Reconciler

	rev Revision
	// changed are the paths that differ from the last revision; nil if that is not known.
	changed []string
	// stop ends the evaluation.
	stop context.CancelCauseFunc
	// accepting is closed once the revision is accepted, or failed says why not; nil while it is evaluated as a whole.
	accepting chan struct{}
	failed    error
	problems  v1alpha1.Problems
	// unconfirmed are clusters that were left as they are until now.
	unconfirmed []*clusterState

	mu sync.Mutex
	// accepted is set once what is rendered may be handed out; until then it is in rendered.
	accepted bool
	catalog  *catalog.Catalog
	rendered []early
	// handed are the releases that have the revision, told counts those that had something to do, and dealt waits for them.
	handed map[catalog.ReleaseID]bool
	told   int
	dealt  sync.WaitGroup
}

// early is a release that is rendered before all are.
type early struct {
	release catalog.Release
	out     evaluate.Rendered
}

// acceptable has the revision accepted while its releases are rendered.
func (h *handover) acceptable(ctx context.Context, e *evaluate.Evaluation) {
	h.accepting = make(chan struct{})
	go func() {
		defer close(h.accepting)
		if h.failed = h.accept(ctx, e); h.failed != nil {
			h.stop(h.failed)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, one := range h.rendered {
			h.handEarly(ctx, one)
		}
		h.rendered = nil
	}()
}

// accept makes the revision the accepted one: a restart finds it from here on, whatever has been handed out.
func (h *handover) accept(ctx context.Context, e *evaluate.Evaluation) (err error) {
	rules, err := h.healthRules(e.Catalog())
	if err != nil {
		return fmt.Errorf("evaluating commit %s: %w", h.rev.Commit.Short(), err)
	}
	more, err := h.widened(ctx, e, h.changed, h.rev)
	if err != nil {
		return err
	}
	h.problems = slices.Concat(e.Problems(), more)
	if err := h.rev.intact(); err != nil {
		return err
	}
	if err := persist(ctx, h.rev); err != nil {
		return err
	}
	h.unconfirmed = h.expect(ctx, h.rev.Compare)
	h.tellWidened(h.rev, more)
	h.judgeHealthBy(e.Catalog(), rules)
	h.opts.Board.SetName(e.Catalog().Name())
	h.handing.begin()
	h.progress.begin()
	h.brief(e.Catalog())
	h.declare(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted, h.catalog = true, e.Catalog()
	return nil
}

// onRendered is called for each release that is rendered, by several goroutines.
func (h *handover) onRendered(ctx context.Context, rel catalog.Release, out evaluate.Rendered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := early{rel, out}
	if !h.accepted {
		h.rendered = append(h.rendered, one)
		return
	}
	h.handEarly(ctx, one)
}

// handEarly hands a release its state before all are rendered, unless something has to be known of others first: one that waits
// for others must not take them for being up to date that have not been told of the commit yet. The caller holds the lock.
func (h *handover) handEarly(ctx context.Context, one early) {
	rel := one.release
	if rel.Suspended || one.out.Err != nil || ctx.Err() != nil || h.rev.intact() != nil {
		return
	}
	s, err := h.settingsOf(h.catalog, rel.ID)
	if err != nil || len(s.Sources)+len(s.Needs) > 0 {
		return
	}
	h.Reconciler.mu.Lock()
	defer h.Reconciler.mu.Unlock()
	h.handing.add(rel.ID)
	h.handed[rel.ID] = true
	if h.hand(h.catalog, h.rev, rel, one.out, &h.dealt) {
		h.told++
	}
}

// finish hands the revision to all that do not have it yet. Nothing ends it half-way.
func (h *handover) finish(e *evaluate.Evaluation) {
	h.await(&h.dealt)
	h.Reconciler.accepted = e
	early := h.handing.early()
	h.told += h.dispatch(e, h.rev, early, h.handed)
	h.settle(early)
	h.nudgeAll(h.unconfirmed)
	h.current.set(h.rev.Commit.Hash, e)
	h.opts.Board.SetSource(func(s *status.Source) {
		s.Accepted = &h.rev.Commit
		if !h.rev.Behind && h.rev.Judged == nil {
			s.Head, s.Problems = &h.rev.Commit, h.problems
		}
	})
	if h.rev.Judged != nil {
		h.rev.Judged(h.problems)
	}
}

// unfinished is why not all releases were handed a revision that was accepted; err, if it was not.
func (h *handover) unfinished(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.accepted {
		return err
	}
	return &UnfinishedError{Commit: h.rev.Commit.Short(), Problems: h.problems, Err: err}
}

// UnrenderedError says that a commit was accepted, and that releases of it could not be rendered for a reason that may pass, such as
// that of a registry which does not answer.
type UnrenderedError struct{ Err error }

func (e *UnrenderedError) Error() string {
	return "the commit is accepted, and not all is rendered: " + e.Err.Error()
}

func (e *UnrenderedError) Unwrap() error { return e.Err }

func isUnrendered(err error) bool {
	_, ok := errors.AsType[*UnrenderedError](err)
	return ok
}

// passing is why releases of the accepted commit could not be rendered, if that may pass: the first one's reason.
func (r *Reconciler) passing() error {
	if r.accepted == nil {
		return nil
	}
	for rel := range r.accepted.Releases() {
		if out, ok := r.accepted.Rendered(rel.ID); ok && out.Passing() && !rel.Suspended {
			return out.Err
		}
	}
	return nil
}
