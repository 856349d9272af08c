// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"io/fs"
	"maps"
	"path"
	"slices"

	"trunkline.dev/trunkline/api/memfile"
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
			return memfile.Info(path.Base(name), int64(len(data)), memfile.File), nil
		}
		if _, ok := t.dirs[name]; ok {
			return memfile.Info(path.Base(name), 0, memfile.Folder), nil
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
		return memfile.Open(of, t.files[name]), nil
	}
	entries, err := t.ReadDir(name)
	return memfile.OpenFolder(of, entries), err
}
