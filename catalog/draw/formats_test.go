// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/test/mermaidtest"
)

func draws(f draw.Format, g draw.Graph, o draw.Options) (string, error) {
	var b bytes.Buffer
	err := draw.Write(&b, f, g, o)
	return b.String(), err
}

// checkXML holds a picture to being XML of elements that do nothing but show.
func checkXML(t fataler, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains([]string{"svg", "title", "style", "g", "rect", "path", "text", "tspan"}, start.Name.Local) {
			t.Errorf("there is an element %q", start.Name.Local)
		}
		for _, a := range start.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") || a.Name.Local == "style" {
				t.Errorf("the element %q has the attribute %q", start.Name.Local, a.Name.Local)
			}
		}
	}
}

// mermaidLine is what there is in a flowchart: anything else would be an escape.
var mermaidLine = regexp.MustCompile(`^(flowchart LR|  %% [^{}"]*|  subgraph p\d+\["L"\]|  end| +n\d+(\["L"\]|\(\["L"\]\))|  cut\["L"\]:::note` +
	`|  n\d+ (-->|-\.->)(\|"L"\|)? n\d+|  classDef [a-z]+ [a-z0-9#:, -]+|  class [n\d,]+ [a-z]+|  linkStyle [\d,]+ stroke:#cf222e,stroke-width:3px)$`)

// mermaidLabel is a label: letters, digits, few signs, and numbers of characters.
var mermaidLabel = regexp.MustCompile(`"(?:[a-zA-Z0-9 /@,·-]|[^\x00-\x7f]|#\d+;|<br/>)*"`)

func checkMermaid(t fataler, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if bare := mermaidLabel.ReplaceAllString(line, `"L"`); !mermaidLine.MatchString(bare) {
			t.Errorf("there is a line %q", line)
		}
	}
	if len(text) > 50_000 {
		t.Errorf("there are %d bytes, and GitHub takes 50,000 characters", len(text))
	}
}

// checkText holds a text to what a terminal shows and does not obey.
func checkText(t fataler, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("there is the character %U", r)
		}
	}
}

func checkJSON(t fataler, text string) {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Errorf("this is no JSON: %s", text)
	}
}

func TestHostileFormats(t *testing.T) {
	checkXML(t, write(t, draw.SVG, hostile(), draw.Options{}))
	checkMermaid(t, write(t, draw.Mermaid, hostile(), draw.Options{}))
	checkText(t, write(t, draw.Text, hostile(), draw.Options{Width: 80}))
	checkJSON(t, write(t, draw.JSON, hostile(), draw.Options{}))
}

func TestColourChangesNothingElse(t *testing.T) {
	sequence := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, g := range map[string]draw.Graph{"acme": acme(), "cyclic": cyclic(), "large": platform(20), "tree": shapes()} {
		o := draw.Options{Title: name, Width: 70}
		want := write(t, draw.Text, g, o)
		o.Color = true
		if diff := cmp.Diff(want, sequence.ReplaceAllString(write(t, draw.Text, g, o), "")); diff != "" {
			t.Errorf("%s (-plain +coloured):\n%s", name, diff)
		}
	}
}

// TestJSONIsAsDocumented reads the graph back by the names of the package comment.
func TestJSONIsAsDocumented(t *testing.T) {
	var got struct {
		APIVersion, Kind, Title, FoldedBy string
		Summary                           struct{ Nodes, Edges, WholeNodes, WholeEdges int }
		Nodes                             []struct {
			ID, Kind, Project, Owner string
			Holds                    draw.Counts
		}
		Edges []struct {
			From, To, Kind string
			Count          int
			Datasets       []string
		}
	}
	if err := json.Unmarshal([]byte(write(t, draw.JSON, acme(), draw.Options{Title: "acme", Fold: draw.Always})), &got); err != nil {
		t.Fatal(err)
	}
	if got.APIVersion != "graph.trunkline.dev/v1" || got.Kind != "Graph" || got.Title != "acme" || got.FoldedBy != "project" {
		t.Errorf("the envelope is %+v", got)
	}
	if s := got.Summary; s.Nodes != 5 || s.Edges != 4 || s.WholeNodes != 12 || s.WholeEdges != 12 {
		t.Errorf("the summary is %+v", s)
	}
	if len(got.Nodes) != 5 || got.Nodes[1].ID != "orders" || got.Nodes[1].Holds != (draw.Counts{Projects: 1, Datasets: 2, Workloads: 3}) {
		t.Errorf("the nodes are %+v", got.Nodes)
	}
	if e := got.Edges[0]; e.From != "orders" || e.To != "revenue" || e.Kind != "feeds" || e.Count != 1 || !slices.Equal(e.Datasets, []string{"orders/orders-clean@1"}) {
		t.Errorf("the first edge is %+v", e)
	}
}

// TestMermaidParses holds diagrams to Mermaid's own parser: the goldens' graphs, one that is cut, and random ones.
func TestMermaidParses(t *testing.T) {
	texts := map[string]string{"large": write(t, draw.Mermaid, platform(3000), draw.Options{Fold: draw.Never})}
	folds := []draw.Folding{draw.Auto, draw.Always, draw.Never}
	for name, g := range map[string]draw.Graph{"acme": acme(), "changed": changed(), "cyclic": cyclic(), "hostile": hostile(), "shapes": shapes(), "empty": {}} {
		for _, fold := range folds {
			texts[name+", folded: "+string(fold)] = write(t, draw.Mermaid, g, draw.Options{Title: name, Fold: fold})
		}
	}
	random := rapid.Custom(anyGraph)
	for seed := range 100 {
		texts[fmt.Sprintf("random %d", seed)] = write(t, draw.Mermaid, random.Example(seed), draw.Options{Fold: folds[seed%len(folds)]})
	}
	mermaidtest.Check(t, texts)
}
