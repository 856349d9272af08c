// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

func TestOutside(t *testing.T) {
	repo := gittest.New(t)
	file := func(s string) map[string]string { return map[string]string{"a": s} }
	root := repo.Commit(t, "root", file("1"))
	left := repo.Commit(t, "left", file("2"))
	repo.Reset(t, root)
	right := repo.Commit(t, "right", file("3"))
	repo.SetBranch(t, "other", left)
	merged := repo.Merge(t, "main", "other", "merged")
	store, err := git.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	missing := strings.Repeat("7", 40)
	for name, tc := range map[string]struct {
		tip  string
		want []string
	}{
		"the merge": {merged, []string{missing, "none"}},
		"one side":  {right, []string{missing, left, merged, "none"}},
		"the root":  {root, []string{missing, left, right, merged, "none"}},
	} {
		got, err := store.Outside(t.Context(), tc.tip, []string{root, left, right, merged, merged, missing, "none"})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, c := range tc.want {
			want[c] = true
		}
		found := map[string]bool{}
		for _, c := range got {
			found[c] = true
		}
		if diff := cmp.Diff(want, found); diff != "" || len(got) != len(tc.want) {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	if _, err := store.Outside(t.Context(), missing, []string{root}); err == nil {
		t.Error("a tip that is not there has a history")
	}
}

// TestRawCommit compares with what git says that a commit is.
func TestRawCommit(t *testing.T) {
	repo := gittest.New(t)
	parent := repo.Commit(t, "root", map[string]string{"a": "1"})
	commit := repo.Commit(t, "next\n\nwith a body", map[string]string{"a": "2"})
	want, err := exec.CommandContext(t.Context(), "git", "-C", repo.Path(), "cat-file", "commit", commit).Output()
	if err != nil {
		t.Fatal(err)
	}
	store, err := git.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	stored, err := store.RawCommit(commit)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := git.OpenCommit(repo.Path(), "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(stored, opened); diff != "" {
		t.Errorf("-the store's +the repository's:\n%s", diff)
	}
	if string(stored.Raw) != string(want) || stored.Hash != commit || !strings.HasPrefix(string(want), "tree "+stored.Tree+"\n") {
		t.Errorf("the commit is %+v, %s", stored, stored.Raw)
	}
	if diff := cmp.Diff([]string{parent}, stored.Parents); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := store.RawCommit("main"); err == nil {
		t.Error("a branch is no hash")
	}
	if _, err := git.OpenCommit(repo.Path(), "nowhere"); err == nil {
		t.Error("a branch that is not there has a commit")
	}
}
