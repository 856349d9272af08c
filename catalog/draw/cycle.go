// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"slices"

	"trunkline.dev/trunkline/api/digraph"
)

// groups returns the number of each node's group: nodes of one group reach each other, so that an edge inside of one is
// part of a cycle.
func (x *index) groups() []int32 {
	group := make([]int32, len(x.nodes))
	for v := range group {
		group[v] = int32(v)
	}
	cyclic := digraph.Cyclic(len(x.nodes), func(node int, yield func(to int)) {
		for i, end := x.outOf(int32(node)); i < end; i++ { //nolint:gosec // see addNodes
			if x.edges[i].waits() {
				yield(int(x.to[i]))
			}
		}
	})
	for _, members := range cyclic {
		for _, v := range members {
			group[v] = int32(members[0]) //nolint:gosec // see addNodes
		}
	}
	return group
}

// waits reports whether the end of an edge waits for its beginning, and goes on doing so.
func (e *Edge) waits() bool { return e.Kind != Inlet && e.Change != Removed }

// ranks returns each node the number of edges on the longest way to it. Edges that would close a circle do not count.
func (x *index) ranks() []int32 {
	n := len(x.nodes)
	back := x.backEdges()
	rank, waits := make([]int32, n), make([]int32, n)
	for i, to := range x.to {
		if !back[i] {
			waits[to]++
		}
	}
	var queue []int32
	for v := range int32(n) { //nolint:gosec // see addNodes
		if waits[v] == 0 {
			queue = append(queue, v)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		for i, end := x.outOf(v); i < end; i++ {
			if back[i] {
				continue
			}
			to := x.to[i]
			rank[to] = max(rank[to], rank[v]+1)
			if waits[to]--; waits[to] == 0 {
				queue = append(queue, to)
			}
		}
	}
	return rank
}

// backEdges finds edges without which there is no cycle: those that a walk in depth, from the beginnings on, finds to
// lead back into where it came from.
func (x *index) backEdges() []bool {
	type frame struct{ node, next int32 }
	const open, closed = 1, 2
	n := int32(len(x.nodes)) //nolint:gosec // see addNodes
	back, state := make([]bool, len(x.edges)), make([]uint8, n)
	var calls []frame
	walk := func(root int32) {
		if state[root] != 0 {
			return
		}
		state[root] = open
		calls = append(calls, frame{root, x.outAt[root]})
		for len(calls) > 0 {
			top := &calls[len(calls)-1]
			if top.next == x.outAt[top.node+1] {
				state[top.node] = closed
				calls = calls[:len(calls)-1]
				continue
			}
			i := top.next
			top.next++
			switch to := x.to[i]; state[to] {
			case open:
				back[i] = true
			case 0:
				state[to] = open
				calls = append(calls, frame{to, x.outAt[to]})
			}
		}
	}
	for v := range n {
		if len(x.into(v)) == 0 {
			walk(v)
		}
	}
	for v := range n {
		walk(v)
	}
	return back
}

// cycles returns one cycle for each group of nodes that reach each other, as numbers of nodes: the shortest through the
// first of them. It returns no more than limit, and says how many groups there are.
func (x *index) cycles(limit int) (found [][]int32, all int) {
	group := x.groups()
	seen := map[int32]bool{}
	for i, e := range x.edges {
		g := group[x.from[i]]
		if !e.Cycle || e.Kind == Feeds || group[x.to[i]] != g || seen[g] {
			continue
		}
		seen[g] = true
		if len(found) < limit {
			found = append(found, x.shortestCycle(x.from[i], group))
		}
	}
	return found, len(seen)
}

// shortestCycle walks in breadth from a node of a cycle to itself, inside of its group.
func (x *index) shortestCycle(start int32, group []int32) []int32 {
	via := map[int32]int32{}
	for queue := []int32{start}; len(queue) > 0; queue = queue[1:] {
		for i, end := x.outOf(queue[0]); i < end; i++ {
			to := x.to[i]
			if group[to] != group[start] || !x.edges[i].waits() {
				continue
			}
			if to == start {
				cycle := []int32{start}
				for at := queue[0]; at != start; at = via[at] {
					cycle = append(cycle, at)
				}
				cycle = append(cycle, start)
				slices.Reverse(cycle)
				return cycle
			}
			if _, ok := via[to]; !ok {
				via[to] = queue[0]
				queue = append(queue, to)
			}
		}
	}
	return nil
}
