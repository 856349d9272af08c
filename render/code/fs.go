// SPDX-License-Identifier: Apache-2.0

package code

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"trunkline.dev/trunkline/api/memfile"
)

// FS shows a program the tree as far as it asks for it.
type FS func(name string) Entry

var (
	_ fs.ReadFileFS = FS(nil)
	_ fs.ReadDirFS  = FS(nil)
	_ fs.StatFS     = FS(nil)
)

// failure says why there is nothing at a path.
func failure(op, name string, e Entry) error {
	err := fs.ErrNotExist
	if e.Kind == Unreadable {
		err = errors.New(string(e.Data))
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Stat implements [fs.StatFS].
func (f FS) Stat(name string) (fs.FileInfo, error) {
	switch e := f(Look(name)); e.Kind {
	case File, Folder:
		return memfile.Info(path.Base(name), 0, modeOf(e.Kind)), nil // its size is not known before it is read
	default:
		return nil, failure("stat", name, e)
	}
}

// ReadFile implements [fs.ReadFileFS].
func (f FS) ReadFile(name string) ([]byte, error) {
	switch e := f(Read(name)); e.Kind {
	case File:
		return bytes.Clone(e.Data), nil
	case Folder:
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a folder")}
	default:
		return nil, failure("open", name, e)
	}
}

// ReadDir implements [fs.ReadDirFS].
func (f FS) ReadDir(name string) ([]fs.DirEntry, error) {
	e := f(Read(name))
	switch e.Kind {
	case Folder:
	case File:
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("is a file")}
	default:
		return nil, failure("readdir", name, e)
	}
	var out []fs.DirEntry
	for entry := range strings.SplitSeq(string(e.Data), "\x00") {
		if len(entry) > 1 {
			out = append(out, memfile.Entry(entry[1:], 0, modeOf(Kind(entry[0]))))
		}
	}
	return out, nil
}

// Open implements [fs.FS].
func (f FS) Open(name string) (fs.File, error) {
	stat, err := f.Stat(name)
	if err != nil {
		return nil, err
	}
	if stat.IsDir() {
		entries, err := f.ReadDir(name)
		return memfile.OpenFolder(stat, entries), err
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return memfile.Open(stat, data), nil
}

func modeOf(k Kind) fs.FileMode {
	if k == Folder {
		return memfile.Folder
	}
	return memfile.File
}
