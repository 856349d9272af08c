// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"fmt"
	"io"
	"testing"

	"trunkline.dev/trunkline/catalog/draw"
)

// BenchmarkDraw draws platforms of 14 nodes a project, folded as each format folds them by itself. Of JSON it is the
// whole graph.
func BenchmarkDraw(b *testing.B) {
	for _, projects := range []int{100, 1_000, 10_000} {
		g := platform(projects)
		for _, f := range draw.Formats() {
			b.Run(fmt.Sprintf("%s/%d", f, projects), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := draw.Write(io.Discard, f, g, draw.Options{Width: 100}); err != nil {
						b.Skip(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("around/%d", projects), func(b *testing.B) {
			for b.Loop() {
				part, err := draw.Select(g, draw.Selection{Node: "p-00050/w-3", Depth: 8})
				if err != nil {
					b.Fatal(err)
				}
				if err := draw.Write(io.Discard, draw.Text, part, draw.Options{Width: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPicture draws pictures of graphs that are not folded.
func BenchmarkPicture(b *testing.B) {
	for _, projects := range []int{11, 85, 400} {
		g := company(projects)
		b.Run(fmt.Sprintf("%d", len(g.Nodes)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := draw.Write(io.Discard, draw.SVG, g, draw.Options{Fold: draw.Never}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
