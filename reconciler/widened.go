// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/reconciler/history"
)

// widened returns what an evaluation lets projects do that the last accepted commit did not. That is told, and refuses nothing:
// whether it may be was judged in the pull request.
func (r *Reconciler) widened(ctx context.Context, e *evaluate.Evaluation, changed []string, rev Revision) (v1alpha1.Problems, error) {
	base := r.base(ctx, rev)
	if base == nil {
		return nil, nil
	}
	more, err := policy.Widened(policy.Input{Base: base, Catalog: e.Catalog(), Changed: changed, Now: r.opts.Now()})
	if err != nil {
		return nil, fmt.Errorf("comparing what projects may do with the last accepted commit: %w", err)
	}
	more = slices.Clone(more)
	for i := range more {
		more[i].Severity = v1alpha1.Warn
	}
	return more, nil
}

// base returns what the last accepted commit declares; nil if there was none, or it cannot be read any more.
func (r *Reconciler) base(ctx context.Context, rev Revision) *catalog.Catalog {
	if r.accepted != nil {
		return r.accepted.Catalog()
	}
	if rev.Base == nil {
		return nil
	}
	tree, err := rev.Base(ctx)
	if err != nil || tree == nil {
		if err != nil {
			r.opts.Log.Warn("cannot compare what projects may do with the last accepted commit", "err", err.Error())
		}
		return nil
	}
	c, _, err := catalog.Load(tree, r.opts.Library)
	if err != nil {
		r.opts.Log.Warn("cannot compare what projects may do with the last accepted commit", "err", err.Error())
		return nil
	}
	return c
}

// tellWidened puts into the log and the history what an accepted commit lets projects do that the one before did not.
func (r *Reconciler) tellWidened(rev Revision, more v1alpha1.Problems) {
	for _, p := range more {
		r.opts.Log.Warn("the commit lets projects do more than before", "commit", rev.Commit.Hash, "where", p.Position.String(), "what", p.Message)
		r.opts.Tell(history.Event{
			Kind: history.Widened, Commit: rev.Commit.Hash, By: rev.Commit.Author, Why: rev.Commit.Subject, Object: p.Position.String(), Message: p.Message,
		})
	}
}
