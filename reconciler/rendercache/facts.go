// SPDX-License-Identifier: Apache-2.0

package rendercache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"trunkline.dev/trunkline/render"
)

// Hasher is a tree that knows what identifies the content at a path without reading it: two trees that give the same
// for a path have the same there. It says false where nothing can be read. Other trees are read.
type Hasher interface {
	Hash(name string) (string, bool)
}

// fact is what a render depended on at one path.
type fact struct {
	Path string `json:"path"`
	// Is says what was there, so that equal texts mean the same: see [observe].
	Is string `json:"is"`
}

// What a fact says, with the identity of content or list behind it. Unknown never equals anything.
const (
	isMissing = "missing"
	isFolder  = "folder"
	isGit     = "git:"
	isContent = "sha256:"
	isList    = "list:"
	isUnknown = ""
)

// factsOf returns the facts of a tree that a read-set depends on, and false if one of them cannot be told. The tree must
// be the one that was rendered, and must not have changed since.
func factsOf(tree fs.FS, reads render.ReadSet) ([]fact, bool) {
	var facts []fact
	add := func(name string, is string) bool {
		facts = append(facts, fact{name, is})
		return is != isUnknown
	}
	for _, paths := range [][]string{reads.Files, reads.Missing} {
		for _, p := range paths {
			if !add(p, content(tree, p)) {
				return nil, false
			}
		}
	}
	for _, d := range reads.Dirs {
		is := folder(tree, d.Path)
		if d.Listed {
			is = listing(tree, d.Path)
		}
		if !add(d.Path, is) {
			return nil, false
		}
	}
	return facts, true
}

// hold reports whether a tree has all the facts.
func hold(tree fs.FS, facts []fact) bool {
	for _, f := range facts {
		var is string
		switch {
		case f.Is == isFolder:
			is = folder(tree, f.Path)
		case strings.HasPrefix(f.Is, isList):
			is = listing(tree, f.Path)
		default:
			is = content(tree, f.Path)
		}
		if is == isUnknown || is != f.Is {
			return false
		}
	}
	return true
}

// content says what is at a path.
func content(tree fs.FS, name string) string {
	if h, ok := tree.(Hasher); ok {
		if id, readable := h.Hash(name); readable {
			return isGit + id
		}
		_, err := fs.Stat(tree, name)
		return absence(err)
	}
	info, err := fs.Stat(tree, name)
	if err != nil {
		return absence(err)
	}
	if info.IsDir() {
		return isFolder
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return isUnknown
	}
	sum := sha256.Sum256(data)
	return isContent + hex.EncodeToString(sum[:])
}

// absence reports whether nothing is there from what is there and cannot be read.
func absence(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return isMissing
	}
	return isUnknown
}

func folder(tree fs.FS, name string) string {
	info, err := fs.Stat(tree, name)
	if err != nil || !info.IsDir() {
		return isUnknown
	}
	return isFolder
}

// listing identifies the names in a folder, with what each is.
func listing(tree fs.FS, name string) string {
	entries, err := fs.ReadDir(tree, name)
	if err != nil {
		return isUnknown
	}
	var all []byte
	for _, e := range entries {
		all = binary.BigEndian.AppendUint32(all, uint32(len(e.Name()))) //nolint:gosec // no name is that long
		all = append(all, e.Name()...)
		all = binary.BigEndian.AppendUint32(all, uint32(e.Type()))
	}
	sum := sha256.Sum256(all)
	return isList + hex.EncodeToString(sum[:])
}
