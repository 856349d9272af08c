// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"
	"strings"
)

// By says what becomes one node.
type By string

const (
	// ByProject makes one node of each project.
	ByProject By = "project"
	// ByOwner makes one node of all projects of an owner.
	ByOwner By = "owner"
)

// fold returns the graph with one node for each project or owner, and one edge for all edges from one to another, with
// the datasets that they carry. A circle of projects is no cycle, as long as no dataset is made from itself; only what
// is a cycle in the whole graph stays one.
func (x *index) fold(by By) Graph {
	numbers := map[string]int32{}
	var nodes []Node
	groupOf := make([]int32, len(x.nodes))
	projects := map[[2]string]bool{}
	for i := range x.nodes {
		n := &x.nodes[i]
		key := n.Project
		if by == ByOwner {
			key = n.Owner
		}
		at, ok := numbers[key]
		if !ok {
			at = int32(len(nodes)) //nolint:gosec // see addNodes
			numbers[key] = at
			nodes = append(nodes, emptyFold(by, key, n))
		}
		groupOf[i] = at
		if !ok {
			nodes[at].Change = n.Change
		}
		nodes[at].Change = both(nodes[at].Change, n.Change)
		takeIn(&nodes[at], n)
		if count := !projects[[2]string{key, n.Project}]; count && !n.folded() {
			projects[[2]string{key, n.Project}] = true
			nodes[at].Holds.Projects++
		}
	}
	out := Graph{Nodes: nodes, Edges: x.foldEdges(groupOf, nodes)}
	return out
}

func emptyFold(by By, key string, n *Node) Node {
	if by == ByOwner {
		return Node{ID: key, Kind: Owner, Owner: key, Label: cmp.Or(key, "(no owner)"), Suspended: true, Excluded: true, External: true, Missing: true}
	}
	return Node{
		ID: key, Kind: Project, Project: key, Owner: n.Owner, Label: cmp.Or(key, "(no project)"), Position: n.Position,
		Suspended: true, Excluded: true, External: true, Missing: true,
	}
}

// takeIn adds a node to what a folded one stands for. What all of them have in common the folded one has too.
func takeIn(fold, n *Node) {
	if !n.Missing && (fold.Owner == "" || n.Owner != "" && n.Owner < fold.Owner) {
		fold.Owner = n.Owner
	}
	if fold.Kind == Project && n.Position.File != "" && (fold.Position.File == "" || n.Position.Compare(fold.Position) < 0) {
		fold.Position = n.Position
	}
	fold.Suspended = fold.Suspended && n.Suspended
	fold.Excluded = fold.Excluded && n.Excluded
	fold.External = fold.External && n.External
	fold.Missing = fold.Missing && n.Missing
	fold.Focus = fold.Focus || n.Focus
	fold.Cycle = fold.Cycle || n.Cycle
	switch {
	case n.folded():
		fold.Holds = fold.Holds.plus(n.Holds)
	case n.Missing:
	case n.Kind == Dataset:
		fold.Holds.Datasets++
	default:
		fold.Holds.Workloads++
	}
}

// foldEdges makes one edge of all those between two folded nodes.
func (x *index) foldEdges(groupOf []int32, nodes []Node) []Edge {
	type crossing struct{ from, to, edge int32 }
	var all []crossing
	for i := range x.edges {
		from, to := groupOf[x.from[i]], groupOf[x.to[i]]
		if from != to {
			all = append(all, crossing{from, to, int32(i)})
		} else if x.edges[i].Cycle {
			nodes[from].Cycle = true
		}
	}
	slices.SortFunc(all, func(a, b crossing) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.edge, b.edge))
	})
	var edges []Edge
	for i := 0; i < len(all); {
		fold := Edge{From: nodes[all[i].from].ID, To: nodes[all[i].to].ID, Kind: Feeds}
		first := all[i]
		fold.Change = x.edges[first.edge].Change
		for ; i < len(all) && all[i].from == first.from && all[i].to == first.to; i++ {
			e := &x.edges[all[i].edge]
			fold.Cycle = fold.Cycle || e.Cycle
			fold.Change = both(fold.Change, e.Change)
			fold.Count += max(e.Count, 1)
			fold.Datasets = append(fold.Datasets, e.carries()...)
			if fold.Position.File == "" || e.Position.File != "" && e.Position.Compare(fold.Position) < 0 {
				fold.Position = e.Position
			}
		}
		slices.Sort(fold.Datasets)
		fold.Datasets = slices.Compact(fold.Datasets)
		edges = append(edges, fold)
	}
	slices.SortFunc(edges, func(a, b Edge) int { return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To)) })
	return edges
}

// carries are the datasets that flow along an edge.
func (e *Edge) carries() []string {
	switch e.Kind {
	case Reads:
		return []string{e.From}
	case Writes:
		return []string{e.To}
	default:
		return e.Datasets
	}
}
