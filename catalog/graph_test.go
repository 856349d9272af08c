// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// drawGraph makes the nodes and edges of a graph, small enough that cycles are as likely as not.
func drawGraph(t *rapid.T) ([]catalog.Node, []catalog.Edge) {
	n := rapid.IntRange(1, 8).Draw(t, "nodes")
	id := func(i int) string { return fmt.Sprintf("n%d", i) }
	nodes := make([]catalog.Node, n)
	for i := range nodes {
		nodes[i] = catalog.Node{ID: id(i), Kind: catalog.WorkloadNode}
	}
	end := rapid.IntRange(0, n-1)
	edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) catalog.Edge {
		return catalog.Edge{
			From: id(end.Draw(t, "from")), To: id(end.Draw(t, "to")),
			Kind: rapid.SampledFrom([]catalog.EdgeKind{catalog.Reads, catalog.After}).Draw(t, "kind"),
			Role: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "role"),
		}
	}), 0, 12).Draw(t, "edges")
	return nodes, edges
}

func graphOf(nodes []catalog.Node, edges []catalog.Edge) *catalog.Graph {
	g := &catalog.Graph{}
	for _, n := range nodes {
		g.AddNode(n)
	}
	for _, e := range edges {
		g.AddEdge(e)
	}
	return g
}

// left returns the nodes that Kahn's algorithm cannot put into an order: those on cycles, and those behind them.
func left(edges []catalog.Edge) map[string]bool {
	in, nodes := map[string]int{}, map[string]bool{}
	for _, e := range edges {
		in[e.To]++
		nodes[e.From], nodes[e.To] = true, true
	}
	for removed := true; removed; {
		removed = false
		for _, id := range slices.Collect(maps.Keys(nodes)) {
			if in[id] > 0 {
				continue
			}
			delete(nodes, id)
			removed = true
			for _, e := range edges {
				if e.From == id {
					in[e.To]--
				}
			}
		}
	}
	return nodes
}

func TestCyclesAreReportedIfAndOnlyIfThereAreSome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		cycles := graphOf(nodes, edges).Cycles()
		if want := len(left(edges)) > 0; want != (len(cycles) > 0) {
			t.Errorf("Kahn's algorithm finds a cycle: %v; reported are %v", want, cycles)
		}
	})
}

func TestCyclesAreClosedWalks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		inCycle := map[string]bool{}
		for _, c := range graphOf(nodes, edges).Cycles() {
			seen := map[string]bool{}
			for i, e := range c {
				if !slices.Contains(edges, e) {
					t.Errorf("the cycle %s has an edge that nobody added: %+v", c, e)
				}
				if next := c[(i+1)%len(c)]; e.To != next.From {
					t.Errorf("the cycle %s is broken between %s and %s", c, e.To, next.From)
				}
				if seen[e.From] || inCycle[e.From] {
					t.Errorf("%s is reported more than once", e.From)
				}
				seen[e.From] = true
			}
			maps.Copy(inCycle, seen)
		}
	})
}

// TestOneCyclePerGroup compares with an oracle for the groups: who reaches whom, by repeated relaxation.
func TestOneCyclePerGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		reach := map[[2]string]bool{}
		for changed := true; changed; {
			changed = false
			add := func(a, b string) {
				if !reach[[2]string{a, b}] {
					reach[[2]string{a, b}], changed = true, true
				}
			}
			for _, e := range edges {
				add(e.From, e.To)
				for _, n := range nodes {
					if reach[[2]string{n.ID, e.From}] {
						add(n.ID, e.To)
					}
				}
			}
		}
		var want []string // the first node of each group
		for i, n := range nodes {
			first := reach[[2]string{n.ID, n.ID}]
			for _, before := range nodes[:i] {
				if reach[[2]string{n.ID, before.ID}] && reach[[2]string{before.ID, n.ID}] {
					first = false
				}
			}
			if first {
				want = append(want, n.ID)
			}
		}
		var got []string
		for _, c := range graphOf(nodes, edges).Cycles() {
			got = append(got, c[0].From)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestGraphDoesNotDependOnOrder(t *testing.T) {
	type view struct {
		Nodes  []catalog.Node
		Edges  []catalog.Edge
		Cycles []catalog.Cycle
	}
	look := func(g *catalog.Graph) view { return view{g.Nodes(), g.Edges(), g.Cycles()} }
	rapid.Check(t, func(t *rapid.T) {
		nodes, edges := drawGraph(t)
		want := look(graphOf(nodes, edges))
		got := look(graphOf(rapid.Permutation(nodes).Draw(t, "shuffled nodes"), rapid.Permutation(edges).Draw(t, "shuffled edges")))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-in order +shuffled:\n%s", diff)
		}
	})
}

func TestLongChain(t *testing.T) {
	const n = 100_000
	g := &catalog.Graph{}
	id := func(i int) string { return fmt.Sprintf("n%06d", i%n) }
	for i := range n - 1 {
		g.AddEdge(catalog.Edge{From: id(i), To: id(i + 1)})
	}
	if cycles := g.Cycles(); len(cycles) > 0 {
		t.Errorf("a chain has %d cycles, want none", len(cycles))
	}
	g.AddEdge(catalog.Edge{From: id(n - 1), To: id(n)})
	if cycles := g.Cycles(); len(cycles) != 1 || len(cycles[0]) != n {
		t.Errorf("a closed chain has %d cycles, want one of %d edges", len(cycles), n)
	}
}
