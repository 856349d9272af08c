// SPDX-License-Identifier: Apache-2.0

// Package mermaidtest holds flowcharts to Mermaid's own parser, which draws them at GitHub.
//
// Mermaid is what hack/mermaid/install.sh puts into .cache/mermaid, which "make mermaid" and "make test" call. Tests that
// need it are of tier 2.
//
// Of Trunkline it imports test/cached.
package mermaidtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/test/cached"
)

//go:embed parse.mjs
var script string

// maxCharacters is how long a diagram may be at GitHub, which refuses longer ones. The parser does not look.
const maxCharacters = 50_000

// Graph is what Mermaid's parser finds in a text.
type Graph struct {
	// Nodes are the names of nodes, and Edges their ends, as "from to".
	Nodes, Edges []string
	Subgraphs    int
	// Error is why the text is refused; empty if it is not.
	Error string
}

// Parse returns what Mermaid's parser finds in each text. It skips the test in short runs.
func Parse(tb testing.TB, texts map[string]string) map[string]Graph {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs Mermaid's parser; left out by -short")
	}
	folder, err := cached.Path("mermaid", "mermaid")
	if err != nil {
		tb.Fatal(err)
	}
	found, err := parse(tb, folder, texts)
	if err != nil {
		tb.Fatalf("asking Mermaid's parser: %v", err)
	}
	return found
}

func parse(tb testing.TB, folder string, texts map[string]string) (map[string]Graph, error) {
	tb.Helper()
	dir := tb.TempDir()
	program, in, out := filepath.Join(dir, "parse.mjs"), filepath.Join(dir, "in.json"), filepath.Join(dir, "out.json")
	data, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string][]byte{program: []byte(script), in: data} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return nil, err
		}
	}
	if said, err := exec.CommandContext(tb.Context(), "node", program, folder, in, out).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	if data, err = os.ReadFile(out); err != nil {
		return nil, err
	}
	found := map[string]Graph{}
	return found, json.Unmarshal(data, &found)
}

// Check holds diagrams of catalog/draw to Mermaid's parser: it accepts them, and finds the nodes, edges and subgraphs that
// they have lines for, and no others.
func Check(tb testing.TB, texts map[string]string) {
	tb.Helper()
	if len(texts) == 0 {
		tb.Fatal("there is no diagram to hold to Mermaid's parser")
	}
	found := Parse(tb, texts)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		text := texts[name]
		if n := utf8.RuneCountInString(text); n > maxCharacters {
			tb.Errorf("%s: it has %d characters, and GitHub draws at most %d", name, n, maxCharacters)
		}
		if diff := cmp.Diff(written(text), found[name], cmpopts.EquateEmpty()); diff != "" {
			tb.Errorf("%s: what the text has lines for, and what Mermaid finds (-want +got):\n%s\n%s", name, diff, text)
		}
	}
}

// The lines of what catalog/draw writes.
var (
	nodeLine = regexp.MustCompile(`^ +(n\d+|cut)(?:\[|\(\[)"`)
	edgeLine = regexp.MustCompile(`^  (n\d+) (?:-->|-\.->|==>)(?:\|[^|]*\|)? (n\d+)$`)
)

// written returns what the lines of a text say, in their order.
func written(text string) (g Graph) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch node, edge := nodeLine.FindStringSubmatch(line), edgeLine.FindStringSubmatch(line); {
		case node != nil:
			g.Nodes = append(g.Nodes, node[1])
		case edge != nil:
			g.Edges = append(g.Edges, edge[1]+" "+edge[2])
		case strings.HasPrefix(line, "  subgraph "):
			g.Subgraphs++
		}
	}
	return g
}

// Blocks returns the diagrams of a text in Markdown.
func Blocks(text string) (blocks []string) {
	for _, rest := range strings.Split(text, "\n```mermaid\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		blocks = append(blocks, block)
	}
	return blocks
}
