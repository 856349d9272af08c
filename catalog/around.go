// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Cycles returns the cycles of the graph, by which the tree is refused.
func (c *Catalog) Cycles() []Cycle { return slices.Clone(c.cycles) }

// Around returns the part of the graph that projects have, with what comes directly before and after it in others, and with
// all nodes of the cycles that there are. A project that is not declared has nothing.
//
// Of further nodes it has those that are declared. All edges between its nodes are there, so that two catalogs of which each
// is asked for the nodes that the other one has differ by what was declared, not by what is near.
func (c *Catalog) Around(projects []string, nodes ...string) *Graph {
	g := &Graph{}
	seen := map[Edge]bool{}
	edge := func(e Edge) {
		if e.Kind == DependsOn || seen[e] {
			return // it is between projects, and nothing flows along it
		}
		seen[e] = true
		g.AddNode(Node{ID: e.From, Kind: kindOf(e.From)})
		g.AddNode(Node{ID: e.To, Kind: kindOf(e.To)})
		g.AddEdge(e)
	}
	for _, name := range projects {
		p, ok := c.projects.Get(name)
		if !ok {
			continue
		}
		for _, id := range p.ids {
			g.AddNode(Node{ID: id, Kind: DatasetNode})
			for _, reader := range c.Readers(id) {
				for _, e := range c.edgesInto(reader, id) {
					edge(e)
				}
			}
		}
		for i := range p.Spec.Workloads {
			if w := &p.Spec.Workloads[i]; !p.excludedEverywhere(w) {
				g.AddNode(Node{ID: workloadID(p.Name, w.Name), Kind: WorkloadNode})
			}
		}
		for _, e := range p.flow() {
			edge(e)
		}
	}
	for _, cycle := range c.cycles {
		for _, e := range cycle {
			edge(e)
		}
	}
	for _, id := range nodes {
		if c.declares(id) {
			g.AddNode(Node{ID: id, Kind: kindOf(id)})
		}
	}
	last := ""
	for _, n := range g.Nodes() {
		name, _, _ := strings.Cut(n.ID, "/")
		p, ok := c.projects.Get(name)
		if !ok || name == last {
			continue // nodes are sorted by project
		}
		last = name
		for _, e := range p.flow() {
			if g.has(e.From) && g.has(e.To) {
				edge(e)
			}
		}
	}
	return g
}

// declares reports whether a dataset or a workload is declared, by its id in the graph.
func (c *Catalog) declares(id string) bool {
	project, local, _ := strings.Cut(id, "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return false
	}
	if _, isDAG := p.dagNodes[id]; isDAG {
		return true
	}
	return slices.Contains(p.ids, id) || slices.ContainsFunc(p.Spec.Workloads, func(w v1alpha1.Workload) bool {
		return w.Name == local && !p.excludedEverywhere(&w)
	})
}

// edgesInto returns the edges by which a workload reads a dataset.
func (c *Catalog) edgesInto(workload, dataset string) (edges []Edge) {
	project, _, _ := strings.Cut(workload, "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return nil
	}
	for _, e := range p.flow() {
		if e.From == dataset && e.To == workload {
			edges = append(edges, e)
		}
	}
	return edges
}
