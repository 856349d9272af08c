// SPDX-License-Identifier: Apache-2.0

package clusterless_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/migrate"
	"trunkline.dev/trunkline/migrate/clusterless"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
)

var update = flag.Bool("update", false, "write what is made into the test data")

var now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// evaluated checks a tree as "trunkline validate" does, with what its releases render to.
func evaluated(t *testing.T, tree fs.FS) *evaluate.Evaluation {
	t.Helper()
	e, err := evaluate.Head(t.Context(), evaluate.Input{
		Tree: tree, Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: now, Thorough: true, Runs: true,
		Want: func(catalog.ReleaseID) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// take takes files over into what a tree declares.
func take(t *testing.T, tree fs.FS, files ...clusterless.File) (migrate.Result, error) {
	t.Helper()
	in := clusterless.Input{
		Files: files, To: "trunkline", Platform: "acme", Owner: "team-data", Since: now,
	}
	if c := evaluated(t, tree).Catalog(); c.Platform != nil {
		in.Catalog, in.Platform = c, ""
	}
	return clusterless.Take(in)
}

// TestTakenOver takes over the files of each archive: those of "in", and those of "then" into what that made. What is written has to be valid.
func TestTakenOver(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range archives {
		t.Run(path.Base(name), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: a.Comment}
			var tree fs.FS = fstest.MapFS{}
			for _, step := range []string{"in", "then"} {
				var files []clusterless.File
				for _, f := range a.Files {
					if below, is := strings.CutPrefix(f.Name, step+"/"); is && !strings.HasPrefix(f.Name, step+"/out/") && below != "notes" {
						files = append(files, clusterless.File{Name: below, Data: f.Data})
						got.Files = append(got.Files, f)
					}
				}
				if files == nil {
					continue
				}
				result, err := take(t, tree, files...)
				if err != nil {
					t.Fatal(err)
				}
				var notes bytes.Buffer
				for _, n := range result.Notes {
					fmt.Fprintln(&notes, n)
				}
				got.Files = append(got.Files, txtar.File{Name: step + "/notes", Data: notes.Bytes()})
				for _, f := range result.Files {
					got.Files = append(got.Files, txtar.File{Name: step + "/out/" + f.Path, Data: f.Data})
				}
				tree = scaffold.Overlay(tree, result.Files)
				if e := evaluated(t, tree); e.Denied() || len(e.Problems()) > 0 {
					t.Errorf("what is written is not valid:\n%s", e.Problems())
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
