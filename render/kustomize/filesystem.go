package kustomize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// treeRoot is where Kustomize sees the tree, and overlayRoot where it sees the overlay that Trunkline puts
	// over it. They lie side by side, so that no path in the tree can be that of the overlay and a base may be
	// the root of the tree.
	treeRoot    = "/tree"
	overlayRoot = "/trunkline"

	// maxFileBytes bounds one file, maxTotalBytes all that one build reads.
	maxFileBytes  = 4 << 20
	maxTotalBytes = 32 << 20
)

// fileSystem shows Kustomize a tree and an overlay, to be read only. It notes nothing itself: the tree is one
// that records.
type fileSystem struct {
	ctx     context.Context //nolint:containedctx // Kustomize's interface has no place for it; it lives for one build
	tree    fs.FS
	overlay map[string][]byte
	// read and dirs keep what was seen, so that what is built is what was checked, even of a folder that
	// somebody writes to meanwhile.
	read   map[string]fileResult
	dirs   map[string]bool
	budget int
}

type fileResult struct {
	data []byte
	err  error
}

func newFileSystem(ctx context.Context, tree fs.FS) *fileSystem {
	return &fileSystem{
		ctx: ctx, tree: tree, overlay: map[string][]byte{}, read: map[string]fileResult{}, dirs: map[string]bool{},
	}
}

var _ filesys.FileSystem = (*fileSystem)(nil)

var errReadOnly = errors.New("the tree cannot be written to")

// inTree gives the path in the tree of one that Kustomize uses.
func inTree(p string) (string, bool) {
	p = path.Clean(p)
	if p == treeRoot {
		return ".", true
	}
	rel, ok := strings.CutPrefix(p, treeRoot+"/")
	return rel, ok && fs.ValidPath(rel)
}

// ReadFile implements [filesys.FileSystem].
func (f *fileSystem) ReadFile(name string) ([]byte, error) {
	if err := f.ctx.Err(); err != nil {
		return nil, context.Cause(f.ctx)
	}
	if data, ok := f.overlay[path.Clean(name)]; ok {
		return data, nil
	}
	rel, ok := inTree(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	result, done := f.read[rel]
	if !done {
		result.data, result.err = f.readTree(rel)
		f.read[rel] = result
	}
	return result.data, result.err
}

func (f *fileSystem) readTree(rel string) ([]byte, error) {
	// Kustomize tries each entry as a file first. A folder that is opened would be noted as listed.
	if f.isDir(rel) {
		return nil, &fs.PathError{Op: "read", Path: rel, Err: errors.New("is a folder")}
	}
	data, err := fs.ReadFile(f.tree, rel)
	if err != nil {
		return nil, err
	}
	if f.budget += len(data); len(data) > maxFileBytes || f.budget > maxTotalBytes {
		return nil, fmt.Errorf("%s: too large: a build reads files of at most %d MiB, and %d MiB together",
			rel, maxFileBytes>>20, maxTotalBytes>>20)
	}
	if err := manifest.CheckAliases(data); err != nil {
		return nil, fmt.Errorf("%s: %w", rel, err)
	}
	return data, nil
}

// IsDir implements [filesys.FileSystem].
func (f *fileSystem) IsDir(name string) bool {
	if path.Clean(name) == overlayRoot {
		return true
	}
	rel, ok := inTree(name)
	return ok && f.isDir(rel)
}

func (f *fileSystem) isDir(rel string) bool {
	is, done := f.dirs[rel]
	if !done {
		info, err := fs.Stat(f.tree, rel)
		is = err == nil && info.IsDir()
		f.dirs[rel] = is
	}
	return is
}

// Exists implements [filesys.FileSystem].
func (f *fileSystem) Exists(name string) bool {
	if _, ok := f.overlay[path.Clean(name)]; ok || path.Clean(name) == overlayRoot {
		return true
	}
	rel, ok := inTree(name)
	if !ok {
		return false
	}
	_, err := fs.Stat(f.tree, rel)
	return err == nil
}

// CleanedAbs implements [filesys.FileSystem]. Links are left as they are: the tree follows them by itself, and
// never out of it.
func (f *fileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	name = path.Clean("/" + name)
	switch {
	case f.IsDir(name):
		return filesys.ConfirmedDir(name), "", nil
	case f.Exists(name):
		return filesys.ConfirmedDir(path.Dir(name)), path.Base(name), nil
	}
	return "", "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Open implements [filesys.FileSystem]. Kustomize reads whole files only.
func (f *fileSystem) Open(name string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// ReadDir implements [filesys.FileSystem]. Kustomize does not list what it renders.
func (f *fileSystem) ReadDir(name string) ([]string, error) {
	return nil, &fs.PathError{Op: "list", Path: name, Err: errors.ErrUnsupported}
}

// Glob implements [filesys.FileSystem].
func (f *fileSystem) Glob(string) ([]string, error) { return nil, errors.ErrUnsupported }

// Walk implements [filesys.FileSystem].
func (f *fileSystem) Walk(string, filepath.WalkFunc) error { return errors.ErrUnsupported }

// Create implements [filesys.FileSystem].
func (f *fileSystem) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir implements [filesys.FileSystem].
func (f *fileSystem) Mkdir(string) error { return errReadOnly }

// MkdirAll implements [filesys.FileSystem].
func (f *fileSystem) MkdirAll(string) error { return errReadOnly }

// RemoveAll implements [filesys.FileSystem].
func (f *fileSystem) RemoveAll(string) error { return errReadOnly }

// WriteFile implements [filesys.FileSystem].
func (f *fileSystem) WriteFile(string, []byte) error { return errReadOnly }
