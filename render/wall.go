// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io/fs"
	"strings"
)

// walled returns a tree in which nothing can be read outside of a folder: what a repository declares that the platform includes reads
// nothing of others. An empty folder is the whole tree.
func walled(tree fs.FS, root string) fs.FS {
	if root == "" {
		return tree
	}
	return wall{tree, root}
}

// wall is a part of a tree, by the paths of the tree.
type wall struct {
	tree fs.FS
	root string
}

var (
	_ fs.ReadFileFS = wall{}
	_ fs.ReadDirFS  = wall{}
	_ fs.StatFS     = wall{}
	_ fs.ReadLinkFS = wall{}
)

// outsideError is a path that leaves the repository. It is fs.ErrNotExist: there is no such file in it.
type outsideError struct{ root string }

func (e *outsideError) Error() string {
	return fmt.Sprintf("it is not in %s, and what a repository declares reads nothing of others: %v", e.root, fs.ErrNotExist)
}

func (e *outsideError) Unwrap() error { return fs.ErrNotExist }

func (w wall) check(op, name string) error {
	if name == w.root || strings.HasPrefix(name, w.root+"/") {
		return nil
	}
	if look := op == "stat" || op == "lstat"; look && (name == "." || strings.HasPrefix(w.root, name+"/")) {
		return nil // that the folders on the way are there is no secret
	}
	return &fs.PathError{Op: op, Path: name, Err: &outsideError{w.root}}
}

// Open implements [fs.FS].
func (w wall) Open(name string) (fs.File, error) {
	if err := w.check("open", name); err != nil {
		return nil, err
	}
	return w.tree.Open(name)
}

// ReadFile implements [fs.ReadFileFS].
func (w wall) ReadFile(name string) ([]byte, error) {
	if err := w.check("readfile", name); err != nil {
		return nil, err
	}
	return fs.ReadFile(w.tree, name)
}

// ReadDir implements [fs.ReadDirFS].
func (w wall) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := w.check("readdir", name); err != nil {
		return nil, err
	}
	return fs.ReadDir(w.tree, name)
}

// Stat implements [fs.StatFS].
func (w wall) Stat(name string) (fs.FileInfo, error) {
	if err := w.check("stat", name); err != nil {
		return nil, err
	}
	return fs.Stat(w.tree, name)
}

// Lstat implements [fs.ReadLinkFS].
func (w wall) Lstat(name string) (fs.FileInfo, error) {
	if err := w.check("lstat", name); err != nil {
		return nil, err
	}
	return fs.Lstat(w.tree, name)
}

// ReadLink implements [fs.ReadLinkFS].
func (w wall) ReadLink(name string) (string, error) {
	if err := w.check("readlink", name); err != nil {
		return "", err
	}
	return fs.ReadLink(w.tree, name)
}
