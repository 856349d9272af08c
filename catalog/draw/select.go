// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"errors"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Selection says which part of a graph to draw. The zero value is all of it.
type Selection struct {
	// Node is the id of a node to draw the surroundings of, and Project the name of a project; not both.
	Node, Project string
	// Upstream and Downstream draw what the selected needs, and what needs it. With neither, a node is drawn with
	// both, and a project with its direct neighbours.
	Upstream, Downstream bool
	// Depth is how many edges away from the selected to go; 0 is as far as they go.
	Depth int
}

// Select returns a part of a graph. The node that was selected gets the focus; what is of other projects than the
// selected one is external.
func Select(g Graph, s Selection) (Graph, error) {
	switch {
	case s.Depth < 0:
		return Graph{}, fmt.Errorf("the depth is %d; want the number of edges to follow, or 0 to follow all", s.Depth)
	case s.Node != "" && s.Project != "":
		return Graph{}, fmt.Errorf("both the node %q and the project %q are selected; select one", s.Node, s.Project)
	case s.Node != "":
		return selectNode(newIndex(g), s)
	case s.Project != "":
		return selectProject(newIndex(g), s)
	case s.Upstream, s.Downstream, s.Depth > 0:
		return Graph{}, errors.New("upstream, downstream and depth need a node or a project to start from; select one")
	default:
		return newIndex(g).graph(), nil
	}
}

func selectNode(x *index, s Selection) (Graph, error) {
	for n := range x.nodes {
		if x.nodes[n].ID != s.Node {
			continue
		}
		if !s.Upstream && !s.Downstream {
			s.Upstream, s.Downstream = true, true
		}
		x.nodes[n].Focus = true
		return x.around([]int32{int32(n)}, s), nil
	}
	return Graph{}, unknown("dataset or workload", s.Node, x.candidates(s.Node))
}

// candidates are the ids that one which is not there may have meant: those of its project, if that has any.
func (x *index) candidates(id string) []string {
	project, _, _ := strings.Cut(id, "/")
	var near, all []string
	for _, n := range x.nodes {
		if n.Project == project {
			near = append(near, n.ID)
		}
		all = append(all, n.ID)
	}
	if len(near) > 0 {
		return near
	}
	return all
}

func selectProject(x *index, s Selection) (Graph, error) {
	var inside []int32
	var projects []string
	for n := range x.nodes {
		node := &x.nodes[n]
		if node.Project == s.Project {
			inside = append(inside, int32(n))
			continue
		}
		node.External = true
		if len(projects) == 0 || projects[len(projects)-1] != node.Project {
			projects = append(projects, node.Project)
		}
	}
	if len(inside) == 0 {
		return Graph{}, unknown("project", s.Project, projects)
	}
	if !s.Upstream && !s.Downstream {
		s.Upstream, s.Downstream = true, true
		if s.Depth == 0 {
			s.Depth = 1
		}
	}
	return x.around(inside, s), nil
}

func unknown(what, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("there is no %s %q; there are none", what, name)
	}
	return fmt.Errorf("there is no %s %q; %s", what, name, harmless(v1alpha1.Instead(name, known)))
}

// around returns the nodes that the selection reaches from some, with the edges that lead there.
func (x *index) around(from []int32, s Selection) Graph {
	nodes, edges := make([]bool, len(x.nodes)), make([]bool, len(x.edges))
	if s.Upstream {
		x.walk(from, s.Depth, nodes, edges, func(n int32) []int32 { return x.into(n) }, x.from)
	}
	if s.Downstream {
		x.walk(from, s.Depth, nodes, edges, x.leaving, x.to)
	}
	var out Graph
	for n, ok := range nodes {
		if ok {
			out.Nodes = append(out.Nodes, x.nodes[n])
		}
	}
	for e, ok := range edges {
		if ok {
			out.Edges = append(out.Edges, x.edges[e])
		}
	}
	return out
}

// leaving lists the numbers of the edges that leave a node.
func (x *index) leaving(n int32) []int32 {
	first, end := x.outOf(n)
	list := make([]int32, 0, end-first)
	for i := first; i < end; i++ {
		list = append(list, i)
	}
	return list
}

// walk marks what it reaches, breadth first, so that the depth of a node is the least that it has.
func (x *index) walk(from []int32, depth int, nodes, edges []bool, next func(int32) []int32, end []int32) {
	seen := make([]bool, len(x.nodes))
	for _, n := range from {
		seen[n], nodes[n] = true, true
	}
	for level := 0; len(from) > 0 && (depth == 0 || level < depth); level++ {
		var reached []int32
		for _, n := range from {
			for _, e := range next(n) {
				edges[e] = true
				if to := end[e]; !seen[to] {
					seen[to], nodes[to] = true, true
					reached = append(reached, to)
				}
			}
		}
		from = reached
	}
}
