// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"trunkline.dev/trunkline/reconciler/git/diff3"
)

// Conflict is a path of which a merge cannot say what it should be.
type Conflict struct {
	// Path is as Git has it, which need not be UTF-8.
	Path string
	Kind ConflictKind
}

func (c Conflict) String() string { return fmt.Sprintf("%q: %s", c.Path, c.Kind) }

// ConflictKind is what is in conflict.
type ConflictKind string

// The kinds of conflicts, in words that follow a path.
const (
	BothChanged   ConflictKind = "both sides changed the same lines"
	BothAdded     ConflictKind = "both sides added it, with different content"
	OursDeleted   ConflictKind = "the base deleted it, the head changed it"
	TheirsDeleted ConflictKind = "the base changed it, the head deleted it"
	FileAndFolder ConflictKind = "it is a file on one side and a folder on the other"
	KindsDiffer   ConflictKind = "it is a file, a link or a submodule on one side, and another of these on the other"
	ModeChanged   ConflictKind = "both sides changed whether it is executable"
	LinkChanged   ConflictKind = "both sides changed the target of the symbolic link"
	ModuleChanged ConflictKind = "both sides changed the commit of the submodule"
	BinaryChanged ConflictKind = "both sides changed a binary file"
	TooLarge      ConflictKind = "both sides changed it, and it is too large to be merged by lines"
)

// kindConflict is an entry of a merge of merge bases that is in conflict there: it equals no other.
const kindConflict kind = 0xff

// conflict notes a conflict. The entry it returns only stands for something being there, unless this is a merge of merge
// bases: its conflicts do not count, but what is in conflict there is like neither side later on. Git does the same where it
// keeps both texts with marks between; where it keeps the base's version, so does this.
func (m *merger) conflict(c Conflict, at [3]*entry, instead *entry) (*entry, error) {
	if m.virtual {
		switch c.Kind { //nolint:exhaustive // the others hold both texts
		case OursDeleted, TheirsDeleted, KindsDiffer, LinkChanged, BinaryChanged:
			return at[inBase], nil
		}
		text := []byte(c.Path)
		for _, e := range at {
			if e != nil {
				text = append(text, e.hash[:]...)
			}
		}
		return &entry{kind: kindConflict, hash: plumbing.ComputeHash(plumbing.BlobObject, text)}, nil
	}
	if len(m.conflicts) >= maxConflicts {
		m.more = true
		return nil, errEnough
	}
	m.conflicts = append(m.conflicts, c)
	return instead, nil
}

// file merges three versions of what is no folder, of which the two sides differ from each other and from the base. Nil is
// one that is not there.
func (m *merger) file(path string, at [3]*entry) (*entry, error) {
	base, ours, theirs := at[inBase], at[inOurs], at[inTheirs]
	switch {
	case same(ours, theirs):
		return ours, nil
	case ours == nil && base == nil:
		return theirs, nil
	case theirs == nil && base == nil:
		return ours, nil
	case ours == nil:
		if same(base, theirs) {
			return nil, nil
		}
		return m.conflict(Conflict{path, OursDeleted}, at, theirs)
	case theirs == nil:
		if same(base, ours) {
			return nil, nil
		}
		return m.conflict(Conflict{path, TheirsDeleted}, at, ours)
	case class(ours.kind) != class(theirs.kind):
		return m.conflict(Conflict{path, KindsDiffer}, at, ours)
	}
	if base == nil {
		base = &entry{kind: kindConflict} // of neither kind, and with no content of either
	}
	kind, ok := mergeKind(base.kind, ours.kind, theirs.kind)
	if !ok {
		return m.conflict(Conflict{path, ModeChanged}, at, ours)
	}
	switch {
	case ours.hash == theirs.hash, base.hash == ours.hash:
		return &entry{kind: kind, hash: theirs.hash}, nil
	case base.hash == theirs.hash:
		return &entry{kind: kind, hash: ours.hash}, nil
	}
	why := ConflictKind("")
	switch class(ours.kind) { //nolint:exhaustive // the others are merged by lines
	case kindLink:
		why = LinkChanged
	case kindModule:
		why = ModuleChanged
	case kindConflict:
		why = BothChanged
	}
	if why != "" {
		return m.conflict(Conflict{path, why}, at, ours)
	}
	h, why, err := m.text(at)
	if err != nil || why != "" {
		return m.conflictOr(err, Conflict{path, why}, at, ours)
	}
	return &entry{kind: kind, hash: h}, nil
}

func (m *merger) conflictOr(err error, c Conflict, at [3]*entry, instead *entry) (*entry, error) {
	if err != nil {
		return nil, err
	}
	return m.conflict(c, at, instead)
}

// class is the kind of an entry, with files that are executable and those that are not taken as one.
func class(k kind) kind {
	if k == kindExecutable {
		return kindFile
	}
	return k
}

// mergeKind merges whether a file is executable: a change of one side counts.
func mergeKind(base, ours, theirs kind) (kind, bool) {
	if ours == theirs || base == ours {
		return theirs, true
	}
	return ours, base == theirs
}

// text merges files by lines. It returns why they cannot be when they are in conflict.
func (m *merger) text(at [3]*entry) (merged plumbing.Hash, why ConflictKind, err error) {
	var versions [3][]byte
	for i, e := range at {
		if e == nil || class(e.kind) != kindFile && i == inBase {
			if e != nil && e.kind == kindConflict {
				return merged, BothChanged, nil
			}
			continue // compared as if it had been empty
		}
		content, size, err := m.blob(e.hash)
		if err != nil {
			return merged, "", err
		}
		if size > diff3.MaxSize {
			return merged, TooLarge, nil
		}
		versions[i] = content
	}
	result, err := diff3.Merge(versions[inBase], versions[inOurs], versions[inTheirs])
	switch {
	case errors.Is(err, diff3.ErrConflict) && at[inBase] == nil:
		return merged, BothAdded, nil
	case errors.Is(err, diff3.ErrConflict):
		return merged, BothChanged, nil
	case errors.Is(err, diff3.ErrBinary):
		return merged, BinaryChanged, nil
	case errors.Is(err, diff3.ErrTooLarge):
		return merged, TooLarge, nil
	case err != nil:
		return merged, "", err
	}
	merged = m.make(plumbing.BlobObject, result)
	m.texts[merged] = result
	return merged, "", nil
}

// blob reads a file that was made here, or that is in the store.
func (m *merger) blob(h plumbing.Hash) ([]byte, int64, error) {
	if b, ok := m.texts[h]; ok {
		return b, int64(len(b)), nil
	}
	return m.objects.readWithin(plumbing.BlobObject, h, diff3.MaxSize)
}
