// SPDX-License-Identifier: Apache-2.0

package git

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// TestDescendsEqualsReachability: in any history, with merges, several roots and clocks that are wrong,
// the shortcut says what following every parent would.
func TestDescendsEqualsReachability(t *testing.T) {
	repo := gittest.New(t)
	empty := repo.Object(t, plumbing.TreeObject, nil)
	open, err := diskStorage(repo.Path(), Limits{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{objects: newObjects(Limits{}.withDefaults(), open)}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(2, 12).Draw(rt, "commits")
		hashes := make([]string, size)
		reaches := make([][]bool, size)
		for i := range hashes {
			reaches[i] = make([]bool, size)
			reaches[i][i] = true
			n++
			var raw strings.Builder
			fmt.Fprintf(&raw, "tree %s\n", empty)
			if i > 0 {
				for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, min(i, 3), rapid.ID).Draw(rt, "parents") {
					fmt.Fprintf(&raw, "parent %s\n", hashes[p])
					for j, r := range reaches[p] {
						reaches[i][j] = reaches[i][j] || r
					}
				}
			}
			when := rapid.IntRange(0, 5).Draw(rt, "date")
			fmt.Fprintf(&raw, "author a <a> %d +0000\ncommitter a <a> %d +0000\n\n%d\n", when, when, n)
			hashes[i] = repo.Object(t, plumbing.CommitObject, []byte(raw.String()))
		}
		for i := range hashes {
			for j := range hashes {
				got, err := s.descends(t.Context(), plumbing.NewHash(hashes[i]), plumbing.NewHash(hashes[j]))
				if err != nil {
					rt.Fatal(err)
				}
				if got != reaches[i][j] {
					rt.Fatalf("does %d descend from %d: got %v", i, j, got)
				}
			}
		}
	})
}
