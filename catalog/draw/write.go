// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is a way to draw a graph.
type Format string

const (
	// Text is for people at a terminal: what each workload reads and writes, or a tree around the node with the focus.
	Text Format = "text"
	// Dot is for Graphviz, and what reads its language.
	Dot Format = "dot"
	// Mermaid is for Markdown on GitHub, within the limits that it has there.
	Mermaid Format = "mermaid"
	// JSON is for programs; the package comment documents it.
	JSON Format = "json"
	// SVG is a picture for browsers that needs nothing else.
	SVG Format = "svg"
)

// Formats lists all formats.
func Formats() []Format { return []Format{Text, Dot, Mermaid, JSON, SVG} }

// ParseFormat finds the format of a name.
func ParseFormat(name string) (Format, error) {
	return parse("format", name, Formats())
}

// Folding reports whether projects are drawn as one node each.
type Folding string

const (
	// Auto folds a graph that is too large for the format, by project and then by owner. It is the default.
	Auto Folding = "auto"
	// Always folds by project, and further if the format needs it.
	Always Folding = "always"
	// Never draws all that there is, or fails.
	Never Folding = "never"
)

// ParseFolding finds the folding of a name.
func ParseFolding(name string) (Folding, error) {
	return parse("folding", name, []Folding{Auto, Always, Never})
}

func parse[T ~string](what, name string, known []T) (T, error) {
	if slices.Contains(known, T(name)) {
		return T(name), nil
	}
	var names []string
	for _, k := range known {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("unknown %s %q; choose one of %s", what, name, strings.Join(names, ", "))
}

// Options are how a graph is drawn.
type Options struct {
	// Title says what is drawn, such as "acme, environment prod"; empty says nothing.
	Title string
	// Fold is Auto if it is empty.
	Fold Folding
	// Width is how many columns the terminal has; 0 where there is none, and lines may be of any length. Color is
	// whether it has colours. Both are for Text.
	Width int
	Color bool
	// Inline leaves the style and the background out of an SVG that is part of a page, which has [Stylesheet]. Link returns where a
	// node of it leads; empty: nowhere.
	Inline bool
	Link   func(*Node) string
}

// drawing is what the formats draw.
type drawing struct {
	*index
	options Options
	// whole counts what there was before it was folded.
	whole total
	// folded is by what it was folded, empty where it was not.
	folded By
	// notes say what is not as it was asked for.
	notes []string
}

// Write draws a graph; its output is deterministic. If the graph is larger than the format can draw, it writes nothing
// and returns a [*TooLargeError].
func Write(w io.Writer, format Format, g Graph, o Options) error {
	if _, err := ParseFormat(string(format)); err != nil {
		return err
	}
	if format == SVG {
		p, err := Lay(g, o)
		if err != nil {
			return err
		}
		return p.Write(w, nil)
	}
	d, err := reduce(format, newIndex(g), o)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	switch format {
	case Dot:
		d.dot(out)
	case Mermaid:
		d.mermaid(out)
	case JSON:
		err = d.json(out)
	default:
		d.text(out)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}
