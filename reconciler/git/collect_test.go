// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// projects returns a repository of so many projects in folders of their own.
func projects(n int) map[string]string {
	files := map[string]string{"README": "read me"}
	for i := range n {
		files[fmt.Sprintf("p%03d/project.yaml", i)] = fmt.Sprintf("name: p%03d\nimage: img:0\n%s", i, strings.Repeat("# padding\n", i%40))
	}
	return files
}

// followed returns a store that has fetched commits one by one.
func followed(t testing.TB, repo *gittest.Repo, dir string, commits int) (*git.Store, []string) {
	t.Helper()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	hashes := []string{repo.Commit(t, "first", projects(100))}
	fetch(t, s, mainOf(repo))
	for i := range commits - 1 {
		name := fmt.Sprintf("p%03d/project.yaml", i%100)
		hashes = append(hashes, repo.Commit(t, "next", map[string]string{name: fmt.Sprintf("name: p\nimage: img:%d\n%s", i+1, incompressible(t, 500+i))}))
		fetch(t, s, mainOf(repo))
	}
	return s, hashes
}

func size(t testing.TB, s *git.Store) git.Size {
	t.Helper()
	size, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func collect(t testing.TB, s *git.Store, keep ...string) git.Collected {
	t.Helper()
	done, err := s.Collect(t.Context(), keep)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// readsAll opens a commit and reads every file.
func readsAll(t testing.TB, s *git.Store, commit string) error {
	t.Helper()
	tree, err := s.Tree(t.Context(), commit)
	if err != nil {
		return err
	}
	for i := range 100 {
		if _, err := tree.ReadFile(fmt.Sprintf("p%03d/project.yaml", i)); err != nil {
			return err
		}
	}
	return nil
}

// TestCollectKeepsWhatIsInUse follows a branch for a while. What stays is what something names, and nothing else.
func TestCollectKeepsWhatIsInUse(t *testing.T) {
	repo := gittest.New(t)
	s, commits := followed(t, repo, t.TempDir(), 80)
	pr, err := s.Track("pr/7")
	if err != nil {
		t.Fatal(err)
	}
	repo.SetBranch(t, "pr", commits[5])
	branch := repo.CommitTo(t, "pr", "branch", map[string]string{"p000/project.yaml": "of the pull request"})
	if _, err := pr.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "pr"}); err != nil {
		t.Fatal(err)
	}
	accepted, held, open, dropped := commits[30], commits[20], commits[10], commits[1]
	if err := s.SetAccepted(accepted); err != nil {
		t.Fatal(err)
	}
	tree := openAt(t, s, open)
	done := collect(t, s, held, strings.Repeat("1", 40), "no hash")
	if done.After.Packs > 2 || done.After.Loose != 0 || done.Before.Packs < 80 {
		t.Errorf("the store went from %+v to %+v", done.Before, done.After)
	}
	for what, commit := range map[string]string{
		"head": commits[79], "accepted": accepted, "held": held, "open": open, "recent": commits[75], "pull request": branch,
		"recent before the accepted one": commits[25], "recent before the pull request": commits[4],
	} {
		if err := readsAll(t, s, commit); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := read(t, tree, "README"); got != "read me" {
		t.Errorf("the open tree: %q", got)
	}
	runtime.KeepAlive(tree)
	if err := readsAll(t, s, commits[45]); err == nil {
		t.Error("what nothing names was kept")
	}
	// Who comes after whom is known of all of them.
	newer, err := s.Newer(t.Context(), commits[40], []string{dropped, commits[50], commits[39], branch, strings.Repeat("1", 40)})
	if err != nil || len(newer) != 2 {
		t.Errorf("newer than the 41st: %v, %v", newer, err)
	}
	if head := fetch(t, s, mainOf(repo)); head.Commit != commits[79] || head.Rewritten {
		t.Errorf("head: %+v", head)
	}
	// And once more: nothing is to be done, and nothing is lost. Deltas are against other objects, by the order in which those come.
	again := collect(t, s, held)
	if again.After.Bytes > done.After.Bytes*11/10 || again.After.Packs > 2 {
		t.Errorf("a second time: from %+v to %+v", done.After, again.After)
	}
	if err := readsAll(t, s, held); err != nil {
		t.Error(err)
	}
}

// TestContentThatComesBackAfterACollection reverts to what was collected: a server that is told which commits are here
// leaves it out, as all servers with bitmaps do.
func TestContentThatComesBackAfterACollection(t *testing.T) {
	for _, name := range []string{"path", "http", "ssh"} {
		t.Run(name, func(t *testing.T) {
			repo, store := gittest.New(t), openStore(t)
			remote := transports[name](t, repo)
			first := repo.Commit(t, "first", map[string]string{"a/b": "the content that comes back", "c": "c"})
			fetch(t, store, remote)
			var last string
			for i := range 30 {
				last = repo.Commit(t, "next", map[string]string{"a/b": fmt.Sprintf("content %d", i)})
			}
			fetch(t, store, remote)
			collect(t, store)
			revert := repo.Commit(t, "revert", map[string]string{"a/b": "the content that comes back"})
			runGit(t, repo, "repack", "-adb", "-q")
			head := fetch(t, store, remote)
			if head.Commit != revert || head.Rewritten || head.Previous != last {
				t.Errorf("head: %+v", head)
			}
			if got := read(t, openAt(t, store, revert), "a/b"); got != "the content that comes back" {
				t.Errorf("got %q", got)
			}
			// The branch may also go back there itself, without a new commit.
			collect(t, store)
			repo.Reset(t, first)
			if head := fetch(t, store, remote); head.Commit != first || !head.Rewritten {
				t.Errorf("moved back: %+v", head)
			}
			if got := read(t, openAt(t, store, first), "c"); got != "c" {
				t.Errorf("got %q", got)
			}
			if store.Recovered() != nil {
				t.Error(store.Recovered())
			}
		})
	}
}

func runGit(t *testing.T, repo *gittest.Repo, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", repo.Path()}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// TestCollectWhileEverythingElseGoesOn has readers, fetches of two tracks and collections at once.
func TestCollectWhileEverythingElseGoesOn(t *testing.T) {
	repo := gittest.New(t)
	s, commits := followed(t, repo, t.TempDir(), 40)
	pr, err := s.Track("pr/1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var collecting, using sync.WaitGroup
	collecting.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.Collect(ctx, commits[:1]); err != nil && ctx.Err() == nil {
				t.Errorf("collecting: %v", err)
				return
			}
		}
	})
	for i := range 3 {
		using.Go(func() {
			for round := range 10 {
				commit := commits[(i*17+round*5)%40]
				tree, err := s.Tree(t.Context(), commit)
				if err != nil {
					continue // collected, and rightly so
				}
				for j := range 100 {
					if _, err := tree.ReadFile(fmt.Sprintf("p%03d/project.yaml", j)); err != nil {
						t.Errorf("reading an open tree: %v", err)
						return
					}
				}
				runtime.KeepAlive(tree)
			}
		})
	}
	var last string
	for i := range 10 {
		last = repo.Commit(t, "more", map[string]string{"README": fmt.Sprint(i)})
		head := fetch(t, s, mainOf(repo))
		if head.Commit != last {
			t.Errorf("head: %+v", head)
		}
		if err := errors.Join(readsAll(t, s, last), readsAll(t, s, commits[0])); err != nil {
			t.Error(err)
		}
		repo.CommitTo(t, "pr", "branch", map[string]string{"x": fmt.Sprint(i)})
		if _, err := pr.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "pr"}); err != nil {
			t.Error(err)
		}
	}
	using.Wait()
	cancel()
	collecting.Wait()
	if err := errors.Join(readsAll(t, s, last), readsAll(t, s, commits[0])); err != nil {
		t.Error(err)
	}
}

// TestACollectionThatIsKilled kills the process before every step.
func TestACollectionThatIsKilled(t *testing.T) {
	master, repo := t.TempDir(), gittest.New(t)
	s, commits := followed(t, repo, master, 12)
	if err := errors.Join(s.SetAccepted(commits[2]), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, pack := range every(t, master, "objects/pack/*.pack")[:3] {
		loosen(t, master, pack)
	}
	for step := 1; ; step++ {
		dir := filepath.Join(t.TempDir(), "store")
		if err := os.CopyFS(dir, os.DirFS(master)); err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), killedStore+"="+dir, fmt.Sprintf("%s=%d", killedAt, step))
		out, err := cmd.CombinedOutput()
		if err != nil && !strings.Contains(string(out), "killed before") {
			t.Fatalf("%v\n%s", err, out)
		}
		after, openErr := git.Open(dir)
		if openErr != nil || after.Recovered() != nil {
			t.Fatalf("step %d, %s: %v, recovered: %v", step, out, openErr, after.Recovered())
		}
		for _, commit := range []string{commits[2], commits[11]} {
			if err := readsAll(t, after, commit); err != nil {
				t.Errorf("step %d, %s: %v", step, out, err)
			}
		}
		if head, ok, err := after.Head("main"); err != nil || !ok || head.Commit != commits[11] {
			t.Errorf("step %d, %s: head %+v, %v, %v", step, out, head, ok, err)
		}
		// It can be done over, and nothing is left behind.
		if done := collect(t, after); done.After.Packs != 1 || done.After.Loose != 0 {
			t.Errorf("step %d, %s: collected again: %+v", step, out, done.After)
		}
		if err := errors.Join(readsAll(t, after, commits[2]), readsAll(t, after, commits[11]), after.Close()); err != nil {
			t.Errorf("step %d, %s: %v", step, out, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "staging")); err == nil {
			t.Errorf("step %d, %s: the staging folder is left", step, out)
		}
		if err == nil {
			if step < 12 {
				t.Errorf("there are %d steps only", step)
			}
			return
		}
	}
}

// TestACollectionThatFails has it fail in several ways: each leaves everything as it was.
func TestACollectionThatFails(t *testing.T) {
	repo := gittest.New(t)
	s, commits := followed(t, repo, t.TempDir(), 10)
	before := size(t, s)
	unchanged := func(why string) {
		t.Helper()
		if now := size(t, s); now != before {
			t.Errorf("%s: the store went from %+v to %+v", why, before, now)
		}
		if err := errors.Join(readsAll(t, s, commits[0]), readsAll(t, s, commits[9])); err != nil {
			t.Errorf("%s: %v", why, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.OnStep(func(name string) {
		if name == "copy" {
			cancel()
		}
	})
	if _, err := s.Collect(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	unchanged("cancelled")
	s.OnStep(func(name string) {})
	if _, err := s.Collect(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	unchanged("cancelled before")
}

func TestADamagedStoreIsNotCollected(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	s, commits := followed(t, repo, dir, 10)
	flipPackedBytes(t, largest(t, dir))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := git.Open(dir)
	if err != nil || s.Recovered() != nil {
		t.Fatalf("opening: %v, %v", err, s.Recovered())
	}
	defer s.Close()
	before := size(t, s)
	_, err = s.Collect(t.Context(), nil)
	if cache, ok := errors.AsType[*git.CacheError](err); !ok || cache.Dir != dir || git.ClassOf(err) != git.Transient {
		t.Errorf("got %v, want the store blamed", err)
	}
	if now := size(t, s); now != before {
		t.Errorf("the store went from %+v to %+v", before, now)
	}
	if head := fetch(t, s, mainOf(repo)); head.Commit != commits[9] || head.Rewritten {
		t.Errorf("head: %+v", head)
	}
	collect(t, s)
	if err := readsAll(t, s, commits[9]); err != nil {
		t.Error(err)
	}
}

func largest(t *testing.T, dir string) string {
	t.Helper()
	best, most := "", int64(0)
	for _, pack := range every(t, dir, "objects/pack/*.pack") {
		info, err := os.Stat(pack)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			best, most = pack, info.Size()
		}
	}
	return best
}

func TestWhenAStoreHasGrown(t *testing.T) {
	repo := gittest.New(t)
	grown := func(s *git.Store) bool {
		t.Helper()
		is, err := s.Grown()
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	dir := t.TempDir()
	s, commits := followed(t, repo, dir, 50)
	if grown(s) {
		t.Error("50 packs are too many already")
	}
	repo.Commit(t, "one more", map[string]string{"x": "1"})
	fetch(t, s, mainOf(repo))
	if !grown(s) {
		t.Error("51 packs are not too many")
	}
	collect(t, s)
	if grown(s) {
		t.Error("a store that was just collected has grown")
	}
	large := repo.Commit(t, "large", map[string]string{"x": incompressible(t, 17<<20)})
	fetch(t, s, mainOf(repo))
	if !grown(s) {
		t.Error("17 MiB more are nothing")
	}
	collect(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := git.Open(dir) // which remembers how large it was
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if grown(s) {
		t.Error("a store that needs what it has has grown")
	}
	if err := errors.Join(readsAll(t, s, large), readsAll(t, s, commits[49])); err != nil {
		t.Error(err)
	}
}

// TestAReleasedTreeIsCollected lets go of a tree.
func TestAReleasedTreeIsCollected(t *testing.T) {
	repo := gittest.New(t)
	s, commits := followed(t, repo, t.TempDir(), 60)
	sub, err := openAt(t, s, commits[3]).At("p003")
	if err != nil {
		t.Fatal(err)
	}
	collect(t, s)
	if got := read(t, sub, "project.yaml"); !strings.Contains(got, "img:0") {
		t.Errorf("what was made from an open tree: %q", got)
	}
	if err := readsAll(t, s, commits[3]); err != nil {
		t.Errorf("while a part of it is open: %v", err)
	}
	runtime.KeepAlive(sub)
	for range 100 { // finding out what is not referenced any more takes the collector of garbage
		runtime.GC()
		collect(t, s)
		if readsAll(t, s, commits[3]) != nil {
			return
		}
	}
	t.Error("the tree is kept for ever")
}

// collectUntil collects until something holds. Trees that nobody references are noticed by the runtime, in its own time.
func collectUntil(t testing.TB, s *git.Store, what string, holds func() bool) {
	t.Helper()
	for range 200 {
		runtime.GC()
		if collect(t, s); holds() {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%s: not after many collections", what)
}
