// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// run runs git: worktrees and clones are what people's machines hold, made by the real thing.
func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestOpenTreeResolvesRevisions(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit(t, "1", map[string]string{"n": "1"})
	second := repo.Commit(t, "2", map[string]string{"n": "2"})
	repo.SetBranch(t, "feature/x", first)
	side := repo.CommitTo(t, "feature/x", "side", map[string]string{"n": "side"})
	merge := repo.Merge(t, "main", "feature/x", "merge")
	run(t, "-C", repo.Path(), "tag", "light", second)
	run(t, "-C", repo.Path(), "-c", "user.name=a", "-c", "user.email=a@b", "tag", "-a", "-m", "x", "v1.0", first)
	for rev, want := range map[string]string{
		"HEAD": merge, "@": merge, "main": merge, "refs/heads/main": merge, "feature/x": side, "light": second, "v1.0": first,
		"HEAD~1": second, "HEAD~": second, "HEAD^": second, "HEAD^1": second, "HEAD^2": side, "HEAD~2": first, "HEAD~~": first,
		"HEAD^2~1": first, "HEAD^2^": first, "HEAD^0": merge, "@~1": second, first: first, first[:8]: first, second + "~1": first,
	} {
		tree, err := git.OpenTree(t.Context(), repo.Path(), rev)
		if err != nil {
			t.Errorf("%s: %v", rev, err)
			continue
		}
		if tree.Commit() != want {
			t.Errorf("%s: got %s, want %s", rev, tree.Commit(), want)
		}
	}
	for _, rev := range []string{
		"", "nothing", "HEAD~9", "HEAD^3", "HEAD@{1}", "main@{yesterday}", ":/fix", "HEAD:n", "HEAD^{/x}", "HEAD^{tree}", "~1", "^", "-x",
		"--all", "a..b", "x\x00y", strings.Repeat("0", 40), "HEAD~99999999999999999999",
	} {
		if tree, err := git.OpenTree(t.Context(), repo.Path(), rev); err == nil {
			t.Errorf("%q: got %s", rev, tree.Commit())
		}
	}
}

func TestOpenTreeFindsTheRepository(t *testing.T) {
	repo := gittest.New(t)
	commit := repo.Commit(t, "1", map[string]string{"projects/a/x.yaml": "x", "top": "t"})
	base := t.TempDir()
	clone, shared, linked := filepath.Join(base, "clone"), filepath.Join(base, "shared"), filepath.Join(base, "linked")
	run(t, "clone", "-q", repo.URL(), clone)
	run(t, "clone", "-q", "--shared", clone, shared)
	run(t, "-C", clone, "worktree", "add", "-q", "-b", "other", linked)
	run(t, "-C", clone, "gc", "-q")
	if err := exec.Command("ln", "-s", clone, filepath.Join(base, "alias")).Run(); err != nil {
		t.Fatal(err)
	}
	real := func(path string) string {
		p, err := filepath.EvalSymlinks(path)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for path, want := range map[string]git.Location{
		repo.Path():                             {Root: real(repo.Path()), Prefix: "."},
		filepath.Join(repo.Path(), "objects"):   {Root: real(repo.Path()), Prefix: "."},
		clone:                                   {Root: real(clone), Prefix: "."},
		filepath.Join(clone, "projects/a"):      {Root: real(clone), Prefix: "projects/a"},
		filepath.Join(base, "alias/projects/a"): {Root: real(clone), Prefix: "projects/a"},
		filepath.Join(shared, "projects"):       {Root: real(shared), Prefix: "projects"},
		linked:                                  {Root: real(linked), Prefix: "."},
		filepath.Join(linked, "projects/a"):     {Root: real(linked), Prefix: "projects/a"},
	} {
		where, err := git.Locate(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := (git.Location{Root: where.Root, Prefix: where.Prefix}); got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
		tree, err := git.OpenTree(t.Context(), path, "HEAD")
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if tree.Commit() != commit || read(t, tree, "top") != "t" {
			t.Errorf("%s: got commit %s", path, tree.Commit())
		}
		at, err := tree.At(where.Prefix)
		if err != nil {
			t.Fatal(err)
		}
		if where.Prefix == "projects/a" {
			if diff := cmp.Diff([]string{"x.yaml"}, walk(t, at)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	}
	if _, err := git.OpenTree(t.Context(), t.TempDir(), "HEAD"); !errors.Is(err, git.ErrNoRepository) {
		t.Errorf("no repository: got %v", err)
	}
	if _, err := git.OpenTree(t.Context(), filepath.Join(base, "nowhere"), "HEAD"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
}
