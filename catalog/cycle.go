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
func (g *Graph) components() [][]int {
	type frame struct{ node, next int }
	n := len(g.nodes)
	order, low, onStack := make([]int, n), make([]int, n), make([]bool, n)
	var stack []int
	var calls []frame
	var groups [][]int
	visited := 0
	visit := func(v int) {
		visited++
		order[v], low[v], onStack[v] = visited, visited, true
		stack = append(stack, v)
		calls = append(calls, frame{node: v})
	}
	for root := range n {
		if order[root] != 0 {
			continue
		}
		visit(root)
		for len(calls) > 0 {
			top := &calls[len(calls)-1]
			v := top.node
			if top.next < len(g.out[v]) {
				to := g.out[v][top.next].to
				top.next++
				if order[to] == 0 {
					visit(to)
				} else if onStack[to] {
					low[v] = min(low[v], order[to])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				parent := calls[len(calls)-1].node
				low[parent] = min(low[parent], low[v])
			}
			if low[v] != order[v] {
				continue
			}
			begin := len(stack) - 1
			for stack[begin] != v {
				begin--
			}
			group := slices.Clone(stack[begin:])
			stack = stack[:begin]
			for _, member := range group {
				onStack[member] = false
			}
			groups = append(groups, group)
		}
	}
	return groups
}

// shortestCycle walks breadth-first from the group's first node back to itself, inside the group. A group of
// one node has a cycle only if the node has an edge to itself.
func (g *Graph) shortestCycle(group []int) Cycle {
	if len(group) == 1 && !slices.ContainsFunc(g.out[group[0]], func(e outEdge) bool { return e.to == group[0] }) {
		return nil
	}
	inside := map[string]bool{}
	for _, i := range group {
		inside[g.nodes[i].ID] = true
	}
	start := slices.MinFunc(group, func(a, b int) int { return strings.Compare(g.nodes[a].ID, g.nodes[b].ID) })
	first := g.nodes[start].ID
	via := map[string]Edge{}
	for queue := []string{first}; len(queue) > 0; queue = queue[1:] {
		for _, e := range g.outOf(g.index[queue[0]]) {
			if !inside[e.To] {
				continue
			}
			if e.To == first {
				cycle := Cycle{e}
				for at := e.From; at != first; at = via[at].From {
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

// problem tells of a cycle, edge by edge, each with the line that makes it.
func (c *Catalog) cycleProblem(cycle Cycle) v1alpha1.Problem {
	p := v1alpha1.Problem{
		Rule: RuleCycle, Position: c.EdgePosition(cycle[0]), Severity: v1alpha1.Deny,
		Message: "the data flow goes in a circle: " + cycle.String(),
		Hint:    "remove one of these edges; a dataset cannot be made, directly or through others, from itself",
	}
	if !slices.ContainsFunc(cycle, func(e Edge) bool { return e.Kind != After }) {
		p.Message = "workloads wait for each other in a circle: " + cycle.String()
		p.Hint = "remove one of these edges; a workload cannot wait, directly or through others, for itself"
	}
	if cycle[0].Kind == DependsOn {
		p.Message = "projects depend on each other in a circle: " + cycle.String()
		p.Hint = "remove one of these; a project cannot wait, directly or through others, for itself"
	}
	for _, e := range cycle {
		p.Trace = append(p.Trace, v1alpha1.Step{Position: c.EdgePosition(e), Message: e.Because()})
	}
	return p
}
