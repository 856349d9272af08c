// SPDX-License-Identifier: Apache-2.0

// Package mermaid draws Mermaid flowcharts as SVG, where there is no browser that runs Mermaid: the graph is the same, the
// picture is our own. It reads the part of the language that comments use, and refuses the rest and what is beyond GitHub's
// limits, so that what is shown here is shown there.
//
// Of Trunkline it may import catalog/draw/layered.
package mermaid

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits of Mermaid as GitHub runs it.
const (
	maxText  = 50_000
	maxEdges = 500
)

// Node is a box.
type Node struct {
	ID, Label string
	// Shape is the brackets that it is written in, such as "[" or "([".
	Shape string
	// Group is the title of the subgraph that it is in.
	Group   string
	classes []string
}

// Edge is an arrow, or a line where it has no head.
type Edge struct {
	From, To, Label       string
	Dotted, Thick, NoHead bool
	style                 map[string]string
}

// Graph is a flowchart.
type Graph struct {
	// Down reports whether it goes from top to bottom rather than from left to right; Back, whether it goes the other way.
	Down, Back bool
	Nodes      []*Node
	Edges      []*Edge
	classes    map[string]map[string]string
	byID       map[string]*Node
	groups     []string
}

var (
	header    = regexp.MustCompile(`^(?:flowchart|graph)(?:[ \t]+(LR|RL|TB|TD|BT))?[ \t]*;?$`)
	identity  = regexp.MustCompile(`^[\pL\pN_](?:[\pL\pN_./]|-[\pL\pN_])*`)
	link      = regexp.MustCompile(`^(<?)(--+|==+|-\.+-)([>xo]?)`)
	labelled  = regexp.MustCompile(`^(--|==|-\.)[ \t]+([^|>-]+?)[ \t]+(-->|---|==>|===|\.->|\.-)`)
	piped     = regexp.MustCompile(`^\|("[^"]*"|[^|"]*)\|`)
	subgraph  = regexp.MustCompile(`^subgraph[ \t]+([^\[" \t]+)?[ \t]*(?:\["?([^"\]]*)"?\]|"([^"]*)"|([^\["].*))?$`)
	character = regexp.MustCompile(`#(\d{1,7}|quot|amp|lt|gt);`)
	breaks    = regexp.MustCompile(`(?i)<br[ ]*/?>`)
)

// brackets are the shapes of nodes, the longest first.
var brackets = [][2]string{
	{"(((", ")))"}, {"([", "])"}, {"[[", "]]"}, {"[(", ")]"}, {"((", "))"}, {"{{", "}}"}, {"[/", "/]"}, {"[", "]"}, {"(", ")"}, {"{", "}"}, {">", "]"},
}

// Parse reads a flowchart.
func Parse(source string) (*Graph, error) {
	if utf8.RuneCountInString(source) > maxText {
		return nil, fmt.Errorf("the diagram has more than %d characters, and GitHub shows an error instead", maxText)
	}
	g := &Graph{classes: map[string]map[string]string{}, byID: map[string]*Node{}}
	begun := false
	for i, line := range strings.Split(source, "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		if line == "" || strings.HasPrefix(line, "%%") {
			continue
		}
		if !begun {
			m := header.FindStringSubmatch(line)
			if m == nil {
				return nil, fmt.Errorf("line %d: %q is no flowchart", i+1, line)
			}
			g.Down = m[1] == "" || m[1] == "TB" || m[1] == "TD" || m[1] == "BT"
			g.Back = m[1] == "RL" || m[1] == "BT"
			begun = true
			continue
		}
		if err := g.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	switch {
	case !begun:
		return nil, fmt.Errorf("the diagram is empty")
	case len(g.groups) > 0:
		return nil, fmt.Errorf("a subgraph has no end")
	case len(g.Edges) > maxEdges:
		return nil, fmt.Errorf("the diagram has more than %d edges, and GitHub shows an error instead", maxEdges)
	}
	return g, nil
}

func (g *Graph) line(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	if word == "classDef" || word == "style" || word == "linkStyle" {
		if at := strings.IndexAny(rest, "()<>{}"); at >= 0 {
			return fmt.Errorf("a style cannot have %q", rest[at:at+1])
		}
	}
	switch word {
	case "subgraph":
		m := subgraph.FindStringSubmatch(line)
		if m == nil {
			return fmt.Errorf("%q is no subgraph", line)
		}
		title := m[1]
		for _, t := range m[2:] {
			if t != "" {
				title = t
			}
		}
		g.groups = append(g.groups, unescape(title))
		return nil
	case "end":
		if len(g.groups) == 0 {
			return fmt.Errorf("there is no subgraph to end")
		}
		g.groups = g.groups[:len(g.groups)-1]
		return nil
	case "classDef":
		name, style, _ := strings.Cut(strings.TrimSpace(rest), " ")
		g.classes[name] = styleOf(style)
		return nil
	case "class":
		ids, name, _ := strings.Cut(strings.TrimSpace(rest), " ")
		for id := range strings.SplitSeq(ids, ",") {
			if n := g.byID[id]; n != nil {
				n.classes = append(n.classes, strings.TrimSpace(name))
			}
		}
		return nil
	case "style":
		id, style, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if n := g.byID[id]; n != nil {
			n.classes = append(n.classes, "style of "+id)
			g.classes["style of "+id] = styleOf(style)
		}
		return nil
	case "linkStyle":
		return g.linkStyle(strings.TrimSpace(rest))
	case "direction", "click", "accTitle:", "accDescr:":
		return nil
	default:
		return g.chain(line)
	}
}

func (g *Graph) linkStyle(rest string) error {
	numbers, style, _ := strings.Cut(rest, " ")
	for number := range strings.SplitSeq(numbers, ",") {
		n, err := strconv.Atoi(number)
		if number == "default" {
			continue
		}
		if err != nil || n < 0 || n >= len(g.Edges) {
			return fmt.Errorf("there is no link %q to style", number)
		}
		g.Edges[n].style = styleOf(style)
	}
	return nil
}

// chain reads nodes and the links between them: a --> b & c -.->|label| d.
func (g *Graph) chain(line string) error {
	from, rest, err := g.nodes(line)
	if err != nil {
		return err
	}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		var e Edge
		if rest, err = e.read(rest); err != nil {
			return err
		}
		var to []*Node
		if to, rest, err = g.nodes(strings.TrimSpace(rest)); err != nil {
			return err
		}
		for _, a := range from {
			for _, b := range to {
				added := e
				added.From, added.To = a.ID, b.ID
				g.Edges = append(g.Edges, &added)
			}
		}
		from = to
	}
	return nil
}

// read reads a link and what is written on it.
func (e *Edge) read(s string) (rest string, err error) {
	if m := labelled.FindStringSubmatch(s); m != nil {
		e.Label = unescape(strings.Trim(m[2], `"`))
		e.Dotted, e.Thick = m[1] == "-.", m[1] == "=="
		e.NoHead = !strings.HasSuffix(m[3], ">")
		return s[len(m[0]):], nil
	}
	m := link.FindStringSubmatch(s)
	if m == nil {
		return "", fmt.Errorf("%q is no link", s)
	}
	e.Dotted, e.Thick, e.NoHead = strings.HasPrefix(m[2], "-."), strings.HasPrefix(m[2], "="), m[3] == ""
	if e.NoHead && len(m[2]) < 3 {
		return "", fmt.Errorf("%q is no link", s)
	}
	s = strings.TrimLeft(s[len(m[0]):], " \t")
	if p := piped.FindStringSubmatch(s); p != nil {
		e.Label = unescape(strings.Trim(p[1], `"`))
		s = s[len(p[0]):]
	}
	return s, nil
}

// nodes reads one node or several that are joined with "&".
func (g *Graph) nodes(s string) (out []*Node, rest string, err error) {
	for {
		n, after, err := g.node(s)
		if err != nil {
			return nil, "", err
		}
		out = append(out, n)
		s = strings.TrimSpace(after)
		if !strings.HasPrefix(s, "&") {
			return out, s, nil
		}
		s = strings.TrimSpace(s[1:])
	}
}

func (g *Graph) node(s string) (*Node, string, error) {
	id := identity.FindString(s)
	if id == "" {
		return nil, "", fmt.Errorf("%q begins with no node", s)
	}
	n := g.byID[id]
	if n == nil {
		n = &Node{ID: id, Label: id, Shape: "["}
		g.byID[id] = n
		g.Nodes = append(g.Nodes, n)
	}
	if len(g.groups) > 0 && n.Group == "" {
		n.Group = g.groups[len(g.groups)-1]
	}
	s = s[len(id):]
	for _, b := range brackets {
		inside, ok := strings.CutPrefix(s, b[0])
		if !ok {
			continue
		}
		text, after, err := label(inside, b[1])
		if err != nil {
			return nil, "", fmt.Errorf("node %s: %w", id, err)
		}
		n.Label, n.Shape, s = unescape(text), b[0], after
		break
	}
	if class, ok := strings.CutPrefix(s, ":::"); ok {
		name := identity.FindString(class)
		n.classes = append(n.classes, name)
		s = class[len(name):]
	}
	return n, s, nil
}

// label reads the text of a node up to its closing bracket; in quotes, it may have brackets itself.
func label(s, closing string) (text, rest string, err error) {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		text, rest, ok = strings.Cut(quoted, `"`)
		rest, closed := strings.CutPrefix(rest, closing)
		if !ok || !closed {
			return "", "", fmt.Errorf("the label is not closed")
		}
		return text, rest, nil
	}
	text, rest, ok := strings.Cut(s, closing)
	if !ok || strings.ContainsAny(text, `()[]{}"|`) {
		return "", "", fmt.Errorf("the label is not closed, or has brackets outside of quotes")
	}
	return text, rest, nil
}

// unescape puts characters in the place of their numbers, as Mermaid does after it has parsed the text.
func unescape(s string) string {
	s = breaks.ReplaceAllString(s, "\n")
	return character.ReplaceAllStringFunc(s, func(m string) string {
		word := m[1 : len(m)-1]
		if named, ok := map[string]string{"quot": `"`, "amp": "&", "lt": "<", "gt": ">"}[word]; ok {
			return named
		}
		n, err := strconv.Atoi(word)
		if err != nil || !utf8.ValidRune(rune(n)) || n < 32 {
			return "�"
		}
		return string(rune(n))
	})
}

// value is what a style may say.
var value = regexp.MustCompile(`^[#\w .%-]{1,40}$`)

func styleOf(s string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		name, v, ok := strings.Cut(part, ":")
		if v = strings.TrimSpace(v); ok && value.MatchString(v) {
			out[strings.TrimSpace(name)] = v
		}
	}
	return out
}
