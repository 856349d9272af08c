// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

func TestDiff(t *testing.T) {
	base := map[string]string{
		"same": "1", "content": "1", "mode": "1", "link": gittest.Symlink("same"), "gone": "1", "kind": "1",
		"becomesfolder": "1", "becomesfile/x": "1", "becomesfile/y/z": "1", "module": gittest.Submodule(strings.Repeat("1", 40)),
		"deep/er/unchanged": "1", "deep/er/changed": "1", "a/x": "1", "a-b": "1",
	}
	repo, store := gittest.New(t), openStore(t)
	before := openAt(t, store, fetchCommit(t, store, repo, base))
	after := openAt(t, store, fetchCommit(t, store, repo, map[string]string{
		"content": "2", "mode": gittest.Executable("1"), "link": gittest.Symlink("content"), "gone": gittest.Delete, "new": "1",
		"kind": gittest.Symlink("1"), "becomesfolder": gittest.Delete, "becomesfolder/x": "1", "becomesfile": "1",
		"module": gittest.Submodule(strings.Repeat("2", 40)), "deep/er/changed": "2", "a/x": "2", "a-b": "2", "a0": "1",
	}))
	want := []git.Change{
		{Path: "a-b", Action: git.Modified},
		{Path: "a/x", Action: git.Modified},
		{Path: "a0", Action: git.Added},
		{Path: "becomesfile", Action: git.Added},
		{Path: "becomesfile/x", Action: git.Deleted},
		{Path: "becomesfile/y/z", Action: git.Deleted},
		{Path: "becomesfolder", Action: git.Deleted},
		{Path: "becomesfolder/x", Action: git.Added},
		{Path: "content", Action: git.Modified},
		{Path: "deep/er/changed", Action: git.Modified},
		{Path: "gone", Action: git.Deleted},
		{Path: "kind", Action: git.Modified},
		{Path: "link", Action: git.Modified},
		{Path: "mode", Action: git.Modified},
		{Path: "module", Action: git.Modified},
		{Path: "new", Action: git.Added},
	}
	for name, tc := range map[string]struct {
		a, b *git.Tree
		want []git.Change
	}{
		"forth": {before, after, want},
		"back":  {after, before, reverse(want)},
		"same":  {after, after, nil},
		"none":  {nil, nil, nil},
	} {
		got, err := git.Diff(tc.a, tc.b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	all, err := git.Diff(nil, before)
	if err != nil || len(all) != len(base) {
		t.Errorf("from nothing: got %d changes, %v, want %d", len(all), err, len(base))
	}
}

func reverse(changes []git.Change) []git.Change {
	opposite := map[git.Action]git.Action{git.Added: git.Deleted, git.Deleted: git.Added, git.Modified: git.Modified}
	var back []git.Change
	for _, c := range changes {
		back = append(back, git.Change{Path: c.Path, Action: opposite[c.Action]})
	}
	return back
}

// TestDiffEqualsAFullWalk: for any two trees, the changes are those that comparing every file would find.
func TestDiffEqualsAFullWalk(t *testing.T) {
	repo := gittest.New(t)
	names := rapid.SampledFrom([]string{"a", "a-b", "a.b", "a0", "b"})
	value := rapid.OneOf(
		rapid.SampledFrom([]string{"1", "2"}),
		rapid.Map(rapid.SampledFrom([]string{"1", "a"}), gittest.Symlink),
		rapid.Just(gittest.Executable("1")),
	)
	tree := rapid.Custom(func(t *rapid.T) map[string]string {
		files := map[string]string{}
		for _, path := range rapid.SliceOfN(rapid.SliceOfN(names, 1, 4), 0, 12).Draw(t, "paths") {
			files[strings.Join(path, "/")] = value.Draw(t, "value")
		}
		// A path that is also a folder of another one cannot be both.
		for path := range files {
			for other := range files {
				if strings.HasPrefix(other, path+"/") {
					delete(files, path)
				}
			}
		}
		files["always"] = "1" // git has no empty tree on a branch worth the name
		return files
	})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		var trees [2]*git.Tree
		files := [2]map[string]string{tree.Draw(rt, "old"), tree.Draw(rt, "new")}
		for i := range trees {
			n++
			branch := fmt.Sprintf("b%d", n)
			commit := repo.CommitTo(t, branch, "x", files[i])
			var err error
			if trees[i], err = git.OpenTree(t.Context(), repo.Path(), commit); err != nil {
				rt.Fatal(err)
			}
			repo.DeleteBranch(t, branch)
		}
		var want []git.Change
		old, now := flatten(rt, trees[0]), flatten(rt, trees[1])
		for path, v := range old {
			switch w, ok := now[path]; {
			case !ok:
				want = append(want, git.Change{Path: path, Action: git.Deleted})
			case v != w:
				want = append(want, git.Change{Path: path, Action: git.Modified})
			}
		}
		for path := range now {
			if _, ok := old[path]; !ok {
				want = append(want, git.Change{Path: path, Action: git.Added})
			}
		}
		slices.SortFunc(want, func(a, b git.Change) int { return strings.Compare(a.Path, b.Path) })
		got, err := git.Diff(trees[0], trees[1])
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// flatten reads a whole tree: what is at each path, with its mode.
func flatten(t *rapid.T, tree *git.Tree) map[string]string {
	all := map[string]string{}
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content string
		if d.Type() == fs.ModeSymlink {
			content, err = tree.ReadLink(path)
		} else {
			var b []byte
			b, err = tree.ReadFile(path)
			content = string(b)
		}
		all[path] = info.Mode().String() + content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
