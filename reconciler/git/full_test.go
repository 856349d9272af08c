// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/fulldisk"
)

// TestAFullDisk: whatever is under way when the disk has no room left ends and says so, what was there stays, and once there is room
// again it succeeds, without a restart.
func TestAFullDisk(t *testing.T) {
	fulldisk.Run(t, 16<<20, func(t *testing.T, d *fulldisk.Disk) {
		for name, serve := range transports {
			t.Run(name, func(t *testing.T) {
				repo := gittest.New(t)
				first := repo.Commit(t, "first", map[string]string{"a": "1"})
				remote := serve(t, repo)
				store, err := git.Open(filepath.Join(d.Dir, filepath.Base(t.TempDir())+name[:1]+fmt.Sprint(len(name))))
				if err != nil {
					t.Fatal(err)
				}
				defer store.Close()
				fetch(t, store, remote)
				if err := store.SetAccepted(first); err != nil {
					t.Fatal(err)
				}
				second := repo.Commit(t, "second", map[string]string{"b": incompressible(t, 1<<19)})
				for _, room := range []int64{0, 64 << 10, 512 << 10} { // none for a file, for the beginning, and for most of it
					d.Fill(room)
					for range 2 {
						_, err := store.Fetch(t.Context(), remote)
						if !errors.Is(err, syscall.ENOSPC) || git.ClassOf(err) != git.Transient {
							t.Fatalf("with %d bytes of room: got %v", room, err)
						}
					}
					if tree := openAt(t, store, first); read(t, tree, "a") != "1" {
						t.Error("what was there is not")
					}
					if accepted, ok, err := store.Accepted(); accepted != first || !ok || err != nil {
						t.Errorf("accepted is %q, %t, %v", accepted, ok, err)
					}
					d.Free()
				}
				if head := fetch(t, store, remote); head.Commit != second {
					t.Errorf("with room again, the head is %s", head.Commit)
				}
				d.Fill(0)
				if err := store.SetAccepted(second); !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("accepting on a full disk: %v", err)
				}
				if accepted, _, err := store.Accepted(); accepted != first || err != nil {
					t.Errorf("accepted is %q, %v: what could not be written is not what was written before", accepted, err)
				}
				d.Free()
				if err := store.SetAccepted(second); err != nil {
					t.Error(err)
				}
				if accepted, _, err := store.Accepted(); accepted != second || err != nil {
					t.Errorf("accepted is %q, %v", accepted, err)
				}
			})
		}
		t.Run("collection", func(t *testing.T) {
			repo := gittest.New(t)
			store, err := git.Open(filepath.Join(d.Dir, "collected"))
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			var commits []string
			for i := range 3 {
				commits = append(commits, repo.Commit(t, fmt.Sprint(i), map[string]string{"a": fmt.Sprint(i) + incompressible(t, 1<<18)}))
				fetch(t, store, mainOf(repo))
			}
			d.Fill(100 << 10)
			if _, err := store.Collect(t.Context(), commits); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("collecting on a full disk: %v", err)
			}
			for i, commit := range commits {
				if got := read(t, openAt(t, store, commit), "a"); got[:1] != fmt.Sprint(i) {
					t.Errorf("commit %d is lost", i)
				}
			}
			d.Free()
			if _, err := store.Collect(t.Context(), commits); err != nil {
				t.Errorf("with room again: %v", err)
			}
			for i, commit := range commits {
				if got := read(t, openAt(t, store, commit), "a"); got[:1] != fmt.Sprint(i) {
					t.Errorf("commit %d is lost by the collection", i)
				}
			}
		})
		t.Run("start", func(t *testing.T) {
			d.Fill(0)
			if _, err := git.Open(filepath.Join(d.Dir, "new")); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a store is opened where there is no room for one: %v", err)
			}
			d.Free()
			store, err := git.Open(filepath.Join(d.Dir, "new"))
			if err != nil {
				t.Fatalf("what is left of an attempt is in the way: %v", err)
			}
			defer store.Close()
			repo := gittest.New(t)
			repo.Commit(t, "first", map[string]string{"a": "1"})
			fetch(t, store, mainOf(repo))
		})
	})
}
