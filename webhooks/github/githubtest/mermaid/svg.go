// SPDX-License-Identifier: Apache-2.0

package mermaid

import (
	"fmt"
	"html"
	"maps"
	"strings"

	"github.com/mattn/go-runewidth"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

const (
	charWidth  = 8 // pixels of a character of 14 pixels, about
	lineHeight = 18
	padX, padY = 14, 10
	margin     = 12
)

// SVG draws a flowchart. Everything that is read from the source is escaped.
func SVG(source string) (string, error) {
	g, err := Parse(source)
	if err != nil {
		return "", err
	}
	at, index := g.measure()
	layout, err := layered.Compute(at, layered.Options{Columns: g.gap(), Nodes: 18, Edges: 10})
	if err != nil {
		return "", fmt.Errorf("the diagram is too large: %w", err)
	}
	p := &picture{graph: g, layout: layout, index: index}
	return p.draw(), nil
}

// lines are what a node says; the title of its subgraph stands above.
func (n *Node) lines() []string {
	out := strings.Split(n.Label, "\n")
	if n.Group != "" {
		out = append([]string{n.Group}, out...)
	}
	return out
}

// gap is the distance between columns: what is written on edges has to fit in.
func (g *Graph) gap() int {
	widest := 0
	for _, e := range g.Edges {
		if w := len(strings.Split(e.Label, "\n")) * lineHeight; g.Down {
			widest = max(widest, w)
		} else {
			widest = max(widest, textWidth(e.Label))
		}
	}
	return 56 + widest
}

func textWidth(s string) int {
	widest := 0
	for line := range strings.SplitSeq(s, "\n") {
		widest = max(widest, runewidth.StringWidth(line)*charWidth)
	}
	return widest
}

// measure has the size of every node. A flowchart that goes down is laid out lying on its side.
func (g *Graph) measure() (layered.Graph, map[string]int) {
	out, index := layered.Graph{}, map[string]int{}
	for i, n := range g.Nodes {
		index[n.ID] = i
		w, h := textWidth(strings.Join(n.lines(), "\n"))+2*padX, len(n.lines())*lineHeight+2*padY
		if g.Down {
			w, h = h, w
		}
		out.Nodes = append(out.Nodes, layered.Node{W: w, H: h})
	}
	for _, e := range g.Edges {
		from, to := index[e.From], index[e.To]
		if g.Back {
			from, to = to, from
		}
		out.Edges = append(out.Edges, layered.Edge{From: from, To: to, FromY: out.Nodes[from].H / 2, ToY: out.Nodes[to].H / 2})
	}
	return out, index
}

type picture struct {
	graph  *Graph
	layout layered.Layout
	index  map[string]int
	out    strings.Builder
}

func (p *picture) draw() string {
	w, h := p.layout.W, p.layout.H
	if p.graph.Down {
		w, h = h, w
	}
	fmt.Fprintf(&p.out, `<svg class="mermaid" role="img" aria-label="%s" width="%d" height="%d" viewBox="%d %d %d %d" xmlns="http://www.w3.org/2000/svg">`,
		html.EscapeString(p.describe()), w+2*margin, h+2*margin, -margin, -margin, w+2*margin, h+2*margin)
	p.out.WriteString(`<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto-start-reverse"><path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>`)
	for i, e := range p.graph.Edges {
		p.edge(e, p.layout.Routes[i])
	}
	for i, n := range p.graph.Nodes {
		p.node(n, p.layout.Boxes[i])
	}
	p.out.WriteString("</svg>")
	return p.out.String()
}

// describe is the graph in words, for those who do not see it.
func (p *picture) describe() string {
	var edges []string
	for _, e := range p.graph.Edges {
		text := p.graph.byID[e.From].Label + " → " + p.graph.byID[e.To].Label
		if e.Label != "" {
			text += " (" + e.Label + ")"
		}
		edges = append(edges, strings.ReplaceAll(text, "\n", " "))
	}
	if len(edges) == 0 {
		return fmt.Sprintf("a diagram of %d nodes", len(p.graph.Nodes))
	}
	return strings.Join(edges, "; ")
}

// point turns a place of the layout into one of the picture.
func (p *picture) point(x, y int) (int, int) {
	if p.graph.Down {
		return y, x
	}
	return x, y
}

func (p *picture) edge(e *Edge, r layered.Route) {
	if len(r.Runs) == 0 { // from a node to itself
		box := p.layout.Boxes[p.index[e.From]]
		x, y := p.point(box.X+box.W/2, box.Y)
		fmt.Fprintf(&p.out, `<path class="edge%s"%s marker-end="url(#head)" d="M%d %d c-14 -22 14 -22 4 0"/>`, plain(e.style, "stroke"), style(e.style, "stroke"), x, y)
		return
	}
	var d strings.Builder
	lastX, lastY := 0, 0
	for i, run := range r.Runs {
		if i == 0 {
			x, y := p.point(run.X1, run.Y)
			fmt.Fprintf(&d, "M%d %d", x, y)
		} else {
			middle := (lastX + run.X1) / 2
			ax, ay := p.point(middle, lastY)
			bx, by := p.point(middle, run.Y)
			cx, cy := p.point(run.X1, run.Y)
			fmt.Fprintf(&d, " C%d %d %d %d %d %d", ax, ay, bx, by, cx, cy)
		}
		x, y := p.point(run.X2, run.Y)
		fmt.Fprintf(&d, " L%d %d", x, y)
		lastX, lastY = run.X2, run.Y
	}
	class, marker := "edge"+plain(e.style, "stroke"), ` marker-end="url(#head)"`
	if r.Back != p.graph.Back { // routes run from left to right, whichever way the edge leads
		marker = ` marker-start="url(#head)"`
	}
	if e.Dotted {
		class += " dotted"
	}
	if e.Thick {
		class += " thick"
	}
	if e.NoHead {
		marker = ""
	}
	fmt.Fprintf(&p.out, `<path class="%s"%s%s d="%s"/>`, class, style(e.style, "stroke"), marker, d.String())
	if e.Label != "" {
		p.note(e.Label, r)
	}
}

// note writes on an edge, in the gap after its beginning.
func (p *picture) note(label string, r layered.Route) {
	first := r.Runs[0]
	next := first
	if len(r.Runs) > 1 {
		next = r.Runs[1]
	}
	x, y := p.point((first.X2+next.X1)/2, (first.Y+next.Y)/2)
	lines := strings.Split(label, "\n")
	w, h := textWidth(label)+8, len(lines)*lineHeight
	fmt.Fprintf(&p.out, `<rect class="note" x="%d" y="%d" width="%d" height="%d" rx="3"/>`, x-w/2, y-h/2, w, h)
	p.text(lines, x, y, ` class="plain"`, false)
}

func (p *picture) node(n *Node, box layered.Box) {
	x, y := p.point(box.X, box.Y)
	w, h := box.W, box.H
	if p.graph.Down {
		w, h = h, w
	}
	styles := p.graph.styles(n)
	round := 3
	switch n.Shape {
	case "([", "((", "(((":
		round = h / 2
	case "(":
		round = 10
	}
	attributes := style(styles, "fill", "stroke", "stroke-width", "stroke-dasharray")
	if n.Shape == "{" || n.Shape == "{{" {
		fmt.Fprintf(&p.out, `<polygon class="node%s"%s points="%d,%d %d,%d %d,%d %d,%d %d,%d %d,%d"/>`, plain(styles, "fill"), attributes, x+10, y, x+w-10, y, x+w, y+h/2, x+w-10, y+h, x+10, y+h, x, y+h/2)
	} else {
		fmt.Fprintf(&p.out, `<rect class="node%s"%s x="%d" y="%d" width="%d" height="%d" rx="%d"/>`, plain(styles, "fill"), attributes, x, y, w, h, round)
	}
	color := ` class="plain"`
	if c := styles["color"]; c != "" {
		color = ` fill="` + html.EscapeString(c) + `"`
	}
	p.text(n.lines(), x+w/2, y+h/2, color, n.Group != "")
}

// styles are those of all classes of a node, the last of which wins.
func (g *Graph) styles(n *Node) map[string]string {
	out := map[string]string{}
	for _, class := range append([]string{"default"}, n.classes...) {
		maps.Copy(out, g.classes[class])
	}
	return out
}

// style writes some of the styles as attributes, which a policy against styles from elsewhere lets through.
func style(styles map[string]string, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		if v := styles[name]; v != "" {
			fmt.Fprintf(&b, ` %s="%s"`, name, html.EscapeString(v))
		}
	}
	return b.String()
}

// plain is the class of what has no style of its own: that of a page would win over one that is an attribute.
func plain(styles map[string]string, name string) string {
	if styles[name] != "" {
		return ""
	}
	return " plain"
}

// text writes lines around a place; grouped, the first of them is the title of a subgraph.
func (p *picture) text(lines []string, x, y int, color string, grouped bool) {
	top := y - (len(lines)-1)*lineHeight/2 + 5
	fmt.Fprintf(&p.out, `<text text-anchor="middle"%s>`, color)
	for i, line := range lines {
		class := ""
		if grouped && i == 0 {
			class = ` class="group"`
		}
		fmt.Fprintf(&p.out, `<tspan%s x="%d" y="%d">%s</tspan>`, class, x, top+i*lineHeight, html.EscapeString(line))
	}
	p.out.WriteString("</text>")
}
