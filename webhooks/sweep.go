// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// overlap is how far a sweep looks back before the one before: clocks differ, and what was closed meanwhile must not be missed.
const overlap = 10 * time.Minute

// sweep looks at all open pull requests, at the start and from time to time: that makes up for events that never came, and
// for everything that was lost when the daemon ended.
func (e *Engine) sweep(ctx context.Context) {
	since := e.opts.Now().Add(-followFor)
	wait := time.NewTimer(0)
	defer wait.Stop()
	retry := firstRetry
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-e.sweeps:
		}
		began := e.opts.Now()
		if err := e.sweepOnce(ctx, since); err != nil {
			if ctx.Err() == nil {
				e.opts.Log.Warn("cannot list the pull requests; it is tried again", "err", err.Error())
			}
			wait.Reset(retry)
			retry = min(2*retry, e.opts.Poll)
			continue
		}
		since, retry = began.Add(-overlap), firstRetry
		wait.Reset(e.opts.Poll)
	}
}

// sweepOnce puts everything into the queue that may have something to do.
func (e *Engine) sweepOnce(ctx context.Context, since time.Time) error {
	if err := e.survey(ctx); err != nil {
		e.opts.Log.Warn("not all previews are known; no new ones are made", "err", err.Error())
	}
	open, err := e.opts.Forge.OpenPulls(ctx)
	if err != nil {
		return fmt.Errorf("listing the open pull requests: %w", err)
	}
	closed, err := e.opts.Forge.ClosedPulls(ctx, since)
	if err != nil {
		return fmt.Errorf("listing the closed pull requests: %w", err)
	}
	var groups []MergeGroup
	if branch := e.opts.Trunk.Branch(); branch != "" {
		if groups, err = e.opts.Forge.MergeGroups(ctx, branch); err != nil {
			return fmt.Errorf("listing the merge queue: %w", err)
		}
	}
	comments, err := e.opts.Forge.CommentsSince(ctx, since)
	if err != nil {
		return fmt.Errorf("listing the comments: %w", err)
	}
	e.seeImages(open)
	if err := e.tidy(ctx, open); err != nil {
		return err
	}
	for _, c := range comments {
		if c.Ours || len(commandsIn(c.Body)) == 0 {
			continue
		}
		e.state(c.Number).commented.Store(true)
		if err := e.queue.add(key{pull: c.Number}, ""); err != nil {
			return err
		}
	}
	e.forgetEnded(closed)
	e.forgetGroups(groups)
	for _, g := range groups {
		if err := e.takeGroup(g); err != nil {
			return err
		}
	}
	for _, p := range open {
		if err := e.queue.add(key{pull: p.Number}, p.Head.SHA); err != nil {
			return err
		}
	}
	for _, p := range closed {
		if err := e.queue.add(key{pull: p.Number}, ""); err != nil {
			return err
		}
	}
	return nil
}

// forgetEnded drops the pull requests that there is nothing to do for, but those that this sweep looks at: they would be looked for
// at the forge again.
func (e *Engine) forgetEnded(closed []Pull) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for number, s := range e.pulls {
		if s.ended.Load() && !slices.ContainsFunc(closed, func(p Pull) bool { return p.Number == number }) {
			delete(e.pulls, number)
		}
	}
}
