// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// unpack writes a tree. A file of the name "a -> b" is the link a to b.
func unpack(t testing.TB, archive *txtar.Archive) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range archive.Files {
		name, target, isLink := strings.Cut(f.Name, " -> ")
		full := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if isLink {
			err = errors.Join(err, os.Symlink(target, full))
		} else {
			err = errors.Join(err, os.WriteFile(full, f.Data, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestSameAsTheProgram: each tree of testdata/build is built as `kustomize build --enable-helm` builds it, but those
// whose first line begins with "fails: ", which fail for both, and "refused: ", which are refused here only.
func TestSameAsTheProgram(t *testing.T) {
	p := commands(t)
	trees, err := filepath.Glob("testdata/build/*.txtar")
	if err != nil || len(trees) < 50 {
		t.Fatalf("%d trees, %v", len(trees), err)
	}
	for _, file := range trees {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			reason := strings.TrimSpace(string(archive.Comment))
			what, why := p.compare(t.Context(), unpack(t, archive), "app")
			want := equal
			for prefix, other := range map[string]outcome{"refused: ": refused, "fails: ": failsToo} {
				if strings.HasPrefix(reason, prefix) {
					want = other
				}
			}
			if what != want {
				t.Errorf("%s: %s: %s", reason, what, why)
			}
		})
	}
}
