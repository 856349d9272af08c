// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/reconciler/status"
)

// seals are the commits that count as signed.
type seals struct {
	mu   sync.Mutex
	good map[string]bool
	// lapsed are those that count only if they were accepted before.
	lapsed map[string]bool
}

func (s *seals) set(commit string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good == nil {
		s.good = map[string]bool{}
	}
	s.good[commit] = good
}

func (s *seals) verify(_ context.Context, commit string, accepted bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good[commit] || accepted && s.lapsed[commit] {
		return nil
	}
	return &signers.RefusedError{Because: "it is not signed", May: []string{"ann", "bob"}}
}

// head waits until the board tells of a head, and whether that is refused.
func (f *following) head(commit string, refused bool) status.Source {
	f.t.Helper()
	return f.await(fmt.Sprintf("commit %s, refused: %t", commit, refused), func(s status.Source) bool {
		return s.Head != nil && s.Head.Hash == commit && s.Refused() == refused && (refused || s.Accepted != nil && s.Accepted.Hash == commit)
	})
}

func TestAHeadThatNobodySigned(t *testing.T) {
	repo, dir := gittest.New(t), t.TempDir()
	image := func(n int) tree { return tree{"a/project.yaml": service("signed-a", fmt.Sprintf("img:%d", n))} }
	first := repo.Commit(t, "first", platform("signed", image(1)))
	var s seals
	var told []string
	start := func() *following {
		f := follow(t, repo, dir)
		f.Admission.Verify = s.verify
		f.Observe = func(j reconciler.Judged) {
			told = append(told, fmt.Sprintf("%s denied: %t", j.Commit.Subject, j.Problems.Denied()))
		}
		f.start()
		return f
	}
	f := start()
	f.fetch()
	source := f.head(first, true)
	if source.Accepted != nil || !strings.Contains(source.Problems.String(), "it is not signed") || !strings.Contains(source.Problems[0].Hint, "ann, bob") {
		t.Errorf("the first commit, which nobody signed: %+v", source)
	}
	f.fetch() // it is told once

	// Who may sign has changed: it counts without another commit.
	s.set(first, true)
	f.fetch()
	f.head(first, false)

	second := repo.Commit(t, "second", image(2))
	f.fetch()
	if source := f.head(second, true); source.Accepted.Hash != first {
		t.Errorf("a refused head has %s accepted; want what was", source.Accepted.Hash)
	}
	// The branch goes back: the board tells of that.
	repo.Reset(t, first)
	f.fetch()
	f.head(first, false)
	repo.Reset(t, second)
	s.set(second, true)
	f.fetch()
	f.head(second, false)
	f.stop()

	// A daemon that is started again keeps what it had accepted, and says that it does not count.
	s.set(second, false)
	again := start()
	again.await("resuming", func(s status.Source) bool { return s.Accepted != nil })
	again.fetch()
	source = again.head(second, true)
	if source.Accepted.Hash != second || !strings.Contains(source.Problems[0].Message, "what runs is kept") {
		t.Errorf("started again, with the accepted head refused: %+v", source)
	}
	s.mu.Lock()
	s.lapsed = map[string]bool{second: true} // what has expired since it was accepted is no reason
	s.mu.Unlock()
	again.fetch()
	again.head(second, false)
	again.stop()
	want := []string{
		"first denied: true", "first denied: false", "second denied: true", "first denied: false", "second denied: false", "second denied: true", "second denied: false",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAVerifierThatCannotSay: damage is no verdict.
func TestAVerifierThatCannotSay(t *testing.T) {
	repo := gittest.New(t)
	commit := repo.Commit(t, "first", platform("signed", tree{"a/project.yaml": service("signed-a", "img:1")}))
	f := follow(t, repo, t.TempDir())
	var mu sync.Mutex
	broken := true
	f.Admission.Verify = func(context.Context, string, bool) error {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return fmt.Errorf("boom")
		}
		return nil
	}
	if s := f.poll(); !strings.Contains(s.Error, "boom") || s.Refused() || s.Accepted != nil {
		t.Errorf("with a verifier that fails: %+v", s)
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	f.fetch()
	f.head(commit, false)
}

func TestRewrites(t *testing.T) {
	image := func(n int) tree { return tree{"a/project.yaml": service("rewrite-a", fmt.Sprintf("img:%d", n))} }
	repo := gittest.New(t)
	root := repo.Commit(t, "root", platform("rewrite", image(1)))
	accepted := repo.Commit(t, "accepted", image(2))
	repo.CommitTo(t, "side", "side", image(9))
	after := repo.Commit(t, "after", image(3))
	merged := repo.Merge(t, "main", "side", "merged")
	repo.Reset(t, root)
	other := repo.Commit(t, "other", image(4))
	further := repo.Commit(t, "further", image(5))
	never := strings.Repeat("7", 40)

	cases := []struct {
		name, reason string
		head         string
		free         bool // without --no-rewrite
		rewrites     []reconciler.Rewrite
		refused      bool
	}{
		{name: "same", head: accepted},
		{name: "after", head: after},
		{name: "merge", reason: "A commit comes after all its parents.", head: merged},
		{name: "back", reason: "Going back is what a rewrite does.", head: root, refused: true},
		{name: "aside", head: other, refused: true},
		{name: "aside, and free", head: other, free: true},
		{name: "allowed", head: other, rewrites: []reconciler.Rewrite{{From: accepted, To: other}}},
		{name: "after the allowed one", reason: "Others may have pushed meanwhile.", head: further, rewrites: []reconciler.Rewrite{{From: accepted, To: other}}},
		{name: "before the allowed one", head: other, rewrites: []reconciler.Rewrite{{From: accepted, To: further}}, refused: true},
		{name: "allowed from elsewhere", reason: "It was allowed once, for another commit.", head: other, rewrites: []reconciler.Rewrite{{From: after, To: other}}, refused: true},
		{name: "allowed to what is not there", head: other, rewrites: []reconciler.Rewrite{{From: accepted, To: never}}, refused: true},
	}
	for _, tc := range cases {
		// The accepted commit is known from the store, or from what the clusters say if the store was lost.
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lost: %t", tc.name, lost), func(t *testing.T) {
				dir := t.TempDir()
				if !lost {
					repo.Reset(t, accepted)
					f := follow(t, repo, dir)
					f.poll()
					f.stop()
				}
				repo.Reset(t, tc.head)
				f := follow(t, repo, dir)
				f.Admission.NoRewrite, f.Admission.Rewrites = !tc.free, tc.rewrites
				if lost {
					f.Recorded = func(context.Context) ([]string, error) { return []string{accepted, root}, nil }
				}
				f.start()
				if !lost {
					f.await("resuming", func(s status.Source) bool { return s.Accepted != nil })
				}
				f.fetch()
				f.head(tc.head, tc.refused)
				if !tc.refused {
					return
				}
				f.fetch() // it is looked at again, and is no better
				f.fetch()
				source := f.head(tc.head, true)
				text := source.Problems.String()
				for _, want := range []string{tc.head, accepted, "--accept-rewrite " + accepted + ".." + tc.head} {
					if !strings.Contains(text, want) {
						t.Errorf("the problem is %q; want %q in it", text, want)
					}
				}
				stored, known, err := f.store.Accepted()
				if err != nil || known == lost || !lost && stored != accepted {
					t.Errorf("the store has %q accepted (%t, %v)", stored, known, err)
				}
			})
		}
	}
}

func TestParseRewrite(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	if r, err := reconciler.ParseRewrite(a + ".." + b); err != nil || r != (reconciler.Rewrite{From: a, To: b}) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, bad := range []string{"", a, a + "..", ".." + b, "main..HEAD", a + "..." + b, strings.ToUpper(a) + ".." + b, a[:39] + ".." + b} {
		if r, err := reconciler.ParseRewrite(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, r)
		}
	}
}

var _ reconciler.Store = (*git.Track)(nil)
