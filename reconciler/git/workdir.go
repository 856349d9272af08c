// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// dirFS is a folder on disk with the manners of a [Tree].
type dirFS struct {
	root   *os.Root
	disk   fs.FS
	limits Limits
	// folders are those that were seen, by path: looking at each on the way to each file takes longer than reading
	// the file. One that has become a link since is followed by root, which does not let it lead out.
	folders sync.Map
}

var (
	_ fs.ReadFileFS = (*dirFS)(nil)
	_ fs.ReadDirFS  = (*dirFS)(nil)
	_ fs.StatFS     = (*dirFS)(nil)
	_ fs.ReadLinkFS = (*dirFS)(nil)
	_ space         = (*dirFS)(nil)
)

// OpenDir returns a folder on disk, what is not committed included, as the same kind of file system as a
// [Tree]: links are followed inside the folder only, with the same errors, ReadDir shows links as links,
// files above the limit are refused, everything named ".git" is hidden, and a folder with one in it is empty, as a submodule is in a tree. What is neither file, folder
// nor link (a pipe would block for ever) is listed but not opened. The path itself may be a link.
//
// Unlike a tree it changes under the reader's hands, and it holds one open descriptor until the value is
// collected as garbage.
func OpenDir(path string, opts ...Option) (fs.FS, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening folder %q: %w", path, err)
	}
	return &dirFS{root: root, disk: root.FS(), limits: limitsOf(opts)}, nil
}

const gitDir = ".git"

// kindOther is what a tree never holds: pipes, sockets, devices.
const kindOther kind = 255

var errSpecial = errors.New("is neither file nor folder")

func (d *dirFS) find(op, name string, follow bool) (node, error) {
	return lookup(d, node{path: ".", kind: kindFolder}, walls{}, d.limits, op, name, follow)
}

func (d *dirFS) child(dir node, name string) (node, error) {
	if name == gitDir {
		return node{}, fs.ErrNotExist
	}
	path := under(dir, name)
	if known, seen := d.folders.Load(path); seen {
		return node{path: path, kind: known.(kind)}, nil
	}
	info, err := d.root.Lstat(path)
	if err != nil {
		return node{}, cause(err)
	}
	n := node{path: path, kind: kindOther}
	switch {
	case info.IsDir():
		n.kind = kindFolder
		if _, err := d.root.Lstat(under(n, gitDir)); err == nil {
			n.kind = kindModule // of which a commit holds nothing
		}
		d.folders.Store(path, n.kind)
	case info.Mode()&fs.ModeSymlink != 0:
		n.kind = kindLink
	case info.Mode().IsRegular():
		n.kind = kindFile
	}
	return n, nil
}

func (d *dirFS) target(link node) (string, error) {
	target, err := d.root.Readlink(link.path)
	return target, cause(err)
}

// Open opens a file or folder.
func (d *dirFS) Open(name string) (fs.File, error) {
	n, err := d.find("open", name, true)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (fs.File, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	if n.kind == kindOther {
		return fail(errSpecial)
	}
	info, err := d.root.Lstat(n.path)
	if err != nil {
		return fail(err)
	}
	named := fileInfo{name: baseName(name), size: info.Size(), mode: info.Mode(), when: info.ModTime()}
	if n.kind == kindFolder || n.kind == kindModule {
		entries, err := d.list(n)
		if err != nil {
			return fail(err)
		}
		return &openDir{info: named, path: name, entries: entries}, nil
	}
	return &openFile{info: named, path: name, load: func() ([]byte, error) { return d.content(n) }}, nil
}

// ReadFile returns the content of a file.
func (d *dirFS) ReadFile(name string) ([]byte, error) {
	n, err := d.find("readfile", name, true)
	if err != nil {
		return nil, err
	}
	content, err := d.content(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: cause(err)}
	}
	return content, nil
}

// ReadDir lists a folder, sorted by name, without ".git".
func (d *dirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := d.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	entries, err := d.list(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: cause(err)}
	}
	return entries, nil
}

// Stat describes what a path leads to, following links.
func (d *dirFS) Stat(name string) (fs.FileInfo, error) { return d.stat("stat", name, true) }

// Lstat describes the entry itself, which may be a link.
func (d *dirFS) Lstat(name string) (fs.FileInfo, error) { return d.stat("lstat", name, false) }

// ReadLink returns the target of a link.
func (d *dirFS) ReadLink(name string) (string, error) {
	n, err := d.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	target, err := d.target(n)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

func (d *dirFS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := d.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(n.path)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	return fileInfo{name: baseName(name), size: info.Size(), mode: info.Mode(), when: info.ModTime()}, nil
}

func (d *dirFS) content(n node) ([]byte, error) {
	switch n.kind {
	case kindFolder, kindModule:
		return nil, errIsFolder
	case kindOther:
		return nil, errSpecial
	default:
	}
	f, err := d.root.Open(n.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFileSize(n.path, info.Size(), d.limits); err != nil {
		return nil, err
	}
	// A file may grow while it is read.
	content, err := io.ReadAll(io.LimitReader(f, d.limits.MaxFile+1))
	if err != nil {
		return nil, err
	}
	return content, checkFileSize(n.path, int64(len(content)), d.limits)
}

func (d *dirFS) list(n node) ([]fs.DirEntry, error) {
	switch n.kind {
	case kindModule:
		return nil, nil
	case kindFolder:
	default:
		return nil, errNotFolder
	}
	all, err := fs.ReadDir(d.disk, n.path)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, 0, len(all))
	for _, e := range all {
		if e.Name() != gitDir && nameable(e.Name()) {
			list = append(list, e)
		}
	}
	return list, nil
}

// cause takes the path out of an error of the os package: the caller adds the path that was asked for.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
