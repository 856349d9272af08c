// SPDX-License-Identifier: Apache-2.0

package gittest

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// CommitWith makes a commit of any parents that no branch names yet. The files are changes to the tree of the first
// parent, or all files when there is none.
func (r *Repo) CommitWith(t testing.TB, parents []string, msg string, files map[string]string) string {
	t.Helper()
	hashes := make([]plumbing.Hash, len(parents))
	for i, p := range parents {
		hashes[i] = plumbing.NewHash(p)
	}
	base := plumbing.ZeroHash
	if len(hashes) > 0 {
		base = r.commit(t, hashes[0]).TreeHash
	}
	r.clock = r.clock.Add(time.Minute)
	who := object.Signature{Name: "Ada", Email: "ada@example.com", When: r.clock}
	h := r.encode(t, &object.Commit{Author: who, Committer: who, Message: msg, TreeHash: r.tree(t, base, files), ParentHashes: hashes})
	r.flush(t)
	return h.String()
}

// SetRef makes any ref, such as "refs/pull/7/head", or moves it.
func (r *Repo) SetRef(t testing.TB, ref, commit string) {
	t.Helper()
	r.flush(t)
	if err := r.sto.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(ref), plumbing.NewHash(commit))); err != nil {
		t.Fatalf("gittest: moving ref %q: %v", ref, err)
	}
}

// DeleteRef removes any ref.
func (r *Repo) DeleteRef(t testing.TB, ref string) {
	t.Helper()
	if err := r.sto.RemoveReference(plumbing.ReferenceName(ref)); err != nil {
		t.Fatalf("gittest: deleting ref %q: %v", ref, err)
	}
}

// TreeOf returns the hash of a commit's tree.
func (r *Repo) TreeOf(t testing.TB, commit string) string {
	t.Helper()
	return r.commit(t, plumbing.NewHash(commit)).TreeHash.String()
}

// GitMerge is what git itself makes of a merge.
type GitMerge struct {
	// Tree is the hash of the merged tree; empty when there are conflicts.
	Tree string
	// Conflicts are the paths in conflict, sorted. Git moves a file out of the way of a folder, or of something of another
	// kind; it is listed with the path that it had.
	Conflicts []string
}

// GitMerge merges two commits with git. It skips the test when this machine's git is too old. Git looks for renames, which
// most versions cannot be kept from.
func (r *Repo) GitMerge(t testing.TB, ours, theirs string) GitMerge {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "-C", r.dir, "merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", ours, theirs)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+r.dir, "LC_ALL=C")
	out, err := cmd.Output()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if failed && strings.Contains(string(exit.Stderr), "usage:") {
		t.Skip("gittest: this git has no merge-tree --write-tree; it came with 2.38")
	}
	fields := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	switch {
	case err == nil:
		return GitMerge{Tree: fields[0]}
	case !failed || exit.ExitCode() != 1 || len(fields) < 2:
		t.Fatalf("gittest: git merge-tree %s %s: %v\n%s%s", ours, theirs, err, out, exit.Stderr)
	}
	var m GitMerge
	for _, name := range fields[1:] {
		for _, side := range []string{ours, theirs} {
			name, _, _ = strings.Cut(name, "~"+side)
		}
		m.Conflicts = append(m.Conflicts, name)
	}
	slices.Sort(m.Conflicts)
	m.Conflicts = slices.Compact(m.Conflicts)
	return m
}

// GitMergeBases returns git's merge bases of two commits, sorted.
func (r *Repo) GitMergeBases(t testing.TB, a, b string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", r.dir, "merge-base", "--all", a, b).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return nil
	}
	if err != nil {
		t.Fatalf("gittest: git merge-base %s %s: %v", a, b, err)
	}
	bases := strings.Fields(string(out))
	slices.Sort(bases)
	return bases
}
