// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/diff3"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// mergeOf merges two changes of a base in a store of their own.
func mergeOf(t *testing.T, base, ours, theirs files, opts ...git.Option) (git.Merged, error) {
	t.Helper()
	repo, s := gittest.New(t), openStore(t, opts...)
	root := repo.CommitWith(t, nil, "base", base)
	left, right := repo.CommitWith(t, []string{root}, "ours", ours), repo.CommitWith(t, []string{root}, "theirs", theirs)
	fetchAll(t, s, repo, left, right)
	return s.Merge(t.Context(), left, right)
}

func TestMergeIsBounded(t *testing.T) {
	large := strings.Repeat("x", diff3.MaxSize)
	got, err := mergeOf(t, files{"a": large, "b": "1"}, files{"a": "1" + large}, files{"a": "2" + large})
	if diff := cmp.Diff([]git.Conflict{{Path: "a", Kind: git.TooLarge}}, got.Conflicts); diff != "" || err != nil {
		t.Errorf("a large file: %v (-want +got):\n%s", err, diff)
	}
	got, err = mergeOf(t, files{"a": large, "b": "1"}, files{"a": "1" + large}, files{"b": "2"})
	if err != nil || got.Tree == nil {
		t.Errorf("a large file that one side changed: %v, %v", got.Conflicts, err)
	}

	base, ours, theirs := files{}, files{}, files{}
	for i := range 1500 {
		name := fmt.Sprintf("d%d/f%d", i%7, i)
		base[name], ours[name], theirs[name] = name, name+"1", name+"2"
	}
	got, err = mergeOf(t, base, ours, theirs)
	if err != nil || len(got.Conflicts) != 1000 || !got.More || got.Tree != nil {
		t.Errorf("many conflicts: %d, more: %t, %v", len(got.Conflicts), got.More, err)
	}

	// Each side is within the limit, and both together are not.
	some, others := files{}, files{}
	for i := range 60 {
		some[fmt.Sprintf("some/%d", i)], others[fmt.Sprintf("others/%d", i)] = "1", "2"
	}
	_, err = mergeOf(t, files{"a": "1"}, some, others, git.WithLimits(git.Limits{MaxFiles: 125}))
	if err != nil {
		t.Errorf("within the limit: %v", err)
	}
	repo, s := gittest.New(t), openStore(t, git.WithLimits(git.Limits{MaxFiles: 100}))
	root := repo.Commit(t, "base", files{"a": "1"})
	repo.SetRef(t, "refs/pull/1/head", repo.CommitWith(t, []string{root}, "some", some))
	moved := repo.Commit(t, "others", others)
	head := pull(t, s, mainOf(repo), 1)
	_, err = s.Merge(t.Context(), moved, head.Commit)
	if _, ok := errors.AsType[*git.LimitError](err); !ok {
		t.Errorf("more than the limit: %v", err)
	}
}

// TestMergesAreTheSameEverywhere: a merge is the same commit in another store, and in the same one after it was collected.
func TestMergesAreTheSameEverywhere(t *testing.T) {
	repo, s, other := gittest.New(t), openStore(t), openStore(t)
	root := repo.CommitWith(t, nil, "base", files{"a": "1\n2\n3\n", "b": "1"})
	ours, theirs := repo.CommitWith(t, []string{root}, "ours", files{"a": "x\n2\n3\n"}), repo.CommitWith(t, []string{root}, "theirs", files{"a": "1\n2\ny\n"})
	fetchAll(t, s, repo, ours, theirs)
	fetchAll(t, other, repo, ours, theirs)
	commits := map[string]bool{}
	for _, store := range []*git.Store{s, other, s} {
		got, err := store.Merge(t.Context(), ours, theirs)
		if err != nil {
			t.Fatal(err)
		}
		commits[got.Commit] = true
		if text := read(t, got.Tree, "a"); text != "x\n2\ny\n" {
			t.Errorf("merged: %q", text)
		}
		// It comes after both.
		newer, err := store.Newer(t.Context(), ours, []string{got.Commit, theirs})
		if diff := cmp.Diff([]string{got.Commit}, newer); diff != "" || err != nil {
			t.Errorf("newer than ours: %v (-want +got):\n%s", err, diff)
		}
		got.Tree = nil
		collect(t, store, root, ours, theirs)
	}
	if len(commits) != 1 {
		t.Errorf("one merge is %d commits", len(commits))
	}
	back, err := s.Merge(t.Context(), theirs, ours)
	if err != nil || commits[back.Commit] {
		t.Errorf("the other way round it is the same commit: %v", err)
	}
}

func TestMergeEndsWithItsContext(t *testing.T) {
	repo, s := gittest.New(t), openStore(t)
	root := repo.CommitWith(t, nil, "base", projects(50))
	ours, theirs := repo.CommitWith(t, []string{root}, "ours", files{"p001/project.yaml": "1"}), repo.CommitWith(t, []string{root}, "theirs", files{"p002/project.yaml": "1"})
	fetchAll(t, s, repo, ours, theirs)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Merge(ctx, ours, theirs); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	for name, pair := range map[string][2]string{"no hash": {"main", theirs}, "not there": {ours, strings.Repeat("1", 40)}} {
		if _, err := s.Merge(t.Context(), pair[0], pair[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := s.MergeBases(t.Context(), pair[0], pair[1]); err == nil {
			t.Errorf("%s: merge bases: no error", name)
		}
	}
}
