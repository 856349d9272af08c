// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Mount returns the tree of a platform with those of repositories that it includes in their places below [SourcesDir], as the tree of a
// [Composition] has them. Links stay in the part that they are in. The place has to be free.
func Mount(platform fs.FS, sources map[string]fs.FS) (fs.FS, error) {
	_, err := fs.Lstat(platform, SourcesDir)
	switch {
	case err == nil:
		return nil, fmt.Errorf("%q is where the repositories are that the platform includes: its own tree has something there", SourcesDir)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case len(sources) == 0:
		return platform, nil
	}
	for name := range sources {
		if !sourceName.MatchString(name) {
			return nil, fmt.Errorf("%q is no name of a source", printable(name, 80))
		}
	}
	return &mounted{platform, maps.Clone(sources)}, nil
}

// mounted is several trees as one.
type mounted struct {
	platform fs.FS
	sources  map[string]fs.FS
}

var (
	_ fs.ReadFileFS = (*mounted)(nil)
	_ fs.ReadDirFS  = (*mounted)(nil)
	_ fs.StatFS     = (*mounted)(nil)
	_ fs.ReadLinkFS = (*mounted)(nil)
)

// place finds the tree that a path is of, and the path in it; nil for the folder of the sources itself.
func (m *mounted) place(name string) (tree fs.FS, inside string, err error) {
	if name == SourcesDir {
		return nil, "", nil
	}
	below, ok := strings.CutPrefix(name, SourcesDir+"/")
	if !ok {
		return m.platform, name, nil
	}
	source, rest, deeper := strings.Cut(below, "/")
	if tree = m.sources[source]; tree == nil {
		return nil, "", fs.ErrNotExist
	}
	if !deeper {
		rest = "."
	}
	return tree, rest, nil
}

// mountedAt does something at a path, and has errors name the path of the whole.
func mountedAt[T any](m *mounted, op, name string, do func(tree fs.FS, inside string) (T, error), folder func() (T, error)) (T, error) {
	var none T
	tree, inside, err := m.place(name)
	if err != nil || !fs.ValidPath(name) {
		return none, &fs.PathError{Op: op, Path: name, Err: errors.Join(err, invalid(name))}
	}
	if tree == nil {
		return folder()
	}
	out, err := do(tree, inside)
	if pe, ok := errors.AsType[*fs.PathError](err); ok && inside != name {
		return none, &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return out, err
}

func invalid(name string) error {
	if fs.ValidPath(name) {
		return nil
	}
	return fs.ErrInvalid
}

func isFolder(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: errIsFolder} }

// Open opens a file or folder.
func (m *mounted) Open(name string) (fs.File, error) {
	if name == "." || name == SourcesDir {
		entries, err := m.ReadDir(name)
		if err != nil {
			return nil, err
		}
		info := m.info(name)
		return &openDir{info: info, path: name, entries: entries}, nil
	}
	return mountedAt(m, "open", name, func(tree fs.FS, inside string) (fs.File, error) {
		f, err := tree.Open(inside)
		if err != nil || inside != "." {
			return f, err
		}
		_ = f.Close()
		entries, err := fs.ReadDir(tree, ".")
		return &openDir{info: m.info(name), path: name, entries: entries}, err
	}, nil)
}

// ReadFile returns the content of a file.
func (m *mounted) ReadFile(name string) ([]byte, error) {
	return mountedAt(m, "readfile", name, fs.ReadFile,
		func() ([]byte, error) { return nil, isFolder("readfile", name) })
}

// ReadDir lists a folder, sorted by name.
func (m *mounted) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := mountedAt(m, "readdir", name, fs.ReadDir, func() (list []fs.DirEntry, err error) {
		for _, source := range slices.Sorted(maps.Keys(m.sources)) {
			list = append(list, fs.FileInfoToDirEntry(m.info(source)))
		}
		return list, nil
	})
	if err != nil || name != "." {
		return list, err
	}
	list = append(slices.Clone(list), fs.FileInfoToDirEntry(m.info(SourcesDir)))
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Stat describes what a path leads to, following links.
func (m *mounted) Stat(name string) (fs.FileInfo, error) { return m.stat("stat", name, fs.Stat) }

// Lstat describes the entry itself, which may be a link.
func (m *mounted) Lstat(name string) (fs.FileInfo, error) { return m.stat("lstat", name, fs.Lstat) }

func (m *mounted) stat(op, name string, stat func(fs.FS, string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	return mountedAt(m, op, name, func(tree fs.FS, inside string) (fs.FileInfo, error) {
		info, err := stat(tree, inside)
		if err == nil && inside == "." && name != "." {
			return m.info(name), nil // which has the name of its place
		}
		return info, err
	}, func() (fs.FileInfo, error) { return m.info(name), nil })
}

// ReadLink returns the target of a link, as it is written.
func (m *mounted) ReadLink(name string) (string, error) {
	return mountedAt(m, "readlink", name, fs.ReadLink, func() (string, error) { return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid} })
}

func (m *mounted) info(name string) fileInfo {
	return fileInfo{name: baseName(name), mode: modeOf(kindFolder), when: time.Time{}}
}
