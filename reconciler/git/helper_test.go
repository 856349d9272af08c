// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

func openStore(t testing.TB, opts ...git.Option) *git.Store {
	t.Helper()
	s, err := git.Open(t.TempDir(), opts...)
	if err != nil {
		t.Fatalf("opening a store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mainOf(r *gittest.Repo) git.Remote { return git.Remote{URL: r.URL(), Branch: gittest.Main} }

func fetch(t testing.TB, s *git.Store, r git.Remote) git.Head {
	t.Helper()
	h, err := s.Fetch(t.Context(), r)
	if err != nil {
		t.Fatalf("fetching: %v", err)
	}
	return h
}

// treeOf returns the tree of one commit of the given files.
func treeOf(t testing.TB, files map[string]string, opts ...git.Option) *git.Tree {
	t.Helper()
	r := gittest.New(t)
	r.Commit(t, "files", files)
	s := openStore(t, opts...)
	return openAt(t, s, fetch(t, s, mainOf(r)).Commit)
}

func openAt(t testing.TB, s *git.Store, commit string) *git.Tree {
	t.Helper()
	tree, err := s.Tree(t.Context(), commit)
	if err != nil {
		t.Fatalf("opening the tree: %v", err)
	}
	return tree
}

func read(t testing.TB, tree *git.Tree, path string) string {
	t.Helper()
	b, err := tree.ReadFile(path)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	return string(b)
}
