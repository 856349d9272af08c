// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
)

// drawn returns a graph as it is drawn.
func drawn(g *catalog.Graph) *draw.Graph {
	out := &draw.Graph{}
	for _, n := range g.Nodes() {
		project, _, _ := strings.Cut(n.ID, "/")
		out.Nodes = append(out.Nodes, draw.Node{ID: n.ID, Kind: draw.Kind(n.Kind), Project: project})
	}
	for _, e := range g.Edges() {
		out.Edges = append(out.Edges, draw.Edge{From: e.From, To: e.To, Kind: draw.EdgeKind(e.Kind), Role: e.Role, Because: e.Because()})
	}
	return out
}

func nodeIDs(g *catalog.Graph) (ids []string) {
	for _, n := range g.Nodes() {
		ids = append(ids, n.ID)
	}
	return ids
}

// cycleNodes are the nodes of each cycle, in order.
func cycleNodes(cycles []catalog.Cycle) (out [][]string) {
	for _, c := range cycles {
		var nodes []string
		for _, e := range c {
			nodes = append(nodes, e.From)
		}
		out = append(out, nodes)
	}
	return out
}
