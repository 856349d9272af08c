// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"
	"strings"
)

// index is a graph in its normal form: the same for the same graph, whatever the order of its nodes and edges.
type index struct {
	// nodes are sorted by id, each id once, and edges by their ends.
	nodes []Node
	edges []Edge
	// from and to are the ends of edges as numbers of nodes.
	from, to []int32
	// outAt and inAt say where the edges of a node begin: those that leave node n are outAt[n] to outAt[n+1] of the
	// edges themselves, those that reach it are inAt[n] to inAt[n+1] of in.
	outAt, inAt, in []int32
}

// newIndex brings a graph into its normal form, and marks what is part of a cycle.
func newIndex(g Graph) *index {
	x := &index{}
	x.addEdges(g, x.addNodes(g))
	group := x.groups()
	for i := range x.edges {
		if e := &x.edges[i]; e.Kind != Feeds && e.waits() && group[x.from[i]] == group[x.to[i]] {
			e.Cycle = true
		}
	}
	return x
}

// ends are the numbers of the nodes that an edge joins, and that of the edge.
type ends struct{ from, to, edge int32 }

// addNodes adds the nodes, those that only edges name included, and returns the ends of the edges.
func (x *index) addNodes(g Graph) []ends {
	found := make([]Node, 0, len(g.Nodes))
	at := make(map[string]int32, len(g.Nodes))
	for _, n := range g.Nodes {
		i, ok := at[n.ID]
		if !ok {
			at[n.ID] = int32(len(found)) //nolint:gosec // a graph of two billion nodes does not fit into memory
			found = append(found, n)
		} else if compareNodes(&n, &found[i]) < 0 {
			found[i] = n
		}
	}
	declared := len(found)
	end := func(id string, kind EdgeKind) int32 {
		i, ok := at[id]
		if !ok {
			i = int32(len(found)) //nolint:gosec // as above
			at[id] = i
			found = append(found, Node{ID: id, Kind: guess(id, kind), Missing: true})
		} else if int(i) >= declared && kind == Feeds {
			found[i].Kind = Project
		}
		return i
	}
	all := make([]ends, len(g.Edges))
	for i := range g.Edges {
		e := &g.Edges[i]
		all[i] = ends{end(e.From, e.Kind), end(e.To, e.Kind), int32(i)}
	}
	number := x.sortNodes(found)
	for i := range all {
		all[i].from, all[i].to = number[all[i].from], number[all[i].to]
	}
	x.ownMissing()
	return all
}

// sortNodes adds nodes in the order of their ids, completes them, and returns the number of each.
func (x *index) sortNodes(found []Node) []int32 {
	order, number := make([]int32, len(found)), make([]int32, len(found))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(found[a].ID, found[b].ID) })
	x.nodes = make([]Node, len(found))
	for i, from := range order {
		number[from] = int32(i)
		n := &x.nodes[i]
		*n = found[from]
		if n.Kind == "" {
			n.Kind = guess(n.ID, "")
		}
		if n.Project == "" && n.Kind != Owner {
			n.Project, _, _ = strings.Cut(n.ID, "/")
		}
	}
	return number
}

// ownMissing returns what nobody declares the owner of the project that it would be of.
func (x *index) ownMissing() {
	owners := map[string]string{}
	for _, n := range x.nodes {
		if _, ok := owners[n.Project]; !ok && !n.Missing {
			owners[n.Project] = n.Owner
		}
	}
	for i := range x.nodes {
		if n := &x.nodes[i]; n.Missing && n.Owner == "" {
			n.Owner = owners[n.Project]
		}
	}
}

// guess returns the kind of a node by its id, and by an edge that has it as an end.
func guess(id string, edge EdgeKind) Kind {
	switch {
	case edge == Feeds:
		return Project
	case strings.Contains(id, "@"):
		return Dataset
	default:
		return Workload
	}
}

// addEdges takes over the edges, each once.
func (x *index) addEdges(g Graph, all []ends) {
	slices.SortFunc(all, func(a, b ends) int {
		if a.from != b.from {
			return cmp.Compare(a.from, b.from)
		}
		if a.to != b.to {
			return cmp.Compare(a.to, b.to)
		}
		return compareEdges(&g.Edges[a.edge], &g.Edges[b.edge])
	})
	all = slices.CompactFunc(all, func(a, b ends) bool {
		return a.from == b.from && a.to == b.to && compareEdges(&g.Edges[a.edge], &g.Edges[b.edge]) == 0
	})
	m := len(all)
	x.edges, x.from, x.to, x.in = make([]Edge, m), make([]int32, m), make([]int32, m), make([]int32, m)
	x.outAt, x.inAt = make([]int32, len(x.nodes)+1), make([]int32, len(x.nodes)+2)
	for i, e := range all {
		x.edges[i], x.from[i], x.to[i] = g.Edges[e.edge], e.from, e.to
		x.outAt[e.from+1]++
		x.inAt[e.to+2]++
	}
	for n := range x.nodes {
		x.outAt[n+1] += x.outAt[n]
		x.inAt[n+2] += x.inAt[n+1]
	}
	for i, to := range x.to {
		x.in[x.inAt[to+1]] = int32(i)
		x.inAt[to+1]++
	}
}

// outOf returns the numbers of the first edge that leaves a node, and of the first that does not any more.
func (x *index) outOf(n int32) (first, end int32) { return x.outAt[n], x.outAt[n+1] }

// into returns the numbers of the edges that reach a node, by where they come from.
func (x *index) into(n int32) []int32 { return x.in[x.inAt[n]:x.inAt[n+1]] }

// graph returns the index as a graph again.
func (x *index) graph() Graph { return Graph{Nodes: x.nodes, Edges: x.edges} }

// compareNodes orders nodes with the same id; the first one counts.
func compareNodes(a, b *Node) int {
	return cmp.Or(
		compareBools(a.Missing, b.Missing), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Project, b.Project), strings.Compare(a.Owner, b.Owner),
		a.Position.Compare(b.Position), strings.Compare(a.Label, b.Label), strings.Compare(a.Detail, b.Detail),
		compareBools(a.Suspended, b.Suspended), compareBools(a.Excluded, b.Excluded), compareBools(a.External, b.External),
		compareBools(a.Focus, b.Focus), compareBools(a.Cycle, b.Cycle), strings.Compare(string(a.Change), string(b.Change)), cmp.Compare(a.Holds.Projects, b.Holds.Projects),
		cmp.Compare(a.Holds.Datasets, b.Holds.Datasets), cmp.Compare(a.Holds.Workloads, b.Holds.Workloads),
	)
}

// compareEdges orders edges that have the same ends.
func compareEdges(a, b *Edge) int {
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Role, b.Role), a.Position.Compare(b.Position), strings.Compare(a.Because, b.Because),
		compareBools(a.Cycle, b.Cycle), strings.Compare(string(a.Change), string(b.Change)), cmp.Compare(a.Count, b.Count), slices.Compare(a.Datasets, b.Datasets),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
