// SPDX-License-Identifier: Apache-2.0

package layered_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

// drawGraph makes any graph: circles, edges from a node to itself, edges twice, and pins.
func drawGraph(t *rapid.T) layered.Graph {
	var g layered.Graph
	n := rapid.IntRange(1, 25).Draw(t, "nodes")
	for range n {
		node := layered.Node{W: rapid.IntRange(1, 200).Draw(t, "w"), H: rapid.IntRange(1, 90).Draw(t, "h")}
		if pin := rapid.IntRange(0, 9).Draw(t, "pin"); pin < 2 {
			node = layered.Node{H: 8, Pin: layered.Pin(1 + pin)}
		}
		g.Nodes = append(g.Nodes, node)
	}
	for range rapid.IntRange(0, 50).Draw(t, "edges") {
		e := layered.Edge{From: rapid.IntRange(0, n-1).Draw(t, "from"), To: rapid.IntRange(0, n-1).Draw(t, "to")}
		a, b := g.Nodes[e.From], g.Nodes[e.To]
		if a.Pin != layered.Free && b.Pin != layered.Free {
			continue // ports are joined to boxes only
		}
		e.FromY, e.ToY = rapid.IntRange(0, a.H).Draw(t, "fromY"), rapid.IntRange(0, b.H).Draw(t, "toY")
		g.Edges = append(g.Edges, e)
	}
	return g
}

func options(t *rapid.T) layered.Options {
	return layered.Options{Columns: 30, Nodes: 10, Edges: 6, Stretch: rapid.Bool().Draw(t, "stretch")}
}

func TestNothingOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, o := drawGraph(t), options(t)
		l, err := layered.Compute(g, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range l.Boxes {
			if a.X < 0 || a.Y < 0 || a.X+a.W > l.W || a.Y+a.H > l.H {
				t.Fatalf("box %d is at %+v, outside of the layout of %d × %d", i, a, l.W, l.H)
			}
			if a.W < g.Nodes[i].W || a.H != g.Nodes[i].H {
				t.Fatalf("box %d is %d × %d, and the node %d × %d", i, a.W, a.H, g.Nodes[i].W, g.Nodes[i].H)
			}
			for j, b := range l.Boxes[:i] {
				if a.X <= b.X+b.W && b.X <= a.X+a.W && a.Y < b.Y+b.H+o.Nodes && b.Y < a.Y+a.H+o.Nodes {
					t.Fatalf("boxes %d %+v and %d %+v are nearer than %d", i, a, j, b, o.Nodes)
				}
			}
		}
	})
}

func TestRoutesKeepClearOfBoxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		l, err := layered.Compute(g, options(t))
		if err != nil {
			t.Fatal(err)
		}
		for e, edge := range g.Edges {
			runs := l.Routes[e].Runs
			if edge.From == edge.To {
				if runs != nil {
					t.Fatalf("edge %d leads from a node to itself, and has the route %v", e, runs)
				}
				continue
			}
			from, to := l.Boxes[edge.From], l.Boxes[edge.To]
			begin, end := from.X+from.W, to.X
			if l.Routes[e].Back {
				begin, end = from.X, to.X+to.W
			}
			want := []layered.Run{{X1: begin, Y: from.Y + edge.FromY}, {X2: end, Y: to.Y + edge.ToY}}
			got := []layered.Run{{X1: runs[0].X1, Y: runs[0].Y}, {X2: runs[len(runs)-1].X2, Y: runs[len(runs)-1].Y}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("edge %d does not join its nodes (-want +got):\n%s", e, diff)
			}
			for i, run := range runs {
				for b, box := range l.Boxes {
					if b == edge.From || b == edge.To {
						continue
					}
					if crosses(run.X1, run.X2, run.Y, run.Y, box) {
						t.Fatalf("edge %d, run %+v, leads through box %d %+v", e, run, b, box)
					}
					if i > 0 && crosses(runs[i-1].X2, run.X1, runs[i-1].Y, run.Y, box) {
						t.Fatalf("edge %d, the curve from %+v to %+v, leads through box %d %+v", e, runs[i-1], run, b, box)
					}
				}
			}
		}
	})
}

// crosses reports whether what lies between two points reaches into a box.
func crosses(x1, x2, y1, y2 int, b layered.Box) bool {
	return max(x1, x2) > b.X && min(x1, x2) < b.X+b.W && max(y1, y2) >= b.Y && min(y1, y2) <= b.Y+b.H
}

func TestEdgesLeadToTheRight(t *testing.T) {
	cases := map[string]struct {
		reason string
		nodes  int
		edges  [][2]int
		back   []bool
	}{
		"chain":      {"What has an order keeps it.", 3, [][2]int{{0, 1}, {1, 2}}, []bool{false, false}},
		"diamond":    {"Two ways to one node are no circle.", 4, [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}}, []bool{false, false, false, false}},
		"circle":     {"One edge of a circle leads back, and no more.", 3, [][2]int{{0, 1}, {1, 2}, {2, 0}}, []bool{false, false, true}},
		"late begin": {"A circle is entered where something leads into it.", 4, [][2]int{{3, 1}, {0, 1}, {1, 2}, {2, 0}}, []bool{false, true, false, false}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := layered.Graph{Nodes: make([]layered.Node, tc.nodes)}
			for i := range g.Nodes {
				g.Nodes[i] = layered.Node{W: 10, H: 10}
			}
			for _, e := range tc.edges {
				g.Edges = append(g.Edges, layered.Edge{From: e[0], To: e[1]})
			}
			l, err := layered.Compute(g, layered.Options{Columns: 10, Nodes: 10, Edges: 5})
			if err != nil {
				t.Fatal(err)
			}
			var back []bool
			for _, r := range l.Routes {
				back = append(back, r.Back)
			}
			if diff := cmp.Diff(tc.back, back); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEdgesAreStraightWhereTheyCanBe(t *testing.T) {
	g := layered.Graph{Nodes: []layered.Node{{W: 50, H: 20}, {W: 50, H: 20}, {W: 50, H: 20}, {W: 50, H: 20}}}
	for i := range 3 {
		g.Edges = append(g.Edges, layered.Edge{From: i, To: i + 1, FromY: 10, ToY: 10})
	}
	l, err := layered.Compute(g, layered.Options{Columns: 30, Nodes: 10, Edges: 5})
	if err != nil {
		t.Fatal(err)
	}
	for e, r := range l.Routes {
		for _, run := range r.Runs {
			if run.Y != 10 {
				t.Errorf("edge %d of a chain is at %d, want 10", e, run.Y)
			}
		}
	}
}

func TestCrossingsAreTakenOut(t *testing.T) {
	// Two chains that are declared across each other: 0 → 3 and 1 → 2.
	g := layered.Graph{Nodes: []layered.Node{{W: 9, H: 9}, {W: 9, H: 9}, {W: 9, H: 9}, {W: 9, H: 9}}, Edges: []layered.Edge{{From: 0, To: 3}, {From: 1, To: 2}, {From: 0, To: 2}}}
	l, err := layered.Compute(g, layered.Options{Columns: 30, Nodes: 10, Edges: 5})
	if err != nil {
		t.Fatal(err)
	}
	if above, below := l.Boxes[0].Y < l.Boxes[1].Y, l.Boxes[3].Y < l.Boxes[2].Y; above != below {
		t.Errorf("edges cross: boxes are at %+v", l.Boxes)
	}
}

func TestEdgesFromOnePlaceShareTheirWay(t *testing.T) {
	// 0 leads to the chain 1 → 2 → 3, and to 4 and 5 behind it.
	g := layered.Graph{Nodes: make([]layered.Node, 6)}
	for i := range g.Nodes {
		g.Nodes[i] = layered.Node{W: 20, H: 20}
	}
	for _, e := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {3, 5}, {0, 4}, {0, 5}} {
		g.Edges = append(g.Edges, layered.Edge{From: e[0], To: e[1], FromY: 10, ToY: 10})
	}
	l, err := layered.Compute(g, layered.Options{Columns: 30, Nodes: 10, Edges: 5})
	if err != nil {
		t.Fatal(err)
	}
	a, b := l.Routes[5].Runs, l.Routes[6].Runs
	if diff := cmp.Diff(a[:len(a)-1], b[:len(b)-1]); diff != "" {
		t.Errorf("edges from one node part before they have to (-want +got):\n%s", diff)
	}
}

func TestLimit(t *testing.T) {
	// A chain, and an edge from its beginning to its end that passes all of it.
	var g layered.Graph
	for i := range 1000 {
		g.Nodes = append(g.Nodes, layered.Node{W: 1, H: 1})
		if i > 0 {
			g.Edges = append(g.Edges, layered.Edge{From: i - 1, To: i})
		}
	}
	g.Edges = append(g.Edges, layered.Edge{From: 0, To: 999})
	if _, err := layered.Compute(g, layered.Options{Limit: 1998}); err != nil {
		t.Errorf("1,998 places are enough: %v", err)
	}
	if _, err := layered.Compute(g, layered.Options{Limit: 1997}); err == nil {
		t.Error("1,997 places are too few, and there is no error")
	}
}
