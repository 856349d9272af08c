package catalog

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Cycle is a closed walk through the graph: each edge starts where the one before it ends.
type Cycle []Edge

// String gives the nodes in order, ending with the first again.
func (c Cycle) String() string {
	if len(c) == 0 {
		return ""
	}
	ids := []string{c[0].From}
	for _, e := range c {
		ids = append(ids, e.To)
	}
	return strings.Join(ids, " -> ")
}

// Cycles gives one cycle for each group of nodes that reach each other: the shortest through the first of them.
// It is empty if and only if the graph is a DAG.
func (g *Graph) Cycles() []Cycle {
	var cycles []Cycle
	for _, group := range g.components() {
		if c := g.shortestCycle(group); c != nil {
			cycles = append(cycles, c)
		}
	}
	slices.SortFunc(cycles, func(a, b Cycle) int { return strings.Compare(a[0].From, b[0].From) })
	return cycles
}

// components finds the strongly connected components (Tarjan 1972). It keeps its own stack: the graph comes
// from declarations, and a long chain of them must not exhaust the goroutine's.
func (g *Graph) components() [][]string {
	type frame struct {
		id    string
		edges []Edge
	}
	index, low := map[string]int{}, map[string]int{}
	onStack := map[string]bool{}
	var stack []string
	var groups [][]string
	visit := func(id string) frame {
		index[id] = len(index) + 1
		low[id] = index[id]
		stack = append(stack, id)
		onStack[id] = true
		return frame{id: id, edges: g.outOf(id)}
	}
	for _, root := range sortedKeys(g.out) {
		if index[root] != 0 {
			continue
		}
		calls := []frame{visit(root)}
		for len(calls) > 0 {
			top := &calls[len(calls)-1]
			if len(top.edges) > 0 {
				to := top.edges[0].To
				top.edges = top.edges[1:]
				if index[to] == 0 {
					calls = append(calls, visit(to))
				} else if onStack[to] {
					low[top.id] = min(low[top.id], index[to])
				}
				continue
			}
			id := top.id
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				parent := calls[len(calls)-1].id
				low[parent] = min(low[parent], low[id])
			}
			if low[id] != index[id] {
				continue
			}
			var group []string
			for {
				last := stack[len(stack)-1]
				stack = stack[:len(stack)-1]
				onStack[last] = false
				group = append(group, last)
				if last == id {
					break
				}
			}
			groups = append(groups, group)
		}
	}
	return groups
}

// shortestCycle walks breadth-first from the group's first node back to itself, inside the group. A group of
// one node has a cycle only if the node has an edge to itself.
func (g *Graph) shortestCycle(group []string) Cycle {
	inside := map[string]bool{}
	for _, id := range group {
		inside[id] = true
	}
	start := slices.Min(group)
	via := map[string]Edge{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		for _, e := range g.outOf(queue[0]) {
			if !inside[e.To] {
				continue
			}
			if e.To == start {
				cycle := Cycle{e}
				for at := e.From; at != start; at = via[at].From {
					cycle = append(cycle, via[at])
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, seen := via[e.To]; !seen {
				via[e.To] = e
				queue = append(queue, e.To)
			}
		}
	}
	return nil
}

// problem tells of the cycle, edge by edge, each with the line that makes it.
func (c Cycle) problem() v1alpha1.Problem {
	p := v1alpha1.Problem{
		Position: c[0].Position, Severity: v1alpha1.Deny,
		Message: "the data flow goes in a circle: " + c.String(),
		Hint:    "remove one of these edges; a dataset cannot be made, directly or through others, from itself",
	}
	if !slices.ContainsFunc(c, func(e Edge) bool { return strings.Contains(e.From, "@") }) {
		p.Message = "workloads wait for each other in a circle: " + c.String()
		p.Hint = "remove one of these edges; a workload cannot wait, directly or through others, for itself"
	}
	for _, e := range c {
		p.Trace = append(p.Trace, v1alpha1.Step{Position: e.Position, Message: e.Because})
	}
	return p
}
