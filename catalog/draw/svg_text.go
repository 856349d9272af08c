// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"fmt"
	"strings"
)

// block is a part of the picture above or below the graph.
type block struct {
	text   string
	height int
}

// head says what is drawn, and what is not as it was asked for.
func (p *picture) head(width int) block {
	var b strings.Builder
	y := 0
	line := func(class string, size int, text string) {
		y += size * 3 / 2
		fmt.Fprintf(&b, `<text class="%s" x="0" y="%d">%s</text>`+"\n", class, y-size/2, xmlText(text))
	}
	if p.options.Title != "" {
		line("title", titleSize, cut(clean(p.options.Title), width*10/titleSize/7))
	}
	line("caption", smallSize, p.caption())
	for _, note := range p.notes {
		for _, part := range wrap(note, width) {
			line("note", smallSize, part)
		}
	}
	return block{b.String(), y + 14}
}

// wrap breaks a sentence of our own into lines.
func wrap(s string, width int) []string {
	var lines []string
	now := ""
	for word := range strings.FieldsSeq(s) {
		if now != "" && textWidth(now+" "+word, smallSize) > width {
			lines = append(lines, now)
			now = ""
		}
		now = strings.TrimPrefix(now+" "+word, " ")
	}
	return append(lines, now)
}

// legend explains the shapes that occur.
func (p *picture) legend(width int) block {
	has := map[string]bool{}
	for i := range p.nodes {
		n := &p.nodes[i]
		has[string(n.Kind)] = true
		has["focus"] = has["focus"] || n.Focus
		has["missing"] = has["missing"] || n.Missing
		has["off"] = has["off"] || (n.Suspended || n.Excluded) && !n.Missing
		has["external"] = has["external"] || n.External
		has["inside"] = has["inside"] || n.Cycle
	}
	for i := range p.edges {
		has["after"] = has["after"] || p.edges[i].Kind == After
		has["circle"] = has["circle"] || p.edges[i].Cycle
	}
	has["label"] = len(p.labels) > 0
	const box = `<g class="node %s"><rect x="%d" y="%d" width="22" height="12" rx="%d"/></g>`
	const arrow = `<g class="edge %s"><path d="M%d %dh16"/><path class="head" d="M%d %dl-7 -3.5v7z"/></g>`
	var b strings.Builder
	x, y := 0, 18
	item := func(key, text string, draw func(x, y int) string) {
		if !has[key] {
			return
		}
		wide := 28 + textWidth(text, smallSize) + 14
		if x > 0 && x+wide > width {
			x, y = 0, y+18
		}
		fmt.Fprintf(&b, `%s<text class="legend" x="%d" y="%d">%s</text>`+"\n", draw(x, y), x+28, y+10, text)
		x += wide
	}
	boxOf := func(class string, round int) func(x, y int) string {
		return func(x, y int) string { return fmt.Sprintf(box, class, x, y, round) }
	}
	arrowOf := func(class string) func(x, y int) string {
		return func(x, y int) string { return fmt.Sprintf(arrow, class, x, y+6, x+22, y+6) }
	}
	item("dataset", "dataset", boxOf("dataset", 6))
	item("workload", "workload", boxOf("workload", 3))
	item("dag", "DAG of Airflow", boxOf("dag", 3))
	item("project", "project", boxOf("project", 3))
	item("owner", "all projects of an owner", boxOf("owner", 3))
	item("label", "dataset", boxOf("dataset", 6))
	item("after", "runs after", arrowOf("after"))
	item("focus", "selected", boxOf("focus", 3))
	item("external", "outside of the selection", boxOf("external", 3))
	item("off", "suspended or excluded", boxOf("off", 3))
	item("missing", "not declared", boxOf("missing", 3))
	item("circle", "part of a cycle", arrowOf("cycle"))
	item("inside", "holds a cycle", boxOf("project cycle", 3))
	return block{b.String(), y + 14}
}
