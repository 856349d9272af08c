// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// transports are the ways to reach a repository; every one must do the same.
var transports = map[string]func(t *testing.T, r *gittest.Repo) git.Remote{
	"file": func(_ *testing.T, r *gittest.Repo) git.Remote { return git.Remote{URL: r.URL(), Branch: "main"} },
	"path": func(_ *testing.T, r *gittest.Repo) git.Remote { return git.Remote{URL: r.Path(), Branch: "main"} },
	"http": func(t *testing.T, r *gittest.Repo) git.Remote {
		return git.Remote{URL: gittest.ServeHTTP(t, r), Branch: "main"}
	},
	"http with a password": func(t *testing.T, r *gittest.Repo) git.Remote {
		return git.Remote{
			URL: gittest.ServeHTTPAuth(t, r, "ada", "s3cret"), Branch: "main",
			Auth: git.Auth{Username: "ada", Password: "s3cret"},
		}
	},
	"http with a password in the URL": func(t *testing.T, r *gittest.Repo) git.Remote {
		url := gittest.ServeHTTPAuth(t, r, "ada", "s3cret")
		return git.Remote{URL: strings.Replace(url, "://", "://ada:s3cret@", 1), Branch: "main"}
	},
	"ssh": func(t *testing.T, r *gittest.Repo) git.Remote {
		s := gittest.ServeSSH(t, r)
		return git.Remote{URL: s.URL, Branch: "main", Auth: git.Auth{PrivateKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}}
	},
}

func TestFetchFollowsABranch(t *testing.T) {
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, store := gittest.New(t), openStore(t)
			first := repo.Commit(t, "First\n\nwith a body", map[string]string{"a.txt": "one", "dir/b.txt": "b"})
			remote := serve(t, repo)

			head := fetch(t, store, remote)
			want := git.Head{Commit: first, Subject: "First", Author: "Ada", When: time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)}
			if diff := cmp.Diff(want, head); diff != "" {
				t.Errorf("first fetch (-want +got):\n%s", diff)
			}

			want.Previous = first
			if diff := cmp.Diff(want, fetch(t, store, remote)); diff != "" {
				t.Errorf("nothing new (-want +got):\n%s", diff)
			}

			repo.Commit(t, "Second", map[string]string{"a.txt": "two"})
			third := repo.Commit(t, "Third", map[string]string{"c.txt": "three"})
			head = fetch(t, store, remote)
			if head.Commit != third || head.Previous != first || head.Rewritten {
				t.Errorf("two commits later: got %+v", head)
			}
			if got := read(t, openAt(t, store, third), "a.txt"); got != "two" {
				t.Errorf("a.txt: got %q", got)
			}

			// The commit of a force-push shares only the first commit with what is here.
			repo.Reset(t, first)
			rewritten := repo.Commit(t, "Instead", map[string]string{"a.txt": "other"})
			head = fetch(t, store, remote)
			if head.Commit != rewritten || head.Previous != third || !head.Rewritten {
				t.Errorf("after a force-push: got %+v", head)
			}
			if got := read(t, openAt(t, store, rewritten), "a.txt"); got != "other" {
				t.Errorf("a.txt after a force-push: got %q", got)
			}

			// Moving back needs no object that is not here.
			repo.Reset(t, first)
			head = fetch(t, store, remote)
			if head.Commit != first || !head.Rewritten {
				t.Errorf("after moving back: got %+v", head)
			}
			// What ran before can still be read: it may be what runs.
			if got := read(t, openAt(t, store, third), "c.txt"); got != "three" {
				t.Errorf("c.txt of the former head: got %q", got)
			}
		})
	}
}

func TestAnEarlierProcessesHeadIsKnown(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	commit := repo.Commit(t, "one", map[string]string{"a": "1"})
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fetch(t, s, mainOf(repo))
	if err := s.SetAccepted(commit); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	repo.Hide(t) // nothing below may need the server
	s, err = git.Open(dir)
	if err != nil || s.Recovered() != nil {
		t.Fatalf("opening again: %v, recovered: %v", err, s.Recovered())
	}
	head, ok, err := s.Head("main")
	if err != nil || !ok || head.Commit != commit {
		t.Errorf("head: got %+v, %v, %v", head, ok, err)
	}
	if accepted, ok, err := s.Accepted(); err != nil || !ok || accepted != commit {
		t.Errorf("accepted: got %q, %v, %v", accepted, ok, err)
	}
	if got := read(t, openAt(t, s, commit), "a"); got != "1" {
		t.Errorf("a: got %q", got)
	}
}

func TestRefsBesideBranches(t *testing.T) {
	repo, store := gittest.New(t), openStore(t)
	repo.Commit(t, "main", map[string]string{"a": "1"})
	long := strings.Repeat("ä", 60) + "/v1.0"
	for _, branch := range []string{"feature/x", "a", "a/b", long} {
		if branch == "a/b" {
			repo.DeleteBranch(t, "a") // a server cannot have both; a store that saw one after the other must
		}
		want := repo.CommitTo(t, branch, branch, map[string]string{"b": branch})
		if got := fetch(t, store, git.Remote{URL: repo.URL(), Branch: branch}); got.Commit != want || got.Previous != "" {
			t.Errorf("branch %q: got %+v", branch, got)
		}
		got := fetch(t, store, git.Remote{URL: repo.URL(), Branch: "refs/heads/" + branch})
		if got.Commit != want || got.Previous != want {
			t.Errorf("branch %q by its full name: got %+v", branch, got)
		}
	}
}

func TestErrorsLeaveTheHeadAndRecover(t *testing.T) {
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, store := gittest.New(t), openStore(t)
			first := repo.Commit(t, "one", map[string]string{"a": "1"})
			remote := serve(t, repo)
			fetch(t, store, remote)
			unmoved := func(why string) {
				t.Helper()
				head, ok, err := store.Head("main")
				if err != nil || !ok || head.Commit != first {
					t.Errorf("%s: head is %+v, %v, %v", why, head, ok, err)
				}
				read(t, openAt(t, store, first), "a")
			}

			for _, b := range []string{"b1", "b2", "b3", "b4", "b5", "b6", "b7"} {
				repo.SetBranch(t, b, first)
			}
			repo.DeleteBranch(t, "main")
			_, err := store.Fetch(t.Context(), remote)
			gone, ok := errors.AsType[*git.BranchGoneError](err)
			if !ok {
				t.Fatalf("deleted branch: got %v, want a BranchGoneError", err)
			}
			want := &git.BranchGoneError{
				Remote: git.Redact(remote.URL), Branch: "main", Exist: []string{"b1", "b2", "b3", "b4", "b5"}, More: 2,
			}
			if diff := cmp.Diff(want, gone); diff != "" {
				t.Errorf("deleted branch (-want +got):\n%s", diff)
			}
			if !strings.Contains(err.Error(), `"b5" and 2 more`) {
				t.Errorf("text: %v", err)
			}
			unmoved("deleted branch")

			restore := repo.Hide(t)
			if _, err := store.Fetch(t.Context(), remote); err == nil {
				t.Error("hidden repository: no error")
			} else if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error holds the password: %v", err)
			}
			unmoved("hidden repository")
			restore()

			repo.SetBranch(t, "main", first)
			second := repo.Commit(t, "two", map[string]string{"a": "2"})
			if head := fetch(t, store, remote); head.Commit != second || head.Rewritten || head.Previous != first {
				t.Errorf("after all that: got %+v", head)
			}
		})
	}
}

// TestATagThatIsNotThere: what is followed by a tag is called one, and the newest tags are named, each once.
func TestATagThatIsNotThere(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit(t, "one", map[string]string{"a": "1"})
	remote := git.Remote{URL: repo.URL(), Branch: "refs/tags/v9"}
	if _, err := openStore(t).Fetch(t.Context(), remote); err == nil || !strings.Contains(err.Error(), `tag "v9" does not exist in`) || !strings.HasSuffix(err.Error(), "the repository has no tags") {
		t.Errorf("without tags: %v", err)
	}
	for _, tag := range []string{"v1", "v2", "v3", "v4", "v5"} {
		repo.SetRef(t, "refs/tags/"+tag, first)
	}
	repo.SetRef(t, "refs/tags/v6", repo.Object(t, plumbing.TagObject, []byte("object "+first+"\ntype commit\ntag v6\ntagger a <a@example.com> 0 +0000\n\nm\n")))
	if _, err := openStore(t).Fetch(t.Context(), remote); err == nil || !strings.HasSuffix(err.Error(), `it has "v2", "v3", "v4", "v5", "v6" and 1 more`) {
		t.Errorf("with other tags: %v", err)
	}
	remote.URL = filepath.Join(t.TempDir(), "none")
	if _, err := openStore(t).Fetch(t.Context(), remote); err == nil || !strings.HasPrefix(err.Error(), `fetching tag "v9" of`) {
		t.Errorf("without a repository: %v", err)
	}
}

func TestEmptyRepository(t *testing.T) {
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			_, err := openStore(t).Fetch(t.Context(), serve(t, gittest.New(t)))
			gone, ok := errors.AsType[*git.BranchGoneError](err)
			if !ok || len(gone.Exist) != 0 {
				t.Errorf("got %v, want a BranchGoneError without branches", err)
			}
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit(t, "one", map[string]string{"a": "1"})
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			remote, store := serve(t, repo), openStore(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := store.Fetch(ctx, remote)
			if !errors.Is(err, context.Canceled) || git.ClassOf(err) != git.Transient {
				t.Errorf("got %v (%s), want a transient context.Canceled", err, git.ClassOf(err))
			}
			if _, ok, err := store.Head("main"); ok || err != nil {
				t.Errorf("a head appeared: %v, %v", ok, err)
			}
		})
	}
}

// TestManyObjects takes the way of a pack that is kept whole, then of a small one on top of it.
func TestManyObjects(t *testing.T) {
	repo, store := gittest.New(t), openStore(t)
	files := map[string]string{}
	for i := range 500 {
		files[fmt.Sprintf("d%02d/f%04d.txt", i%30, i)] = fmt.Sprintf("content of file %d, long enough for a delta %s", i, strings.Repeat("x", i%200))
	}
	remote := git.Remote{URL: gittest.ServeHTTP(t, repo), Branch: "main"}
	repo.Commit(t, "many", files)
	tree := openAt(t, store, fetch(t, store, remote).Commit)
	repo.Commit(t, "one more", map[string]string{"d00/f0000.txt": "changed"})
	next := openAt(t, store, fetch(t, store, remote).Commit)
	for path, want := range files {
		if got := read(t, tree, path); got != want {
			t.Fatalf("%s: got %q, want %q", path, got, want)
		}
	}
	changes, err := git.Diff(tree, next)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]git.Change{{Path: "d00/f0000.txt", Action: git.Modified}}, changes); diff != "" {
		t.Errorf("diff (-want +got):\n%s", diff)
	}
}
