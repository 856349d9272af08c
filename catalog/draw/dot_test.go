// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph/formats/dot"
	"gonum.org/v1/gonum/graph/formats/dot/ast"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw"
)

// dotParts counts what a parser of the language finds in a graph.
type dotParts struct{ Clusters, Nodes, Edges int }

func parseDot(t fataler, text string) dotParts {
	t.Helper()
	file, err := dot.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Graphs) != 1 {
		t.Errorf("there are %d graphs, want 1", len(file.Graphs))
	}
	var parts dotParts
	nodes := map[string]bool{}
	var walk func([]ast.Stmt)
	walk = func(list []ast.Stmt) {
		for _, s := range list {
			switch s := s.(type) {
			case *ast.Subgraph:
				parts.Clusters++
				walk(s.Stmts)
			case *ast.NodeStmt:
				nodes[s.Node.ID] = true
			case *ast.EdgeStmt:
				parts.Edges++
				to := s.To.Vertex.(*ast.Node)
				if !nodes[s.From.(*ast.Node).ID] || !nodes[to.ID] {
					t.Errorf("the edge from %v to %v has an end that is no node", s.From, to)
				}
			case *ast.Attr:
				t.Errorf("an attribute by itself: %v", s)
			}
		}
	}
	walk(file.Graphs[0].Stmts)
	parts.Nodes = len(nodes)
	return parts
}

func TestDotIsDot(t *testing.T) {
	cases := map[string]struct {
		graph draw.Graph
		fold  draw.Folding
		want  dotParts
	}{
		"acme":    {acme(), draw.Auto, dotParts{5, 12, 12}},
		"folded":  {acme(), draw.Always, dotParts{0, 5, 4}},
		"cyclic":  {cyclic(), draw.Auto, dotParts{4, 10, 12}},
		"hostile": {hostile(), draw.Auto, dotParts{28, 73, 72}},
		"large":   {platform(100), draw.Auto, dotParts{0, 100, 290}},
		"empty":   {draw.Graph{}, draw.Auto, dotParts{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := parseDot(t, write(t, draw.Dot, tc.graph, draw.Options{Fold: tc.fold}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNamesEndNothing draws graphs of any names, and reads them again.
func TestNamesEndNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\"\\<>&#;`'[]{}|%-/@\n\r\x00\x1b\u202e"))))
		checkNames(t, name.Draw(t, "a"), name.Draw(t, "b"))
	})
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"orders", `a"b\`, "</svg>", "]]>", "#quot;", "a\nb", "\xff", "`x`", "%%{init}%%"} {
		f.Add(s, "b@1")
	}
	f.Fuzz(func(t *testing.T, a, b string) { checkNames(t, a, b) })
}

func checkNames(t fataler, a, b string) {
	t.Helper()
	g := draw.Graph{
		Nodes: []draw.Node{{ID: "p/" + a + "/1", Project: "p", Owner: b, Label: b, Detail: a}, {ID: "q/" + b + "/2", Project: "q" + a, Suspended: true, Focus: true}},
		Edges: []draw.Edge{{From: "p/" + a + "/1", To: "q/" + b + "/2", Kind: draw.Writes, Role: b, Because: a}},
	}
	for _, fold := range []draw.Folding{draw.Never, draw.Always} {
		o := draw.Options{Title: a, Fold: fold, Width: 40}
		texts := map[draw.Format]string{}
		for _, format := range draw.Formats() {
			text, err := draws(format, g, o)
			if err != nil {
				t.Fatal(err)
			}
			texts[format] = text
		}
		if got := parseDot(t, texts[draw.Dot]); got.Nodes != 2 || got.Edges != 1 {
			t.Errorf("dot has %+v, want 2 nodes and 1 edge:\n%s", got, texts[draw.Dot])
		}
		checkXML(t, texts[draw.SVG])
		checkMermaid(t, texts[draw.Mermaid])
		checkText(t, texts[draw.Text])
		checkJSON(t, texts[draw.JSON])
	}
}
