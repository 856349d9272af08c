// SPDX-License-Identifier: Apache-2.0

// Package digraph finds the cycles of directed graphs, of whatever their nodes are.
//
// The package is pure. It may import nothing of Trunkline.
package digraph

import (
	"slices"

	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/topo"
)

// Cyclic returns the groups of nodes that reach each other and themselves, each sorted, ordered by their first node: the
// strongly connected components that have a cycle. There is none if and only if the graph has no cycle. Nodes are the
// numbers from 0 to n-1; out calls yield for each edge that leaves a node, with the node that it leads to.
//
// Nodes that no cycle leads to are set aside first, in one pass and without recursion. Of a graph without cycles, which
// is the usual one, that leaves nothing; Tarjan's algorithm, which costs a multiple, sees only what is left.
func Cyclic(n int, out func(node int, yield func(to int))) [][]int {
	waits := make([]int32, n)
	count := func(to int) { waits[to]++ }
	for v := range n {
		out(v, count)
	}
	free := make([]int, 0, n)
	for v, before := range waits {
		if before == 0 {
			free = append(free, v)
		}
	}
	release := func(to int) {
		if waits[to]--; waits[to] == 0 {
			free = append(free, to)
		}
	}
	for i := 0; i < len(free); i++ { // it grows meanwhile
		out(free[i], release)
	}
	if len(free) == n {
		return nil
	}
	return components(waits, out)
}

// components returns the groups among the nodes that still wait for others.
func components(waits []int32, out func(node int, yield func(to int))) [][]int {
	g := simple.NewDirectedGraph()
	itself := map[int]bool{}
	for v, before := range waits {
		if before == 0 {
			continue
		}
		if g.Node(int64(v)) == nil {
			g.AddNode(simple.Node(v))
		}
		out(v, func(to int) {
			if to == v {
				itself[v] = true // which the library's graph does not take
				return
			}
			g.SetEdge(simple.Edge{F: simple.Node(v), T: simple.Node(to)})
		})
	}
	var groups [][]int
	for _, found := range topo.TarjanSCC(g) {
		if len(found) == 1 && !itself[int(found[0].ID())] {
			continue
		}
		group := make([]int, len(found))
		for i, node := range found {
			group[i] = int(node.ID())
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	return groups
}
