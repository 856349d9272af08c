// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Outside returns those of the commits that are neither tip nor among its ancestors, sorted: tip does not come after them.
// What the store does not hold, and what is no hash, is outside as well: the store holds the whole history of what it has
// fetched. A [Composition] is outside if any of its parts is, but for those of sources that tip does not have.
func (s *Store) Outside(ctx context.Context, tip string, commits []string) ([]string, error) {
	if _, err := parseHash(tip); err != nil {
		return nil, err
	}
	at, err := s.partsOf(tip)
	if err != nil {
		return nil, err
	}
	var outside []string
	for _, commit := range commits {
		parts, err := s.partsOf(commit)
		within := err == nil
		for name, part := range parts {
			if here, has := at[name]; has && within {
				within, err = s.within(ctx, plumbing.NewHash(here), part)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("looking for commit %s in the history of %s: %w", printable(commit, 80), tip, s.cacheError(err))
		}
		if !within {
			outside = append(outside, commit)
		}
	}
	slices.Sort(outside)
	return slices.Compact(outside), nil
}

func (s *Store) within(ctx context.Context, tip plumbing.Hash, commit string) (bool, error) {
	h, err := parseHash(commit)
	if err != nil {
		return false, nil //nolint:nilerr // it is no commit of this store
	}
	if _, err := s.objects.commit(h); isMissing(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return s.descends(ctx, tip, h)
}

// Outside is [Store.Outside].
func (t *Track) Outside(ctx context.Context, tip string, commits []string) ([]string, error) {
	return t.store.Outside(ctx, tip, commits)
}

// RawCommit is a commit as Git stores it, which is what signatures are made over.
type RawCommit struct {
	Hash string
	Raw  []byte
	// Tree and Parents are what is read in it.
	Tree    string
	Parents []string
}

// RawCommit returns a commit of the store.
func (s *Store) RawCommit(commit string) (RawCommit, error) {
	h, err := parseHash(commit)
	if err != nil {
		return RawCommit{}, err
	}
	raw, err := s.objects.rawCommit(h)
	return raw, s.cacheError(err)
}

// OpenCommit returns the commit that a revision means, of the repository that a path is in.
func OpenCommit(path, rev string, opts ...Option) (RawCommit, error) {
	o, h, err := openRevision(path, rev, opts)
	if err != nil {
		return RawCommit{}, err
	}
	return o.rawCommit(h)
}

func (o *objects) rawCommit(h plumbing.Hash) (RawCommit, error) {
	raw, err := o.read(plumbing.CommitObject, h)
	if err != nil {
		return RawCommit{}, err
	}
	c, err := o.commit(h)
	if err != nil {
		return RawCommit{}, err
	}
	return RawCommit{Hash: h.String(), Raw: raw, Tree: c.TreeHash.String(), Parents: texts(c.ParentHashes)}, nil
}
