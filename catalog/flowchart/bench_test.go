// SPDX-License-Identifier: Apache-2.0

package flowchart_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/catalog/flowchart"
)

// BenchmarkLayout draws platforms of about 30, 300 and 3,000 nodes, each node by itself where that is possible, and folded.
func BenchmarkLayout(b *testing.B) {
	for _, projects := range []int{2, 21, 214} {
		tree := fstest.MapFS{}
		for name, text := range catalogtest.Platform(projects) {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
		cat, problems, err := catalog.Load(tree, blueprints.FS)
		if err != nil || problems.Denied() {
			b.Fatal(err, problems)
		}
		g := flowchart.Of(cat, "")
		for _, fold := range []draw.Folding{draw.Never, draw.Auto} {
			b.Run(fmt.Sprintf("%d/%s", len(g.Nodes), fold), func(b *testing.B) {
				for b.Loop() {
					var out bytes.Buffer
					if err := draw.Write(&out, draw.SVG, g, draw.Options{Fold: fold}); err != nil {
						b.Skip(err)
					}
					b.ReportMetric(float64(out.Len()), "bytes")
				}
			})
		}
	}
}
