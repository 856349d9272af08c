// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

// arrange lays out a graph island by island: what has nothing to do with each other is put in rows, so that a picture of
// many small parts is not one high column.
func arrange(g layered.Graph, o layered.Options) (layered.Layout, error) {
	islands := islandsOf(g)
	out := layered.Layout{Boxes: make([]layered.Box, len(g.Nodes)), Routes: make([]layered.Route, len(g.Edges))}
	layouts := make([]layered.Layout, len(islands))
	area, widest := 0, 0
	for i, p := range islands {
		l, err := layered.Compute(p.graph, o)
		if err != nil {
			return out, err
		}
		layouts[i] = l
		area += (l.W + between) * (l.H + between)
		widest = max(widest, l.W)
	}
	order := make([]int, len(islands))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(islands[b].nodes), len(islands[a].nodes)) })
	limit := max(widest, root(area*8/5))
	x, y, row := 0, 0, 0
	for _, i := range order {
		l := layouts[i]
		if x > 0 && x+l.W > limit {
			x, y, row = 0, y+row+between, 0
		}
		for k, n := range islands[i].nodes {
			box := l.Boxes[k]
			out.Boxes[n] = layered.Box{X: box.X + x, Y: box.Y + y, W: box.W, H: box.H}
		}
		for k, e := range islands[i].edges {
			out.Routes[e] = layered.Route{Runs: shift(l.Routes[k].Runs, x, y), Back: l.Routes[k].Back}
		}
		out.W, out.H = max(out.W, x+l.W), max(out.H, y+l.H)
		x, row = x+l.W+between, max(row, l.H)
	}
	return out, nil
}

// island is nodes that hang together, by their numbers in the whole, and the edges between them.
type island struct {
	nodes, edges []int
	graph        layered.Graph
}

func islandsOf(g layered.Graph) []island {
	top := make([]int, len(g.Nodes))
	for i := range top {
		top[i] = i
	}
	find := func(i int) int {
		for top[i] != i {
			top[i] = top[top[i]]
			i = top[i]
		}
		return i
	}
	for _, e := range g.Edges {
		a, b := find(e.From), find(e.To)
		top[max(a, b)] = min(a, b)
	}
	var islands []island
	at, inside := map[int]int{}, make([]int, len(g.Nodes))
	for i, n := range g.Nodes {
		r := find(i)
		k, ok := at[r]
		if !ok {
			k = len(islands)
			at[r] = k
			islands = append(islands, island{})
		}
		inside[i] = len(islands[k].nodes)
		islands[k].nodes = append(islands[k].nodes, i)
		islands[k].graph.Nodes = append(islands[k].graph.Nodes, n)
	}
	for i, e := range g.Edges {
		p := &islands[at[find(e.From)]]
		p.edges = append(p.edges, i)
		e.From, e.To = inside[e.From], inside[e.To]
		p.graph.Edges = append(p.graph.Edges, e)
	}
	return islands
}

// root is the whole part of a square root.
func root(n int) int {
	r := 0
	for bit := 1 << 30; bit > 0; bit >>= 1 {
		if (r+bit)*(r+bit) <= n {
			r += bit
		}
	}
	return r
}
