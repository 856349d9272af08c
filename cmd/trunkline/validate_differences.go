// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"trunkline.dev/trunkline/reconciler/git"
)

// differences lists the files that differ between a revision and another, or a folder. A file that cannot be read on
// either side counts as different: what is in it is not known to be the same.
func differences(base, tree fs.FS) ([]string, error) {
	was, both := base.(*git.Tree)
	if head, ok := tree.(*git.Tree); ok && both {
		return git.Changed(was, head)
	}
	names, err := differ(base, tree)
	if err != nil {
		return nil, fmt.Errorf("comparing with the base: %w", err)
	}
	return names, nil
}

// differ compares all files of two trees.
func differ(base, tree fs.FS) (names []string, err error) {
	seen := map[string]bool{}
	compare := func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && name == ".git":
			return fs.SkipDir
		case entry.IsDir() || seen[name]:
			return nil
		}
		seen[name] = true
		if !sameFile(base, tree, name) {
			names = append(names, name)
		}
		return nil
	}
	for _, side := range []fs.FS{tree, base} {
		if err := fs.WalkDir(side, ".", compare); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// sameFile reports whether a file is known to be the same in two trees. Links are the same if they name the same.
func sameFile(a, b fs.FS, name string) bool {
	was, err1 := fs.ReadLink(a, name)
	is, err2 := fs.ReadLink(b, name)
	if err1 == nil || err2 == nil {
		return err1 == nil && err2 == nil && was == is
	}
	before, err1 := fs.ReadFile(a, name)
	after, err2 := fs.ReadFile(b, name)
	return err1 == nil && err2 == nil && bytes.Equal(before, after)
}
