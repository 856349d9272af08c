// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"fmt"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// monorepo is 10,000 files in 1,000 folders, as two commits that differ in one file.
func monorepo(b *testing.B) (repo *gittest.Repo, s *git.Store, before, after *git.Tree) {
	b.Helper()
	files := map[string]string{}
	for i := range 10_000 {
		files[fmt.Sprintf("projects/team%02d/project%03d/file%05d.yaml", i%20, i%1000, i)] = fmt.Sprintf("kind: Project # %d\n", i)
	}
	repo, s = gittest.New(b), openStore(b)
	before = openAt(b, s, fetchCommit(b, s, repo, files))
	after = openAt(b, s, fetchCommit(b, s, repo, map[string]string{"projects/team07/project007/file00007.yaml": "changed"}))
	return repo, s, before, after
}

func BenchmarkTreeRead(b *testing.B) {
	_, _, tree, _ := monorepo(b)
	paths := make([]string, 10_000)
	for i := range paths {
		paths[i] = fmt.Sprintf("projects/team%02d/project%03d/file%05d.yaml", i%20, i%1000, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := tree.ReadFile(paths[i%len(paths)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkTreeOpen(b *testing.B) {
	_, s, _, after := monorepo(b)
	for b.Loop() {
		openAt(b, s, after.Commit())
	}
}

func BenchmarkDiff(b *testing.B) {
	_, _, before, after := monorepo(b)
	b.ReportAllocs()
	for b.Loop() {
		if changes, err := git.Diff(before, after); err != nil || len(changes) != 1 {
			b.Fatalf("%v, %v", changes, err)
		}
	}
}

func BenchmarkFetchUnchanged(b *testing.B) {
	repo, s, _, _ := monorepo(b)
	for name, url := range map[string]string{"file": repo.URL(), "http": gittest.ServeHTTP(b, repo)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				fetch(b, s, git.Remote{URL: url, Branch: "main"})
			}
		})
	}
}

func BenchmarkFetchOneCommit(b *testing.B) {
	repo, s, _, _ := monorepo(b)
	i := 0
	for b.Loop() {
		fetchCommit(b, s, repo, map[string]string{"projects/team07/project007/file00007.yaml": fmt.Sprint(i)})
		i++
	}
}
