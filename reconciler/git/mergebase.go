// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxBases is how many merge bases two commits may have. Each one more is a merge of its own, and a history can be made up.
const maxBases = 16

// MergeBases returns the commits that a merge of two commits begins at, newest first: their common ancestors, but for
// those that another one descends from. There are several when lines were merged into each other crosswise, and none when
// the two have nothing in common.
func (s *Store) MergeBases(ctx context.Context, a, b string) ([]string, error) {
	left, err := parseHash(a)
	if err != nil {
		return nil, err
	}
	right, err := parseHash(b)
	if err != nil {
		return nil, err
	}
	bases, err := s.mergeBases(ctx, []plumbing.Hash{left}, right)
	if err != nil {
		return nil, fmt.Errorf("looking for the merge base of commits %s and %s: %w", left, right, s.historyError(err))
	}
	return texts(bases), nil
}

func texts(hashes []plumbing.Hash) []string {
	list := make([]string, len(hashes))
	for i, h := range hashes {
		list[i] = h.String()
	}
	return list
}

// HistoryError is a commit without which histories cannot be compared: it was never fetched, or the remote's history ends
// before it.
type HistoryError struct {
	// Commit is the one that is missing.
	Commit string

	cause error
}

// Class of a missing commit is transient: a fetch may bring it.
func (e *HistoryError) Class() Class { return Transient }

func (e *HistoryError) Error() string {
	return fmt.Sprintf("the history here is not complete: commit %s is missing; fetch the branch it is of, from a remote that is not a shallow copy itself", e.Commit)
}

func (e *HistoryError) Unwrap() error { return e.cause }

// historyError is cacheError for a walk of commits. One that is missing is looked for once, by the next fetch: when it is
// not found there, looking again would not find it either.
func (s *Store) historyError(err error) error {
	e, ok := asObjectError(err)
	if !ok || !e.Missing || e.Kind != plumbing.CommitObject.String() {
		return s.cacheError(err)
	}
	if s.objects.lost.add(plumbing.NewHash(e.Hash)) {
		s.objects.damaged.Store(true)
	}
	return &HistoryError{Commit: e.Hash, cause: err}
}

// What is known of a commit while merge bases are looked for.
const (
	ofLeft = 1 << iota
	ofRight
	// stale commits are ancestors of a common ancestor.
	stale
	common
)

// mergeBases is MergeBases of a commit and another one that need not exist: a merge of the commits on the left.
//
// It walks from both sides, newest first, until all that is left to walk is behind a common ancestor. Dates only order the
// walk; for wrong ones, what was found is compared at the end.
func (s *Store) mergeBases(ctx context.Context, left []plumbing.Hash, right plumbing.Hash) ([]plumbing.Hash, error) {
	w := baseWalk{queue: newDateQueue(s.objects), flags: map[plumbing.Hash]uint8{}}
	for _, h := range left {
		if err := w.mark(h, ofLeft); err != nil {
			return nil, err
		}
	}
	if err := w.mark(right, ofRight); err != nil {
		return nil, err
	}
	var found []plumbing.Hash
	for w.open > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, ok := w.queue.pop()
		if !ok {
			break
		}
		flags := w.flags[c.hash]
		if flags&stale == 0 {
			w.open--
		}
		pass := flags & (ofLeft | ofRight | stale)
		if pass&(ofLeft|ofRight) == ofLeft|ofRight {
			if flags&common == 0 {
				w.flags[c.hash] |= common
				found = append(found, c.hash)
			}
			pass |= stale
		}
		for _, p := range c.parents {
			if err := w.mark(p, pass); err != nil {
				return nil, err
			}
		}
	}
	var bases []plumbing.Hash
	for _, h := range found {
		if w.flags[h]&stale == 0 {
			bases = append(bases, h)
		}
	}
	if len(bases) > maxBases {
		return nil, fmt.Errorf("they have %d merge bases, more than %d", len(bases), maxBases)
	}
	return s.best(ctx, bases)
}

type baseWalk struct {
	queue *dateQueue
	flags map[plumbing.Hash]uint8
	// open counts the queued commits that are not stale.
	open int
}

// mark notes something about a commit, and queues it when that is new.
func (w *baseWalk) mark(h plumbing.Hash, flags uint8) error {
	before := w.flags[h]
	if before&flags == flags {
		return nil
	}
	if w.queue.waiting(h) && before&stale == 0 {
		w.open--
	}
	w.flags[h] = before | flags
	if err := w.queue.addAgain(h); err != nil {
		return err
	}
	if w.flags[h]&stale == 0 {
		w.open++
	}
	return nil
}

// best leaves out commits that another one descends from.
func (s *Store) best(ctx context.Context, commits []plumbing.Hash) ([]plumbing.Hash, error) {
	var best []plumbing.Hash
	for i, h := range commits {
		covered := false
		for j, other := range commits {
			if i == j || covered {
				continue
			}
			var err error
			if covered, err = s.descends(ctx, other, h); err != nil {
				return nil, err
			}
		}
		if !covered {
			best = append(best, h)
		}
	}
	return best, nil
}
