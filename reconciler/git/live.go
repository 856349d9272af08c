// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// live is the set of objects that have to stay, in the order in which they were found: commits beside commits and trees
// beside trees, as they are read.
type live struct {
	objects *objects
	found   map[plumbing.Hash]bool
	// fresh are those that were found since the set was last copied.
	fresh []stored
}

type stored struct {
	typ  plumbing.ObjectType
	hash plumbing.Hash
}

func newLive(o *objects) *live { return &live{objects: o, found: map[plumbing.Hash]bool{}} }

func (l *live) add(typ plumbing.ObjectType, h plumbing.Hash) {
	l.found[h] = true
	l.fresh = append(l.fresh, stored{typ, h})
}

// history adds commits and their ancestors, without their content: whether one comes after another is asked of them for
// as long as they are followed, and they are small. What is not there has nothing to be kept.
func (l *live) history(ctx context.Context, tips []plumbing.Hash) error {
	queue := append([]plumbing.Hash(nil), tips...)
	for len(queue) > 0 {
		h := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if l.found[h] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := l.objects.commit(h)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return err
		}
		l.add(plumbing.CommitObject, h)
		queue = append(queue, c.ParentHashes...)
	}
	return nil
}

// recent returns the newest commits of a line, along first parents.
func (l *live) recent(tip plumbing.Hash) ([]plumbing.Hash, error) {
	var line []plumbing.Hash
	for len(line) < recentCommits {
		c, err := l.objects.commit(tip)
		if isMissing(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		if line = append(line, tip); len(c.ParentHashes) == 0 {
			break
		}
		tip = c.ParentHashes[0]
	}
	return line, nil
}

// content adds all that a commit's tree holds. The commit itself is added with the history.
func (l *live) content(ctx context.Context, commit plumbing.Hash) error {
	c, err := l.objects.commit(commit)
	if err != nil {
		return err
	}
	return l.folder(ctx, c.TreeHash, 1)
}

func (l *live) folder(ctx context.Context, h plumbing.Hash, depth int) error {
	if l.found[h] {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > l.objects.limits.MaxDepth {
		return l.objects.tooDeep()
	}
	f, err := l.objects.folder(h)
	if err != nil {
		return err
	}
	for _, e := range f.entries {
		switch {
		case e.kind == kindModule || l.found[e.hash]:
		case e.kind == kindFolder:
			if err := l.folder(ctx, e.hash, depth+1); err != nil {
				return err
			}
		default:
			if err := l.objects.has(e.hash); err != nil {
				return err
			}
			l.add(plumbing.BlobObject, e.hash)
		}
	}
	// After what is in it: a folder that is found is complete.
	l.add(plumbing.TreeObject, h)
	return nil
}

// copyFresh writes what was found since the last time as a pack in a folder, and returns its name; an empty one if there
// was nothing.
func (l *live) copyFresh(ctx context.Context, dir string) (string, error) {
	if len(l.fresh) == 0 {
		return "", nil
	}
	w, err := newPackWriter(dir, len(l.fresh))
	if err != nil {
		return "", err
	}
	for _, o := range l.fresh {
		if err := ctx.Err(); err != nil {
			w.abandon()
			return "", err
		}
		content, err := l.objects.read(o.typ, o.hash)
		if err == nil {
			err = w.add(o.typ, o.hash, content)
		}
		if err != nil {
			w.abandon()
			return "", err
		}
	}
	l.fresh = nil
	return w.finish()
}
