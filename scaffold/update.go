// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
)

// Change is what an update does to a file.
type Change struct {
	// Path is that of the file, below the root of the platform.
	Path string
	// Was is what the file has now, and Is what it is to have; nil if it is not there.
	Was, Is []byte
	// Conflict says why the update cannot say what the file is to be; else empty. The file then stays as it is, and Marked has both sides with
	// marks between, if they are texts.
	Conflict string
	Marked   []byte
}

// Merge merges two texts that were made of a third, and returns in how many places they are in conflict, which have both with marks between. An
// error says that they are no texts.
type Merge func(base, ours, theirs []byte) (merged []byte, conflicts int, err error)

// Changes finds out what an update is to change in a folder: of what the template made there before, what it makes now, and what is there. What a
// person has changed stays, and what the template has changed is taken over; where both have changed the same, it is a conflict. Files that the
// template never made are not looked at.
func Changes(tree fs.FS, below string, made map[string][]byte, files []File, merge Merge) ([]Change, error) {
	next, err := madeIn(below, files)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, of := range []map[string][]byte{made, next} {
		for name := range of {
			names[name] = true
		}
	}
	var out []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		full := path.Join(below, name)
		is, link, err := there(tree, full)
		if err != nil {
			return nil, err
		}
		c := Change{Path: full, Was: is, Is: is}
		base, was := made[name]
		theirs, will := next[name]
		if was && will && bytes.Equal(base, theirs) {
			continue // whatever has become of it, the template has not changed it
		}
		if link {
			c.Conflict = "it is a link or a folder here"
		} else {
			c.decide(versions{base, is, theirs, was, is != nil, will}, merge)
		}
		if c.Conflict != "" || !bytes.Equal(c.Was, c.Is) || (c.Was == nil) != (c.Is == nil) {
			out = append(out, c)
		}
	}
	return out, nil
}

// versions are the three versions of a file, and whether each is there.
type versions struct {
	base, ours, theirs  []byte
	was, present, comes bool
}

// decide says what becomes of a file that the template makes otherwise than before.
func (c *Change) decide(v versions, merge Merge) {
	switch {
	case v.present && v.comes && bytes.Equal(v.ours, v.theirs), !v.present && !v.comes:
		return
	case !v.was && !v.present, v.was && v.present && v.comes && bytes.Equal(v.ours, v.base):
		c.Is = v.theirs
	case v.was && !v.comes && bytes.Equal(v.ours, v.base):
		c.Is = nil
	case !v.comes:
		c.Conflict = "the template does not have it any more, and it was changed here"
	case !v.present:
		c.Conflict = "the template has changed it, and it was deleted here"
	default:
		merged, conflicts, err := merge(v.base, v.ours, v.theirs)
		switch {
		case err != nil:
			c.Conflict = "the template and someone here have changed it: " + err.Error()
		case conflicts > 0 && !v.was:
			c.Conflict, c.Marked = "the template has it now, and here it is another one", merged
		case conflicts > 0:
			c.Conflict, c.Marked = "the template and someone here have changed the same lines", merged
		default:
			c.Is = merged
		}
	}
}

// there reads a file, nil if it is not there, or says that it is none.
func there(tree fs.FS, name string) (data []byte, other bool, err error) {
	info, err := fs.Lstat(tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("looking at %q: %w", name, err)
	case !info.Mode().IsRegular():
		return nil, true, nil
	}
	if data, err = fs.ReadFile(tree, name); err != nil {
		return nil, false, fmt.Errorf("reading %q: %w", name, err)
	}
	if data == nil {
		data = []byte{}
	}
	return data, false, nil
}
