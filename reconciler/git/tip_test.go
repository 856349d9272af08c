// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// TestTip: the newest commit of a branch is asked for over each transport, and nothing is brought.
func TestTip(t *testing.T) {
	repo := gittest.New(t)
	want := repo.Commit(t, "first", map[string]string{"a": "1"})
	for name, url := range map[string]string{"Folder": repo.Path(), "HTTP": gittest.ServeHTTP(t, repo)} {
		got, err := git.Tip(t.Context(), git.Remote{URL: url, Branch: "main"})
		if err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", name, got, err, want)
		}
	}
	_, err := git.Tip(t.Context(), git.Remote{URL: repo.Path(), Branch: "trunk"})
	if gone, ok := errors.AsType[*git.BranchGoneError](err); !ok || strings.Join(gone.Exist, " ") != "main" {
		t.Errorf("a branch that is not there: %v", err)
	}
	_, err = git.Tip(t.Context(), git.Remote{URL: gittest.ServeHTTPAuth(t, repo, "ann", "s3cret"), Branch: "main", Auth: git.Auth{Username: "ann", Password: "wr0ng"}})
	if refused, ok := errors.AsType[*git.FetchError](err); !ok || refused.Hint == "" || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a password that is wrong: %v", err)
	}
}

// TestAfter: a revision comes after a commit, or not, or nobody knows.
func TestAfter(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit(t, "first", map[string]string{"a": "1"})
	second := repo.Commit(t, "second", map[string]string{"a": "2"})
	repo.Reset(t, first)
	other := repo.Commit(t, "other", map[string]string{"a": "3"})
	for commit, want := range map[string][2]bool{first: {true, true}, other: {true, true}, second: {false, true}, strings.Repeat("a", 40): {false, false}} {
		after, known, err := git.After(t.Context(), repo.Path(), "main", commit)
		if err != nil || [2]bool{after, known} != want {
			t.Errorf("%s: got %t %t %v, want %v", commit[:8], after, known, err, want)
		}
	}
}
