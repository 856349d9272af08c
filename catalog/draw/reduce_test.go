// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog/draw"
)

// element is one of XML; sentences of a picture are broken into several.
var element = regexp.MustCompile(`</?(text|tspan)[^>]*>`)

// many is a graph of so many projects with one node each, of different owners, and no edges.
func many(projects, owners int) draw.Graph {
	var g draw.Graph
	for i := range projects {
		g.Nodes = append(g.Nodes, draw.Node{ID: fmt.Sprintf("p-%d/w", i), Owner: fmt.Sprintf("team-%d", i%owners)})
	}
	return g
}

func TestFolding(t *testing.T) {
	cases := map[string]struct {
		reason string
		format draw.Format
		graph  draw.Graph
		fold   draw.Folding
		says   string // empty: nothing about folding
		err    string
	}{
		"text small":    {"A small graph is drawn whole.", draw.Text, platform(10), draw.Auto, "", ""},
		"text large":    {"A large one is folded, and says how to unfold it.", draw.Text, platform(11), draw.Auto, "folded by project, for 154 nodes and 169 edges are more than the 150 nodes that text draws one by one; --fold=never draws them all", ""},
		"text never":    {"What must not be folded is not.", draw.Text, platform(300), draw.Never, "", ""},
		"dot large":     {"Graphviz takes more than people do.", draw.Dot, platform(72), draw.Auto, "folded by project, for 1,008 nodes and 1,145 edges are more than the 1,000 nodes that dot draws one by one; --fold=never draws them all", ""},
		"mermaid large": {"GitHub takes 500 edges.", draw.Mermaid, platform(20), draw.Auto, "folded by project, for 280 nodes and 313 edges are more than the 150 nodes and 500 edges that mermaid draws one by one; --fold=never draws them all", ""},
		"svg projects":  {"A picture of a larger graph is one of projects.", draw.SVG, platform(40), draw.Auto, "folded by project, for 560 nodes and 633 edges are more than the 400 nodes and 1,200 edges that svg draws one by one; --fold=never draws them all", ""},
		"svg owners": {
			"A picture of very many projects is one of owners, and does not promise what is impossible.", draw.SVG, many(10_000, 300), draw.Auto,
			"folded by owner, for 10,000 nodes and 0 edges are more than the 400 nodes and 1,200 edges that svg draws one by one; select a project or the surroundings of a node to see them", "",
		},
		"svg owners on demand": {
			"What was to be folded, and is still too large, is folded further.", draw.SVG, many(10_000, 300), draw.Always,
			"folded by owner: folded by project there are 10,000 nodes and 0 edges, more than the 400 nodes and 1,200 edges that svg draws", "",
		},
		"svg too many owners": {
			"A picture that nobody could read is refused.", draw.SVG, many(10_000, 500), draw.Auto, "",
			"folded by owner, the graph still has 500 nodes and 0 edges, and svg draws at most 400 nodes and 1,200 edges; select a project or the surroundings of a node, or write dot, json or text",
		},
		"svg never": {
			"A picture that would take minutes is refused.", draw.SVG, many(10_000, 1), draw.Never, "",
			"the graph has 10,000 nodes and 0 edges, and svg draws at most 2,000 nodes and 6,000 edges; fold it, select a project or the surroundings of a node, or write dot, json or text",
		},
		"json":            {"Programs get everything.", draw.JSON, platform(1000), draw.Auto, "", ""},
		"unknown folding": {"A word that means nothing is told.", draw.Text, acme(), "perhaps", "", `unknown folding "perhaps"; choose one of auto, always, never`},
		"unknown format":  {"A word that means nothing is told.", "png", acme(), draw.Auto, "", `unknown format "png"; choose one of text, dot, mermaid, json, svg`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text, err := draws(tc.format, tc.graph, draw.Options{Fold: tc.fold})
			said := ""
			if err != nil {
				said = err.Error()
			}
			if diff := cmp.Diff(tc.err, said); diff != "" {
				t.Fatalf("%s Error (-want +got):\n%s", tc.reason, diff)
			}
			if err != nil {
				if text != "" {
					t.Errorf("there is an error, and %d bytes all the same", len(text))
				}
				return
			}
			if tc.format == draw.Mermaid {
				text = strings.NewReplacer("#59;", ";", "#61;", "=").Replace(text)
			}
			text = strings.Join(strings.Fields(element.ReplaceAllString(text, " ")), " ")
			if !strings.Contains(text, tc.says) || tc.says == "" && strings.Contains(text, "folded by") {
				t.Errorf("%s It should say %q:\n%.600s", tc.reason, tc.says, text)
			}
		})
	}
}

func TestTooLargeIsAType(t *testing.T) {
	_, err := draws(draw.SVG, many(10_000, 500), draw.Options{})
	var large *draw.TooLargeError
	if !errors.As(err, &large) {
		t.Fatalf("the error is %v", err)
	}
	want := draw.TooLargeError{Format: draw.SVG, Nodes: 500, MaxNodes: 400, MaxEdges: 1200, Folded: draw.ByOwner}
	if diff := cmp.Diff(want, *large); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// A graph that has few nodes and needs very many places: a chain, and edges from each of its nodes to its end.
	var g draw.Graph
	for i := range 300 {
		g.Edges = append(g.Edges, draw.Edge{From: fmt.Sprintf("p/w-%03d", i), To: fmt.Sprintf("p/w-%03d", i+1), Kind: draw.After})
		g.Edges = append(g.Edges, draw.Edge{From: fmt.Sprintf("p/w-%03d", i), To: "p/w-300", Kind: draw.After, Role: "end"})
	}
	if _, err := draws(draw.SVG, g, draw.Options{}); !errors.As(err, &large) {
		t.Errorf("the error is %v", err)
	}
}

func TestMermaidSaysWhatIsCut(t *testing.T) {
	cases := map[string]struct {
		reason string
		graph  draw.Graph
		says   string
	}{
		"edges": {"No more edges than GitHub takes.", platform(100), "cut to fit: 955 of 1,400 nodes and 1,093 of 1,593 edges are not shown"},
		"text":  {"No more text than GitHub takes.", many(5000, 1), "nodes and 0 of 0 edges are not shown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := write(t, draw.Mermaid, tc.graph, draw.Options{Fold: draw.Never})
			checkMermaid(t, text)
			if edges := strings.Count(text, " --> "); edges > 500 {
				t.Errorf("there are %d edges, and GitHub takes 500", edges)
			}
			if readable := strings.NewReplacer("#58;", ":").Replace(text); !strings.Contains(readable, tc.says) {
				t.Errorf("%s It should say %q: %s", tc.reason, tc.says, readable)
			}
		})
	}
}

// TestLongChainsStaySmall draws what is as deep as it is large: no line may be as long as the chain.
func TestLongChainsStaySmall(t *testing.T) {
	var g draw.Graph
	for i := range 10_000 {
		g.Edges = append(g.Edges, draw.Edge{From: fmt.Sprintf("p/w-%05d", i), To: fmt.Sprintf("p/w-%05d", i+1), Kind: draw.After})
	}
	part, err := draw.Select(g, draw.Selection{Node: "p/w-05000"})
	if err != nil {
		t.Fatal(err)
	}
	text := write(t, draw.Text, part, draw.Options{Fold: draw.Never})
	if len(text) > 10_000 {
		t.Errorf("the tree has %d bytes", len(text))
	}
	if !strings.Contains(text, "p/w-05024") || strings.Contains(text, "p/w-05025") || !strings.Contains(text, "what lies behind it: draw around this node") {
		t.Errorf("the tree should end after 24 steps, and say so:\n%s", text)
	}
	for _, f := range draw.Formats() {
		for _, fold := range []draw.Folding{draw.Auto, draw.Always, draw.Never} {
			if _, err := draws(f, g, draw.Options{Fold: fold}); err != nil && f != draw.SVG {
				t.Errorf("%s, fold %s: %v", f, fold, err)
			}
		}
	}
}

// TestHubsStayReadable draws a dataset that very many read.
func TestHubsStayReadable(t *testing.T) {
	b := &builder{}
	b.dataset("hub/events@1", "team", 1)
	b.workload("hub/write", "team", "", 1)
	b.writes("hub/write", "hub/events@1", 1)
	for i := range 3000 {
		b.reads(fmt.Sprintf("p-%04d/read", i), "main", "hub/events@1", 1)
	}
	text := write(t, draw.Text, b.Graph, draw.Options{Fold: draw.Never, Width: 80})
	want := "     writes events@1  → p-0000/read, p-0001/read, p-0002/read and 2,997 more\n"
	if !strings.Contains(text, want) {
		t.Errorf("it should say %q:\n%.300s", want, text)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestWriteErrorsAreTold(t *testing.T) {
	for _, f := range draw.Formats() {
		if err := draw.Write(broken{}, f, acme(), draw.Options{}); err == nil || err.Error() != "the disk is full" {
			t.Errorf("%s: the error is %v", f, err)
		}
		if err := draw.Write(broken{}, f, platform(300), draw.Options{}); err == nil {
			t.Errorf("%s: a large graph is written without an error", f)
		}
	}
}

// TestJSONHasEverything holds JSON to the graph.
func TestJSONHasEverything(t *testing.T) {
	g := platform(200)
	var got struct {
		Nodes []struct{ ID string }
		Edges []struct{ From string }
	}
	if err := json.Unmarshal([]byte(write(t, draw.JSON, g, draw.Options{})), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Nodes) != len(g.Nodes) || len(got.Edges) != len(g.Edges) {
		t.Errorf("there are %d nodes and %d edges, want %d and %d", len(got.Nodes), len(got.Edges), len(g.Nodes), len(g.Edges))
	}
}
