// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/digraph"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Cycle is a closed walk through the graph: each edge starts where the one before it ends.
type Cycle []Edge

// String returns the nodes in order, ending with the first again.
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

// Cycles returns one cycle for each group of nodes that reach each other: the shortest through the first of them.
// It is empty if and only if the graph is a DAG.
func (g *Graph) Cycles() []Cycle {
	var cycles []Cycle
	for _, group := range digraph.Cyclic(len(g.nodes), g.each) {
		cycles = append(cycles, g.shortestCycle(group))
	}
	slices.SortFunc(cycles, func(a, b Cycle) int { return strings.Compare(a[0].From, b[0].From) })
	return cycles
}

// each calls yield for each edge that leaves a node.
func (g *Graph) each(node int, yield func(to int)) {
	for _, e := range g.out[node] {
		if e.kind != Inlet {
			yield(e.to)
		}
	}
}

// shortestCycle walks breadth-first from the group's first node back to itself, inside the group.
func (g *Graph) shortestCycle(group []int) Cycle {
	inside := map[string]bool{}
	for _, i := range group {
		inside[g.nodes[i].ID] = true
	}
	start := slices.MinFunc(group, func(a, b int) int { return strings.Compare(g.nodes[a].ID, g.nodes[b].ID) })
	first := g.nodes[start].ID
	via := map[string]Edge{}
	for queue := []string{first}; len(queue) > 0; queue = queue[1:] {
		for _, e := range g.outOf(g.index[queue[0]]) {
			if !inside[e.To] || e.Kind == Inlet {
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
		Message: "the data flow has a cycle: " + cycle.String(),
		Hint:    "remove one of these edges; a dataset cannot depend on itself, directly or through others",
	}
	if !slices.ContainsFunc(cycle, func(e Edge) bool { return e.Kind != After }) {
		p.Message = "workloads wait for each other in a cycle: " + cycle.String()
		p.Hint = "remove one of these edges; a workload cannot wait, directly or through others, for itself"
	}
	if cycle[0].Kind == DependsOn {
		p.Message = "projects depend on each other in a cycle: " + cycle.String()
		p.Hint = "remove one of these; a project cannot wait, directly or through others, for itself"
	}
	for _, e := range cycle {
		p.Trace = append(p.Trace, v1alpha1.Step{Position: c.EdgePosition(e), Message: e.Because()})
	}
	return p
}
