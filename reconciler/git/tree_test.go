// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

var plainFiles = map[string]string{
	"README.md":            "hello",
	"empty":                "",
	"..file.yaml":          "dots",
	"...":                  "more dots",
	"run.sh":               gittest.Executable("#!/bin/sh\n"),
	"a-b":                  "sorts between the folder a and its files",
	"a/b":                  "b",
	"a/c/d.yaml":           "d",
	"names/space and ü.md": "x",
	"names/back\\slash":    "x",
	"lfs.bin":              "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
}

func TestTreeIsAFileSystem(t *testing.T) {
	files := maps.Clone(plainFiles)
	delete(files, "names/back\\slash") // TestFS makes a glob pattern of every name
	files["a/link"] = gittest.Symlink("c/d.yaml")
	files["dirlink"] = gittest.Symlink("a/c")
	tree := treeOf(t, files)
	if err := fstest.TestFS(tree, slices.Collect(maps.Keys(files))...); err != nil {
		t.Error(err)
	}
	tree = treeOf(t, map[string]string{"README.md": "", "a/link": gittest.Symlink("../README.md")})
	sub, err := fs.Sub(tree, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := sub.(*git.Tree); !ok {
		t.Errorf("fs.Sub gives %T", sub)
	}
	if _, err := fs.ReadFile(sub, "link"); !errors.Is(err, git.ErrLeavesTree) {
		t.Errorf("a link out of the sub-tree: got %v", err)
	}
}

func TestDirIsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	for path, content := range map[string]string{
		"README.md": "hello", "a/b": "b", "a/c/d.yaml": "d", "..file.yaml": "dots", ".git/config": "secret", "sub/.git": "gitdir: x", "sub/x": "x",
	} {
		writeDisk(t, dir, path, content)
	}
	symlink(t, "c/d.yaml", dir, "a/link")
	symlink(t, "a/c", dir, "dirlink")
	fsys, err := git.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(fsys, "README.md", "a/b", "a/c/d.yaml", "a/link", "dirlink", "..file.yaml"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{".git", ".git/config", "sub/.git"} {
		if _, err := fs.Stat(fsys, path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want it hidden", path, err)
		}
	}
	// What is in a submodule is not in a commit of this repository either.
	inside, ok := errors.AsType[*git.SubmoduleError](statError(fsys, "sub/x"))
	if !ok || inside.Folder != "sub" || !errors.Is(inside, fs.ErrNotExist) {
		t.Errorf("a file in a submodule: got %v", statError(fsys, "sub/x"))
	}
	want := []string{"..file.yaml", "README.md", "a", "a/b", "a/c", "a/c/d.yaml", "a/link", "dirlink", "sub"}
	if diff := cmp.Diff(want, walk(t, fsys)); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
}

func statError(fsys fs.FS, name string) error {
	_, err := fs.Stat(fsys, name)
	return err
}

func TestTreeContents(t *testing.T) {
	tree := treeOf(t, plainFiles)
	for path, want := range plainFiles {
		want = strings.TrimPrefix(want, gittest.Executable(""))
		if got := read(t, tree, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"run.sh": "-r-xr-xr-x", "README.md": "-r--r--r--", "a": "dr-xr-xr-x", ".": "dr-xr-xr-x",
	} {
		info, err := tree.Stat(path)
		if err != nil || info.Mode().String() != want {
			t.Errorf("%s: got %v, %v, want mode %s", path, info, err, want)
		}
	}
	for path, want := range map[string]error{
		"missing": fs.ErrNotExist, "a/missing": fs.ErrNotExist, "README.md/x": fs.ErrNotExist,
		"/README.md": fs.ErrInvalid, "../README.md": fs.ErrInvalid, "a/../README.md": fs.ErrInvalid, "": fs.ErrInvalid, "a/": fs.ErrInvalid,
		"README.md\x00": fs.ErrNotExist,
	} {
		if _, err := tree.ReadFile(path); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", path, err, want)
		}
	}
	if _, err := tree.ReadFile("a"); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("reading a folder: got %v", err)
	}
	if _, err := tree.ReadDir("README.md"); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("listing a file: got %v", err)
	}
	// The caller owns what it gets.
	b, err := tree.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	b[0] = 'J'
	if got := read(t, tree, "README.md"); got != "hello" {
		t.Errorf("after changing what was read: %q", got)
	}
}

func TestHash(t *testing.T) {
	files := maps.Clone(plainFiles)
	files["to"], files["dangling"], files["again"] = gittest.Symlink("README.md"), gittest.Symlink("nowhere"), "hello"
	tree := treeOf(t, files)
	hash := func(path string) string {
		h, _ := tree.Hash(path)
		return h
	}
	if h := hash("README.md"); h != plumbing.ComputeHash(plumbing.BlobObject, []byte("hello")).String() || h != hash("again") || h != hash("to") {
		t.Errorf("README.md: got %q; again %q, to %q", h, hash("again"), hash("to"))
	}
	if hash("a") == "" || hash("a") == hash(".") {
		t.Errorf("folders: got %q and %q", hash("a"), hash("."))
	}
	for _, path := range []string{"missing", "dangling", ""} {
		if h, ok := tree.Hash(path); ok {
			t.Errorf("%q: got %q", path, h)
		}
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 100)
	files := map[string]string{"small": "1234", "large": "12345", "link": gittest.Symlink("large"), "longlink": gittest.Symlink(strings.Repeat("y/", 3000))}
	lim := git.WithLimits(git.Limits{MaxFile: 4, MaxPath: 50})
	tree := treeOf(t, files, lim)
	dir := t.TempDir()
	writeDisk(t, dir, "small", "1234")
	writeDisk(t, dir, "large", "12345")
	symlink(t, "large", dir, "link")
	disk, err := git.OpenDir(dir, lim)
	if err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{"tree": tree, "disk": disk} {
		if b, err := fs.ReadFile(fsys, "small"); err != nil || string(b) != "1234" {
			t.Errorf("%s: small: got %q, %v", name, b, err)
		}
		for _, path := range []string{"large", "link"} {
			_, err := fs.ReadFile(fsys, path)
			limit, ok := errors.AsType[*git.LimitError](err)
			if want := (&git.LimitError{Subject: `file "large"`, Got: 5, Limit: 4, Unit: "bytes", Field: "MaxFile"}); !ok || *limit != *want {
				t.Errorf("%s: %s: got %v, want %v", name, path, err, want)
			}
			f, err := fsys.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(f); err == nil || !strings.Contains(err.Error(), "4 are the most") {
				t.Errorf("%s: reading %s step by step: got %v", name, path, err)
			}
			_ = f.Close()
		}
		if _, err := fs.Stat(fsys, long); err == nil || !strings.Contains(err.Error(), "50 are the most") {
			t.Errorf("%s: a long path: got %v", name, err)
		}
	}
	if _, err := tree.ReadFile("longlink"); err == nil || !strings.Contains(err.Error(), "longlink") {
		t.Errorf("a long target: got %v", err)
	}
}

func TestSubmodulesAreEmptyFolders(t *testing.T) {
	tree := treeOf(t, map[string]string{"vendor/lib": gittest.Submodule(strings.Repeat("1", 40)), "link": gittest.Symlink("vendor/lib")})
	for _, path := range []string{"vendor/lib", "link"} {
		entries, err := tree.ReadDir(path)
		if err != nil || len(entries) != 0 {
			t.Errorf("%s: got %v, %v, want nothing", path, entries, err)
		}
		_, err = tree.ReadFile(path + "/x.yaml")
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `"vendor/lib" is a submodule`) {
			t.Errorf("%s/x.yaml: got %v", path, err)
		}
	}
	if diff := cmp.Diff([]string{"link", "vendor", "vendor/lib"}, walk(t, tree)); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	repo, store := gittest.New(t), openStore(t)
	before := openAt(t, store, fetchCommit(t, store, repo, map[string]string{"a": "1"}))
	tree := openAt(t, store, fetchCommit(t, store, repo, map[string]string{"caf\xe9": "latin"}))
	if diff := cmp.Diff([]string{"a"}, walk(t, tree)); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
	changes, err := git.Diff(before, tree)
	if diff := cmp.Diff([]git.Change{{Path: "caf\xe9", Action: git.Added}}, changes); diff != "" || err != nil {
		t.Errorf("diff, %v (-want +got):\n%s", err, diff)
	}
}

// TestConcurrentReads is for the race detector: many readers of trees of one store that is being fetched into.
func TestConcurrentReads(t *testing.T) {
	repo, store := gittest.New(t), openStore(t)
	files := map[string]string{}
	for i := range 300 { // enough for a pack
		files[fmt.Sprintf("d%d/e%d/f%d", i%7, i%5, i)] = fmt.Sprint("content ", i)
	}
	tree := openAt(t, store, fetchCommit(t, store, repo, files))
	var readers sync.WaitGroup
	for range 16 {
		readers.Go(func() {
			for path, want := range files {
				if b, err := tree.ReadFile(path); err != nil || string(b) != want {
					t.Errorf("%s: got %q, %v", path, b, err)
					return
				}
				if _, ok := tree.Hash(path); !ok {
					t.Errorf("%s has no hash", path)
				}
			}
		})
	}
	for i := range 5 {
		repo.Commit(t, "more", map[string]string{"d1/new": fmt.Sprint(i)})
		next := openAt(t, store, fetch(t, store, mainOf(repo)).Commit)
		if changes, err := git.Diff(tree, next); err != nil || len(changes) != 1 {
			t.Errorf("diff: got %v, %v", changes, err)
		}
	}
	readers.Wait()
}

func fetchCommit(t testing.TB, s *git.Store, r *gittest.Repo, files map[string]string) string {
	t.Helper()
	r.Commit(t, "commit", files)
	return fetch(t, s, mainOf(r)).Commit
}

func walk(t testing.TB, fsys fs.FS) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(fsys, ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatalf("walking: %v", err)
	}
	return paths
}

func writeDisk(t testing.TB, dir, path, content string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func symlink(t testing.TB, target, dir, path string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.Symlink(target, full)); err != nil {
		t.Fatal(err)
	}
}
