// SPDX-License-Identifier: Apache-2.0

package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/durable"
)

// files lists what is below a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name) // below dir
		found[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWriteReplacesAsAWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "ref")
	for _, content := range []string{"one", "", "three"} {
		if err := durable.Write(file, []byte(content), filepath.Join(dir, "tmp_*")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"ref": content}, files(t, dir)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
}

func TestAFailedWriteLeavesTheOldContent(t *testing.T) {
	cases := []struct {
		name, reason, file, pattern string
	}{
		{"no folder for the new content", "Nothing can be written.", "ref", "missing/tmp_*"},
		{"no folder for the file", "What was written has nowhere to go.", "missing/ref", "tmp_*"},
		{"a folder of that name", "A folder is not replaced.", "folder", "tmp_*"},
		{"not a pattern", "A pattern with a separator is a mistake.", "ref", "ref/tmp_*"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			want := map[string]string{"ref": "old", "folder/x": "x"}
			if err := errors.Join(os.Mkdir(filepath.Join(dir, "folder"), 0o700),
				os.WriteFile(filepath.Join(dir, "ref"), []byte("old"), 0o600),
				os.WriteFile(filepath.Join(dir, "folder/x"), []byte("x"), 0o600)); err != nil {
				t.Fatal(err)
			}
			if err := durable.Write(filepath.Join(dir, tc.file), []byte("new"), filepath.Join(dir, tc.pattern)); err == nil {
				t.Errorf("%s\nNo error", tc.reason)
			}
			if diff := cmp.Diff(want, files(t, dir)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestWriteElsewhere: the new content is never written into the folder of the process first.
func TestWriteElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(t.TempDir(), "ref")
	if err := durable.Write(file, []byte("new"), "tmp_*"); err == nil || !strings.Contains(err.Error(), `the pattern "tmp_*" has no folder`) {
		t.Errorf("it says %v", err)
	}
	if err := durable.Write("ref", []byte("new"), "tmp_*"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{"ref": "new"}, files(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFolders(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a/b/c")
	for range 2 { // it may be there
		if err := durable.MakeFolder(deep, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	one, two := filepath.Join(deep, "one"), filepath.Join(dir, "two")
	if err := durable.Write(one, []byte("1"), filepath.Join(dir, "*")); err != nil {
		t.Fatal(err)
	}
	if err := durable.MakeFolder(filepath.Join(one, "below"), 0o700); err == nil {
		t.Error("a folder below a file: no error")
	}
	if err := durable.Rename(one, two); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := errors.Join(durable.RenameIn(root, "two", "a/b/three"), durable.RenameIn(root, "a/b/three", "two")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Rename(one, two); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renaming what is not there: %v", err)
	}
	if err := durable.Remove(two, filepath.Join(dir, "never")); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if err := durable.Remove(filepath.Join(dir, "a")); err == nil {
		t.Error("removing a folder with something in it: no error")
	}
	if err := durable.SyncFolder(filepath.Join(dir, "never")); err == nil {
		t.Error("syncing a folder that is not there: no error")
	}
}
