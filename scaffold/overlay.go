// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Overlay returns a tree in which files are there, or are other, without being written.
func Overlay(tree fs.FS, files []File) fs.FS {
	o := &overlay{tree: tree, files: map[string][]byte{}, folders: map[string]map[string]fs.FileMode{}}
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
}

// Open implements [fs.FS].
func (o *overlay) Open(name string) (fs.File, error) {
	if data, ok := o.files[name]; ok {
		return &openFile{Reader: bytes.NewReader(data), info: info{name: path.Base(name), size: int64(len(data)), mode: 0o644}}, nil
	}
	if _, ok := o.folders[name]; ok {
		entries, err := o.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openFolder{entries: entries, info: info{name: path.Base(name), mode: fs.ModeDir | 0o755}}, nil
	}
	return o.tree.Open(name)
}

// ReadDir implements [fs.ReadDirFS].
func (o *overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.tree, name)
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
		return info{name: path.Base(name), size: int64(len(data)), mode: 0o644}, nil
	}
	if _, ok := o.folders[name]; ok {
		return info{name: path.Base(name), mode: fs.ModeDir | 0o755}, nil
	}
	return fs.Stat(o.tree, name)
}

// Lstat implements [fs.ReadLinkFS].
func (o *overlay) Lstat(name string) (fs.FileInfo, error) {
	if _, ok := o.files[name]; ok || o.folders[name] != nil {
		return o.Stat(name)
	}
	return fs.Lstat(o.tree, name)
}

// ReadLink implements [fs.ReadLinkFS].
func (o *overlay) ReadLink(name string) (string, error) { return fs.ReadLink(o.tree, name) }

type info struct {
	name string
	size int64
	mode fs.FileMode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

type openFile struct {
	*bytes.Reader
	info info
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openFolder struct {
	entries []fs.DirEntry
	info    info
}

func (f *openFolder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFolder) Close() error               { return nil }

func (f *openFolder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("is a folder")}
}

// ReadDir implements [fs.ReadDirFile].
func (f *openFolder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	out := f.entries[:n]
	f.entries = f.entries[n:]
	return out, nil
}
