// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

func track(t *testing.T, s *git.Store, name string) *git.Track {
	t.Helper()
	tr, err := s.Track(name)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTrackNames(t *testing.T) {
	s := openStore(t)
	for _, name := range []string{"main", "pr/7", "pr/123456", "repos/acme-data/main", "a", "a.b", "v1.0", "x_y", "0", "locked"} {
		if tr, err := s.Track(name); err != nil || tr.Name() != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, reason := range map[string]string{
		"":                       "nothing",
		"/":                      "no word",
		"pr/":                    "a word is empty",
		"/pr":                    "a word is empty",
		"pr//7":                  "a word is empty",
		"..":                     "a way out",
		"pr/../../../etc":        "a way out",
		"a..b":                   "no ref may hold it",
		".git":                   "hidden",
		"pr/7.lock":              "a lock",
		"a.lock/b":               "a lock",
		"trailing.":              "no ref may end so",
		"Pr/7":                   "a file system may not tell cases apart",
		"pr 7":                   "a space",
		"pr\\7":                  "a separator elsewhere",
		"pr/ü":                   "two ways to write it",
		"pr/7\n":                 "a line break",
		"pr/7\x00":               "the end of a path",
		"-x":                     "an option",
		"accepted":               "names something else",
		"pr/accepted":            "names something else",
		"fetched/x":              "names something else",
		"previous":               "names something else",
		strings.Repeat("a", 101): "too long",
	} {
		_, err := s.Track(name)
		if _, ok := errors.AsType[*git.RefusedError](err); !ok {
			t.Errorf("%q (%s): got %v, want a RefusedError", name, reason, err)
		}
	}
}

// TestTracksAreIndependent has the trunk, two pull requests and another repository in one store.
func TestTracksAreIndependent(t *testing.T) {
	repo, other, dir := gittest.New(t), gittest.New(t), t.TempDir()
	s, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	first := repo.Commit(t, "first", projects(50))
	repo.SetBranch(t, "one", first)
	repo.SetBranch(t, "two", first)
	commits := map[string]string{
		"main": repo.Commit(t, "second", map[string]string{"a": "2"}), "pr": repo.CommitTo(t, "one", "one", map[string]string{"a": "one"}),
		"pr/2": repo.CommitTo(t, "two", "two", map[string]string{"a": "two"}), "repos/other": other.Commit(t, "other", map[string]string{"a": "other"}),
	}
	remotes := map[string]git.Remote{
		"main": mainOf(repo), "pr": {URL: repo.URL(), Branch: "one"}, "pr/2": {URL: repo.URL(), Branch: "two"}, "repos/other": mainOf(other),
	}
	for name, commit := range commits {
		tr := track(t, s, name)
		if head, err := tr.Fetch(t.Context(), remotes[name]); err != nil || head.Commit != commit || head.Previous != "" {
			t.Errorf("%s: %+v, %v", name, head, err)
		}
		if err := tr.SetAccepted(commit); err != nil {
			t.Error(err)
		}
	}
	amended := map[string]string{}
	for name, branch := range map[string]string{"pr": "one", "pr/2": "two"} {
		repo.SetBranch(t, branch, first)
		amended[name] = repo.CommitTo(t, branch, "amended", map[string]string{"a": "amended " + name})
		if head, err := track(t, s, name).Fetch(t.Context(), remotes[name]); err != nil || !head.Rewritten || head.Previous != commits[name] {
			t.Errorf("%s amended: %+v, %v", name, head, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = git.Open(dir); err != nil || s.Recovered() != nil {
		t.Fatalf("opening again: %v, %v", err, s.Recovered())
	}
	defer s.Close()
	for name, commit := range commits {
		tr := track(t, s, name)
		want, previous := commit, ""
		if amended[name] != "" {
			want, previous = amended[name], commit
		}
		if head, ok, err := tr.Head(remotes[name].Branch); err != nil || !ok || head.Commit != want || head.Previous != previous {
			t.Errorf("%s: head %+v, %t, %v", name, head, ok, err)
		}
		if accepted, ok, err := tr.Accepted(); err != nil || !ok || accepted != commit {
			t.Errorf("%s: accepted %s, %t, %v", name, accepted, ok, err)
		}
	}
	names, err := s.Tracks()
	if diff := cmp.Diff([]string{"main", "pr", "pr/2", "repos/other"}, names); diff != "" || err != nil {
		t.Errorf("tracks: %v (-want +got):\n%s", err, diff)
	}
	if err := track(t, s, "pr").Remove(); err != nil {
		t.Fatal(err)
	}
	if err := track(t, s, "main").Remove(); err == nil {
		t.Error("the trunk was removed")
	}
	names, err = s.Tracks()
	if diff := cmp.Diff([]string{"main", "pr/2", "repos/other"}, names); diff != "" || err != nil {
		t.Errorf("tracks after one was removed: %v (-want +got):\n%s", err, diff)
	}
	collect(t, s)
	for name, commit := range map[string]string{"main": commits["main"], "pr/2": amended["pr/2"], "repos/other": commits["repos/other"]} {
		read(t, openAt(t, s, commit), "a")
		if head, err := track(t, s, name).Fetch(t.Context(), remotes[name]); err != nil || head.Commit != commit {
			t.Errorf("%s: %+v, %v", name, head, err)
		}
	}
	for _, commit := range []string{commits["pr"], amended["pr"]} {
		if _, err := s.Tree(t.Context(), commit); err == nil {
			t.Errorf("commit %s of the removed track is still there", commit)
		}
	}
}

// TestASlowTrackDelaysNoOther has one server never answer.
func TestASlowTrackDelaysNoOther(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	commit := repo.Commit(t, "first", map[string]string{"a": "1"})
	asked := make(chan struct{}, 1)
	hanging := gittest.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	slow := track(t, s, "pr/1")
	go func() {
		_, err := slow.Fetch(ctx, git.Remote{URL: hanging, Branch: "main"})
		ended <- err
	}()
	<-asked
	if head := fetch(t, s, mainOf(repo)); head.Commit != commit {
		t.Errorf("head: %+v", head)
	}
	collect(t, s)
	// Whoever waits for the same track can stop waiting.
	waiting, stop := context.WithCancel(t.Context())
	stop()
	if _, err := slow.Fetch(waiting, mainOf(repo)); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a turn: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the slow one: %v", err)
	}
	if head, err := slow.Fetch(t.Context(), mainOf(repo)); err != nil || head.Commit != commit {
		t.Errorf("afterwards: %+v, %v", head, err)
	}
}

// TestNewer compares the answer for any history with that of walking all of it.
func TestNewer(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var commits []string
	parents := map[string][]string{}
	branches := []string{"main", "b1", "b2", "b3"}
	tips := map[string]string{}
	for i := range 60 {
		branch := branches[rng.IntN(len(branches))]
		from := branches[rng.IntN(len(branches))]
		var c string
		switch {
		case i > 10 && rng.IntN(8) == 0:
			tips[branch] = commits[rng.IntN(len(commits))]
			repo.SetBranch(t, branch, tips[branch])
			continue
		case tips[branch] != "" && tips[from] != "" && branch != from && rng.IntN(3) == 0:
			c = repo.Merge(t, branch, from, fmt.Sprint("merge ", i))
			parents[c] = []string{tips[branch], tips[from]}
		default:
			c = repo.CommitTo(t, branch, fmt.Sprint("commit ", i), map[string]string{"f": fmt.Sprint(i)})
			if tips[branch] != "" {
				parents[c] = []string{tips[branch]}
			}
		}
		tips[branch] = c
		commits = append(commits, c)
		if _, err := track(t, s, "x/"+branch).Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: branch}); err != nil {
			t.Fatal(err)
		}
	}
	var descends func(tip, ancestor string) bool
	descends = func(tip, ancestor string) bool {
		if tip == ancestor {
			return true
		}
		for _, p := range parents[tip] {
			if descends(p, ancestor) {
				return true
			}
		}
		return false
	}
	rapid.Check(t, func(r *rapid.T) {
		tip := rapid.SampledFrom(commits).Draw(r, "tip")
		asked := rapid.SliceOfN(rapid.SampledFrom(commits), 0, 8).Draw(r, "asked")
		got, err := s.Newer(t.Context(), tip, asked)
		if err != nil {
			r.Fatal(err)
		}
		is := map[string]bool{}
		for _, c := range got {
			is[c] = true
		}
		for _, c := range asked {
			if want := c != tip && descends(c, tip); is[c] != want {
				r.Fatalf("%s newer than %s: got %t, want %t", c, tip, is[c], want)
			}
		}
	})
	if _, err := s.Newer(t.Context(), "main", nil); err == nil {
		t.Error("a tip that is no hash: no error")
	}
	if _, err := s.Newer(t.Context(), strings.Repeat("1", 40), commits); err == nil {
		t.Error("a tip that is not there: no error")
	}
}
