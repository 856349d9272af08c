// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// filled returns the folder of a closed store that holds a pack (many files) and loose objects (one more commit), as
// versions before have left them.
func filled(t *testing.T) (dir, commit string, repo *gittest.Repo) {
	t.Helper()
	repo, dir = gittest.New(t), t.TempDir()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("content of %d", i)
	}
	fetchCommit(t, s, repo, files)
	large := one(t, dir, "objects/pack/*.pack")
	commit = fetchCommit(t, s, repo, map[string]string{"late": "late"})
	if err := errors.Join(s.SetAccepted(commit), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, pack := range every(t, dir, "objects/pack/*.pack") {
		if pack != large {
			loosen(t, dir, pack)
		}
	}
	return dir, commit, repo
}

// loosen makes loose objects of a pack.
func loosen(t *testing.T, dir, pack string) {
	t.Helper()
	content, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, pack)
	remove(t, strings.TrimSuffix(pack, ".pack")+".idx")
	cmd := exec.CommandContext(t.Context(), "git", "-C", dir, "unpack-objects", "-q")
	cmd.Stdin = bytes.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v\n%s", err, out)
	}
}

func every(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func one(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s in %s: %v", pattern, dir, err)
	}
	return found[0]
}

func truncate(t *testing.T, path string, n int64) {
	t.Helper()
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, n)); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedStoreIsCreatedAgain(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir, commit string){
		"cut pack":          func(t *testing.T, dir, _ string) { truncate(t, one(t, dir, "objects/pack/*.pack"), 100) },
		"empty pack":        func(t *testing.T, dir, _ string) { truncate(t, one(t, dir, "objects/pack/*.pack"), 0) },
		"cut index":         func(t *testing.T, dir, _ string) { truncate(t, one(t, dir, "objects/pack/*.idx"), 1000) },
		"no index":          func(t *testing.T, dir, _ string) { remove(t, one(t, dir, "objects/pack/*.idx")) },
		"empty ref":         func(t *testing.T, dir, _ string) { truncate(t, one(t, dir, "refs/trunkline/fetched/*"), 0) },
		"garbage ref":       func(t *testing.T, dir, _ string) { writeDisk(t, dir, "refs/trunkline/accepted", "hello\n") },
		"no HEAD":           func(t *testing.T, dir, _ string) { remove(t, filepath.Join(dir, "HEAD")) },
		"no objects":        func(t *testing.T, dir, _ string) { remove(t, filepath.Join(dir, "objects")) },
		"head commit gone":  func(t *testing.T, dir, c string) { remove(t, filepath.Join(dir, "objects", c[:2], c[2:])) },
		"head commit empty": func(t *testing.T, dir, c string) { truncate(t, filepath.Join(dir, "objects", c[:2], c[2:]), 0) },
		"only the marker":   func(t *testing.T, dir, _ string) { removeBut(t, dir, "trunkline-store") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, commit, repo := filled(t)
			damage(t, dir, commit)
			s, err := git.Open(dir)
			if err != nil {
				t.Fatalf("opening: %v", err)
			}
			if s.Recovered() == nil || !strings.Contains(s.Recovered().Error(), dir) {
				t.Errorf("recovered: got %v, want why", s.Recovered())
			}
			if _, ok, err := s.Head("main"); ok || err != nil {
				t.Errorf("an empty store has a head: %v, %v", ok, err)
			}
			if head := fetch(t, s, mainOf(repo)); head.Commit != commit {
				t.Errorf("got %+v", head)
			}
			if got := read(t, openAt(t, s, commit), "f7"); got != "content of 7" {
				t.Errorf("f7: got %q", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = git.Open(dir); err != nil || s.Recovered() != nil {
				t.Errorf("opening a third time: %v, recovered %v", err, s.Recovered())
			}
		})
	}
}

// TestDamageFoundLaterIsRepaired: damage that opening does not see makes a reader fail, never read as
// absence, and the next fetch brings everything again although the branch did not move.
func TestDamageFoundLaterIsRepaired(t *testing.T) {
	for name, path := range map[string]string{"in the pack": "f7", "loose": "late"} {
		t.Run(name, func(t *testing.T) {
			dir, commit, repo := filled(t)
			s, err := git.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			tree := openAt(t, s, commit)
			hash, _ := tree.Hash(path)
			if path == "late" {
				remove(t, filepath.Join(dir, "objects", hash[:2], hash[2:]))
			} else {
				flipPackedBytes(t, one(t, dir, "objects/pack/*.pack"))
			}
			var failed error
			for i := range 300 {
				if _, err := tree.ReadFile(fmt.Sprintf("f%d", i)); err != nil {
					failed = err
				}
			}
			if _, err := tree.ReadFile("late"); err != nil {
				failed = err
			}
			if _, ok := errors.AsType[*git.ObjectError](failed); !ok || errors.Is(failed, fs.ErrNotExist) {
				t.Fatalf("reading damaged objects: got %v, want an ObjectError", failed)
			}

			restore := repo.Hide(t)
			if _, err := s.Fetch(t.Context(), mainOf(repo)); err == nil {
				t.Error("fetching from nowhere: no error")
			}
			if head, ok, err := s.Head("main"); err != nil || !ok || head.Commit != commit {
				t.Errorf("head while the server is away: got %+v, %v, %v", head, ok, err)
			}
			restore()
			if head := fetch(t, s, mainOf(repo)); head.Commit != commit || head.Rewritten {
				t.Errorf("head: got %+v", head)
			}
			for i := range 300 {
				if got, want := read(t, tree, fmt.Sprintf("f%d", i)), fmt.Sprintf("content of %d", i); got != want {
					t.Fatalf("f%d: got %q, want %q", i, got, want)
				}
			}
			if got := read(t, tree, "late"); got != "late" {
				t.Errorf("late: got %q", got)
			}
			if accepted, ok, err := s.Accepted(); err != nil || !ok || accepted != commit {
				t.Errorf("accepted: got %q, %v, %v", accepted, ok, err)
			}
		})
	}
}

// flipPackedBytes damages the middle of a pack, past its header and before its checksum.
func flipPackedBytes(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) / 3; i < 2*len(b)/3; i++ {
		b[i] ^= 0x5a
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFoldersAreNotEmptied(t *testing.T) {
	dir := t.TempDir()
	writeDisk(t, dir, "thesis.tex", "years of work")
	if _, err := git.Open(dir); err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "thesis.tex")); err != nil {
		t.Error(err)
	}
	volume := t.TempDir()
	if err := os.Mkdir(filepath.Join(volume, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := git.Open(volume); err != nil {
		t.Errorf("a fresh volume: %v", err)
	}
}

func TestLeftoversAreSwept(t *testing.T) {
	dir, commit, _ := filled(t)
	for _, name := range []string{"tmp_pack_1", "tmp_obj_2", "tmp_ref_3", "pack-0000.idx"} {
		writeDisk(t, dir, "objects/pack/"+name, "half")
	}
	s, err := git.Open(dir)
	if err != nil || s.Recovered() != nil {
		t.Fatalf("opening: %v, %v", err, s.Recovered())
	}
	read(t, openAt(t, s, commit), "late")
	entries, err := os.ReadDir(filepath.Join(dir, "objects/pack"))
	if err != nil || len(entries) != 2 {
		t.Errorf("got %v, %v, want a pack and its index", entries, err)
	}
}

// TestBadPacksAreNotKept: a server that always sends rubbish must not fill the disk.
func TestBadPacksAreNotKept(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("content of %d", i)
	}
	repo.Commit(t, "many", files)
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	url := rewriting(t, repo, "POST", func(b []byte) []byte { return b[:len(b)-100] })
	for range 3 {
		wantFetchError(t, s, git.Remote{URL: url, Branch: "main"}, git.Transient)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "objects/pack"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestAnotherRepositorysPack: a pack in good order that lacks what was asked for is not kept either.
func TestAnotherRepositorysPack(t *testing.T) {
	files := map[string]string{}
	for i := range 300 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprintf("content of %d", i)
	}
	other, repo, dir := gittest.New(t), gittest.New(t), t.TempDir()
	other.Commit(t, "other", files)
	commit := repo.Commit(t, "one", map[string]string{"a": "1"})
	var answer []byte
	recorder := rewriting(t, other, "POST", func(b []byte) []byte { answer = b; return b })
	fetch(t, openStore(t), git.Remote{URL: recorder, Branch: "main"})

	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	url := rewriting(t, repo, "POST", func([]byte) []byte { return answer })
	for range 3 {
		wantFetchError(t, s, git.Remote{URL: url, Branch: "main"}, git.Transient, commit, "missing")
	}
	entries, err := os.ReadDir(filepath.Join(dir, "objects/pack"))
	if err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestUnknownCommits(t *testing.T) {
	s := openStore(t)
	for commit, says := range map[string]string{
		"main": "not a full hash", "": "not a full hash", strings.Repeat("1", 40): "missing", "--x": "not a full hash",
	} {
		if _, err := s.Tree(t.Context(), commit); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("tree of %q: got %v", commit, err)
		}
		if err := s.SetAccepted(commit); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("accepting %q: got %v", commit, err)
		}
	}
	if accepted, ok, err := s.Accepted(); ok || err != nil {
		t.Errorf("accepted: got %q, %v, %v", accepted, ok, err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func removeBut(t *testing.T, dir, keep string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != keep {
			remove(t, filepath.Join(dir, e.Name()))
		}
	}
}
