// SPDX-License-Identifier: Apache-2.0

// Package digraph finds the cycles of directed graphs, of whatever their nodes are.
//
// The package is pure. It may import nothing of Trunkline.
package digraph

import (
	"slices"

	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
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
	itself := map[int]bool{}
	var g waiting
	g.out = make([][]graph.Node, len(waits))
	for v, before := range waits {
		if before == 0 {
			continue
		}
		g.nodes = append(g.nodes, node(v))
		out(v, func(to int) {
			itself[v] = itself[v] || to == v // a component of one node says nothing of that
			g.out[v] = append(g.out[v], node(to))
		})
	}
	var groups [][]int
	for _, found := range topo.TarjanSCC(g) {
		if len(found) == 1 && !itself[int(found[0].ID())] {
			continue
		}
		group := make([]int, len(found))
		for i, member := range found {
			group[i] = int(member.ID())
		}
		slices.Sort(group)
		groups = append(groups, group)
	}
	slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	return groups
}

// node is the number of a node, for the library.
type node int64

// ID implements [graph.Node].
func (n node) ID() int64 { return int64(n) }

// waiting is the part of a graph that is left, for the library. Its own graphs come with all of linear algebra, a
// megabyte and a half of it.
type waiting struct {
	graph.Directed // what components do not ask for
	nodes          []graph.Node
	out            [][]graph.Node
}

// Nodes implements [graph.Graph].
func (w waiting) Nodes() graph.Nodes { return iterator.NewOrderedNodes(w.nodes) }

// From implements [graph.Graph].
func (w waiting) From(id int64) graph.Nodes { return iterator.NewOrderedNodes(w.out[id]) }
