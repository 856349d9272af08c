// SPDX-License-Identifier: Apache-2.0

package draw

// Compare makes one graph of two states, in which what only one of them has is added or removed. A node that says
// something else than before is touched; so is one that is marked as such in the state after.
func Compare(before, after Graph) Graph {
	was, is := newIndex(before), newIndex(after)
	old := make(map[string]*Node, len(was.nodes))
	for i := range was.nodes {
		old[was.nodes[i].ID] = &was.nodes[i]
	}
	var out Graph
	for _, n := range is.nodes {
		switch o := old[n.ID]; {
		case o == nil, o.Missing && !n.Missing:
			n.Change = Added
		case n.Missing && !o.Missing:
			n.Change = Removed // it is still referred to
		case n.says() != o.says():
			n.Change = Touched
		}
		delete(old, n.ID)
		out.Nodes = append(out.Nodes, n)
	}
	for _, n := range was.nodes {
		if old[n.ID] != nil {
			n.Change = Removed
			out.Nodes = append(out.Nodes, n)
		}
	}
	edges := make(map[way]bool, len(was.edges))
	for i := range was.edges {
		edges[was.edges[i].way()] = true
	}
	for _, e := range is.edges {
		if e.Change = ""; !edges[e.way()] {
			e.Change = Added
		}
		delete(edges, e.way())
		out.Edges = append(out.Edges, e)
	}
	for _, e := range was.edges {
		if edges[e.way()] {
			e.Change, e.Cycle = Removed, false
			delete(edges, e.way())
			out.Edges = append(out.Edges, e)
		}
	}
	return out
}

// way tells edges apart; where they are declared does not.
type way struct {
	from, to string
	kind     EdgeKind
	role     string
}

func (e *Edge) way() way { return way{e.From, e.To, e.Kind, e.Role} }

// said is what people are told of a node.
type said struct {
	kind                                   Kind
	project, owner, label, detail          string
	suspended, excluded, external, missing bool
	holds                                  Counts
}

func (n *Node) says() said {
	return said{n.Kind, n.Project, n.Owner, n.Label, n.Detail, n.Suspended, n.Excluded, n.External, n.Missing, n.Holds}
}

// Near returns the nodes that change, and the ends of edges that do or are part of a cycle, with all that is at most so
// many edges away from them. Between what it returns are all edges that there are.
func Near(g Graph, depth int) Graph {
	x := newIndex(g)
	near := make([]bool, len(x.nodes))
	var from []int32
	add := func(n int32) {
		if !near[n] {
			near[n] = true
			from = append(from, n)
		}
	}
	for i := range x.nodes {
		if x.nodes[i].Change != "" {
			add(int32(i))
		}
	}
	for i, e := range x.edges {
		if e.Change != "" || e.Cycle {
			add(x.from[i])
			add(x.to[i])
		}
	}
	for range depth {
		reached := from
		from = nil
		for _, n := range reached {
			for i, end := x.outOf(n); i < end; i++ {
				add(x.to[i])
			}
			for _, i := range x.into(n) {
				add(x.from[i])
			}
		}
	}
	var out Graph
	for n, ok := range near {
		if ok {
			out.Nodes = append(out.Nodes, x.nodes[n])
		}
	}
	for i, e := range x.edges {
		if near[x.from[i]] && near[x.to[i]] {
			out.Edges = append(out.Edges, e)
		}
	}
	return out
}

// both is the change of what stands for two: theirs, or that something of it is touched.
func both(a, b Change) Change {
	if a == b {
		return a
	}
	return Touched
}
