// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"
)

// tree is what was unpacked. It does not change once it is made.
type tree struct {
	files map[string][]byte
	// dirs have the names in each folder, sorted once all is there.
	dirs map[string][]string
	size int64
}

func newTree(files map[string][]byte, folders map[string]bool) *tree {
	t := &tree{files: files, dirs: map[string][]string{".": nil}}
	seen := map[string]bool{".": true}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		dir := path.Dir(name)
		t.dirs[dir] = append(t.dirs[dir], path.Base(name))
		add(dir)
	}
	for name := range folders {
		if _, there := t.dirs[name]; !there {
			t.dirs[name] = nil
		}
		add(name)
	}
	for name, data := range files {
		add(name)
		t.size += int64(len(data)) + int64(len(name))
	}
	for _, dir := range slices.Collect(maps.Keys(t.dirs)) {
		slices.Sort(t.dirs[dir])
	}
	return t
}

var (
	_ fs.ReadFileFS = (*tree)(nil)
	_ fs.ReadDirFS  = (*tree)(nil)
	_ fs.StatFS     = (*tree)(nil)
)

func (t *tree) Stat(name string) (fs.FileInfo, error) {
	if fs.ValidPath(name) {
		if data, ok := t.files[name]; ok {
			return info{path.Base(name), int64(len(data)), 0o444}, nil
		}
		if _, ok := t.dirs[name]; ok {
			return info{path.Base(name), 0, fs.ModeDir | 0o555}, nil
		}
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

func (t *tree) ReadFile(name string) ([]byte, error) {
	data, ok := t.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return bytes.Clone(data), nil
}

func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	names, ok := t.dirs[name]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	out := make([]fs.DirEntry, 0, len(names))
	for _, n := range names {
		of, err := t.Stat(path.Join(name, n))
		if err != nil {
			return nil, err
		}
		out = append(out, fs.FileInfoToDirEntry(of))
	}
	return out, nil
}

func (t *tree) Open(name string) (fs.File, error) {
	of, err := t.Stat(name)
	if err != nil {
		return nil, err
	}
	if !of.IsDir() {
		return &file{info: of, Reader: bytes.NewReader(t.files[name])}, nil
	}
	entries, err := t.ReadDir(name)
	return &folder{info: of, rest: entries}, err
}

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

type file struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type folder struct {
	info fs.FileInfo
	rest []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *folder) Close() error               { return nil }
func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: fs.ErrInvalid}
}

func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		out := f.rest
		f.rest = nil
		return out, nil
	}
	if len(f.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(f.rest))
	out := f.rest[:n]
	f.rest = f.rest[n:]
	return out, nil
}
