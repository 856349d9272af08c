package catalog

import (
	"cmp"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// NodeKind tells the nodes of the graph apart.
type NodeKind string

// The kinds of node.
const (
	DatasetNode  NodeKind = "dataset"
	WorkloadNode NodeKind = "workload"
)

// Node is a dataset ("project/name@version") or a workload ("project/name").
type Node struct {
	ID       string            `json:"id"`
	Kind     NodeKind          `json:"kind"`
	Position v1alpha1.Position `json:"position"`
}

// Edge says that From comes before To.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Because is the sentence of the declaration that makes the edge, such as "orders/clean reads rates/fx@1".
	Because  string            `json:"because"`
	Position v1alpha1.Position `json:"position"`
}

// Graph is the directed graph of datasets and workloads. The zero value is an empty graph. Its methods do not
// depend on the order in which nodes and edges were added.
type Graph struct {
	nodes map[string]Node
	out   map[string][]Edge
}

// AddNode adds a node; adding it again replaces it.
func (g *Graph) AddNode(n Node) {
	if g.nodes == nil {
		g.nodes = map[string]Node{}
	}
	g.nodes[n.ID] = n
}

// AddEdge adds an edge. Ends that no node was added for count as nodes all the same.
func (g *Graph) AddEdge(e Edge) {
	if g.out == nil {
		g.out = map[string][]Edge{}
	}
	g.out[e.From] = append(g.out[e.From], e)
}

// Nodes lists the nodes by id.
func (g *Graph) Nodes() []Node {
	nodes := make([]Node, 0, len(g.nodes))
	for _, id := range sortedKeys(g.nodes) {
		nodes = append(nodes, g.nodes[id])
	}
	return nodes
}

// Edges lists the edges by their ends.
func (g *Graph) Edges() []Edge {
	var edges []Edge
	for _, id := range sortedKeys(g.out) {
		edges = append(edges, g.outOf(id)...)
	}
	return edges
}

// outOf gives the edges that leave a node, in a fixed order.
func (g *Graph) outOf(id string) []Edge {
	return slices.SortedStableFunc(slices.Values(g.out[id]), func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.To, b.To), a.Position.Compare(b.Position), cmp.Compare(a.Because, b.Because))
	})
}
