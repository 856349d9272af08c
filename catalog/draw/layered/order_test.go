// SPDX-License-Identifier: Apache-2.0

package layered

import (
	"testing"

	"pgregory.net/rapid"
)

// sortedLayout lays out any graph without circles, up to the order of its columns.
func sortedLayout(t *rapid.T) *layout {
	n := rapid.IntRange(2, 20).Draw(t, "nodes")
	g := Graph{}
	for range n {
		g.Nodes = append(g.Nodes, Node{W: 10, H: 10})
	}
	for range rapid.IntRange(1, 40).Draw(t, "edges") {
		a, b := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")
		if a != b {
			g.Edges = append(g.Edges, Edge{From: min(a, b), To: max(a, b), FromY: 5, ToY: 5})
		}
	}
	l := &layout{graph: g, options: Options{Columns: 10, Nodes: 10, Edges: 5, Limit: 1000}}
	l.turn()
	l.rank()
	l.chain()
	l.order()
	return l
}

// TestCrossingsAreCounted compares the count with one that looks at all pairs.
func TestCrossingsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := sortedLayout(t)
		want := 0
		for i := range l.spots {
			for j := range l.spots {
				a, b := &l.spots[i], &l.spots[j]
				if a.column != b.column || a.index >= b.index {
					continue
				}
				for _, x := range a.after {
					for _, y := range b.after {
						if l.spots[x.spot].index > l.spots[y.spot].index {
							want++
						}
					}
				}
			}
		}
		if got := l.crossings(); got != want {
			t.Errorf("%d crossings are counted, and there are %d", got, want)
		}
	})
}

// TestNoNeighboursShouldSwap holds the order to a minimum: exchanging two that are next to each other takes no crossing away.
func TestNoNeighboursShouldSwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := sortedLayout(t)
		before := l.crossings()
		first := &layout{spots: append([]spot{}, l.spots...)}
		first.firstOrder()
		if begin := first.crossings(); before > begin {
			t.Errorf("sorting makes %d crossings of %d", before, begin)
		}
		for _, column := range l.columns {
			for i := 1; i < len(column); i++ {
				column[i-1], column[i] = column[i], column[i-1]
				l.number()
				if after := l.crossings(); after < before {
					t.Errorf("exchanging %d and %d makes %d crossings of %d", column[i], column[i-1], after, before)
				}
				column[i-1], column[i] = column[i], column[i-1]
				l.number()
			}
		}
	})
}
