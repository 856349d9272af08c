// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"
)

// fileInfo describes a file of a tree.
type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
	when time.Time
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return i.when }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) String() string     { return fs.FormatFileInfo(i) }

func modeOf(k kind) fs.FileMode {
	switch k {
	case kindExecutable:
		return 0o555
	case kindFolder, kindModule:
		return fs.ModeDir | 0o555
	case kindLink:
		return fs.ModeSymlink | 0o777
	default:
		return 0o444
	}
}

func baseName(name string) string { return path.Base(name) }

// openFile is an open file of a tree. The content is read when it is first asked for.
type openFile struct {
	info   fileInfo
	path   string
	load   func() ([]byte, error)
	reader *bytes.Reader
	closed bool
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f *openFile) Close() error {
	f.closed, f.reader = true, nil
	return nil
}

func (f *openFile) Read(p []byte) (int, error) {
	r, err := f.content("read")
	if err != nil {
		return 0, err
	}
	return r.Read(p)
}

// ReadAt makes the file an io.ReaderAt.
func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	r, err := f.content("read")
	if err != nil {
		return 0, err
	}
	return r.ReadAt(p, off)
}

// Seek makes the file an io.Seeker.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	r, err := f.content("seek")
	if err != nil {
		return 0, err
	}
	return r.Seek(offset, whence)
}

func (f *openFile) content(op string) (*bytes.Reader, error) {
	if f.closed {
		return nil, &fs.PathError{Op: op, Path: f.path, Err: fs.ErrClosed}
	}
	if f.reader == nil {
		content, err := f.load()
		if err != nil {
			return nil, &fs.PathError{Op: op, Path: f.path, Err: err}
		}
		f.reader = bytes.NewReader(content)
	}
	return f.reader, nil
}

// openDir is an open folder.
type openDir struct {
	info    fs.FileInfo
	path    string
	entries []fs.DirEntry
	closed  bool
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }

func (d *openDir) Close() error {
	d.closed = true
	return nil
}

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.path, Err: errIsFolder}
}

// ReadDir returns the next n entries, or all that are left when n is not positive.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.path, Err: fs.ErrClosed}
	}
	if n > 0 && len(d.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.entries) {
		n = len(d.entries)
	}
	list := d.entries[:n:n]
	d.entries = d.entries[n:]
	return list, nil
}
