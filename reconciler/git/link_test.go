// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// TestLinks holds the tree and the folder on disk to the same rules. The folder lies in one named "repo",
// beside a file of secrets, so that a link which leaves would find something.
func TestLinks(t *testing.T) {
	chain := map[string]string{}
	for i := range 45 {
		chain[fmt.Sprintf("chain%d", i)] = fmt.Sprintf("chain%d", i+1)
	}
	files := map[string]string{"file": "file", "a/file": "a", "a/b/file": "ab", "..dots": "dots", "chain45": "end"}
	links := map[string]string{
		"near":                   "file",
		"a/up":                   "../file",
		"a/b/upup":               "../../file",
		"folder":                 "a/b",
		"a/b/parent":             "..",
		"throughfolder":          "folder/file",
		"realparent":             "folder/../file", // the parent of a/b is a, whatever the link is called
		"dots":                   "..dots",
		"slashes":                ".//a/./b//file",
		"twice":                  "near",
		"a/self":                 ".",
		"out":                    "../secret",
		"a/b/out":                "../../../secret",
		"a/comesback":            "../../repo/file",
		"absolute":               "/etc/passwd",
		"absoluteinside":         "/file",
		"throughout":             "out",
		"outfolder":              "..",
		"a/viaparent":            "b/parent/../../secret",
		"loop":                   "loop",
		"loop1":                  "loop2",
		"loop2":                  "loop1",
		"a/b/nest":               "nest/nest/nest",
		"dangling":               "nowhere",
		"a/danglingdeep":         "../nowhere/at/all",
		"throughfile":            "file/x",
		"throughfileback":        "file/../file",
		"a/\x1b[31mred\nnewline": "../../secret",
	}
	maps.Copy(links, chain)
	dir := filepath.Join(t.TempDir(), "repo")
	writeDisk(t, filepath.Dir(dir), "secret", "secret")
	inGit := map[string]string{}
	for path, content := range files {
		inGit[path] = content
		writeDisk(t, dir, path, content)
	}
	for path, target := range links {
		inGit[path] = gittest.Symlink(target)
		symlink(t, target, dir, path)
	}
	disk, err := git.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for kind, fsys := range map[string]fs.FS{"tree": treeOf(t, inGit), "disk": disk} {
		for _, tc := range []struct {
			path string
			want string // the content, when err is nil
			err  error
			says string
		}{
			{path: "near", want: "file"},
			{path: "a/up", want: "file"},
			{path: "a/b/upup", want: "file"},
			{path: "folder/file", want: "ab"},
			{path: "throughfolder", want: "ab"},
			{path: "realparent", want: "a"},
			{path: "a/b/parent/file", want: "a"},
			{path: "a/b/parent/b/parent/file", want: "a"},
			{path: "dots", want: "dots"},
			{path: "slashes", want: "ab"},
			{path: "twice", want: "file"},
			{path: "a/self/self/self/file", want: "a"},
			{path: "chain5", want: "end"},
			{path: "out", err: git.ErrLeavesTree, says: `symlink "out" -> "../secret" leaves the tree`},
			{path: "a/b/out", err: git.ErrLeavesTree, says: `symlink "a/b/out" -> "../../../secret" leaves the tree`},
			{path: "folder/out", err: git.ErrLeavesTree, says: `symlink "a/b/out" -> "../../../secret" leaves the tree`},
			{path: "a/comesback", err: git.ErrLeavesTree, says: `symlink "a/comesback" -> "../../repo/file" leaves the tree`},
			{path: "absolute", err: git.ErrLeavesTree, says: `symlink "absolute" -> "/etc/passwd" leaves the tree`},
			{path: "absoluteinside", err: git.ErrLeavesTree, says: `"/file" leaves the tree`},
			{path: "throughout", err: git.ErrLeavesTree, says: `symlink "out"`},
			{path: "outfolder/secret", err: git.ErrLeavesTree, says: `symlink "outfolder" -> ".." leaves the tree`},
			{path: "outfolder/repo/file", err: git.ErrLeavesTree, says: `symlink "outfolder"`},
			{path: "a/viaparent", err: git.ErrLeavesTree, says: `leaves the tree`},
			{path: "loop", err: git.ErrLinkLoop, says: `symlink "loop" -> "loop" is part of a loop`},
			{path: "loop1", err: git.ErrLinkLoop, says: `is part of a loop`},
			{path: "a/b/nest", err: git.ErrLinkLoop, says: `"a/b/nest"`},
			{path: "chain0", err: git.ErrLinkLoop, says: `"chain40" -> "chain41" is part of a loop or of too long a chain`},
			{path: "dangling", err: fs.ErrNotExist, says: `symlink "dangling" -> "nowhere" leads to a file that does not exist`},
			{path: "a/danglingdeep", err: fs.ErrNotExist, says: `"../nowhere/at/all"`},
			{path: "throughfile", err: fs.ErrNotExist, says: `"throughfile" -> "file/x"`},
			{path: "throughfileback", err: fs.ErrNotExist, says: `"throughfileback"`},
			{path: "a/\x1b[31mred\nnewline", err: git.ErrLeavesTree, says: `"a/\x1b[31mred\nnewline"`},
		} {
			got, err := fs.ReadFile(fsys, tc.path)
			if tc.err == nil {
				if err != nil || string(got) != tc.want {
					t.Errorf("%s: %s: got %q, %v, want %q", kind, tc.path, got, err, tc.want)
				}
				if _, err := fs.Stat(fsys, tc.path); err != nil {
					t.Errorf("%s: %s: stat: %v", kind, tc.path, err)
				}
				continue
			}
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.says) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%s: %s: got %q, %v, want an error with %q", kind, tc.path, got, err, tc.says)
			}
			if _, err := fs.Stat(fsys, tc.path); !errors.Is(err, tc.err) {
				t.Errorf("%s: %s: stat: got %v", kind, tc.path, err)
			}
			if _, err := fsys.Open(tc.path); !errors.Is(err, tc.err) {
				t.Errorf("%s: %s: open: got %v", kind, tc.path, err)
			}
		}
		for path, target := range links {
			if strings.ContainsRune(path, '\x1b') {
				continue
			}
			if got, err := fs.ReadLink(fsys, path); err != nil || got != target {
				t.Errorf("%s: target of %s: got %q, %v, want %q", kind, path, got, err, target)
			}
			if info, err := fs.Lstat(fsys, path); err != nil || info.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s: lstat of %s: got %v, %v", kind, path, info, err)
			}
		}
		// A walk shows every link and goes through none: it visits what there is and ends.
		if got, want := len(walk(t, fsys)), len(files)+len(links)+len([]string{"a", "a/b"}); got != want {
			t.Errorf("%s: a walk visits %d paths, want %d", kind, got, want)
		}
	}
}
