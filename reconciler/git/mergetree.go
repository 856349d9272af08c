// SPDX-License-Identifier: Apache-2.0

package git

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// merger merges trees. What it makes stays in memory until it is written.
type merger struct {
	objects   *objects
	conflicts []Conflict
	more      bool
	// made are the new objects of the result. All that was made can be read again: folders and texts.
	made    map[plumbing.Hash]madeObject
	folders map[plumbing.Hash]*folder
	texts   map[plumbing.Hash][]byte
	// merges counts merges of merge bases; virtual is set during one.
	merges  int
	virtual bool
}

type madeObject struct {
	typ     plumbing.ObjectType
	content []byte
}

const (
	// maxConflicts is how many conflicts are listed. Nobody reads more, and a merge of everything with everything ends early.
	maxConflicts = 1000
	// maxMerges is how many merges the merge bases may take. Bases that have several bases multiply.
	maxMerges = 64
)

var (
	errEnough  = errors.New("there are enough conflicts")
	errCrossed = errors.New("the two lines were merged into each other crosswise too often")
)

func newMerger(o *objects) *merger {
	return &merger{objects: o, made: map[plumbing.Hash]madeObject{}, folders: map[plumbing.Hash]*folder{}, texts: map[plumbing.Hash][]byte{}}
}

// commits merges two commits, and returns the merged tree.
func (m *merger) commits(ctx context.Context, s *Store, bases []plumbing.Hash, ours, theirs *Tree) (plumbing.Hash, error) {
	base, err := m.base(ctx, s, bases)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	// Of what the merge of the bases has made, nothing is part of the result but what the result makes again.
	m.made = map[plumbing.Hash]madeObject{}
	root, err := m.folder(ctx, "", [3]plumbing.Hash{base, ours.root.hash, theirs.root.hash})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return m.root(root), nil
}

// root is the tree of a merge, which is there also when nothing is in it.
func (m *merger) root(h plumbing.Hash) plumbing.Hash {
	if h.IsZero() {
		return m.makeFolder(&folder{})
	}
	return h
}

// base returns the tree that both sides are compared with: that of the merge base, or when there are several, what merging
// them makes, the oldest first. It is an error-tolerant merge: see conflict.
func (m *merger) base(ctx context.Context, s *Store, bases []plumbing.Hash) (plumbing.Hash, error) {
	if len(bases) == 0 {
		return plumbing.ZeroHash, nil
	}
	last := len(bases) - 1
	tree, err := m.treeOf(bases[last])
	if err != nil {
		return plumbing.ZeroHash, err
	}
	merged := bases[last:]
	for i := last - 1; i >= 0; i-- {
		if m.merges++; m.merges > maxMerges {
			return plumbing.ZeroHash, errCrossed
		}
		before, err := s.mergeBases(ctx, merged, bases[i])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		common, err := m.base(ctx, s, before)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		next, err := m.treeOf(bases[i])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		m.virtual = true
		tree, err = m.folder(ctx, "", [3]plumbing.Hash{common, tree, next})
		m.virtual = false
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree = m.root(tree)
		merged = bases[i:]
	}
	return tree, nil
}

func (m *merger) treeOf(commit plumbing.Hash) (plumbing.Hash, error) {
	c, err := m.objects.commit(commit)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return c.TreeHash, nil
}

// The places of the three versions of something.
const (
	inBase = iota
	inOurs
	inTheirs
)

// folder merges three folders, of which a zero hash is one that is not there. It returns a zero hash when nothing is left.
// The depth is that of one of the three, each of which was measured.
func (m *merger) folder(ctx context.Context, prefix string, versions [3]plumbing.Hash) (plumbing.Hash, error) {
	if err := ctx.Err(); err != nil {
		return plumbing.ZeroHash, err
	}
	var rest [3][]entry
	for i, h := range versions {
		if h.IsZero() {
			continue
		}
		f, err := m.read(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		rest[i] = f.entries
	}
	var merged folder
	for len(rest[0]) > 0 || len(rest[1]) > 0 || len(rest[2]) > 0 {
		name := first(rest)
		var at [3]*entry
		for i := range rest {
			if len(rest[i]) > 0 && rest[i][0].name == name {
				at[i], rest[i] = &rest[i][0], rest[i][1:]
			}
		}
		e, err := m.entry(ctx, prefix+name, at)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if e != nil {
			merged.entries = append(merged.entries, entry{name: name, kind: e.kind, hash: e.hash})
		}
	}
	if len(merged.entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	return m.makeFolder(&merged), nil
}

// first returns the name that comes first in sorted lists.
func first(lists [3][]entry) string {
	name, found := "", false
	for _, l := range lists {
		if len(l) > 0 && (!found || l[0].name < name) {
			name, found = l[0].name, true
		}
	}
	return name
}

// same reports whether two versions of an entry are the same; nil is one that is not there.
func same(a, b *entry) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.kind == b.kind && a.hash == b.hash
}

// entry merges what three folders hold under one name; nil is nothing.
func (m *merger) entry(ctx context.Context, path string, at [3]*entry) (*entry, error) {
	switch base, ours, theirs := at[inBase], at[inOurs], at[inTheirs]; {
	case same(ours, theirs), same(base, theirs):
		return ours, nil
	case same(base, ours):
		return theirs, nil
	}
	var folders [3]plumbing.Hash
	var files [3]*entry
	for i, e := range at {
		if folders[i] = folderHash(e); folders[i].IsZero() {
			files[i] = e
		}
	}
	file, err := m.file(path, files)
	if err != nil {
		return nil, err
	}
	if folders[inOurs].IsZero() && folders[inTheirs].IsZero() {
		return file, nil
	}
	sub, err := m.folder(ctx, path+"/", folders)
	if err != nil || sub.IsZero() {
		return file, err
	}
	folder := &entry{kind: kindFolder, hash: sub}
	if file != nil {
		return m.conflict(Conflict{path, FileAndFolder}, files, folder)
	}
	return folder, nil
}

// read returns a folder that was made here, or that is in the store.
func (m *merger) read(h plumbing.Hash) (*folder, error) {
	if f, ok := m.folders[h]; ok {
		return f, nil
	}
	return m.objects.folder(h)
}

func (m *merger) make(typ plumbing.ObjectType, content []byte) plumbing.Hash {
	h := plumbing.ComputeHash(typ, content)
	m.made[h] = madeObject{typ, content}
	return h
}

func (m *merger) makeFolder(f *folder) plumbing.Hash {
	h := m.make(plumbing.TreeObject, encodeFolder(f))
	m.folders[h] = f
	return h
}

// write keeps what was made as a pack in a folder, and returns its name.
func (m *merger) write(dir string) (string, error) {
	w, err := newPackWriter(dir, len(m.made))
	if err != nil {
		return "", err
	}
	for _, h := range slices.SortedFunc(maps.Keys(m.made), compareHashes) {
		if err := w.add(m.made[h].typ, h, m.made[h].content); err != nil {
			w.abandon()
			return "", err
		}
	}
	return w.finish()
}

// encodeFolder is the other direction of decodeFolder, in git's order: that of names, with a slash behind those of folders.
func encodeFolder(f *folder) []byte {
	key := func(e entry) string {
		if e.kind == kindFolder {
			return e.name + "/"
		}
		return e.name
	}
	var content []byte
	for _, e := range slices.SortedFunc(slices.Values(f.entries), func(a, b entry) int { return cmp.Compare(key(a), key(b)) }) {
		content = append(content, modes[e.kind]...)
		content = append(content, ' ')
		content = append(content, e.name...)
		content = append(content, 0)
		content = append(content, e.hash[:]...)
	}
	return content
}

// modes are how git writes each kind of entry. One in conflict is in no tree that is written.
var modes = map[kind]string{
	kindFile: "100644", kindExecutable: "100755", kindFolder: "40000", kindLink: "120000", kindModule: "160000", kindConflict: "conflict",
}
