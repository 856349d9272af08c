// SPDX-License-Identifier: Apache-2.0

package git_test

import (
	"fmt"
	"runtime"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// openPulls is a repository of so many projects, each in a folder of its own, with pull requests of one project each that
// began one commit ago. They are fetched.
func openPulls(b *testing.B, projects, pulls int) (s *git.Store, base string, heads []string) {
	b.Helper()
	repo, s := gittest.New(b), openStore(b)
	all := files{}
	for i := range projects {
		all[fmt.Sprintf("projects/p%05d/project.yaml", i)] = fmt.Sprintf("name: p%05d\nimage: a\nenvironments: [dev]\n", i)
	}
	old := repo.Commit(b, "base", all)
	base = repo.Commit(b, "next", files{"README": "moved"})
	fetch(b, s, mainOf(repo))
	numbers := make([]int, pulls)
	for i := range pulls {
		numbers[i] = i + 1
		heads = append(heads, openPull(b, repo, i+1, old, files{fmt.Sprintf("projects/p%05d/project.yaml", i%projects): fmt.Sprintf("name: p\nimage: b%d\nenvironments: [dev]\n", i)}))
	}
	for from := 0; from < pulls; from += 1000 {
		for n, p := range fetchPulls(b, s, mainOf(repo), numbers[from:min(pulls, from+1000)]...) {
			if p.Err != nil {
				b.Fatal(n, p.Err)
			}
		}
	}
	return s, base, heads
}

// BenchmarkMerge merges pull requests of one file each, which is kept in the store, and finds out what it changes.
func BenchmarkMerge(b *testing.B) {
	for _, projects := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d projects", projects), func(b *testing.B) {
			s, base, heads := openPulls(b, projects, b.N)
			trunk := openAt(b, s, base)
			b.ReportAllocs()
			b.ResetTimer()
			for _, head := range heads {
				merged, err := s.Merge(b.Context(), base, head)
				if err != nil || merged.Tree == nil {
					b.Fatal(merged, err)
				}
				if changes, err := git.Diff(trunk, merged.Tree); err != nil || len(changes) != 1 {
					b.Fatal(changes, err)
				}
			}
		})
	}
}

// BenchmarkOpenPulls measures what 50 pull requests of one file each need of memory while their merges are open.
func BenchmarkOpenPulls(b *testing.B) {
	const pulls = 50
	for _, projects := range []int{1_000, 10_000} {
		b.Run(fmt.Sprintf("%d projects", projects), func(b *testing.B) {
			s, base, heads := openPulls(b, projects, pulls)
			before := heapInUse()
			var trees []*git.Tree
			for b.Loop() {
				trees = trees[:0]
				for _, head := range heads {
					merged, err := s.Merge(b.Context(), base, head)
					if err != nil || merged.Tree == nil {
						b.Fatal(merged, err)
					}
					trees = append(trees, merged.Tree)
				}
			}
			b.ReportMetric((heapInUse()-before)/pulls/1024, "KiB/pull")
			runtime.KeepAlive(trees)
		})
	}
}

func heapInUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
