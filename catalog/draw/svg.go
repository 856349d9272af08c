// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

const (
	margin    = 20
	titleSize = 15
	minWidth  = 420 // of the picture, so that its title and notes have room
)

// Picture is a graph that is laid out as an SVG: layers from left to right, a frame for each project. It has no scripts, no fonts and
// no links but those of [Options], and follows the light or dark mode of whoever looks at it. It does not change, and may be written
// by several goroutines at once.
type Picture struct {
	drawing *drawing
	scene   *scene
}

// Lay lays out the picture of a graph, which is what takes time. If the graph is larger than can be drawn, it returns a [*TooLargeError].
func Lay(g Graph, o Options) (*Picture, error) {
	d, err := reduce(SVG, newIndex(g), o)
	if err != nil {
		return nil, err
	}
	s, err := d.scene()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", d.tooLarge(SVG, SVG.limits().possible), err)
	}
	return &Picture{drawing: d, scene: s}, nil
}

// Write writes the picture. The state of a node is a class of its own; empty: none. A nil function has no state for any.
func (p *Picture) Write(w io.Writer, state func(*Node) string) error {
	out := bufio.NewWriterSize(w, 1<<16)
	(&picture{drawing: p.drawing, scene: p.scene, state: state, out: out}).write()
	return out.Flush()
}

// picture writes a scene.
type picture struct {
	*drawing
	*scene
	state func(*Node) string
	out   io.Writer
}

func (p *picture) printf(format string, args ...any) { _, _ = fmt.Fprintf(p.out, format, args...) }

// xmlText is a text that others chose, for the content of an element or an attribute.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(harmless(s))) // a builder does not fail
	return b.String()
}

// changes reports whether two states are drawn as one.
func (p *picture) changes() bool {
	return slices.ContainsFunc(p.nodes, func(n Node) bool { return n.Change != "" }) || slices.ContainsFunc(p.edges, func(e Edge) bool { return e.Change != "" })
}

func (p *picture) write() {
	width := max(p.w, minWidth)
	head := p.head(width)
	legend := p.legend(width)
	height := head.height + p.h + legend.height
	name := "Data flow"
	if p.options.Title != "" {
		name += " of " + clean(p.options.Title)
	}
	name += ": " + p.caption()
	class := ""
	if p.options.Inline {
		class = ` class="` + inlineClass + `"`
	}
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg"`+class+` width="%d" height="%d" viewBox="0 0 %d %d" role="graphics-document document" aria-label="%s">`+"\n",
		width+2*margin, height+2*margin, width+2*margin, height+2*margin, xmlText(name))
	p.printf("<title>%s</title>\n", xmlText(name))
	if !p.options.Inline {
		p.printf("<style>%s</style>\n", stylesheet(p.changes()))
		p.printf(`<rect class="page" width="100%%" height="100%%"/>` + "\n")
	}
	p.printf(`<g transform="translate(%d %d)">`+"\n%s</g>\n", margin, margin, head.text)
	p.printf(`<g transform="translate(%d %d)">`+"\n", margin+max(p.w, width)/2-p.w/2, margin+head.height)
	for _, f := range p.frames {
		p.frame(f)
	}
	for i := range p.labels {
		p.stem(&p.labels[i])
	}
	for i := range p.edges {
		if !p.edges[i].Cycle {
			p.wire(i)
		}
	}
	for i := range p.edges {
		if p.edges[i].Cycle { // above the others
			p.wire(i)
		}
	}
	for i := range p.nodes {
		p.node(&p.nodes[i], p.boxes[i])
	}
	for i := range p.labels {
		p.label(&p.labels[i])
	}
	p.printf("</g>\n")
	p.printf(`<g transform="translate(%d %d)">`+"\n%s</g>\n</svg>\n", margin, margin+head.height+p.h, legend.text)
}

// frame draws the frame of a project.
func (p *picture) frame(f frame) {
	class := "frame"
	if p.nodes[f.nodes[0]].External {
		class += " external"
	}
	b := f.box
	p.printf(`<g class="%s" role="graphics-object" aria-label="project %s"><rect x="%d" y="%d" width="%d" height="%d" rx="8"/>`, class, xmlText(p.frameLabel(f.nodes)), b.X, b.Y, b.W, b.H)
	n := p.drawing.head(f.nodes)
	name, owner := clean(n.Project), clean(n.Owner)
	if name == "" {
		name = "(no project)"
	}
	p.printf(`<text x="%d" y="%d"><tspan class="name">%s</tspan>`, b.X+framePadding, b.Y+17, xmlText(cut(name, maxBox)))
	if owner != "" {
		p.printf(`<tspan class="owner" dx="4">· %s</tspan>`, xmlText(cut(owner, maxBox)))
	}
	p.printf("</text></g>\n")
}

// node draws a box.
func (p *picture) node(n *Node, b layered.Box) {
	classes := []string{"node", string(n.Kind)}
	add := func(is bool, class string) {
		if is {
			classes = append(classes, class)
		}
	}
	add(n.Missing, "missing")
	add((n.Suspended || n.Excluded) && !n.Missing, "off")
	add(n.External, "external")
	add(n.Focus, "focus")
	add(n.Cycle, "cycle")
	add(n.Change != "", string(n.Change))
	link := ""
	if p.state != nil {
		state := p.state(n)
		add(state != "", state)
	}
	if p.options.Link != nil {
		link = p.options.Link(n)
	}
	if link != "" {
		p.printf(`<a href="%s">`, xmlText(link))
	}
	round := 4
	if n.Kind == Dataset {
		round = b.H / 2
	}
	p.printf(`<g class="%s" role="graphics-symbol"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="%d"/>`,
		strings.Join(classes, " "), xmlText(n.about()), b.X, b.Y, b.W, b.H, round)
	first, second := n.lines()
	middle := b.X + b.W/2
	if second == "" {
		p.printf(`<text x="%d" y="%d">%s</text>`, middle, b.Y+b.H/2+4, xmlText(first))
	} else {
		p.printf(`<text x="%d" y="%d">%s</text><text class="detail" x="%d" y="%d">%s</text>`, middle, b.Y+16, xmlText(first), middle, b.Y+30, xmlText(second))
	}
	if link != "" {
		p.printf("</g></a>\n")
		return
	}
	p.printf("</g>\n")
}

// wire draws an edge, with the arrow at its end.
func (p *picture) wire(i int) {
	e, way := &p.edges[i], p.wires[i]
	class := "edge " + string(e.Kind)
	if e.Cycle {
		class += " cycle"
	}
	if e.Change != "" {
		class += " " + string(e.Change)
	}
	p.printf(`<g class="%s" role="graphics-symbol"><title>%s</title>`, class, xmlText(e.about(&p.nodes[p.from[i]], &p.nodes[p.to[i]])))
	if len(way.runs) == 0 {
		b := p.boxes[p.from[i]]
		right, top := b.X+b.W-8, b.Y // above the box, where nothing else is
		p.printf(`<path d="M%d %dc-6 -15 18 -15 15 -4"/><path class="head" d="M%d %dl-3.5 -6h7z"/></g>`+"\n", right-16, top, right, top)
		return
	}
	last := way.runs[len(way.runs)-1]
	tip, direction := last.X2, 1
	if way.back {
		direction = -1
	}
	p.printf(`<path d="%s"/><path class="head" d="M%d %dl%d -3.5v7z"/></g>`+"\n", path(way.runs, 4*direction), tip, last.Y, -7*direction)
}

// path draws runs, and the curves between them; it ends so many pixels before the end.
func path(runs []layered.Run, short int) string {
	var b strings.Builder
	for i, r := range runs {
		if i == len(runs)-1 {
			r.X2 -= short
			if (r.X2-r.X1)*short < 0 {
				r.X1 = r.X2
			}
		}
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%d %d", r.X1, r.Y)
		case runs[i-1].Y == r.Y:
			fmt.Fprintf(&b, "H%d", r.X1)
		case runs[i-1].X2 != r.X1:
			x := runs[i-1].X2
			middle := x + (r.X1-x)/2
			fmt.Fprintf(&b, "C%d %d %d %d %d %d", middle, runs[i-1].Y, middle, r.Y, r.X1, r.Y)
		default:
			fmt.Fprintf(&b, "V%d", r.Y)
		}
		if r.X2 != r.X1 {
			fmt.Fprintf(&b, "H%d", r.X2)
		}
	}
	return b.String()
}

// stem draws the line from a folded node to the label of its outgoing edges.
func (p *picture) stem(l *label) {
	p.printf(`<path class="edge stem%s" d="%s"/>`+"\n", l.class(), path(l.runs, 0))
}

func (l *label) class() string {
	if l.cycle {
		return " cycle"
	}
	return ""
}

// label draws what edges between folded nodes carry.
func (p *picture) label(l *label) {
	b := l.box
	p.printf(`<g class="label%s" role="graphics-symbol"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="8"/><text x="%d" y="%d">%s</text></g>`+"\n",
		l.class(), xmlText(l.title), b.X, b.Y, b.W, b.H, b.X+b.W/2, b.Y+12, xmlText(l.text))
}
