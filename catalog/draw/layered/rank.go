// SPDX-License-Identifier: Apache-2.0

package layered

import "slices"

// turn finds the edges that close a circle, by a walk in depth that starts at the nodes that nothing leads to.
func (l *layout) turn() {
	type frame struct{ node, next int }
	const open, closed = 1, 2
	n := len(l.graph.Nodes)
	l.back = make([]bool, len(l.graph.Edges))
	out, reached := make([][]int, n), make([]bool, n)
	for e, edge := range l.graph.Edges {
		// What is pinned says by itself which way its edges lead.
		if l.graph.Nodes[edge.From].Pin == Last || l.graph.Nodes[edge.To].Pin == First {
			l.back[e] = !l.loop(e)
			continue
		}
		if !l.loop(e) {
			out[edge.From] = append(out[edge.From], e)
			reached[edge.To] = true
		}
	}
	state := make([]int, n)
	walk := func(root int) {
		if state[root] != 0 {
			return
		}
		state[root] = open
		for calls := []frame{{node: root}}; len(calls) > 0; {
			top := &calls[len(calls)-1]
			if top.next == len(out[top.node]) {
				state[top.node] = closed
				calls = calls[:len(calls)-1]
				continue
			}
			e := out[top.node][top.next]
			top.next++
			switch to := l.graph.Edges[e].To; state[to] {
			case open:
				l.back[e] = true
			case 0:
				state[to] = open
				calls = append(calls, frame{node: to})
			}
		}
	}
	for v := range n {
		if !reached[v] {
			walk(v)
		}
	}
	for v := range n {
		walk(v)
	}
}

// rank returns each node its column: first as far left as its edges allow, then to where they are short.
func (l *layout) rank() {
	n := len(l.graph.Nodes)
	before, after := make([][]int, n), make([][]int, n)
	for e := range l.graph.Edges {
		if l.loop(e) {
			continue
		}
		left, right := l.ends(e)
		after[left] = append(after[left], right)
		before[right] = append(before[right], left)
	}
	order := topological(before, after)
	l.column = make([]int, n)
	lowest := 0
	if slices.ContainsFunc(l.graph.Nodes, func(n Node) bool { return n.Pin == First }) {
		lowest = 1
	}
	highest := 0
	for _, v := range order {
		if l.graph.Nodes[v].Pin == First {
			continue
		}
		l.column[v] = lowest
		for _, u := range before[v] {
			l.column[v] = max(l.column[v], l.column[u]+1)
		}
		if l.graph.Nodes[v].Pin == Free {
			highest = max(highest, l.column[v])
		}
	}
	for v, node := range l.graph.Nodes {
		if node.Pin == Last {
			l.column[v] = highest + 1
		}
	}
	l.tighten(order, before, after, lowest, highest)
}

// tighten moves nodes to where their edges are shorter, as far as the edges leave them room.
func (l *layout) tighten(order []int, before, after [][]int, lowest, highest int) {
	const passes = 4
	for range passes {
		for _, v := range slices.Backward(order) {
			if l.graph.Nodes[v].Pin != Free || len(after[v]) <= len(before[v]) {
				continue
			}
			room := highest
			for _, u := range after[v] {
				room = min(room, l.column[u]-1)
			}
			l.column[v] = max(room, l.column[v])
		}
		for _, v := range order {
			if l.graph.Nodes[v].Pin != Free || len(before[v]) <= len(after[v]) {
				continue
			}
			room := lowest
			for _, u := range before[v] {
				room = max(room, l.column[u]+1)
			}
			l.column[v] = min(room, l.column[v])
		}
	}
}

// topological lists nodes so that each comes after all that lead to it.
func topological(before, after [][]int) []int {
	waits := make([]int, len(before))
	var order []int
	for v := range before {
		if waits[v] = len(before[v]); waits[v] == 0 {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, u := range after[order[i]] {
			if waits[u]--; waits[u] == 0 {
				order = append(order, u)
			}
		}
	}
	return order
}
