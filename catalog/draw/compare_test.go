// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
)

func node(id string, change draw.Change) draw.Node { return draw.Node{ID: id, Change: change} }

func edge(from, to string, kind draw.EdgeKind) draw.Edge {
	return draw.Edge{From: from, To: to, Kind: kind}
}

// marks lists what is marked in a graph.
func marks(g draw.Graph) (out []string) {
	for _, n := range g.Nodes {
		if n.Change != "" {
			out = append(out, string(n.Change)+" "+n.ID)
		}
	}
	for _, e := range g.Edges {
		if e.Change != "" {
			out = append(out, string(e.Change)+" "+e.From+" > "+e.To)
		}
	}
	return out
}

func TestCompare(t *testing.T) {
	usual := draw.Graph{
		Nodes: []draw.Node{{ID: "a/x@1"}, {ID: "a/w", Detail: "spark"}, {ID: "a/y@1"}},
		Edges: []draw.Edge{edge("a/x@1", "a/w", draw.Reads), edge("a/w", "a/y@1", draw.Writes)},
	}
	for _, tc := range []struct {
		reason        string
		before, after draw.Graph
		want          []string
	}{
		{"The same is marked nowhere.", usual, usual, nil},
		{"Where something is declared is no change.", usual, draw.Graph{
			Nodes: []draw.Node{{ID: "a/x@1", Position: v1alpha1.Position{File: "moved.yaml", Line: 3}}, {ID: "a/w", Detail: "spark"}, {ID: "a/y@1"}}, Edges: usual.Edges,
		}, nil},
		{"A second version.", usual, draw.Graph{
			Nodes: append([]draw.Node{{ID: "a/y@2"}}, usual.Nodes...), Edges: append([]draw.Edge{edge("a/w", "a/y@2", draw.Writes)}, usual.Edges...),
		}, []string{"added a/y@2", "added a/w > a/y@2"}},
		{"Something goes, and its edges do.", usual, draw.Graph{Nodes: usual.Nodes[:2], Edges: usual.Edges[:1]}, []string{"removed a/y@1", "removed a/w > a/y@1"}},
		{"A workload says something else, or is marked.", usual, draw.Graph{
			Nodes: []draw.Node{{ID: "a/x@1"}, {ID: "a/w", Detail: "job"}, {ID: "a/y@1", Change: draw.Touched}}, Edges: usual.Edges,
		}, []string{"touched a/w", "touched a/y@1"}},
		{"What is removed and still referred to is removed.", usual, draw.Graph{Nodes: usual.Nodes[:2], Edges: usual.Edges}, []string{"removed a/y@1"}},
		{"Of nothing, all is new.", draw.Graph{}, draw.Graph{Nodes: usual.Nodes[:1]}, []string{"added a/x@1"}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, marks(draw.Compare(tc.before, tc.after))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestWhatIsRemovedClosesNoCycle: an edge that turns around is no cycle of the old and the new one.
func TestWhatIsRemovedClosesNoCycle(t *testing.T) {
	nodes := []draw.Node{node("a/v", ""), node("a/w", "")}
	before := draw.Graph{Nodes: nodes, Edges: []draw.Edge{edge("a/v", "a/w", draw.After)}}
	after := draw.Graph{Nodes: nodes, Edges: []draw.Edge{edge("a/w", "a/v", draw.After)}}
	for _, f := range draw.Formats() {
		var out strings.Builder
		if err := draw.Write(&out, f, draw.Compare(before, after), draw.Options{}); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.Contains(text, "circle") || strings.Contains(text, "#cf222e") || strings.Contains(text, `"cycle"`) || strings.Contains(text, `class="edge after cycle`) {
			t.Errorf("%s shows a cycle:\n%s", f, text)
		}
	}
}

// TestWhatIsRemovedIsNoPartOfACycle: a cycle that stays is marked, and what is removed from it is not.
func TestWhatIsRemovedIsNoPartOfACycle(t *testing.T) {
	nodes := []draw.Node{node("a/u", ""), node("a/v", ""), node("a/w", "")}
	circle := []draw.Edge{edge("a/u", "a/v", draw.After), edge("a/v", "a/w", draw.After), edge("a/w", "a/u", draw.After)}
	before := draw.Graph{Nodes: nodes, Edges: append(circle[:3:3], edge("a/u", "a/w", draw.After))}
	g, err := draw.Select(draw.Compare(before, draw.Graph{Nodes: nodes, Edges: circle}), draw.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range g.Edges {
		if e.Cycle == (e.Change == draw.Removed) {
			t.Errorf("%s > %s: cycle %v, change %q", e.From, e.To, e.Cycle, e.Change)
		}
	}
}

func TestNear(t *testing.T) {
	chain := draw.Graph{
		Nodes: []draw.Node{node("a/a", ""), node("a/b", ""), node("a/c", draw.Touched), node("a/d", ""), node("a/e", "")},
		Edges: []draw.Edge{edge("a/a", "a/b", draw.After), edge("a/b", "a/c", draw.After), edge("a/c", "a/d", draw.After), edge("a/d", "a/e", draw.After)},
	}
	for depth, want := range []int{1, 3, 5, 5} {
		if g := draw.Near(chain, depth); len(g.Nodes) != want || len(g.Edges) != want-1 {
			t.Errorf("at depth %d there are %d nodes and %d edges, want %d and %d", depth, len(g.Nodes), len(g.Edges), want, want-1)
		}
	}
	if g := draw.Near(draw.Graph{Nodes: []draw.Node{node("a/a", "")}}, 3); len(g.Nodes) != 0 {
		t.Errorf("without a change there are %d nodes", len(g.Nodes))
	}
}

// TestCompareIsSymmetric: what one way adds, the other way removes.
func TestCompareIsSymmetric(t *testing.T) {
	ids := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a/a", "a/b", "a/c@1", "b/a", "b/c@1"}), rapid.ID[string])
	rapid.Check(t, func(rt *rapid.T) {
		graph := func(name string) (g draw.Graph) {
			list := ids.Draw(rt, name)
			for i, id := range list {
				g.Nodes = append(g.Nodes, node(id, ""))
				if i > 0 {
					g.Edges = append(g.Edges, edge(list[i-1], id, draw.After))
				}
			}
			return g
		}
		a, b := graph("a"), graph("b")
		turn := map[string]string{"added": "removed", "removed": "added", "touched": "touched"}
		there, back := map[string]bool{}, map[string]bool{}
		for _, m := range marks(draw.Compare(a, b)) {
			word, rest, _ := strings.Cut(m, " ")
			there[turn[word]+" "+rest] = true
		}
		for _, m := range marks(draw.Compare(b, a)) {
			back[m] = true
		}
		if diff := cmp.Diff(there, back); diff != "" {
			rt.Error(diff)
		}
	})
}
