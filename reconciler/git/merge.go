// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Merged is what a merge of two commits makes: a tree or conflicts.
type Merged struct {
	// Bases are the merge bases, newest first. For several, their own merge is what both sides are compared with.
	Bases []string
	// Commit is what the tree is opened by, empty when there are conflicts. When one of the two commits has the other among
	// its ancestors, it is that one. Otherwise it is a merge commit that depends on the two commits alone: the same ones
	// have the same, here and elsewhere. No branch names it: [Track.SetAccepted] keeps it, as does the tree while it is open.
	Commit string
	// Tree is nil when there are conflicts.
	Tree *Tree
	// Conflicts are sorted by path. More reports that there are others, which were not looked for.
	Conflicts []Conflict
	More      bool
}

// UnrelatedError is two commits that are not merged because they have no common ancestor.
type UnrelatedError struct{ Ours, Theirs string }

// Class of unrelated histories is terminal: another push makes other commits.
func (e *UnrelatedError) Class() Class { return Terminal }

func (e *UnrelatedError) Error() string {
	return fmt.Sprintf("commits %s and %s have no common ancestor, so there is nothing that a merge could begin at; base the branch on the one that it is to be merged into", e.Ours, e.Theirs)
}

// BaseContentError is a merge base whose content is not in the store, because it was collected.
type BaseContentError struct {
	// Commit is the merge base.
	Commit string
}

// Class of content that was collected is transient: a fetch brings it.
func (e *BaseContentError) Class() Class { return Transient }

func (e *BaseContentError) Error() string {
	return fmt.Sprintf("the content of the merge base %s is not in the store; fetch the pull request again, which brings it", e.Commit)
}

// mergeTimeout bounds a merge whose context has no deadline.
const mergeTimeout = 2 * time.Minute

// Merge merges two commits the way git does, in the store alone: files that both changed are merged by lines. It costs what
// both sides changed; what only one changed is taken over by hash, folders as a whole.
//
// Renames are not looked for. A file that one side renamed and the other changed is a conflict here, where git may see
// through it; the other way round, what git takes for a conflict only because it was renamed is merged as what it is, a file
// that was deleted and another one that was added. Where both merge, they make the same tree. Attributes (merge drivers, ends
// of lines) have no effect.
//
// Errors are an [*UnrelatedError], a [*HistoryError], a [*BaseContentError], a [*CacheError], a [*LimitError] when the merged
// tree is beyond the limits, or of the disk.
func (s *Store) Merge(ctx context.Context, ours, theirs string) (Merged, error) {
	ctx, cancel := withTimeout(ctx, mergeTimeout)
	defer cancel()
	left, err := s.Tree(ctx, ours)
	if err != nil {
		return Merged{}, fmt.Errorf("merging: %w", s.cacheError(err))
	}
	right, err := s.Tree(ctx, theirs)
	if err != nil {
		return Merged{}, fmt.Errorf("merging: %w", s.cacheError(err))
	}
	merged, err := s.merge(ctx, left, right)
	if err != nil {
		return Merged{}, fmt.Errorf("merging commit %s into %s: %w", right.commit, left.commit, err)
	}
	return merged, nil
}

func (s *Store) merge(ctx context.Context, ours, theirs *Tree) (Merged, error) {
	defer runtime.KeepAlive(ours)
	defer runtime.KeepAlive(theirs)
	bases, err := s.mergeBases(ctx, []plumbing.Hash{ours.commit}, theirs.commit)
	if err != nil {
		return Merged{}, s.historyError(err)
	}
	merged := Merged{Bases: texts(bases)}
	switch {
	case len(bases) == 0:
		return Merged{}, &UnrelatedError{ours.Commit(), theirs.Commit()}
	case bases[0] == theirs.commit:
		merged.Commit, merged.Tree = ours.Commit(), ours
		return merged, nil
	case bases[0] == ours.commit:
		merged.Commit, merged.Tree = theirs.Commit(), theirs
		return merged, nil
	}
	held := make([]*pin, len(bases))
	for i, h := range bases {
		held[i] = s.objects.pins.hold(h)
	}
	defer runtime.KeepAlive(held)
	m := newMerger(s.objects)
	root, err := m.commits(ctx, s, bases, ours, theirs)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err != nil {
		return Merged{}, s.mergeError(ctx, bases, err)
	}
	if len(m.conflicts) > 0 {
		slices.SortStableFunc(m.conflicts, func(a, b Conflict) int { return strings.Compare(a.Path, b.Path) })
		// What happened to a file says more than that a folder has its place.
		merged.Conflicts = slices.CompactFunc(m.conflicts, func(a, b Conflict) bool { return a.Path == b.Path })
		merged.More = m.more
		return merged, nil
	}
	commit := m.seal(root, ours, theirs)
	if merged.Tree, err = s.keepMerge(ctx, m, commit); err != nil {
		return Merged{}, err
	}
	merged.Commit = commit.String()
	return merged, nil
}

// mergeError says which commit's content a merge has missed.
func (s *Store) mergeError(ctx context.Context, bases []plumbing.Hash, err error) error {
	if isMissing(err) {
		for _, h := range bases {
			if isMissing(s.objects.completeCommit(ctx, h)) {
				return &BaseContentError{Commit: h.String()}
			}
		}
	}
	return s.historyError(err)
}

// keepMerge writes what a merge has made, unless it is there, and opens it.
func (s *Store) keepMerge(ctx context.Context, m *merger, commit plumbing.Hash) (*Tree, error) {
	held := s.objects.pins.hold(commit)
	defer runtime.KeepAlive(held) // until the tree holds it
	// A collection that ends now must not take the new pack for an old one.
	release, err := s.gate.share(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.objects.completeCommit(ctx, commit); isMissing(err) {
		name, err := m.write(s.packDir())
		if err != nil {
			return nil, err
		}
		s.learn([]string{name})
	} else if err != nil {
		return nil, s.cacheError(err)
	}
	tree, err := openTree(ctx, s.objects, commit)
	if err != nil {
		return nil, s.cacheError(err)
	}
	return tree, nil
}

// mergedBy is who made a merge commit.
const mergedBy = "Trunkline <merge@trunkline.dev>"

// seal makes the merge commit. All of it follows from the two commits.
func (m *merger) seal(tree plumbing.Hash, ours, theirs *Tree) plumbing.Hash {
	when := ours.when
	if theirs.when.After(when) {
		when = theirs.when
	}
	by := fmt.Sprintf("%s %d +0000", mergedBy, when.Unix())
	return m.make(plumbing.CommitObject, fmt.Appendf(nil, "tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nMerge %s into %s\n",
		tree, ours.commit, theirs.commit, by, by, theirs.commit, ours.commit))
}
