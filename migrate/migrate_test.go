// SPDX-License-Identifier: Apache-2.0

package migrate_test

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestTakenOver takes over each tree of testdata: what is in "in" becomes what is in "out", with the notes of "notes", and
// renders to what the lines of "original" make with Kustomize and Helm themselves.
func TestTakenOver(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(path.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree := readTree(a, "in")
			result, err := took(t.Context(), file, tree)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: a.Comment}
			lines := ""
			for _, f := range a.Files {
				if f.Name == "original" {
					lines = string(f.Data)
				}
				if f.Name == "original" || len(f.Name) > 3 && f.Name[:3] == "in/" {
					got.Files = append(got.Files, f)
				}
			}
			got.Files = append(got.Files, txtar.File{Name: "notes", Data: notes(result.Notes)})
			for _, f := range result.Files {
				got.Files = append(got.Files, txtar.File{Name: "out/" + f.Path, Data: f.Data})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			objects := rendered(t, tree, result)
			if testing.Short() {
				return // the rest needs Helm's own program
			}
			if diff := cmp.Diff(original(t, tree, lines), objects); diff != "" {
				t.Errorf("it renders to something else than before (-before +after):\n%s", diff)
			}
		})
	}
}
