// SPDX-License-Identifier: Apache-2.0

// Package memfile has what file systems in memory are made of: open files and folders, and what is known of them. None has a time.
//
// It imports nothing of Trunkline, and is pure.
package memfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"time"
)

// The modes of what nobody may change.
const (
	File   fs.FileMode = 0o444
	Folder             = fs.ModeDir | 0o555
)

// Info returns what is known of a file or folder, by its name alone.
func Info(name string, size int64, mode fs.FileMode) fs.FileInfo { return info{name, size, mode} }

// Entry is the same as a folder has it.
func Entry(name string, size int64, mode fs.FileMode) fs.DirEntry {
	return fs.FileInfoToDirEntry(info{name, size, mode})
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

// Open opens a file with a content, which must not change any more.
func Open(of fs.FileInfo, content []byte) fs.File { return &file{bytes.NewReader(content), of} }

type file struct {
	*bytes.Reader

	info fs.FileInfo
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

// OpenFolder opens a folder with its entries, which are sorted by name.
func OpenFolder(of fs.FileInfo, entries []fs.DirEntry) fs.ReadDirFile { return &folder{of, entries} }

type folder struct {
	info fs.FileInfo
	rest []fs.DirEntry
}

func (f *folder) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *folder) Close() error               { return nil }

func (f *folder) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: f.info.Name(), Err: errors.New("is a folder")}
}

// ReadDir implements [fs.ReadDirFile].
func (f *folder) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.rest) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.rest) {
		n = len(f.rest)
	}
	out := f.rest[:n:n]
	f.rest = f.rest[n:]
	return out, nil
}
