// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// style is how a part of the text looks on a terminal that has colours, by the number of the escape sequence.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "33"
	blue   style = "34"
	cyan   style = "36"
)

// text draws for a terminal: a tree around the node with the focus if there is one, else project by project.
type text struct {
	*drawing
	out  io.Writer
	rank []int32
}

func (d *drawing) text(w io.Writer) {
	t := &text{drawing: d, out: w}
	if d.options.Title != "" {
		t.line(t.paint(bold, clean(d.options.Title)))
		t.line("")
	}
	for _, note := range d.notes {
		t.line(t.paint(yellow, note))
		t.line("")
	}
	if focus := d.focus(); focus >= 0 {
		t.tree(focus)
	} else {
		t.rank = d.ranks()
		t.all()
	}
	t.footer()
}

// focus returns the number of the one node that has the focus, or -1.
func (x *index) focus() int32 {
	found := int32(-1)
	for i := range x.nodes {
		if x.nodes[i].Focus {
			if found >= 0 {
				return -1
			}
			found = int32(i)
		}
	}
	return found
}

func (t *text) line(s string) { _, _ = io.WriteString(t.out, s+"\n") }

// paint returns a text its style, or leaves it alone where there are no colours.
func (t *text) paint(s style, text string) string {
	if !t.options.Color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// cells is how many columns a text takes. What is ambiguous takes one, whatever the language of the machine.
func cells(s string) int {
	for i := range len(s) {
		if s[i] > '~' {
			return (&runewidth.Condition{}).StringWidth(s)
		}
	}
	return len(s)
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(width-cells(s), 0)) }

// all draws everything: folded nodes one by one, others project by project. What comes first in the flow comes first.
func (t *text) all() {
	var groups [][]int32
	projects := map[string]int{}
	for i := range t.nodes {
		n := &t.nodes[i]
		at, ok := projects[n.Project]
		if !ok || n.folded() {
			at = len(groups)
			projects[n.Project] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], int32(i))
	}
	first := func(group []int32) int32 {
		least := t.rank[group[0]]
		for _, n := range group {
			least = min(least, t.rank[n])
		}
		return least
	}
	slices.SortStableFunc(groups, func(a, b []int32) int { return cmp.Compare(first(a), first(b)) })
	for i, g := range groups {
		if i > 0 {
			t.line("")
		}
		if t.nodes[g[0]].folded() {
			t.fold(g[0])
		} else {
			t.project(g)
		}
	}
}

// fold draws a project or owner with those that feed it and those that it feeds.
func (t *text) fold(i int32) {
	n := &t.nodes[i]
	head := t.paint(bold, n.label())
	if n.Kind != Owner {
		head += t.mark(n.Owner)
	}
	t.line(head + t.mark(n.holds()) + t.flags(n))
	var entries []entry
	for _, e := range t.into(i) {
		entries = append(entries, t.carried(e, "←", t.from[e]))
	}
	for e, end := t.outOf(i); e < end; e++ {
		entries = append(entries, t.carried(e, "→", t.to[e]))
	}
	t.entries("  ", entries)
}

func (t *text) carried(e int32, arrow string, other int32) entry {
	edge := &t.edges[e]
	return entry{verb: arrow, name: t.nodes[other].label(), others: others{names: []string{edge.carried(6, t.nodes[t.from[e]].Project)}, all: 1}, cycle: edge.Cycle}
}

// mark is one more thing of a heading.
func (t *text) mark(s string) string {
	if s == "" {
		return ""
	}
	return t.paint(dim, " · "+clean(s))
}

func (t *text) flags(n *Node) string {
	words := n.flags()
	if len(words) == 0 {
		return ""
	}
	s := yellow
	if n.Missing || n.Cycle {
		s = red
	}
	return t.paint(s, " ("+strings.Join(words, ", ")+")")
}
