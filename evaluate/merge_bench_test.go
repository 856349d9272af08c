// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"maps"
	"testing"

	"trunkline.dev/trunkline/blueprints"
)

// BenchmarkMerge is what a pull request that changes one of many projects costs: it is evaluated after its base, and compared
// with it. Rendering is left out.
func BenchmarkMerge(b *testing.B) {
	for _, projects := range []int{200, 1_000, 10_000} {
		c := firstCommit()
		many := commitFiles{} // put looks at all files there are
		for i := range projects {
			name := fmt.Sprintf("p%05d", i)
			one := commitFiles{}
			one.project("many/"+name, name, "web", "dev, prod")
			maps.Copy(many, one)
		}
		maps.Copy(c, many)
		const file = "many/p00007/project.yaml"
		next := commitFiles{}
		maps.Copy(next, c)
		next[file] += "# changed\n"
		base, err := Head(b.Context(), Input{Tree: c.tree(), Library: blueprints.FS, Renderer: &stub{}, Now: now})
		if err != nil || base.Denied() {
			b.Fatal(err, base.Problems())
		}
		tree := next.tree()
		b.Run(fmt.Sprint(projects), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				head, err := Head(b.Context(), Input{
					Tree: tree, Library: blueprints.FS, Renderer: &stub{more: map[string][]string{"p00007/dev@one": {"more"}}}, Now: now,
					Before: base, Changed: []string{file}, Change: &Change{}, Thorough: true,
				})
				if err != nil {
					b.Fatal(err)
				}
				merged, err := Merge(base, head, now)
				if err != nil || merged.Same < projects {
					b.Fatal(err, merged.Same)
				}
			}
		})
	}
}
