// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
	"trunkline.dev/trunkline/render"
)

// BenchmarkValidate is all that validate does with 1,000 projects, a policy on objects among it, without a cache; to be held
// against BenchmarkRenderAll, which is rendering alone.
func BenchmarkValidate(b *testing.B) {
	tree := large(b)
	for b.Loop() {
		e, err := Head(b.Context(), Input{
			Tree: tree, Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: now, Thorough: true, Runs: true, Want: nobody,
		})
		if err != nil || e.Denied() {
			b.Fatal(err, e.Problems())
		}
	}
}

// BenchmarkRenderAll renders the same platform, and does nothing else.
func BenchmarkRenderAll(b *testing.B) {
	tree := large(b)
	cat, _, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r := render.New(blueprints.FS)
		group, ctx := errgroup.WithContext(context.WithoutCancel(b.Context()))
		group.SetLimit(runtime.GOMAXPROCS(0))
		for rel := range cat.Releases() {
			group.Go(func() error {
				_, err := r.Render(ctx, tree, rel)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

// large writes a platform of 1,000 projects with a policy on objects, and opens it.
func large(b *testing.B) fs.FS {
	b.Helper()
	files, dir := catalogtest.Platform(1000), b.TempDir()
	files["setup/policy.yaml"] = objectPolicy
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return os.DirFS(dir)
}
