// SPDX-License-Identifier: Apache-2.0

// Package gittest makes Git repositories for tests, and servers for them: over HTTP, with or without
// a password, and over ssh. Everything is on loopback and in temporary folders and ends with the test.
//
// Commits are written as objects, without a worktree and without running git; the servers run git's own
// http-backend and upload-pack, so that tests speak to the real thing.
//
// It may import the standard library, go-git and x/crypto/ssh; nothing of Trunkline.
package gittest

import (
	"cmp"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Main is the branch that commits go to unless another one is named.
const Main = "main"

// What stands before a value of a file map makes it something else than a plain file.
const (
	deleted    = "\x00delete"
	link       = "\x00link:"
	executable = "\x00executable:"
	submodule  = "\x00submodule:"
)

// Delete as the value of a path removes the file or the whole folder.
const Delete = deleted

// Symlink as the value of a path makes it a symbolic link.
func Symlink(target string) string { return link + target }

// Executable as the value of a path makes it an executable file.
func Executable(content string) string { return executable + content }

// Submodule as the value of a path makes it a submodule at a commit of 40 hexadecimal digits.
func Submodule(commit string) string { return submodule + commit }

// Repo is a bare repository.
type Repo struct {
	dir string
	sto *filesystem.Storage
	// pending are the objects of the commit being made.
	pending map[plumbing.Hash]plumbing.EncodedObject
	// clock returns every commit a time of its own, one minute after the one before.
	clock time.Time
}

// New makes an empty bare repository that is removed at the end of the test.
func New(t testing.TB) *Repo {
	t.Helper()
	r := &Repo{dir: t.TempDir(), pending: map[plumbing.Hash]plumbing.EncodedObject{}, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.sto = filesystem.NewStorage(osfs.New(r.dir), cache.NewObjectLRU(cache.MiByte))
	if _, err := gogit.InitWithOptions(r.sto, nil, gogit.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(Main)}); err != nil {
		t.Fatalf("gittest: creating a repository: %v", err)
	}
	return r
}

// Path is where the repository is.
func (r *Repo) Path() string { return r.dir }

// URL is its file:// URL.
func (r *Repo) URL() string { return "file://" + r.dir }

// Commit changes files on the main branch and returns the new commit's hash. A value is the file's
// content, or what [Symlink], [Executable], [Submodule] and [Delete] make of it.
func (r *Repo) Commit(t testing.TB, msg string, files map[string]string) string {
	t.Helper()
	return r.CommitTo(t, Main, msg, files)
}

// CommitTo is Commit on another branch, which begins empty when it does not exist.
func (r *Repo) CommitTo(t testing.TB, branch, msg string, files map[string]string) string {
	t.Helper()
	var parents []plumbing.Hash
	base := plumbing.ZeroHash
	if tip, ok := r.tip(t, branch); ok {
		parents = append(parents, tip)
		base = r.commit(t, tip).TreeHash
	}
	return r.write(t, branch, msg, r.tree(t, base, files), parents)
}

// Merge commits the files of branch "into" again, with the tip of "from" as second parent.
func (r *Repo) Merge(t testing.TB, into, from, msg string) string {
	t.Helper()
	a, okA := r.tip(t, into)
	b, okB := r.tip(t, from)
	if !okA || !okB {
		t.Fatalf("gittest: merging %q into %q: both must exist", from, into)
	}
	return r.write(t, into, msg, r.commit(t, a).TreeHash, []plumbing.Hash{a, b})
}

// CommitTree makes a commit of any tree object on the main branch, for trees that [Repo.Commit] would not make.
func (r *Repo) CommitTree(t testing.TB, msg, tree string) string {
	t.Helper()
	var parents []plumbing.Hash
	if tip, ok := r.tip(t, Main); ok {
		parents = append(parents, tip)
	}
	return r.write(t, Main, msg, plumbing.NewHash(tree), parents)
}

// Reset moves the main branch to any commit, as a force-push does. Commit afterwards rewrites history.
func (r *Repo) Reset(t testing.TB, commit string) {
	t.Helper()
	r.SetBranch(t, Main, commit)
}

// SetBranch makes a branch, or moves it.
func (r *Repo) SetBranch(t testing.TB, branch, commit string) {
	t.Helper()
	r.flush(t)
	ref := plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit))
	if err := r.sto.SetReference(ref); err != nil {
		t.Fatalf("gittest: moving branch %q: %v", branch, err)
	}
}

// DeleteBranch removes a branch.
func (r *Repo) DeleteBranch(t testing.TB, branch string) {
	t.Helper()
	if err := r.sto.RemoveReference(plumbing.NewBranchReferenceName(branch)); err != nil {
		t.Fatalf("gittest: deleting branch %q: %v", branch, err)
	}
}

// Hide makes the repository unreachable until the function it returns is called.
func (r *Repo) Hide(t testing.TB) (restore func()) {
	t.Helper()
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatalf("gittest: hiding the repository: %v", err)
		}
	}
	move(r.dir, r.dir+".hidden")
	return func() { move(r.dir+".hidden", r.dir) }
}

// Object writes any object and returns its hash.
func (r *Repo) Object(t testing.TB, typ plumbing.ObjectType, content []byte) string {
	t.Helper()
	h := r.object(t, typ, content)
	r.flush(t)
	return h.String()
}

func (r *Repo) tip(t testing.TB, branch string) (plumbing.Hash, bool) {
	t.Helper()
	ref, err := r.sto.Reference(plumbing.NewBranchReferenceName(branch))
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return plumbing.ZeroHash, false
	}
	if err != nil {
		t.Fatalf("gittest: reading branch %q: %v", branch, err)
	}
	return ref.Hash(), true
}

func (r *Repo) commit(t testing.TB, h plumbing.Hash) *object.Commit {
	t.Helper()
	c, err := object.GetCommit(r.sto, h)
	if err != nil {
		t.Fatalf("gittest: reading commit %s: %v", h, err)
	}
	return c
}

func (r *Repo) write(t testing.TB, branch, msg string, tree plumbing.Hash, parents []plumbing.Hash) string {
	t.Helper()
	r.clock = r.clock.Add(time.Minute)
	who := object.Signature{Name: "Ada", Email: "ada@example.com", When: r.clock}
	c := &object.Commit{Author: who, Committer: who, Message: msg, TreeHash: tree, ParentHashes: parents}
	h := r.encode(t, c)
	r.SetBranch(t, branch, h.String())
	return h.String()
}

// tree writes a tree object: the one at base (zero for none) with changes made to it.
func (r *Repo) tree(t testing.TB, base plumbing.Hash, changes map[string]string) plumbing.Hash {
	t.Helper()
	entries := map[string]object.TreeEntry{}
	if !base.IsZero() {
		old, err := object.GetTree(r.sto, base)
		if err != nil {
			t.Fatalf("gittest: reading tree %s: %v", base, err)
		}
		for _, e := range old.Entries {
			entries[e.Name] = e
		}
	}
	below := map[string]map[string]string{}
	for path, value := range changes {
		name, rest, deeper := strings.Cut(path, "/")
		switch {
		case name == "":
			t.Fatalf("gittest: path %q has an empty part", path)
		case deeper:
			if below[name] == nil {
				below[name] = map[string]string{}
			}
			below[name][rest] = value
		case value == deleted:
			delete(entries, name)
		default:
			entries[name] = r.entry(t, name, value)
		}
	}
	for name, changes := range below {
		sub := plumbing.ZeroHash
		if e := entries[name]; e.Mode == filemode.Dir {
			sub = e.Hash
		}
		h := r.tree(t, sub, changes)
		if h == emptyTree {
			delete(entries, name)
			continue
		}
		entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: h}
	}
	sorted := slices.SortedFunc(maps.Values(entries), func(a, b object.TreeEntry) int {
		return cmp.Compare(sortName(a), sortName(b))
	})
	return r.encode(t, &object.Tree{Entries: sorted})
}

var emptyTree = plumbing.NewHash("4b825dc642cb6eb9a060e54bf8d69288fbee4904")

// sortName is the name as git sorts it.
func sortName(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (r *Repo) entry(t testing.TB, name, value string) object.TreeEntry {
	t.Helper()
	e := object.TreeEntry{Name: name, Mode: filemode.Regular}
	if s, ok := strings.CutPrefix(value, submodule); ok {
		e.Mode, e.Hash = filemode.Submodule, plumbing.NewHash(s)
		return e
	}
	if s, ok := strings.CutPrefix(value, link); ok {
		e.Mode, value = filemode.Symlink, s
	} else if s, ok := strings.CutPrefix(value, executable); ok {
		e.Mode, value = filemode.Executable, s
	}
	e.Hash = r.object(t, plumbing.BlobObject, []byte(value))
	return e
}
