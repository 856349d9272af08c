// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestARestartKeepsTheSubject: the store of an earlier process knows what the accepted commit is called.
func TestARestartKeepsTheSubject(t *testing.T) {
	repo := gittest.New(t)
	commit := repo.Commit(t, "Clean orders twice", map[string]string{"a": "1"})
	folder := filepath.Join(t.TempDir(), "git")
	for run := range 2 {
		store, err := git.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		board := status.NewBoard(time.Now)
		describeAccepted(store, board)
		if run == 0 {
			if _, err := store.Fetch(t.Context(), git.Remote{URL: repo.URL(), Branch: "main"}); err != nil {
				t.Fatal(err)
			}
			if err := store.SetAccepted(commit); err != nil {
				t.Fatal(err)
			}
		}
		board.SetSource(func(s *status.Source) {
			s.Head, s.Accepted = &status.Commit{Hash: commit}, &status.Commit{Hash: commit}
		})
		want := ""
		if run == 1 {
			want = "Clean orders twice"
		}
		if got := board.Snapshot().Source.Accepted.Subject; got != want {
			t.Errorf("run %d: the subject is %q, want %q", run, got, want)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
