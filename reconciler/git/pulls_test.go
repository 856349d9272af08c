// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// openPull makes a pull request that changes files since a commit, as a forge keeps it.
func openPull(t testing.TB, repo *gittest.Repo, n int, from string, files map[string]string) string {
	t.Helper()
	head := repo.CommitWith(t, []string{from}, fmt.Sprintf("pull request %d", n), files)
	repo.SetRef(t, fmt.Sprintf("refs/pull/%d/head", n), head)
	return head
}

// testMerge makes the forge's test merge of any base and head.
func testMerge(t testing.TB, repo *gittest.Repo, n int, base, head string, files map[string]string) string {
	t.Helper()
	merge := repo.CommitWith(t, []string{base, head}, "test merge", files)
	repo.SetRef(t, fmt.Sprintf("refs/pull/%d/merge", n), merge)
	return merge
}

func fetchPulls(t testing.TB, s *git.Store, r git.Remote, numbers ...int) map[int]git.PullHead {
	t.Helper()
	pulls, err := s.FetchPulls(t.Context(), "", r, numbers)
	if err != nil {
		t.Fatal(err)
	}
	return pulls
}

// pull fetches one pull request, which must succeed.
func pull(t testing.TB, s *git.Store, r git.Remote, n int) git.PullHead {
	t.Helper()
	p := fetchPulls(t, s, r, n)[n]
	if p.Err != nil {
		t.Fatal(p.Err)
	}
	return p
}

func TestFetchPulls(t *testing.T) {
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, dir := gittest.New(t), t.TempDir()
			s, err := git.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			base := repo.Commit(t, "base", projects(20))
			remote := serve(t, repo)
			fetch(t, s, remote)
			one := openPull(t, repo, 1, base, files{"p001/project.yaml": "one"})
			two := openPull(t, repo, 2, base, files{"p002/project.yaml": "two"})
			merge := testMerge(t, repo, 2, base, two, files{"p002/project.yaml": "two"})

			got := fetchPulls(t, s, remote, 1, 2, 3, 1)
			want := map[int]git.PullHead{
				1: {Head: git.Head{Commit: one}, Base: base},
				2: {Head: git.Head{Commit: two}, Base: base, TestMerge: merge},
				3: {},
			}
			ignore := cmpopts.IgnoreFields(git.PullHead{}, "Subject", "Author", "When", "Err")
			if diff := cmp.Diff(want, got, ignore); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			gone, ok := errors.AsType[*git.BranchGoneError](got[3].Err)
			if !ok || gone.Branch != "refs/pull/3/head" || got[1].Err != nil || got[2].Err != nil {
				t.Errorf("errors: %v, %v, %v", got[1].Err, got[2].Err, got[3].Err)
			}
			for commit, content := range map[string]string{one: "name: p002", two: "two", merge: "two"} {
				if got := read(t, openAt(t, s, commit), "p002/project.yaml"); !strings.HasPrefix(got, content) {
					t.Errorf("%s: %q", commit, got)
				}
			}
			merged, err := s.Merge(t.Context(), base, one)
			if err != nil || merged.Commit != one {
				t.Errorf("merge of a head that is ahead: %+v, %v", merged, err)
			}

			// A push with force, and a test merge that is not of it.
			again := openPull(t, repo, 2, base, files{"p002/project.yaml": "again"})
			if got := pull(t, s, remote, 2); got.Commit != again || !got.Rewritten || got.Previous != two || got.TestMerge != "" {
				t.Errorf("after a push with force: %+v", got)
			}
			merge = testMerge(t, repo, 2, base, again, files{"p002/project.yaml": "again"})
			if got := pull(t, s, remote, 2); got.Commit != again || got.Rewritten || got.TestMerge != merge {
				t.Errorf("after the forge has merged: %+v", got)
			}
			// The base moves: the merge that was true is not any more.
			moved := repo.Commit(t, "moved", files{"p003/project.yaml": "moved"})
			if got := pull(t, s, remote, 2); got.Base != moved || got.TestMerge != "" {
				t.Errorf("after the base moved: %+v", got)
			}
			merged, err = s.Merge(t.Context(), moved, again)
			if err != nil || len(merged.Conflicts) > 0 {
				t.Fatalf("merge: %+v, %v", merged, err)
			}
			changes, err := git.Diff(openAt(t, s, moved), merged.Tree)
			if diff := cmp.Diff([]git.Change{{Path: "p002/project.yaml", Action: git.Modified}}, changes); diff != "" || err != nil {
				t.Errorf("what the merge changes: %v (-want +got):\n%s", err, diff)
			}

			// Another process knows it all.
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s, err = git.Open(dir); err != nil || s.Recovered() != nil {
				t.Fatal(err, s.Recovered())
			}
			known, ok, err := s.Pull("", 2, "main")
			if err != nil || !ok || known.Commit != again || known.Base != moved || known.TestMerge != "" {
				t.Errorf("after a restart: %+v, %t, %v", known, ok, err)
			}
			if _, ok, err := s.Pull("", 3, "main"); ok || err != nil {
				t.Errorf("one that was never fetched: %t, %v", ok, err)
			}
		})
	}
}

// TestATestMergeCountsForItsParentsOnly has the forge answer with merges of something else.
func TestATestMergeCountsForItsParentsOnly(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	before := repo.Commit(t, "before", files{"a": "1"})
	base := repo.Commit(t, "base", files{"a": "2"})
	head := openPull(t, repo, 1, before, files{"b": "1"})
	other := repo.CommitWith(t, []string{before}, "other", files{"b": "2"})
	for name, parents := range map[string][]string{
		"an older base":        {before, head},
		"an older head":        {base, other},
		"the other way round":  {head, base},
		"one parent":           {base},
		"one too many":         {base, head, other},
		"none":                 nil,
		"the head alone":       {head},
		"the base, and itself": {base, base},
	} {
		repo.SetRef(t, "refs/pull/1/merge", repo.CommitWith(t, parents, name, files{"b": "poison"}))
		if got := pull(t, s, mainOf(repo), 1); got.TestMerge != "" || got.Commit != head || got.Base != base {
			t.Errorf("%s: %+v", name, got)
		}
	}
	repo.SetRef(t, "refs/pull/1/merge", repo.Object(t, plumbing.BlobObject, []byte("no commit")))
	if got := fetchPulls(t, s, mainOf(repo), 1)[1]; got.TestMerge != "" {
		t.Errorf("no commit: %+v", got)
	}
	merge := testMerge(t, repo, 1, base, head, files{"b": "1"})
	if got := pull(t, s, mainOf(repo), 1); got.TestMerge != merge {
		t.Errorf("the merge of both: %+v", got)
	}
}

// packed counts the objects in the packs of a store.
func packed(t *testing.T, dir string) int {
	t.Helper()
	total := 0
	for _, file := range every(t, dir, "objects/pack/*.pack") {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		total += int(binary.BigEndian.Uint32(content[8:12]))
	}
	return total
}

// counter counts what a server sends.
type counter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// TestPullsShareTheTrunksObjects counts what is transferred.
func TestPullsShareTheTrunksObjects(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	many := files{}
	for i := range 2000 {
		many[fmt.Sprintf("projects/p%04d/project.yaml", i)] = fmt.Sprint(i) + incompressible(t, 500)
	}
	old := repo.Commit(t, "base", many)
	var base string
	for i := range 300 { // more than are listed for the server
		base = repo.Commit(t, "trunk", files{"n": fmt.Sprint(i)})
	}
	var sent, posts atomic.Int64
	backend := gittest.HTTPHandler(t, repo)
	remote := git.Remote{Branch: "main", URL: gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			posts.Add(1)
			w = counter{w, &sent}
		}
		backend.ServeHTTP(w, req)
	}))}
	fetch(t, s, remote)
	whole, before := sent.Swap(0), packed(t, dir)
	posts.Store(0)

	var numbers []int
	for n := 1; n <= 50; n++ {
		openPull(t, repo, n, old, files{fmt.Sprintf("projects/p%04d/project.yaml", n): "changed by a pull request"})
		numbers = append(numbers, n)
	}
	for n, p := range fetchPulls(t, s, remote, numbers...) {
		if p.Err != nil || p.Base != base {
			t.Errorf("%d: %+v", n, p)
		}
	}
	// A commit, three folders and a file each; the file is the same everywhere, the root folder of the old commit is another one.
	if got := packed(t, dir) - before; got > 50*4+2 {
		t.Errorf("%d objects were sent for 50 pull requests", got)
	}
	if got := sent.Swap(0); got > whole/2 {
		t.Errorf("%d bytes were sent for 50 pull requests, and %d for the trunk", got, whole)
	}
	if got := posts.Swap(0); got != 1 {
		t.Errorf("%d transfers for 50 pull requests", got)
	}
	// Nothing new, nothing sent.
	fetchPulls(t, s, remote, numbers...)
	if got := posts.Swap(0); got != 0 {
		t.Errorf("%d transfers for nothing new", got)
	}
	// One was pushed to.
	before = packed(t, dir)
	openPull(t, repo, 7, old, files{"projects/p0007/project.yaml": "changed again"})
	fetchPulls(t, s, remote, numbers...)
	if got := packed(t, dir) - before; got != 5 {
		t.Errorf("%d objects were sent for one push", got)
	}
}

// TestRemovingAPullFreesItsObjects: what it alone had goes, unless it is being evaluated.
func TestRemovingAPullFreesItsObjects(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	old := repo.Commit(t, "base", projects(10))
	base := repo.Commit(t, "next", files{"README": "moved"})
	fetch(t, s, mainOf(repo))
	one := openPull(t, repo, 1, old, files{"p001/project.yaml": "one" + incompressible(t, 5000)})
	two := openPull(t, repo, 2, old, files{"p002/project.yaml": "two" + incompressible(t, 5000)})
	fetchPulls(t, s, mainOf(repo), 1, 2)
	evaluated, err := s.Merge(t.Context(), base, one)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := s.Merge(t.Context(), base, two)
	if err != nil {
		t.Fatal(err)
	}
	if err := track(t, s, git.PullTrack("", 2)).SetAccepted(accepted.Commit); err != nil {
		t.Fatal(err)
	}
	merges := []string{evaluated.Commit, accepted.Commit}
	accepted.Tree = nil
	full := collect(t, s).After
	for _, commit := range []string{one, two, merges[0], merges[1]} {
		if _, err := s.Tree(t.Context(), commit); err != nil {
			t.Errorf("%s: %v", commit, err)
		}
	}
	for _, n := range []int{1, 2} {
		if err := track(t, s, git.PullTrack("", n)).Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := s.Tracks(); err != nil || !slices.Equal(names, []string{"main"}) {
		t.Errorf("tracks: %v, %v", names, err)
	}
	collectUntil(t, s, "the second pull request is gone", func() bool { return size(t, s).Bytes < full.Bytes-5000 })
	if got := read(t, evaluated.Tree, "p001/project.yaml"); len(got) < 5000 {
		t.Errorf("the tree that is being evaluated: %q", got)
	}
	if got := read(t, evaluated.Tree, "README"); got != "moved" {
		t.Errorf("the base in it: %q", got)
	}
	evaluated.Tree = nil
	collectUntil(t, s, "the first is gone", func() bool { return size(t, s).Bytes < full.Bytes-10000 })
	for _, commit := range []string{one, two, merges[0], merges[1]} {
		if _, err := s.Tree(t.Context(), commit); err == nil {
			t.Errorf("%s is still there", commit)
		}
	}
}

// TestAMergeBaseThatWasCollected merges a pull request that began long ago.
func TestAMergeBaseThatWasCollected(t *testing.T) {
	for _, name := range []string{"path", "http", "http that allows it"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, s := gittest.New(t), openStore(t)
			text := func(a, b string) string { return a + strings.Repeat("\nline", 10) + "\n" + b + "\n" }
			old := repo.Commit(t, "old", files{"d/f": text("a", "b"), "k": "1"})
			fetch(t, s, mainOf(repo))
			var base string
			for i := range 40 {
				base = repo.Commit(t, "next", files{"d/f": text("A"+fmt.Sprint(i), "b")})
			}
			remote := transports[strings.TrimSuffix(name, " that allows it")](t, repo)
			if name == "http that allows it" {
				runGit(t, repo, "config", "uploadpack.allowReachableSHA1InWant", "true")
			}
			fetch(t, s, remote)
			collect(t, s)
			if _, err := s.Merge(t.Context(), base, openPull(t, repo, 1, old, files{"d/f": text("a", "B")})); err == nil {
				t.Fatal("a head that was not fetched was merged")
			}
			// The head is brought by itself: what it shares with its base was collected, too.
			if _, err := track(t, s, "x").Fetch(t.Context(), git.Remote{URL: remote.URL, Branch: "refs/pull/1/head", Auth: remote.Auth}); err != nil {
				t.Fatal(err)
			}
			head := pull(t, s, remote, 1)
			for range 2 {
				merged, err := s.Merge(t.Context(), base, head.Commit)
				if err != nil || merged.Tree == nil {
					t.Fatalf("%+v, %v", merged, err)
				}
				if got := read(t, merged.Tree, "d/f"); got != text("A39", "B") {
					t.Errorf("merged: %q", got)
				}
				collect(t, s) // what a merge needs stays
			}
			if s.Recovered() != nil {
				t.Error(s.Recovered())
			}
		})
	}
}

// TestAMergeBaseThatIsNotThere has the content of the base collected behind the back of the merge.
func TestAMergeBaseThatIsNotThere(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := repo.Commit(t, "old", files{"f": "1\n2\n3\n", "k": "1"})
	last := old
	for i := range 30 {
		last = repo.CommitWith(t, []string{last}, "head", files{"f": "1\n2\nhead\n", "k": fmt.Sprint(i)})
	}
	for i := range 30 {
		repo.Commit(t, "next", files{"f": fmt.Sprintf("%d\n2\n3\n", i)})
	}
	base := fetch(t, s, mainOf(repo)).Commit
	repo.SetBranch(t, "head", last)
	if _, err := track(t, s, "x").Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "head"}); err != nil {
		t.Fatal(err)
	}
	collect(t, s)
	_, err = s.Merge(t.Context(), base, last)
	e, ok := errors.AsType[*git.BaseContentError](err)
	if !ok || e.Commit != old || git.ClassOf(err) != git.Transient {
		t.Fatalf("got %v, want a BaseContentError", err)
	}
	repo.SetRef(t, "refs/pull/1/head", last)
	pull(t, s, mainOf(repo), 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = git.Open(dir); err != nil { // so that nothing is open any more
		t.Fatal(err)
	}
	defer s.Close()
	collect(t, s) // what was brought stays
	if merged, err := s.Merge(t.Context(), base, last); err != nil || merged.Tree == nil {
		t.Errorf("after a fetch: %+v, %v", merged, err)
	}
}

// TestAHistoryThatIsCutOff merges from a repository that is a shallow copy itself.
func TestAHistoryThatIsCutOff(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	old := repo.Commit(t, "old", files{"a": "1"})
	openPull(t, repo, 1, old, files{"b": "1"})
	repo.Commit(t, "next", files{"a": "2"})
	shallow := filepath.Join(t.TempDir(), "shallow")
	runGit(t, repo, "clone", "-q", "--bare", "--depth", "1", "--no-single-branch", repo.URL(), shallow)
	runGit(t, repo, "-C", shallow, "fetch", "-q", "--depth", "1", repo.URL(), "refs/pull/1/head:refs/pull/1/head")
	got := fetchPulls(t, s, git.Remote{URL: "file://" + shallow, Branch: "main"}, 1)[1]
	if got.Err == nil || !strings.Contains(got.Err.Error(), old) || !strings.Contains(got.Err.Error(), "shallow copy") {
		t.Errorf("got %+v, want an error that names the commit %s", got, old)
	}
}

// TestQueueBranches fetches what a merge queue makes like any branch.
func TestQueueBranches(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	base := repo.Commit(t, "base", files{"a": "1"})
	names := map[string]bool{}
	for _, branch := range []string{"gh-readonly-queue/main/pr-7-" + base, "gh-readonly-queue/main/pr-8-" + base, "gh-readonly-queue/Träge..main/pr-7"} {
		tr := track(t, s, git.QueueTrack("", branch))
		names[tr.Name()] = true
		if strings.Contains(branch, "..") {
			continue // no such branch, and a track for it all the same
		}
		head := repo.CommitTo(t, branch, "queued", files{"a": branch})
		got, err := tr.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: branch})
		if err != nil || got.Commit != head {
			t.Errorf("%s: %+v, %v", branch, got, err)
		}
	}
	if len(names) != 3 {
		t.Errorf("tracks: %v", names)
	}
}

func TestPullsThatAreRefused(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	repo.Commit(t, "base", files{"a": "1"})
	for _, n := range []int{0, -1, 1 << 31, -1 << 62} {
		_, err := s.FetchPulls(t.Context(), "", mainOf(repo), []int{1, n})
		if _, ok := errors.AsType[*git.RefusedError](err); !ok {
			t.Errorf("%d: got %v, want a RefusedError", n, err)
		}
	}
	if _, err := s.FetchPulls(t.Context(), "", mainOf(repo), make([]int, 1001)); err == nil {
		t.Error("too many: no error")
	}
	for _, r := range []git.Remote{{URL: "--upload-pack=x", Branch: "main"}, {URL: repo.URL(), Branch: "a..b"}, {URL: repo.URL(), Branch: "nowhere"}} {
		if _, err := s.FetchPulls(t.Context(), "", r, []int{1}); err == nil {
			t.Errorf("%s: no error", r)
		}
	}
}

// TestHostilePulls: what a stranger sends is refused for that pull request alone, and not downloaded again.
func TestHostilePulls(t *testing.T) {
	limits := git.Limits{MaxFiles: 200, MaxObject: 100_000, MaxDepth: 20}
	manyFiles, deep := files{}, files{strings.Repeat("d/", 30) + "f": "1"}
	for i := range 300 {
		manyFiles[fmt.Sprintf("many/f%d", i)] = "1"
	}
	for name, changes := range map[string]files{
		"many files":    manyFiles,
		"a large file":  {"large": incompressible(t, 100_000)},
		"a bomb":        {"bomb": strings.Repeat("0", 10_000_000)},
		"a deep folder": deep,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo, dir := gittest.New(t), t.TempDir()
			s, err := git.Open(dir, git.WithLimits(limits))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			base := repo.Commit(t, "base", projects(20))
			fetch(t, s, mainOf(repo))
			good := openPull(t, repo, 1, base, files{"p001/project.yaml": "one"})
			openPull(t, repo, 2, base, changes)
			other := openPull(t, repo, 3, base, files{"p003/project.yaml": "three"})
			testMerge(t, repo, 3, base, other, changes) // a forge that lies
			for range 2 {
				got := fetchPulls(t, s, mainOf(repo), 1, 2, 3)
				if got[1].Err != nil || got[1].Commit != good || got[3].Err != nil || got[3].Commit != other || got[3].TestMerge != "" {
					t.Errorf("the others: %+v, %+v", got[1], got[3])
				}
				if _, ok := errors.AsType[*git.LimitError](errors.Unwrap(got[2].Err)); !ok || git.ClassOf(got[2].Err) != git.Terminal {
					t.Errorf("the hostile one: got %v, want a LimitError", got[2].Err)
				}
			}
			if bytes := size(t, s).Bytes; bytes > 60_000 {
				t.Errorf("the store has %d bytes", bytes)
			}
			// Once it is fixed, it is taken.
			fixed := openPull(t, repo, 2, base, files{"p002/project.yaml": "two"})
			if got := pull(t, s, mainOf(repo), 2); got.Commit != fixed {
				t.Errorf("fixed: %+v", got)
			}
			if head := fetch(t, s, mainOf(repo)); head.Commit != base || s.Recovered() != nil {
				t.Errorf("the trunk: %+v", head)
			}
		})
	}
}

// TestACraftedTreeIsNoDamage has a pull request with a tree that git never writes. That is found out without fetching the
// repository again.
func TestACraftedTreeIsNoDamage(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	base := repo.Commit(t, "base", projects(20))
	var posts atomic.Int64
	backend := gittest.HTTPHandler(t, repo)
	remote := git.Remote{Branch: "main", URL: gittest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPost {
			posts.Add(1)
		}
		backend.ServeHTTP(w, req)
	}))}
	fetch(t, s, remote)
	good := openPull(t, repo, 1, base, files{"p001/project.yaml": "one"})
	blob := repo.Object(t, plumbing.BlobObject, []byte("x"))
	h := plumbing.NewHash(blob)
	tree := repo.Object(t, plumbing.TreeObject, append([]byte("100644 ..\x00"), h[:]...))
	bad := repo.Object(t, plumbing.CommitObject, fmt.Appendf(nil, "tree %s\nparent %s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nx\n", tree, base))
	repo.SetRef(t, "refs/pull/2/head", bad)
	posts.Store(0)
	for range 3 {
		got := fetchPulls(t, s, remote, 1, 2)
		if got[1].Err != nil || got[1].Commit != good {
			t.Errorf("the good one: %+v", got[1])
		}
		if got[2].Err == nil || !strings.Contains(got[2].Err.Error(), "not usable") {
			t.Errorf("the crafted one: %v", got[2].Err)
		}
	}
	if got := posts.Load(); got > 3 { // both, each by itself
		t.Errorf("%d transfers", got)
	}
}

// TestADamagedStoreIsRepairedByPulls has a pack of the store cut short.
func TestADamagedStoreIsRepairedByPulls(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	base := repo.Commit(t, "base", projects(20))
	fetch(t, s, mainOf(repo))
	head := openPull(t, repo, 1, base, files{"p001/project.yaml": "one"})
	for _, pack := range every(t, dir, "objects/pack/*.pack") {
		content, err := os.ReadFile(pack)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(content) / 4; i < len(content)-20; i++ {
			content[i] ^= 0x55
		}
		if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	damage := 0
	tree := openAt(t, s, base)
	for i := range 20 { // damage is met when something is read
		if _, err := tree.ReadFile(fmt.Sprintf("p%03d/project.yaml", i)); err != nil {
			damage++
		}
	}
	if damage == 0 {
		t.Fatal("nothing was damaged")
	}
	if got := pull(t, s, mainOf(repo), 1); got.Commit != head || got.Base != base {
		t.Errorf("after the repair: %+v", got)
	}
	for _, commit := range []string{base, head} {
		tree := openAt(t, s, commit)
		for i := range 20 {
			read(t, tree, fmt.Sprintf("p%03d/project.yaml", i))
		}
	}
}

// TestPullsKeepSecrets has every error of a fetch be free of the password.
func TestPullsKeepSecrets(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	base := repo.Commit(t, "base", files{"a": "1"})
	openPull(t, repo, 1, base, files{"a": "2"})
	url := gittest.ServeHTTPAuth(t, repo, "ada", "right")
	for name, r := range map[string]git.Remote{
		"wrong password":        {URL: url, Branch: "main", Auth: git.Auth{Username: "ada", Password: "s3cret"}},
		"wrong password in URL": {URL: strings.Replace(url, "://", "://ada:s3cret@", 1), Branch: "main"},
	} {
		_, err := s.FetchPulls(t.Context(), "", r, []int{1})
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "s3cret") || git.ClassOf(err) != git.Terminal {
			t.Errorf("%s: %v", name, err)
		}
	}
	auth := git.Auth{Username: "ada", Password: "right"}
	if got := fetchPulls(t, s, git.Remote{URL: url, Branch: "main", Auth: auth}, 1, 2)[2]; got.Err == nil || strings.Contains(got.Err.Error(), "right") {
		t.Errorf("one that is not there: %v", got.Err)
	}
}

// TestPullsWhileEverythingElseGoesOn fetches, merges and collects at once.
func TestPullsWhileEverythingElseGoesOn(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	old := repo.Commit(t, "base", projects(100))
	base := repo.Commit(t, "next", files{"README": "moved"})
	fetch(t, s, mainOf(repo))
	heads := map[int]string{}
	for n := 1; n <= 6; n++ {
		heads[n] = openPull(t, repo, n, old, files{fmt.Sprintf("p%03d/project.yaml", n): fmt.Sprintf("of pull request %d", n)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	var collecting, using sync.WaitGroup
	collecting.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.Collect(ctx, nil); err != nil && ctx.Err() == nil {
				t.Errorf("collecting: %v", err)
				return
			}
		}
	})
	for i := range 3 {
		using.Go(func() {
			for range 5 {
				pulls, err := s.FetchPulls(t.Context(), "", mainOf(repo), []int{2*i + 1, 2*i + 2, i + 1}) // some of them twice
				if err != nil {
					t.Error(err)
					return
				}
				for n, p := range pulls {
					merged, err := s.Merge(t.Context(), p.Base, p.Commit)
					if err != nil || p.Commit != heads[n] || p.Base != base {
						t.Errorf("%d: %+v, %v", n, p, err)
						return
					}
					for j := range 100 {
						content, err := merged.Tree.ReadFile(fmt.Sprintf("p%03d/project.yaml", j))
						if err != nil || j == n && string(content) != fmt.Sprintf("of pull request %d", n) {
							t.Errorf("%d: %q, %v", n, content, err)
							return
						}
					}
				}
			}
		})
	}
	using.Wait()
	cancel()
	collecting.Wait()
}
