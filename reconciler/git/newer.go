// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Newer returns those of the commits that may come after tip, sorted: tip is among their ancestors, or the store does not
// hold them. The rest are tip itself, its ancestors, commits of a line that was left, or no hashes at all.
//
// A [Composition] comes after another one if any of its parts does; what it has of a source that tip does not have says nothing.
//
// One walk finds the ancestors among any number of commits; it costs what lies between tip and the oldest of them.
func (s *Store) Newer(ctx context.Context, tip string, commits []string) ([]string, error) {
	return s.NewerIn(ctx, tip, commits, func(string) bool { return true })
}

// NewerIn is [Store.Newer] for some of the parts of compositions, by the names of sources; the platform's has an empty name.
func (s *Store) NewerIn(ctx context.Context, tip string, commits []string, counts func(name string) bool) ([]string, error) {
	at, err := s.partsOf(tip)
	if err != nil {
		return nil, err
	}
	by := map[string][]string{} // commits by the part that they are of
	parts := make([]map[string]string, len(commits))
	for i, commit := range commits {
		if _, err := parseHash(commit); err != nil {
			continue
		}
		if parts[i], err = s.partsOf(commit); err != nil {
			return nil, err
		}
		for name, part := range parts[i] {
			by[name] = append(by[name], part)
		}
	}
	newer := map[string]map[string]bool{}
	for name, part := range at {
		if !counts(name) {
			continue
		}
		found, err := s.newer(ctx, part, by[name])
		if err != nil {
			return nil, err
		}
		newer[name] = map[string]bool{}
		for _, commit := range found {
			newer[name][commit] = true
		}
	}
	var out []string
	for i, commit := range commits {
		for name, part := range parts[i] {
			if newer[name][part] {
				out = append(out, strings.ToLower(commit))
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// partsOf returns what a commit has of each repository, by the names of sources; that of the platform has an empty name, and is the
// commit itself if it joins no others.
func (s *Store) partsOf(commit string) (map[string]string, error) {
	commit = strings.ToLower(commit)
	c, ok, err := s.Composition(commit)
	if err != nil {
		return nil, err
	}
	if !ok {
		return map[string]string{"": commit}, nil
	}
	parts := map[string]string{"": c.Platform}
	for _, p := range c.Sources {
		parts[p.Name] = p.Commit
	}
	return parts, nil
}

// newer is [Store.Newer] in one repository.
func (s *Store) newer(ctx context.Context, tip string, commits []string) ([]string, error) {
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
	return newer, nil
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
