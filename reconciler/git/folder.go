// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// kind is what an entry of a folder is.
type kind uint8

const (
	kindFile kind = iota
	kindExecutable
	kindFolder
	kindLink
	kindModule // a submodule: a commit of another repository
)

// entry is one name in a folder.
type entry struct {
	name string
	kind kind
	hash plumbing.Hash
}

// folder is a decoded tree object, sorted by name (git itself sorts folders as if they ended in "/").
type folder struct{ entries []entry }

var errMalformedTree = errors.New("malformed tree object")

// decodeFolder decodes a tree object. Names that could not be one step of a path, or that come twice,
// make the whole folder malformed: git never writes them, so they were crafted.
func decodeFolder(content []byte) (*folder, error) {
	f := &folder{entries: make([]entry, 0, len(content)/40)}
	for rest := content; len(rest) > 0; {
		mode, after, ok := bytes.Cut(rest, []byte{' '})
		name, after, ok2 := bytes.Cut(after, []byte{0})
		if !ok || !ok2 || len(after) < len(plumbing.Hash{}) {
			return nil, fmt.Errorf("%w: it is cut short", errMalformedTree)
		}
		e := entry{name: string(name), hash: plumbing.Hash(after[:len(plumbing.Hash{})])}
		if e.name == "" || e.name == "." || e.name == ".." || strings.Contains(e.name, "/") {
			return nil, fmt.Errorf("%w: it has an entry named %q", errMalformedTree, e.name)
		}
		var err error
		if e.kind, err = kindOf(string(mode)); err != nil {
			return nil, fmt.Errorf("%w: entry %q: %w", errMalformedTree, e.name, err)
		}
		f.entries = append(f.entries, e)
		rest = after[len(plumbing.Hash{}):]
	}
	slices.SortFunc(f.entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	for i := 1; i < len(f.entries); i++ {
		if f.entries[i].name == f.entries[i-1].name {
			return nil, fmt.Errorf("%w: it has two entries named %q", errMalformedTree, f.entries[i].name)
		}
	}
	return f, nil
}

// kindOf reads a mode; like git it looks at the file type and, for files, at the owner's execute bit.
func kindOf(mode string) (kind, error) {
	m, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return 0, fmt.Errorf("reading its mode: %w", err)
	}
	switch m & 0o170000 {
	case 0o040000:
		return kindFolder, nil
	case 0o120000:
		return kindLink, nil
	case 0o160000:
		return kindModule, nil
	case 0o100000:
		if m&0o100 != 0 {
			return kindExecutable, nil
		}
		return kindFile, nil
	}
	return 0, fmt.Errorf("its mode %s is of no known kind", mode)
}

// find returns the entry of a name.
func (f *folder) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(f.entries, name, func(e entry, name string) int { return cmp.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return f.entries[i], true
}

// nameable reports whether io/fs has a path for a name: its paths are UTF-8.
func nameable(name string) bool { return utf8.ValidString(name) }
