// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
)

// BenchmarkCycles looks for cycles in a platform of 10,000 projects that has none.
func BenchmarkCycles(b *testing.B) {
	cat, problems, err := catalog.Load(mapFS(catalogtest.Platform(10_000)), blueprints.FS)
	if err != nil || problems.Denied() {
		b.Fatal(err, problems)
	}
	g := cat.Graph()
	b.ReportAllocs()
	for b.Loop() {
		if cycles := g.Cycles(); len(cycles) > 0 {
			b.Fatal(cycles)
		}
	}
}

// BenchmarkLoad reads and resolves a platform of 1,000 projects.
func BenchmarkLoad(b *testing.B) {
	tree := mapFS(catalogtest.Platform(1000))
	for b.Loop() {
		if _, problems, err := catalog.Load(tree, blueprints.FS); err != nil || problems.Denied() {
			b.Fatal(err, problems)
		}
	}
}
