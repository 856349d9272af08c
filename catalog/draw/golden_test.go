// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog/draw"
)

var update = flag.Bool("update", false, "write the goldens again")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestGoldens(t *testing.T) {
	around := func(g draw.Graph, s draw.Selection) draw.Graph {
		part, err := draw.Select(g, s)
		if err != nil {
			t.Fatal(err)
		}
		return part
	}
	title := draw.Options{Title: "acme, environment prod"}
	folded := draw.Options{Title: "acme, environment prod", Fold: draw.Always}
	cases := map[string]struct {
		reason  string
		format  draw.Format
		graph   draw.Graph
		options draw.Options
	}{
		"acme.txt":               {"All of a small platform: who reads what, and from whom.", draw.Text, acme(), draw.Options{}},
		"acme.dot":               {"A cluster for each project.", draw.Dot, acme(), title},
		"acme.mermaid":           {"A subgraph for each project.", draw.Mermaid, acme(), title},
		"acme.json":              {"Everything, as documented.", draw.JSON, acme(), title},
		"acme.svg":               {"A frame for each project.", draw.SVG, acme(), title},
		"changed.txt":            {"What changes is said.", draw.Text, changed(), draw.Options{}},
		"changed.dot":            {"New edges are thick, old ones dotted.", draw.Dot, changed(), draw.Options{}},
		"changed.mermaid":        {"Classes and styles of links mark what changes.", draw.Mermaid, changed(), draw.Options{}},
		"changed.json":           {"Nodes and edges have their change.", draw.JSON, changed(), draw.Options{}},
		"changed.svg":            {"Classes mark what changes.", draw.SVG, changed(), draw.Options{}},
		"changed-folded.mermaid": {"A folded node is touched by what changes in it.", draw.Mermaid, changed(), draw.Options{Fold: draw.Always}},
		"acme-folded.txt":        {"What projects need of each other.", draw.Text, acme(), folded},
		"acme-folded.dot":        {"A node for each project.", draw.Dot, acme(), folded},
		"acme-folded.mermaid":    {"A node for each project.", draw.Mermaid, acme(), folded},
		"acme-folded.json":       {"Folded nodes say what they hold.", draw.JSON, acme(), folded},
		"acme-folded.svg":        {"Edges are labelled with datasets.", draw.SVG, acme(), folded},
		"acme-owners.txt":        {"Owners need each other in a circle, and that is no cycle.", draw.Text, draw.Fold(acme(), draw.ByOwner), draw.Options{}},
		"acme-colour.txt":        {"Colours change nothing but colours.", draw.Text, acme(), draw.Options{Color: true, Title: "acme"}},
		"acme-narrow.txt":        {"A narrow terminal counts the readers that it has no room for.", draw.Text, acme(), draw.Options{Width: 46}},
		"node.txt": {
			"A tree around a node.", draw.Text, around(acme(), draw.Selection{Node: "revenue/convert"}), draw.Options{},
		},
		"node-upstream.txt": {"One direction of it.", draw.Text, around(acme(), draw.Selection{Node: "alerts/rules", Upstream: true}), draw.Options{}},
		"node-folded.txt": {
			"A tree of projects around the one of the node.", draw.Text, around(acme(), draw.Selection{Node: "revenue/convert"}), draw.Options{Fold: draw.Always},
		},
		"project.txt":    {"A project with its neighbours.", draw.Text, around(acme(), draw.Selection{Project: "revenue"}), draw.Options{}},
		"project.svg":    {"What is of other projects looks it.", draw.SVG, around(acme(), draw.Selection{Project: "revenue"}), draw.Options{}},
		"shapes.svg":     {"Each mark of a node, and the legend for it.", draw.SVG, shapes(), draw.Options{}},
		"shapes.dot":     {"Each mark of a node.", draw.Dot, shapes(), draw.Options{}},
		"shapes.mermaid": {"Each mark of a node.", draw.Mermaid, shapes(), draw.Options{}},
		"cyclic.txt":     {"Cycles are marked and listed, and what is missing is said.", draw.Text, cyclic(), draw.Options{}},
		"cyclic-node.txt": {
			"A tree through a cycle ends.", draw.Text, around(cyclic(), draw.Selection{Node: "a/one@1"}), draw.Options{},
		},
		"cyclic-folded.txt": {"A cycle stays one when it is folded.", draw.Text, cyclic(), draw.Options{Fold: draw.Always}},
		"cyclic.svg":        {"Edges of cycles lead back, and are red.", draw.SVG, cyclic(), draw.Options{}},
		"cyclic-folded.svg": {"A project that holds a cycle is marked.", draw.SVG, cyclic(), draw.Options{Fold: draw.Always}},
		"cyclic.dot":        {"Edges of cycles are red.", draw.Dot, cyclic(), draw.Options{}},
		"cyclic.mermaid":    {"Edges of cycles are red.", draw.Mermaid, cyclic(), draw.Options{}},
		"cyclic.json":       {"Edges of cycles say so.", draw.JSON, cyclic(), draw.Options{}},
		"hostile.txt":       {"No line ends early, and no terminal obeys.", draw.Text, hostile(), draw.Options{Width: 80}},
		"hostile.dot":       {"No string ends early.", draw.Dot, hostile(), draw.Options{}},
		"hostile.mermaid":   {"No label ends early.", draw.Mermaid, hostile(), draw.Options{}},
		"hostile.json":      {"Texts are exact.", draw.JSON, hostile(), draw.Options{}},
		"hostile.svg":       {"No element ends early.", draw.SVG, hostile(), draw.Options{}},
		"empty.txt":         {"Nothing is said too.", draw.Text, draw.Graph{}, draw.Options{}},
		"empty.dot":         {"An empty graph is a graph.", draw.Dot, draw.Graph{}, draw.Options{}},
		"empty.mermaid":     {"An empty graph is a graph.", draw.Mermaid, draw.Graph{}, draw.Options{}},
		"empty.json":        {"Empty lists, and not null.", draw.JSON, draw.Graph{}, draw.Options{}},
		"empty.svg":         {"An empty graph is a picture.", draw.SVG, draw.Graph{}, draw.Options{}},
		"large.txt":         {"A graph that is too large is folded, and the text says how to unfold it.", draw.Text, platform(12), draw.Options{Width: 80}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			golden(t, name, write(t, tc.format, tc.graph, tc.options))
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

// changed is the platform before and after a second version of a dataset takes the place of what one workload wrote.
func changed() draw.Graph {
	before := acme()
	after := draw.Graph{Nodes: append([]draw.Node{}, before.Nodes...), Edges: append([]draw.Edge{}, before.Edges[1:]...)}
	after.Nodes = append(after.Nodes, draw.Node{ID: "orders/orders-clean@3", Kind: draw.Dataset})
	after.Edges = append(after.Edges, draw.Edge{From: "orders/clean", To: "orders/orders-clean@3", Kind: draw.Writes})
	return draw.Compare(before, after)
}
