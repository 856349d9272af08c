// SPDX-License-Identifier: Apache-2.0

package code

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
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
		return info{name: path.Base(name), dir: e.Kind == Folder}, nil
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
			out = append(out, fs.FileInfoToDirEntry(info{name: entry[1:], dir: Kind(entry[0]) == Folder}))
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
		return &folder{stat, entries}, err
	}
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &file{stat, bytes.NewReader(data)}, nil
}

type file struct {
	info fs.FileInfo

	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

type folder struct {
	info    fs.FileInfo
	entries []fs.DirEntry
}

func (d *folder) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *folder) Close() error               { return nil }

func (d *folder) Read([]byte) (int, error) { return 0, errors.New("is a folder") }

// ReadDir implements [fs.ReadDirFile].
func (d *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	out := d.entries[:n]
	d.entries = d.entries[n:]
	return out, nil
}

// info is what is known of a file or folder. None has a time, and none a size: it is not known before a file is read.
type info struct {
	name string
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return 0 }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) ModTime() time.Time { return time.Time{} }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
