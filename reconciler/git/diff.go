// SPDX-License-Identifier: Apache-2.0

package git

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// Action is what happened to a path.
type Action string

// What can happen to a path.
const (
	Added    Action = "added"
	Modified Action = "modified"
	Deleted  Action = "deleted"
)

// Change is a path that differs between two trees. Folders never appear, only what is in them.
type Change struct {
	Path   string
	Action Action
}

// Changed returns the paths of [Diff].
func Changed(old, new *Tree) ([]string, error) {
	changes, err := Diff(old, new)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	return paths, nil
}

// Diff returns the paths that differ between two trees, sorted. It reads only folders whose hashes differ,
// so it costs what changed and not what the trees hold. Content, the executable bit, a link's target, a
// submodule's commit, and a change from one kind to another count as modified; a file that became a folder
// is deleted, and what is in the folder added. A nil tree is empty.
func Diff(old, new *Tree) ([]Change, error) {
	d := differ{old: old, new: new}
	if err := d.folders("", rootHash(old), rootHash(new)); err != nil {
		return nil, fmt.Errorf("comparing commits %s and %s: %w", commitOf(old), commitOf(new), err)
	}
	slices.SortFunc(d.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return d.changes, nil
}

// rootHash is zero for the tree that is not there.
func rootHash(t *Tree) plumbing.Hash {
	if t == nil {
		return plumbing.ZeroHash
	}
	return t.root.hash
}

func commitOf(t *Tree) string {
	if t == nil {
		return "(none)"
	}
	return t.Commit()
}

type differ struct {
	old, new *Tree
	changes  []Change
}

// folders compares two folders; a zero hash is a folder that is not there. Limits.MaxDepth, which both trees
// were measured against, bounds the recursion.
func (d *differ) folders(prefix string, old, new plumbing.Hash) error {
	if old == new {
		return nil
	}
	a, err := read(d.old, old)
	if err != nil {
		return err
	}
	b, err := read(d.new, new)
	if err != nil {
		return err
	}
	for len(a) > 0 || len(b) > 0 {
		var before, after *entry
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].name < b[0].name:
			before, a = &a[0], a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			after, b = &b[0], b[1:]
		default:
			before, a = &a[0], a[1:]
			after, b = &b[0], b[1:]
		}
		if err := d.entries(prefix, before, after); err != nil {
			return err
		}
	}
	return nil
}

// entries compares what two folders hold under one name; nil is nothing.
func (d *differ) entries(prefix string, before, after *entry) error {
	if before != nil && after != nil && before.kind == after.kind && before.hash == after.hash {
		return nil
	}
	path := prefix
	if before != nil {
		path += before.name
	} else {
		path += after.name
	}
	wasFile := before != nil && before.kind != kindFolder
	isFile := after != nil && after.kind != kindFolder
	switch {
	case wasFile && isFile:
		d.changes = append(d.changes, Change{path, Modified})
	case wasFile:
		d.changes = append(d.changes, Change{path, Deleted})
	case isFile:
		d.changes = append(d.changes, Change{path, Added})
	}
	return d.folders(path+"/", folderHash(before), folderHash(after))
}

func folderHash(e *entry) plumbing.Hash {
	if e == nil || e.kind != kindFolder {
		return plumbing.ZeroHash
	}
	return e.hash
}

func read(t *Tree, h plumbing.Hash) ([]entry, error) {
	if h.IsZero() {
		return nil, nil
	}
	f, err := t.objects.folder(h)
	if err != nil {
		return nil, t.note(err)
	}
	return f.entries, nil
}
