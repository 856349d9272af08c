// SPDX-License-Identifier: Apache-2.0

package workdir_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/workdir"
)

// world is a folder, and a git that knows nothing of this machine's.
type world struct {
	t   *testing.T
	dir string
	env []string
}

func newWorld(t *testing.T) world {
	t.Helper()
	return world{t, filepath.Join(t.TempDir(), "acme"), []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
	}}
}

func (w world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "git", args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w world) options(url string) workdir.Options {
	return workdir.Options{Dir: w.dir, URL: url, Branch: "main", Env: w.env}
}

func (w world) open(url string) (*workdir.Repository, workdir.Opened) {
	w.t.Helper()
	r, opened, err := workdir.Open(w.t.Context(), w.options(url))
	if err != nil {
		w.t.Fatal(err)
	}
	return r, opened
}

func (w world) file(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		w.t.Fatal(err)
	}
}

// TestOpen: a repository is found, cloned or made, on the branch that is followed.
func TestOpen(t *testing.T) {
	full := gittest.New(t)
	head := full.Commit(t, "one", map[string]string{"a": "a"})
	empty := gittest.New(t)
	for _, tt := range []struct {
		reason  string
		url     string
		prepare func(world)
		want    workdir.Opened
		head    string
		err     string
	}{
		{reason: "no folder, and a remote with commits", url: full.URL(), want: workdir.Cloned, head: head},
		{reason: "an empty folder, and an empty remote", url: empty.URL(), prepare: func(w world) { w.file("x", ""); _ = os.Remove(filepath.Join(w.dir, "x")) }, want: workdir.Cloned},
		{reason: "files that are in no repository", url: full.URL(), prepare: func(w world) { w.file("README.md", "") }, want: workdir.Made},
		{reason: "one that is there", prepare: func(w world) { w.file("x", ""); w.git("init", "-q", "-b", "main") }, want: workdir.Found},
		{reason: "another branch", prepare: func(w world) { w.file("x", ""); w.git("init", "-q", "-b", "trunk") }, err: `is on the branch "trunk", and "main" is followed`},
		{reason: "no branch", prepare: func(w world) {
			w.file("x", "")
			w.git("init", "-q", "-b", "main")
			w.git("add", "x")
			w.git("commit", "-q", "-m", "x")
			w.git("switch", "-q", "--detach")
		}, err: "is on no branch: git switch main"},
		{reason: "no remote there", url: "file:///nowhere/at/all", err: "git clone: fatal:"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			r, opened, err := workdir.Open(t.Context(), w.options(tt.url))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("the error is %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || opened != tt.want || r.Head(t.Context()) != tt.head || r.Remote(t.Context()) != tt.url {
				t.Fatalf("%s, at %q of %q: %v", opened, r.Head(t.Context()), r.Remote(t.Context()), err)
			}
			if branch := w.git("symbolic-ref", "--short", "HEAD"); branch != "main" {
				t.Errorf("it is on %s", branch)
			}
			if _, opened := w.open(tt.url); opened != workdir.Found {
				t.Errorf("once more it is %s", opened)
			}
		})
	}
	t.Run("a folder of a repository", func(t *testing.T) {
		w := newWorld(t)
		w.file("x", "")
		w.git("init", "-q", "-b", "main")
		w.file("below/y", "")
		w.dir = filepath.Join(w.dir, "below")
		if _, _, err := workdir.Open(t.Context(), w.options("")); err == nil || !strings.Contains(err.Error(), "name that one, and the folder with --folder") {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("nothing is made by a look", func(t *testing.T) {
		w := newWorld(t)
		if _, there, err := workdir.Look(t.Context(), w.options(full.URL())); there || err != nil {
			t.Errorf("it is there: %v, %v", there, err)
		}
		if _, err := os.Stat(w.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is there: %v", err)
		}
	})
}

// TestCommit: what was written is committed and pushed, and nothing else, whatever is staged or ignored.
func TestCommit(t *testing.T) {
	remote := gittest.New(t)
	remote.Commit(t, "one", map[string]string{"old": "old", "kept": "kept", ".gitignore": "*.key\n"})
	w := newWorld(t)
	r, _ := w.open(remote.URL())
	w.file("staged", "of people")
	w.git("add", "staged")
	w.file("kept", "changed by people")
	if err := r.Write([]workdir.File{{Path: "a/b.yaml", Data: []byte("b")}, {Path: "c.key", Data: []byte("c")}, {Path: ".gitignore", Data: []byte("# none\n"), Replaces: []byte("*.key\n")}}, []string{"old"}); err != nil {
		t.Fatal(err)
	}
	ours := []string{"a/b.yaml", "c.key", ".gitignore", "old"}
	open, err := r.Uncommitted(t.Context(), ours)
	if diff := cmp.Diff([]string{".gitignore", "a/b.yaml", "c.key", "old"}, open); diff != "" || err != nil {
		t.Fatalf("not committed (-want +got):\n%s%v", diff, err)
	}
	if err := r.Commit(t.Context(), open, "two"); err != nil {
		t.Fatal(err)
	}
	if got := w.git("show", "--no-renames", "--format=%s", "--name-status", "HEAD"); got != "two\n\nM\t.gitignore\nA\ta/b.yaml\nA\tc.key\nD\told" {
		t.Errorf("the commit is\n%s", got)
	}
	if got := w.git("status", "--porcelain"); got != "M kept\nA  staged" {
		t.Errorf("of people is left\n%s", got)
	}
	if open, err := r.Uncommitted(t.Context(), ours); len(open) > 0 || err != nil {
		t.Errorf("not committed: %v, %v", open, err)
	}
	if pushed, err := r.Pushed(t.Context(), "main"); pushed || err != nil {
		t.Errorf("it is pushed: %v, %v", pushed, err)
	}
	if err := r.Push(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if pushed, err := r.Pushed(t.Context(), "main"); !pushed || err != nil {
		t.Errorf("it is not pushed: %v, %v", pushed, err)
	}
	remote.Commit(t, "of others", map[string]string{"other": "x"})
	w.file("a/b.yaml", "more")
	if err := errors.Join(r.Commit(t.Context(), []string{"a/b.yaml"}, "three"), r.Push(t.Context(), "main")); err == nil || !strings.Contains(err.Error(), "git push:") || !strings.Contains(err.Error(), "rejected") {
		t.Errorf("the error is %v", err)
	}
}

// TestWrite: nothing that is there is lost, whatever it is.
func TestWrite(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	for _, tt := range []struct {
		reason  string
		prepare func(world)
		file    workdir.File
		err     string
	}{
		{"it is there", func(w world) { w.file("a", "of people") }, workdir.File{Path: "a", Data: []byte("ours")}, "it is there already"},
		{"it was changed meanwhile", func(w world) { w.file("a", "of people") }, workdir.File{Path: "a", Data: []byte("ours"), Replaces: []byte("before")}, "has been changed meanwhile"},
		{"it was deleted meanwhile", nil, workdir.File{Path: "a", Data: []byte("ours"), Replaces: []byte("before")}, "has been changed meanwhile"},
		{"a link leads out", func(w world) { w.file("x", ""); _ = os.Symlink(filepath.Dir(outside), filepath.Join(w.dir, "b")) }, workdir.File{Path: "b/outside", Data: []byte("ours")}, "path escapes from parent"},
		{"an attempt was interrupted", func(w world) { w.file(".a.new", "half") }, workdir.File{Path: "a", Data: []byte("ours")}, ""},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld(t)
			if tt.prepare != nil {
				tt.prepare(w)
			}
			r, _ := w.open("")
			err := r.Write([]workdir.File{tt.file}, nil)
			is, _ := os.ReadFile(filepath.Join(w.dir, tt.file.Path))
			switch {
			case tt.err == "" && (err != nil || string(is) != "ours"):
				t.Errorf("it is %q: %v", is, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || string(is) == "ours"):
				t.Errorf("it is %q, and the error %v, want one with %q", is, err, tt.err)
			}
			if _, err := os.Stat(outside); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is a file outside: %v", err)
			}
		})
	}
}
