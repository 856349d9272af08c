// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"fmt"
	"math/rand/v2"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw"
)

// anyGraph makes graphs that need not be valid: cycles, missing ends, nodes and edges that are there twice.
func anyGraph(t *rapid.T) draw.Graph {
	var g draw.Graph
	project := rapid.SampledFrom([]string{"a", "b", "c", "d", "with \"quotes\""})
	id := func(t *rapid.T) string {
		p, n := project.Draw(t, "project"), rapid.IntRange(0, 3).Draw(t, "name")
		if rapid.Bool().Draw(t, "dataset") {
			return fmt.Sprintf("%s/d-%d@1", p, n)
		}
		return fmt.Sprintf("%s/w-%d", p, n)
	}
	for range rapid.IntRange(0, 25).Draw(t, "nodes") {
		g.Nodes = append(g.Nodes, draw.Node{
			ID: id(t), Owner: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "owner"), Detail: rapid.SampledFrom([]string{"", "detail"}).Draw(t, "detail"),
			Suspended: rapid.Bool().Draw(t, "suspended"), Focus: rapid.IntRange(0, 9).Draw(t, "focus") == 0,
		})
	}
	for range rapid.IntRange(0, 40).Draw(t, "edges") {
		g.Edges = append(g.Edges, draw.Edge{
			From: id(t), To: id(t), Kind: rapid.SampledFrom([]draw.EdgeKind{draw.Reads, draw.Writes, draw.After}).Draw(t, "kind"),
			Role: rapid.SampledFrom([]string{"main", "other"}).Draw(t, "role"), Position: at("p", rapid.IntRange(0, 3).Draw(t, "line"), 1),
		})
	}
	return g
}

// shuffled returns the same graph in another order, with some of it twice.
func shuffled(g draw.Graph, seed uint64) draw.Graph {
	r := rand.New(rand.NewPCG(seed, seed))
	var out draw.Graph
	out.Nodes = append(append(out.Nodes, g.Nodes...), g.Nodes[:len(g.Nodes)/2]...)
	out.Edges = append(append(out.Edges, g.Edges...), g.Edges[len(g.Edges)/2:]...)
	r.Shuffle(len(out.Nodes), func(i, j int) { out.Nodes[i], out.Nodes[j] = out.Nodes[j], out.Nodes[i] })
	r.Shuffle(len(out.Edges), func(i, j int) { out.Edges[i], out.Edges[j] = out.Edges[j], out.Edges[i] })
	return out
}
