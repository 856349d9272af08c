// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/webhooks/report"
)

// takeGroup queues a merge group that is to be checked.
func (e *Engine) takeGroup(g MergeGroup) error {
	e.mu.Lock()
	e.groups[g.Head] = g
	e.mu.Unlock()
	return e.queue.add(key{group: g.Head}, "")
}

// group checks a merge group: its commit is what the branch becomes, so that the check on exactly that has to pass.
func (e *Engine) group(ctx context.Context, k key) error {
	e.mu.Lock()
	g, ok := e.groups[k.group]
	e.mu.Unlock()
	if !ok {
		return nil
	}
	p := Pull{Head: Branch{Ref: g.HeadRef, SHA: g.Head}, Base: Branch{Ref: e.opts.Trunk.Branch(), SHA: g.Base}}
	s := &pullState{}
	subject := identity(p, e.opts.Trunk.Tip()+e.joint(), nil)
	if err := e.openCheck(ctx, p, s, subject, false); err != nil {
		return fmt.Errorf("opening the check of the merge group %s: %w", short(g.Head), err)
	}
	if !s.check.State.Final() || s.check.ExternalID == unknownSubject {
		r, again, err := e.examine(ctx, p, func(ctx context.Context) (report.Review, error) { return e.lookAtGroup(ctx, g) })
		if err != nil {
			return err
		}
		if err := e.conclude(ctx, p, s, subject, r); err != nil {
			return fmt.Errorf("concluding the check of the merge group %s: %w", short(g.Head), err)
		}
		if again > 0 {
			e.queue.work.AddAfter(k, again)
			return nil
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.groups, k.group)
	delete(e.heads, g.Head)
	return nil
}

// lookAtGroup evaluates a merge group. Who made and approved what is in it was judged in its pull requests.
func (e *Engine) lookAtGroup(ctx context.Context, g MergeGroup) (report.Review, error) {
	commit, err := e.opts.Repository.Commit(ctx, g.Head, g.HeadRef, nil)
	if err != nil {
		return report.Review{}, fmt.Errorf("reading the merge group %s: %w", short(g.Head), err)
	}
	c, err := e.evaluateOwn(ctx, e.opts.Trunk.Tip(), commit.Tree, nil)
	if err != nil {
		return report.Review{}, err
	}
	r, err := reviewOf(c, e.opts.Now())
	r.Merged = g.Head
	return r, err
}

// forgetGroups drops the groups that are not in the queue any more.
func (e *Engine) forgetGroups(current []MergeGroup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for head := range e.groups {
		if !slices.ContainsFunc(current, func(g MergeGroup) bool { return g.Head == head }) {
			delete(e.groups, head)
			delete(e.heads, head)
		}
	}
}
