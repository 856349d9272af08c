// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Tree is the content of one commit as a file system. It is an immutable value, safe for concurrent use,
// and reads from the object store: there is no checkout.
//
//   - Symbolic links are followed, inside the tree only; see [LinkError]. In the tree of a [Composition] they stay in
//     the part that they are in.
//   - ReadDir shows a link as a link (fs.ModeSymlink), never as what it points to. So fs.WalkDir does not
//     walk into linked folders, ends always, and visits nothing twice. Open and Stat of the link's path follow it.
//   - A submodule is an empty folder; what would be inside does not exist, with an error that says why.
//   - A Git LFS pointer is the small text file that it is in Git.
//   - Files are 0444, or 0555 if executable, as old as the commit.
//   - Names that are not UTF-8 cannot be said in io/fs: ReadDir leaves them out, [Diff] reports them.
type Tree struct {
	objects *objects
	commit  plumbing.Hash
	when    time.Time
	root    node
	// walls are where the parts of it are that come from different repositories.
	walls walls
	// pin keeps the objects of the commit in the store.
	pin *pin
}

var (
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.SubFS      = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
	_ space         = (*Tree)(nil)
)

// openTree checks that a commit's tree is within the limits and returns it.
func openTree(ctx context.Context, o *objects, commit plumbing.Hash) (*Tree, error) {
	held := o.pins.hold(commit)
	c, err := o.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("opening the tree of commit %s: %w", commit, err)
	}
	t := &Tree{objects: o, pin: held, commit: commit, when: c.Committer.When, root: node{path: ".", kind: kindFolder, hash: c.TreeHash}}
	if parts, ok := compositionOf(c); ok {
		t.walls = walls{path.Join(parts.Dir, SourcesDir)}
	}
	if _, err := o.measure(ctx, c.TreeHash, 1, false); err != nil {
		if !isMissing(err) || o.lost.add(commit) {
			err = t.note(err)
		}
		return nil, fmt.Errorf("opening the tree of commit %s: %w", commit, err)
	}
	return t, nil
}

// Commit returns the full hash of the commit.
func (t *Tree) Commit() string { return t.commit.String() }

// Hash returns what identifies the content at a path: the hash of the blob or tree object that Open would
// read, after following links. Two trees whose hashes of a path are equal hold the same there, except
// that a link below a folder may point out of that folder to something that differs. The executable bit is
// no part of it. False when nothing can be read at the path.
func (t *Tree) Hash(name string) (string, bool) {
	n, err := t.find("hash", name, true)
	if err != nil {
		return "", false
	}
	return n.hash.String(), true
}

// At returns the tree that begins at a folder of this one. What lies outside of the folder is not part of it:
// a link that leads there is refused.
func (t *Tree) At(dir string) (*Tree, error) {
	n, err := t.find("sub", dir, true)
	if err != nil {
		return nil, err
	}
	if n.kind != kindFolder {
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: errNotFolder}
	}
	sub := *t
	sub.root, sub.walls = node{path: ".", kind: kindFolder, hash: n.hash}, t.walls.at(n.path)
	return &sub, nil
}

// Sub is At, for fs.Sub.
func (t *Tree) Sub(dir string) (fs.FS, error) { return t.At(dir) }

// Open opens a file or folder.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name, true)
	if err != nil {
		return nil, err
	}
	info, err := t.info(n, name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if n.kind == kindFolder || n.kind == kindModule {
		entries, err := t.list(n)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openDir{info: info, path: name, entries: entries}, nil
	}
	return &openFile{info: info, path: name, load: func() ([]byte, error) { return t.content(n) }}, nil
}

// ReadFile returns the content of a file; the caller may change it.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("readfile", name, true)
	if err != nil {
		return nil, err
	}
	content, err := t.content(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readfile", Path: name, Err: err}
	}
	return content, nil
}

// ReadDir lists a folder, sorted by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	entries, err := t.list(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return entries, nil
}

// Stat describes what a path leads to, following links.
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.stat("stat", name, true) }

// Lstat describes the entry itself, which may be a link.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name, false) }

// ReadLink returns the target of a link, as it is written.
func (t *Tree) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.kind != kindLink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return t.target(n)
}

func (t *Tree) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := t.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	info, err := t.info(n, name)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return info, nil
}

func (t *Tree) find(op, name string, follow bool) (node, error) {
	n, err := lookup(t, t.root, t.walls, t.objects.limits, op, name, follow)
	return n, t.note(err)
}

func (t *Tree) child(dir node, name string) (node, error) {
	if dir.kind == kindModule {
		return node{}, fs.ErrNotExist
	}
	f, err := t.objects.folder(dir.hash)
	if err != nil {
		return node{}, err
	}
	e, ok := f.find(name)
	if !ok {
		return node{}, fs.ErrNotExist
	}
	return node{path: under(dir, name), kind: e.kind, hash: e.hash}, nil
}

func (t *Tree) target(link node) (string, error) {
	size, err := t.objects.size(link.hash)
	if err != nil {
		return "", t.note(err)
	}
	if size > maxTarget {
		return "", fmt.Errorf("symlink %q has a target of %d bytes, more than %d: %w", link.path, size, maxTarget, fs.ErrInvalid)
	}
	content, err := t.objects.read(plumbing.BlobObject, link.hash)
	return string(content), t.note(err)
}

var errNotFolder = errors.New("not a folder")

var errIsFolder = errors.New("is a folder")

// content reads a file within the limit.
func (t *Tree) content(n node) ([]byte, error) {
	if n.kind == kindFolder || n.kind == kindModule {
		return nil, errIsFolder
	}
	content, size, err := t.objects.readWithin(plumbing.BlobObject, n.hash, t.objects.limits.MaxFile)
	if err != nil {
		return nil, t.note(err)
	}
	return content, checkFileSize(n.path, size, t.objects.limits)
}

func checkFileSize(path string, size int64, lim Limits) error {
	if size <= lim.MaxFile {
		return nil
	}
	return &LimitError{Subject: fmt.Sprintf("file %q", path), Got: size, Limit: lim.MaxFile, Unit: "bytes", Field: "MaxFile"}
}

func (t *Tree) info(n node, name string) (fileInfo, error) {
	info := fileInfo{name: baseName(name), mode: modeOf(n.kind), when: t.when}
	if n.kind == kindFolder || n.kind == kindModule {
		return info, nil
	}
	var err error
	info.size, err = t.objects.size(n.hash)
	return info, t.note(err)
}

func (t *Tree) list(n node) ([]fs.DirEntry, error) {
	switch n.kind {
	case kindModule:
		return nil, nil
	case kindFolder:
	default:
		return nil, errNotFolder
	}
	f, err := t.objects.folder(n.hash)
	if err != nil {
		return nil, t.note(err)
	}
	list := make([]fs.DirEntry, 0, len(f.entries))
	for _, e := range f.entries {
		if nameable(e.name) {
			list = append(list, treeEntry{t, node{path: under(n, e.name), kind: e.kind, hash: e.hash}, e.name})
		}
	}
	return list, nil
}

// note remembers that the store is damaged when an error says so; the next fetch repairs it.
func (t *Tree) note(err error) error {
	if damage, ok := errors.AsType[*ObjectError](err); ok {
		t.objects.damaged.Store(true)
		t.pin.damage.CompareAndSwap(nil, damage)
	}
	return err
}

// Err returns the first error because of which this tree, or one that it was made from or that was made from it, could
// not be read although it should be there: the store was damaged. Whoever reads through layers that may swallow an error
// asks here whether they saw the whole tree. It is a matter of this value: after a repair, open the tree again.
func (t *Tree) Err() error {
	if damage := t.pin.damage.Load(); damage != nil {
		return damage
	}
	return nil
}

// treeEntry is an entry of a folder; it reads the size only on demand.
type treeEntry struct {
	tree *Tree
	node node
	name string
}

func (e treeEntry) Name() string      { return e.name }
func (e treeEntry) IsDir() bool       { return e.Type().IsDir() }
func (e treeEntry) Type() fs.FileMode { return modeOf(e.node.kind).Type() }
func (e treeEntry) String() string    { return fs.FormatDirEntry(e) }

func (e treeEntry) Info() (fs.FileInfo, error) {
	info, err := e.tree.info(e.node, e.name)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: e.node.path, Err: err}
	}
	return info, nil
}
