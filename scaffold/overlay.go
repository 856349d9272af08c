// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/memfile"
)

// The modes of what is there without being written, as it will be once it is.
const (
	fileMode   fs.FileMode = 0o644
	folderMode             = fs.ModeDir | 0o755
)

// Overlay returns a tree in which files are there, or are other, without being written, and others are not there any more.
func Overlay(tree fs.FS, files []File, gone ...string) fs.FS {
	o := &overlay{tree: tree, files: map[string][]byte{}, folders: map[string]map[string]fs.FileMode{}, gone: map[string]bool{}}
	for _, name := range gone {
		o.gone[name] = true
	}
	for _, f := range files {
		o.files[f.Path] = f.Data
		mode := fs.FileMode(0)
		for at := f.Path; at != "."; at = path.Dir(at) {
			dir := path.Dir(at)
			if o.folders[dir] == nil {
				o.folders[dir] = map[string]fs.FileMode{}
			}
			o.folders[dir][path.Base(at)] = mode
			mode = fs.ModeDir
		}
	}
	return o
}

type overlay struct {
	tree  fs.FS
	files map[string][]byte
	// folders are those that something is put into, with what.
	folders map[string]map[string]fs.FileMode
	// gone are files of the tree that are not there.
	gone map[string]bool
}

func (o *overlay) missing(op, name string) error {
	if o.gone[name] {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

// Open implements [fs.FS].
func (o *overlay) Open(name string) (fs.File, error) {
	if data, ok := o.files[name]; ok {
		return memfile.Open(memfile.Info(path.Base(name), int64(len(data)), fileMode), data), nil
	}
	if _, ok := o.folders[name]; ok {
		entries, err := o.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return memfile.OpenFolder(memfile.Info(path.Base(name), 0, folderMode), entries), nil
	}
	if err := o.missing("open", name); err != nil {
		return nil, err
	}
	return o.tree.Open(name)
}

// ReadDir implements [fs.ReadDirFS].
func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.tree, name)
	if len(o.gone) > 0 {
		entries = slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool { return o.gone[path.Join(name, e.Name())] })
	}
	added, ok := o.folders[name]
	if !ok || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return entries, err
	}
	out := slices.DeleteFunc(slices.Clone(entries), func(e fs.DirEntry) bool { _, ok := added[e.Name()]; return ok })
	for _, child := range slices.Sorted(maps.Keys(added)) {
		i, err := o.Stat(path.Join(name, child))
		if err != nil {
			return nil, err
		}
		out = append(out, fs.FileInfoToDirEntry(i))
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out, nil
}

// Stat implements [fs.StatFS].
func (o *overlay) Stat(name string) (fs.FileInfo, error) {
	if data, ok := o.files[name]; ok {
		return memfile.Info(path.Base(name), int64(len(data)), fileMode), nil
	}
	if _, ok := o.folders[name]; ok {
		return memfile.Info(path.Base(name), 0, folderMode), nil
	}
	if err := o.missing("stat", name); err != nil {
		return nil, err
	}
	return fs.Stat(o.tree, name)
}

// Lstat implements [fs.ReadLinkFS].
func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	if _, ok := o.files[name]; ok || o.folders[name] != nil {
		return o.Stat(name)
	}
	if err := o.missing("lstat", name); err != nil {
		return nil, err
	}
	return fs.Lstat(o.tree, name)
}

// ReadLink implements [fs.ReadLinkFS].
func (o *overlay) ReadLink(name string) (string, error) { return fs.ReadLink(o.tree, name) }
