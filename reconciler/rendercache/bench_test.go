// SPDX-License-Identifier: Apache-2.0

package rendercache_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/rendercache"
)

// BenchmarkHit is what a release costs that was rendered before; BenchmarkMiss what keeping it adds to a render.
func BenchmarkHit(b *testing.B) { bench(b, true) }

// BenchmarkMiss renders a release that was not rendered before, as cheaply as can be.
func BenchmarkMiss(b *testing.B) { bench(b, false) }

func bench(b *testing.B, hit bool) {
	dir := b.TempDir()
	cache, err := rendercache.Open(filepath.Join(dir, "renders"), filepath.Join(dir, "key"), rendercache.Options{
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		b.Fatal(err)
	}
	next := &counting{}
	r := rendercache.Wrap(next, cache, "v1")
	tree := textTree(map[string]string{"a": "1", "b": "2", "c/d": "3"})
	n := 0
	for b.Loop() {
		rel := release("p", "a", "b", "no", "c/")
		if n++; !hit {
			rel.Workloads[0].Timeout = time.Duration(n)
		}
		if _, err := r.Render(b.Context(), tree, rel); err != nil {
			b.Fatal(err)
		}
	}
	if want := map[bool]int{true: 1, false: n}[hit]; next.times != want {
		b.Errorf("rendered %d times, want %d", next.times, want)
	}
}
