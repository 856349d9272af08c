// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// NodeKind tells the nodes of the graph apart.
type NodeKind string

// The kinds of node.
const (
	DatasetNode  NodeKind = "dataset"
	WorkloadNode NodeKind = "workload"
	// DAGNode is a DAG that a DAG file of a project has: "project/dag:dag_id".
	DAGNode NodeKind = "dag"
)

// Node is a dataset ("project/name@version"), a workload ("project/name"), or a DAG of Airflow that uses datasets ("project/dag:dag_id").
type Node struct {
	ID   string   `json:"id"`
	Kind NodeKind `json:"kind"`
}

// EdgeKind says what makes an edge.
type EdgeKind string

// The kinds of edge.
const (
	// Reads goes from a dataset to the workload that reads it.
	Reads EdgeKind = "reads"
	// Writes goes from a workload to the dataset that it writes.
	Writes EdgeKind = "writes"
	// After goes from a workload to the one that runs after it.
	After EdgeKind = "after"
	// Inlet goes from a dataset to a DAG of which a task reads it while it runs. Nothing waits for it, so that it is part of no cycle.
	Inlet EdgeKind = "inlet"
	// DependsOn goes from a project to another one whose releases wait for its.
	DependsOn EdgeKind = "dependsOn"
)

// Edge says that From comes before To.
type Edge struct {
	From string   `json:"from"`
	To   string   `json:"to"`
	Kind EdgeKind `json:"kind"`
	// Role is the name that the workload gives to the dataset; of "after" and "dependsOn", the name of what comes
	// before.
	Role string `json:"role"`
}

// Because is the sentence of the declaration that makes the edge, such as "orders/clean reads rates/fx@1".
func (e Edge) Because() string {
	switch e.Kind {
	case Reads:
		return e.To + " reads " + e.From
	case Writes:
		return e.From + " writes " + e.To
	case DependsOn:
		return e.To + " depends on " + e.From
	case Inlet:
		return e.To + " has " + e.From + " as an inlet"
	default:
		return e.To + " runs after " + e.From
	}
}

// declarer is what declares the edge: a workload, "project/name", or a project.
func (e Edge) declarer() string {
	if e.Kind == Writes {
		return e.From
	}
	return e.To
}

// workload is the name of the workload that declares the edge.
func (e Edge) workload() string {
	_, name, _ := strings.Cut(e.declarer(), "/")
	return name
}

func (e Edge) compare(o Edge) int {
	return cmp.Or(strings.Compare(e.From, o.From), strings.Compare(e.To, o.To), cmp.Compare(e.Kind, o.Kind), strings.Compare(e.Role, o.Role))
}

// EdgePosition finds where an edge is declared.
func (c *Catalog) EdgePosition(e Edge) v1alpha1.Position {
	project, _, _ := strings.Cut(e.declarer(), "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return v1alpha1.Position{}
	}
	return c.edgePosition(p, e)
}

// edgePosition finds where an edge of a project is declared.
func (c *Catalog) edgePosition(p *Project, e Edge) v1alpha1.Position {
	if at, ok := p.dagPlaces[e]; ok {
		return at
	}
	_, name, _ := strings.Cut(e.declarer(), "/")
	if e.Kind == DependsOn {
		return p.Document.Position("spec", "dependsOn", slices.Index(p.Spec.DependsOn, e.Role))
	}
	w, i, ok := p.Workload(name)
	switch {
	case !ok:
		return p.Document.Position()
	case e.Kind == After:
		return p.Document.Position("spec", "workloads", i, "after", slices.Index(w.After, e.Role))
	default:
		return p.Document.Position("spec", "workloads", i, string(e.Kind), e.Role)
	}
}

// NodePosition finds where a dataset or workload is declared.
func (c *Catalog) NodePosition(id string) v1alpha1.Position {
	project, local, _ := strings.Cut(id, "/")
	p, ok := c.projects.Get(project)
	if !ok {
		return v1alpha1.Position{}
	}
	if at, ok := p.dagNodes[id]; ok {
		return at
	}
	if _, i, ok := p.Dataset(local); ok {
		return p.Document.Position("spec", "datasets", i)
	}
	_, i, _ := p.Workload(local)
	return p.Document.Position("spec", "workloads", i)
}

// Graph returns the DAG of all projects' datasets and workloads.
func (c *Catalog) Graph() *Graph {
	g := &Graph{}
	for p := range c.Projects() {
		for _, id := range p.ids {
			g.AddNode(Node{ID: id, Kind: DatasetNode})
		}
		for i := range p.Spec.Workloads {
			if w := &p.Spec.Workloads[i]; !p.excludedEverywhere(w) {
				g.AddNode(Node{ID: workloadID(p.Name, w.Name), Kind: WorkloadNode})
			}
		}
	}
	for p := range c.Projects() {
		for id := range p.dagNodes {
			g.AddNode(Node{ID: id, Kind: DAGNode})
		}
		for _, e := range p.flow() {
			g.AddEdge(e)
		}
	}
	return g
}

// dependencies returns the graph of the projects that depend on each other.
func (c *Catalog) dependencies() *Graph {
	g := &Graph{}
	for p := range c.Projects() {
		for _, e := range p.needs {
			g.AddEdge(e)
		}
	}
	return g
}

// Graph is the directed graph of datasets and workloads. The zero value is an empty graph. Results do not depend
// on the order in which nodes and edges were added.
type Graph struct {
	index map[string]int
	nodes []Node
	out   [][]outEdge
}

// outEdge is an edge as the node keeps it that it leaves.
type outEdge struct {
	to   int
	kind EdgeKind
	role string
}

// AddNode adds a node; adding it again replaces it.
func (g *Graph) AddNode(n Node) { g.nodes[g.node(n.ID)] = n }

// has reports whether there is a node.
func (g *Graph) has(id string) bool {
	_, ok := g.index[id]
	return ok
}

// node returns the number of a node, which is new if nobody has asked for it before.
func (g *Graph) node(id string) int {
	i, ok := g.index[id]
	if ok {
		return i
	}
	if g.index == nil {
		g.index = map[string]int{}
	}
	i = len(g.nodes)
	g.index[id] = i
	g.nodes = append(g.nodes, Node{ID: id})
	g.out = append(g.out, nil)
	return i
}

// AddEdge adds an edge. Ends that no node was added for count as nodes all the same.
func (g *Graph) AddEdge(e Edge) {
	from, to := g.node(e.From), g.node(e.To)
	g.out[from] = append(g.out[from], outEdge{to: to, kind: e.Kind, role: e.Role})
}

// Nodes lists the nodes by id.
func (g *Graph) Nodes() []Node {
	nodes := slices.Clone(g.nodes)
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.ID, b.ID) })
	return nodes
}

// Edges lists the edges by their ends.
func (g *Graph) Edges() []Edge {
	var edges []Edge
	for i := range g.nodes {
		edges = append(edges, g.outOf(i)...)
	}
	slices.SortFunc(edges, Edge.compare)
	return edges
}

// outOf returns the edges that leave a node, in a fixed order.
func (g *Graph) outOf(i int) []Edge {
	edges := make([]Edge, len(g.out[i]))
	for j, e := range g.out[i] {
		edges[j] = Edge{From: g.nodes[i].ID, To: g.nodes[e.to].ID, Kind: e.kind, Role: e.role}
	}
	slices.SortFunc(edges, Edge.compare)
	return edges
}
