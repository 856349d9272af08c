// SPDX-License-Identifier: Apache-2.0

package build_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/reconciler/git"
)

func folder(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return out
}

// key is what nobody wants in an image; in parts, since the scanners of forges would take it for one of someone.
var key = "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END " + "PRIVATE KEY-----\n"

func TestFiles(t *testing.T) {
	project := map[string]string{
		"orders/project.yaml": "kind: Project", "orders/main.py": "1", "orders/run.sh": "2", "orders/src/a.py": "3", "orders/src/deep/b.py": "4", "orders/src/__pycache__/a.pyc": "5",
		"orders/src/data.tmp": "6", "orders/tests/t.py": "7", "orders/.gitignore": "*.tmp\nsecret/\n", "orders/secret/x": "8", ".gitignore": "/orders/tests/\n", "other/x.py": "9",
		"orders/empty/.gitignore": "*\n", "orders/empty/x": "10",
	}
	for _, tc := range []struct {
		name   string
		add    map[string]string
		build  v1alpha1.Build
		above  []build.Above
		want   []string
		err    string
		reason string
	}{
		{name: "a file", build: v1alpha1.Build{Files: []string{"main.py"}}, want: []string{"main.py"}},
		{name: "a folder", build: v1alpha1.Build{Files: []string{"src"}}, want: []string{"src/a.py", "src/deep/b.py"}, reason: "what is ignored, and caches, are none of it"},
		{name: "a pattern", build: v1alpha1.Build{Files: []string{"*.py", "main.py"}}, want: []string{"main.py"}, reason: "once, however often it is named"},
		{
			name: "all", build: v1alpha1.Build{Files: []string{"."}}, want: []string{".gitignore", "main.py", "run.sh", "src/a.py", "src/deep/b.py"},
			reason: "a declaration that names the image cannot be in it, and rules of folders above hold",
		},
		{name: "excluded", build: v1alpha1.Build{Files: []string{"."}, Exclude: []string{"deep/", "/run.sh", ".gitignore"}}, want: []string{"main.py", "src/a.py"}},
		{name: "included", build: v1alpha1.Build{Files: []string{"src"}, Exclude: []string{"!*.tmp"}}, want: []string{"src/a.py", "src/data.tmp", "src/deep/b.py"}},
		{
			name: "packages that are fetched", add: map[string]string{"orders/.gitignore": "/vendor/\n", "orders/vendor/six.py": "6", "orders/vendor/six-1.17.0.dist-info/METADATA": "six"},
			build: v1alpha1.Build{Files: []string{"main.py", "vendor"}, Exclude: []string{"!vendor"}}, want: []string{"main.py", "vendor/six-1.17.0.dist-info/METADATA", "vendor/six.py"},
			reason: "they are not committed, and go into the image all the same",
		},
		{
			name: "rules above the platform", build: v1alpha1.Build{Files: []string{"src"}}, above: []build.Above{{Folder: ".", Content: []byte("deep/\n")}, {Folder: "data", Content: []byte("/platform/orders/src/a.py\n!deep/\n")}},
			want: []string{"src/deep/b.py"}, reason: "the nearest counts",
		},
		{name: "not there", build: v1alpha1.Build{Files: []string{"gone.py"}}, err: "there is no such file or folder in orders"},
		{name: "of another project", build: v1alpha1.Build{Files: []string{"../other/x.py"}}, err: "it leads out of the project's folder orders"},
		{name: "absolute", build: v1alpha1.Build{Files: []string{"/etc/passwd"}}, err: "it leads out of the project's folder orders"},
		{name: "nothing", build: v1alpha1.Build{Files: []string{"*.sql"}}, err: "nothing of it goes into the image"},
		{name: "all left out", build: v1alpha1.Build{Files: []string{"secret"}}, err: "nothing of it goes into the image", reason: "it would be missing in the program only"},
		{name: "variables", add: map[string]string{"orders/src/.env": "A=b"}, build: v1alpha1.Build{Files: []string{"src"}}, err: "src/.env is a file that secrets are kept in"},
		{name: "an example", add: map[string]string{"orders/src/.env.example": "A="}, build: v1alpha1.Build{Files: []string{"src"}}, want: []string{"src/.env.example", "src/a.py", "src/deep/b.py"}},
		{name: "a key", add: map[string]string{"orders/src/x.txt": "text\n" + key}, build: v1alpha1.Build{Files: []string{"src"}}, err: "src/x.txt has what looks like a private key"},
		{name: "a key far inside", add: map[string]string{"orders/src/x.txt": strings.Repeat("x", 70<<10) + key}, build: v1alpha1.Build{Files: []string{"src"}}, err: "src/x.txt has what looks like"},
		{
			name: "a key that is left out", add: map[string]string{"orders/src/x.pem": key, "orders/src/.env": "A=b"}, build: v1alpha1.Build{Files: []string{"src"}, Exclude: []string{"*.pem", ".env"}},
			want: []string{"src/a.py", "src/deep/b.py"},
		},
		{name: "a whiteout", add: map[string]string{"orders/src/.wh.passwd": ""}, build: v1alpha1.Build{Files: []string{"src"}}, err: "removes another one from an image"},
		{
			name: "a pointer", add: map[string]string{"orders/src/m": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"}, build: v1alpha1.Build{Files: []string{"src"}},
			err: "pointer of Git LFS",
		},
		{name: "many patterns", add: map[string]string{"orders/.gitignore": strings.Repeat("a\n", 2001)}, build: v1alpha1.Build{Files: []string{"src"}}, err: "more than 2000 patterns"},
		{name: "a long file of patterns", add: map[string]string{"orders/.gitignore": strings.Repeat("#", 65<<10)}, build: v1alpha1.Build{Files: []string{"src"}}, err: "has more than 65536 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tree := folder(project)
			maps.Copy(tree, folder(tc.add))
			source := build.Source{Tree: tree, Dir: "orders", Declaration: "orders/project.yaml", Prefix: ".", Above: tc.above}
			if tc.above != nil {
				source.Prefix = "data/platform"
			}
			got, err := build.Files(source, tc.build)
			var names []string
			for _, f := range got {
				names = append(names, f.Path)
			}
			if diff := cmp.Diff(tc.want, names); diff != "" || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: it says %v; -want +got:\n%s", tc.reason, err, diff)
			}
		})
	}
}

// TestFilesOfASubmodule: what is in another repository is not left out silently, unless someone says so.
func TestFilesOfASubmodule(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"orders/src/a.py": "1", "orders/src/lib/.git": "gitdir: ../../../.git/modules/lib", "orders/src/lib/b.py": "2"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := git.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	source := build.Source{Tree: tree, Dir: "orders", Declaration: "orders/project.yaml", Prefix: "."}
	if _, err := build.Files(source, v1alpha1.Build{Files: []string{"src"}}); err == nil || !strings.Contains(err.Error(), "orders/src/lib is a Git submodule") {
		t.Errorf("got %v, want an error about the submodule", err)
	}
	if files, err := build.Files(source, v1alpha1.Build{Files: []string{"src"}, Exclude: []string{"lib"}}); err != nil || len(files) != 1 {
		t.Errorf("excluded: got %v and %v, want a.py", files, err)
	}
}

// endless is a folder with more files than anybody has, each of a size.
type endless struct {
	fs.FS
	entries []fs.DirEntry
	read    int
}

func (e *endless) ReadDir(string) ([]fs.DirEntry, error) { return e.entries, nil }

func (e *endless) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".gitignore") {
		return nil, fs.ErrNotExist
	}
	e.read++
	return nil, nil
}

func (e *endless) Stat(name string) (fs.FileInfo, error) {
	if strings.HasSuffix(name, ".gitignore") {
		return nil, fs.ErrNotExist
	}
	if i := len(e.entries); i > 0 && strings.Contains(name, "/") {
		return e.entries[0].Info()
	}
	return fs.Stat(fstest.MapFS{"big": {Mode: fs.ModeDir}}, "big")
}

type entry struct {
	fs.DirEntry
	name string
}

func (e entry) Name() string { return e.name }

// TestBounds: what is too much is refused before it is read.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		count      int
		size       int64
		err        string
		mostlyRead int
	}{
		{"100,000 files", 100_000, 0, "at most 20,000 files", build.MaxFiles},
		{"a file of a GiB", 1, 1 << 30, "at most 128 MiB of files", 0},
	} {
		one := fstest.MapFS{"f": {Data: make([]byte, min(tc.size, build.MaxBytes+1)), Mode: 0o644}}
		listed, err := fs.ReadDir(one, ".")
		if err != nil {
			t.Fatal(err)
		}
		tree := &endless{FS: one}
		for i := range tc.count {
			tree.entries = append(tree.entries, entry{listed[0], fmt.Sprintf("f%d", i)})
		}
		_, err = build.Files(build.Source{Tree: tree, Dir: ".", Prefix: "."}, v1alpha1.Build{Files: []string{"big"}})
		if err == nil || !strings.Contains(err.Error(), tc.err) || tree.read > tc.mostlyRead {
			t.Errorf("%s: it says %v, and %d were read", tc.name, err, tree.read)
		}
	}
}

// TestLinks: a link is followed in the folder that is read, and nowhere else.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	for name, text := range map[string]string{outside: "out", filepath.Join(dir, "shared.py"): "in"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "orders"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"in.py": "../shared.py", "out.py": outside, "up.py": "../../outside", "loop": "."} {
		if err := os.Symlink(to, filepath.Join(dir, "orders", name)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := git.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"in.py": true, "out.py": false, "up.py": false, "loop": false} {
		got, err := build.Files(build.Source{Tree: tree, Dir: "orders", Prefix: "."}, v1alpha1.Build{Files: []string{name}})
		if (err == nil) != want || want && string(got[0].Data) != "in" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if err != nil && errors.Is(err, os.ErrPermission) {
			t.Error(err)
		}
	}
}

// TestLocks finds what names packages, so that nobody takes them to be installed.
func TestLocks(t *testing.T) {
	tree := folder(map[string]string{
		"orders/requirements.txt": "", "orders/requirements-dev.txt": "", "orders/uv.lock": "", "orders/pylock.prod.toml": "", "orders/poetry.lock": "", "orders/requirements.txt.old": "",
		"orders/pyproject.toml": "", "orders/src/requirements.txt": "", "orders/requirements.d.txt/x": "", "sales/main.py": "",
	})
	for _, tc := range []struct {
		dir     string
		exclude []string
		want    []string
		reason  string
	}{
		{"orders", nil, []string{"poetry.lock", "pylock.prod.toml", "requirements-dev.txt", "requirements.txt", "uv.lock"}, "beside the declaration, files only"},
		{"orders", []string{"requirements.txt", "requirements-dev.txt", "*.lock"}, []string{"poetry.lock", "pylock.prod.toml", "uv.lock"}, "what is excluded by its name is known not to be installed"},
		{"sales", nil, nil, "there is none"},
	} {
		got, err := build.Locks(tree, tc.dir, tc.exclude)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v -want +got:\n%s", tc.reason, err, diff)
		}
	}
}
