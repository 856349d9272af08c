// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Newer returns those of the commits that may come after tip, sorted: tip is among their ancestors, or the store does not
// hold them. The rest are tip itself, its ancestors, commits of a line that was left, or no hashes at all.
//
// One walk finds the ancestors among any number of commits; it costs what lies between tip and the oldest of them.
func (s *Store) Newer(ctx context.Context, tip string, commits []string) ([]string, error) {
	at, err := parseHash(tip)
	if err != nil {
		return nil, err
	}
	var newer []string
	left := map[plumbing.Hash]bool{}
	oldest := time.Time{}
	for _, commit := range commits {
		h, err := parseHash(commit)
		if err != nil || left[h] {
			continue
		}
		c, err := s.objects.commit(h)
		if isMissing(err) {
			newer = append(newer, h.String())
			continue
		}
		if err != nil {
			return nil, s.cacheError(err)
		}
		if left[h] = true; oldest.IsZero() || c.Committer.When.Before(oldest) {
			oldest = c.Committer.When
		}
	}
	if err := s.strikeAncestors(ctx, at, left, oldest); err != nil {
		return nil, fmt.Errorf("comparing with commit %s: %w", tip, s.cacheError(err))
	}
	for h := range left {
		after, err := s.descends(ctx, h, at)
		if err != nil {
			return nil, fmt.Errorf("comparing with commit %s: %w", tip, s.cacheError(err))
		}
		if after {
			newer = append(newer, h.String())
		}
	}
	slices.Sort(newer)
	return slices.Compact(newer), nil
}

// strikeAncestors takes tip and its ancestors out of a set. It may leave some when dates are wrong, which then cost a walk
// of their own.
func (s *Store) strikeAncestors(ctx context.Context, tip plumbing.Hash, set map[plumbing.Hash]bool, oldest time.Time) error {
	queue := newDateQueue(s.objects)
	if err := queue.add(tip); err != nil {
		return err
	}
	for len(set) > 0 {
		c, ok := queue.pop()
		if !ok || c.when.Before(oldest) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		delete(set, c.hash)
		for _, p := range c.parents {
			if err := queue.add(p); err != nil {
				return err
			}
		}
	}
	return nil
}
