// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// damages are what becomes of a file that a crash, a full disk or someone's hand has damaged.
var damages = map[string]func([]byte) []byte{
	"empty":   func([]byte) []byte { return nil },
	"half":    func(b []byte) []byte { return b[:len(b)/2] },
	"garbage": func(b []byte) []byte { return bytes.Repeat([]byte{0xfe, 0x00, 'x', '\n'}, len(b)/4+1) },
}

// TestADamagedDataFolder damages each kind of file of the data folder in turn. The daemon starts all the same, says what
// it found, ends up at the head of the branch, and writes nothing to the cluster, which is as declared.
func TestADamagedDataFolder(t *testing.T) {
	cluster := pkg.Cluster(t)
	faults := cluster.Faults(t)
	repo := gittest.New(t)
	many := small("torn", "img:1")
	for i := range 300 { // more than go into single files
		many[fmt.Sprintf("notes/%d.txt", i)] = strconv.Itoa(i)
	}
	repo.Commit(t, "good", many)
	flags := func(data string) []string {
		return []string{"--repo", repo.URL(), "--data", data, "--cluster", "test=" + faults.Kubeconfig, "--poll", "1h", "--log-level", "debug"}
	}
	sound := t.TempDir()
	d := serveWith(t, plain(t), flags(sound)...)
	d.await("the commit to be fine", status.Platform.Fine)
	head := repo.Commit(t, "a few objects more", map[string]string{"README.md": "text"})
	d.sync()
	d.await("the next one to be fine", fineAt(head))
	d.stop()

	const again = "the copy of the repository was damaged and is created again"
	cases := map[string]struct {
		pattern string
		// says is what the log has to hold; empty where nothing was lost.
		says string
	}{
		"head of the store":   {"git/HEAD", ""}, // nothing is read from it
		"settings":            {"git/config", ""},
		"marker of the store": {"git/trunkline-store", ""}, // that it is there is what counts
		"accepted commit":     {"git/refs/trunkline/accepted", again},
		"fetched branch":      {"git/refs/trunkline/fetched/*", again},
		"pack":                {"git/objects/pack/*.pack", again},
		"index of a pack":     {"git/objects/pack/*.idx", again},
		"key of the renders":  {"renders.key", "was not written by this daemon"},
		"rendered release":    {"renders/*/*", "is damaged"},
		"history":             {"history.db", "moved aside and begun again"},
		"lock":                {"lock", ""}, // it is not read
	}
	for name, tc := range cases {
		for how, damage := range damages {
			says := tc.says
			switch {
			case says == "" && how != "garbage":
				continue // the worst of them will do where nothing is read
			case name == "history" && how == "empty":
				says = "" // that is what a database is before anything is written
			}
			t.Run(name+"/"+how, func(t *testing.T) {
				data := t.TempDir()
				if err := os.CopyFS(data, os.DirFS(sound)); err != nil {
					t.Fatal(err)
				}
				if n := damageAll(t, data, tc.pattern, damage); n == 0 {
					t.Fatalf("no file is like %s", tc.pattern)
				}
				var mu sync.Mutex
				var wrote []string
				faults.Set(func(r *http.Request, _ int) clustertest.Fault {
					if r.Method != http.MethodGet {
						mu.Lock()
						wrote = append(wrote, r.Method+" "+r.URL.Path)
						mu.Unlock()
						return clustertest.Fault{Status: http.StatusForbidden}
					}
					return clustertest.Fault{}
				})
				d := serveWith(t, plain(t), flags(data)...)
				d.await("the head to be fine", fineAt(head))
				if name == "history" {
					d.events(0) // it is opened beside everything else
				}
				d.stop()
				mu.Lock()
				defer mu.Unlock()
				if len(wrote) > 0 {
					t.Errorf("the daemon wrote to a cluster that is as declared: %s", strings.Join(wrote, ", "))
				}
				if !strings.Contains(d.log.String(), says) {
					t.Errorf("the log does not say %q", says)
				}
			})
		}
	}
}

// damageAll damages the files of a folder that match a pattern, and returns how many there were.
func damageAll(t *testing.T, dir, pattern string, damage func([]byte) []byte) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if ok, err := filepath.Match(pattern, filepath.ToSlash(rel)); err != nil || !ok {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, 0o600); err != nil { // packs are read-only
			return err
		}
		n++
		return os.WriteFile(path, damage(content), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
