// SPDX-License-Identifier: Apache-2.0

package mermaid_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/mermaidtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/mermaid"
)

// language has what is drawn of the language.
const language = `flowchart LR
  %% a comment
  subgraph p0["orders · team"]
    n0["clean<br/>dbt"]:::hot
    n1(["orders#40;raw#41;@1"])
  end
  n1 --> n0 -.-> later
  n0 ==>|new| orders-clean
  a & b -- carries --> c
  c --- d
  classDef hot fill:#ff0000,stroke:#00ff00
  class n1 hot
  linkStyle 0 stroke:#cf222e,stroke-width:3px
`

func TestParse(t *testing.T) {
	g, err := mermaid.Parse(language)
	if err != nil {
		t.Fatal(err)
	}
	var nodes, edges []string
	for _, n := range g.Nodes {
		nodes = append(nodes, n.ID+"|"+n.Label+"|"+n.Shape+"|"+n.Group)
	}
	for _, e := range g.Edges {
		kind := "-"
		if e.Dotted {
			kind = "."
		}
		if e.Thick {
			kind = "="
		}
		if e.NoHead {
			kind += "|"
		}
		edges = append(edges, e.From+kind+e.To+":"+e.Label)
	}
	if d := cmp.Diff([]string{
		"n0|clean\ndbt|[|orders · team", "n1|orders(raw)@1|([|orders · team", "later|later|[|", "orders-clean|orders-clean|[|", "a|a|[|", "b|b|[|", "c|c|[|", "d|d|[|",
	}, nodes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"n1-n0:", "n0.later:", "n0=orders-clean:new", "a-c:carries", "b-c:carries", "c-|d:"}, edges); d != "" {
		t.Error(d)
	}
}

// refused is what GitHub shows an error for.
func refused() map[string]string {
	many := "flowchart LR\n" + strings.Repeat("a --> b\n", 501)
	return map[string]string{
		"Empty": "", "OtherKind": "sequenceDiagram\n  a->>b: x", "NoLink": "flowchart LR\n a b", "Unclosed": "flowchart LR\n a[\"x\n", "Brackets": "flowchart LR\n a[x(y)]",
		"NoEnd": "flowchart LR\n subgraph x\n a", "End": "flowchart LR\n end", "Edges": many, "Text": "flowchart LR\n" + strings.Repeat("%% xxxxxxxx\n", 5000),
		"LinkStyle": "flowchart LR\n a --> b\n linkStyle 1 stroke:red", "HalfALink": "flowchart LR\n a -- b", "Style": "flowchart LR\n a --> b\n classDef hot fill:#ff0000,stroke:url(javascript:alert(1))", "At": "flowchart LR\n orders-clean@1 --> b",
	}
}

func TestRefused(t *testing.T) {
	for name, source := range refused() {
		if _, err := mermaid.SVG(source); err == nil {
			t.Errorf("%s is drawn", name)
		}
	}
}

// TestOurOwnDiagrams draws what Trunkline draws.
func TestOurOwnDiagrams(t *testing.T) {
	files, err := filepath.Glob("../../../../catalog/draw/testdata/*.mermaid")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d diagrams: %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		svg, err := mermaid.SVG(string(source))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		wellFormed(t, svg)
	}
	for _, way := range []string{"TB", "RL", "BT", "TD"} {
		svg, err := mermaid.SVG("flowchart " + way + "\n a[\"one\"] -->|\"why\"| b{two}\n b --> a\n b --> b\n")
		if err != nil {
			t.Errorf("%s: %v", way, err)
		}
		wellFormed(t, svg)
	}
}

// TestMermaidAgrees holds our reading of the language to Mermaid's own: what is drawn here has the same nodes and edges
// there, and what GitHub shows an error for is refused by both.
func TestMermaidAgrees(t *testing.T) {
	texts := map[string]string{
		"language": language, "down": "flowchart TD\n a[\"one\"] -->|\"why\"| b{two}\n b --> a\n b --> b", "graph": "graph LR;\n a((x)) ==> b{{y}} -.- c;",
		"names": "flowchart LR\n orders-clean --> c.1\n c.1 ==>|new| revenue_daily/2",
	}
	none := refused()
	delete(none, "OtherKind") // Mermaid draws other kinds, too
	delete(none, "Text")      // and looks at the length only when it draws
	maps.Copy(texts, none)
	for name, got := range mermaidtest.Parse(t, texts) {
		if _, ok := none[name]; ok {
			if got.Error == "" {
				t.Errorf("%s is refused by us, and Mermaid draws it: %+v", name, got)
			}
			continue
		}
		g, err := mermaid.Parse(texts[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var ours mermaidtest.Graph
		for _, n := range g.Nodes {
			ours.Nodes = append(ours.Nodes, n.ID)
		}
		for _, e := range g.Edges {
			ours.Edges = append(ours.Edges, e.From+" "+e.To)
		}
		got.Subgraphs = 0 // ours are titles of nodes
		slices.Sort(got.Nodes)
		slices.Sort(ours.Nodes)
		if diff := cmp.Diff(got, ours); diff != "" {
			t.Errorf("%s (-Mermaid +ours):\n%s", name, diff)
		}
	}
}

// TestHeads holds the heads of arrows to their ends, also where an edge of a circle leads back.
func TestHeads(t *testing.T) {
	for name, tt := range map[string]struct {
		source     string
		start, end int
	}{
		"On":      {"flowchart LR\n a --> b", 0, 1},
		"Circle":  {"flowchart LR\n a --> b\n b --> a", 1, 1},
		"Left":    {"flowchart RL\n a --> b", 1, 0},
		"Neither": {"flowchart LR\n a --- b", 0, 0},
	} {
		svg, err := mermaid.SVG(tt.source)
		if err != nil {
			t.Fatal(err)
		}
		if start, end := strings.Count(svg, "marker-start"), strings.Count(svg, "marker-end"); start != tt.start || end != tt.end {
			t.Errorf("%s: %d heads at the left ends and %d at the right ones, want %d and %d", name, start, end, tt.start, tt.end)
		}
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the picture is no XML: %v\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			switch e.Name.Local {
			case "svg", "defs", "marker", "path", "rect", "polygon", "text", "tspan":
			default:
				t.Errorf("the picture has <%s>", e.Name.Local)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" {
					t.Errorf("the picture has %s=%q", a.Name.Local, a.Value)
				}
			}
		}
	}
}

func FuzzSVG(f *testing.F) {
	for _, s := range []string{
		"flowchart LR\n a --> b", "graph\na[\"<script>\"]-->|x|b", "flowchart TB\nsubgraph x[\"y\"]\na\nend\nclass a b\nclassDef b fill:#fff", "flowchart LR\na((x)) ==> b{{y}} -.- c", "flowchart LR\n a:::\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 2000 {
			return
		}
		if svg, err := mermaid.SVG(strings.ToValidUTF8(source, "")); err == nil && strings.IndexFunc(source, func(r rune) bool { return r < 32 && r != '\n' && r != '\t' }) < 0 {
			wellFormed(t, svg)
		}
	})
}
