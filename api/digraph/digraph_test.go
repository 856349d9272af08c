// SPDX-License-Identifier: Apache-2.0

package digraph_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/digraph"
)

func along(edges [][2]int) func(int, func(int)) {
	return func(v int, yield func(int)) {
		for _, e := range edges {
			if e[0] == v {
				yield(e[1])
			}
		}
	}
}

func TestCyclic(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		n      int
		edges  [][2]int
		want   [][]int
	}{
		"Empty":     {"Nothing has no cycle.", 0, nil, nil},
		"Chain":     {"A chain has none.", 3, [][2]int{{0, 1}, {1, 2}}, nil},
		"Diamond":   {"Two ways to a node are none.", 4, [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}}, nil},
		"Itself":    {"An edge to itself is one.", 2, [][2]int{{0, 1}, {1, 1}}, [][]int{{1}}},
		"Pair":      {"Two that reach each other are one group; what follows is none.", 4, [][2]int{{0, 1}, {1, 2}, {2, 1}, {2, 3}}, [][]int{{1, 2}}},
		"Between":   {"What lies between two cycles is in neither.", 5, [][2]int{{3, 4}, {4, 3}, {3, 2}, {2, 0}, {0, 1}, {1, 0}}, [][]int{{0, 1}, {3, 4}}},
		"ManyEdges": {"An edge that is there twice counts once.", 2, [][2]int{{0, 1}, {0, 1}, {1, 0}}, [][]int{{0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, digraph.Cyclic(tc.n, along(tc.edges))); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCyclicIsMutualReach compares with the definition: two nodes are of one group when each reaches the other.
func TestCyclicIsMutualReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "nodes")
		var edges [][2]int
		for range rapid.IntRange(0, 2*n).Draw(t, "edges") {
			edges = append(edges, [2]int{rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")})
		}
		reach := make([][]bool, n)
		for v := range reach {
			reach[v] = make([]bool, n)
		}
		for _, e := range edges {
			reach[e[0]][e[1]] = true
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		var want [][]int
		for i := range n {
			var group []int
			for j := range n {
				if reach[i][j] && reach[j][i] {
					group = append(group, j)
				}
			}
			if slices.Index(group, i) == 0 {
				want = append(want, group)
			}
		}
		if diff := cmp.Diff(want, digraph.Cyclic(n, along(edges))); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// TestLongChains has more nodes than a stack should have frames.
func TestLongChains(t *testing.T) {
	const n, round = 300_000, 20_000
	next := func(v int, yield func(int)) {
		if v+1 < n {
			yield(v + 1)
		}
	}
	if got := digraph.Cyclic(n, next); got != nil {
		t.Errorf("a chain has cycles: %d", len(got))
	}
	ring := func(v int, yield func(int)) { yield((v + 1) % round) }
	if got := digraph.Cyclic(round, ring); len(got) != 1 || len(got[0]) != round {
		t.Errorf("a ring is %d groups, want one of all nodes", len(got))
	}
}
