// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"io"
	"strconv"
	"strings"
	"unicode"
)

// dot draws for Graphviz, with a cluster for each project.
func (d *drawing) dot(w io.Writer) {
	line := func(s string) { _, _ = io.WriteString(w, s+"\n") }
	line("digraph trunkline {")
	line(`  graph [rankdir=LR, fontname="Helvetica,Arial,sans-serif", fontsize=11, nodesep=0.2, ranksep=0.6, tooltip=` + dotText(d.caption()) + d.dotTitle() + "]")
	line(`  node [shape=box, style="rounded,filled", fillcolor="#ffffff", color="#57606a", fontname="Helvetica,Arial,sans-serif", fontsize=11, height=0.3]`)
	line(`  edge [color="#6e7781", arrowsize=0.6, fontname="Helvetica,Arial,sans-serif", fontsize=9]`)
	for _, note := range d.notes {
		line("  // " + note)
	}
	for i, group := range d.byProject() {
		indent := "  "
		framed := !d.nodes[group[0]].folded()
		if framed {
			indent = "    "
			line("  subgraph cluster_" + strconv.Itoa(i) + " {")
			line("    graph [label=" + dotText(d.frameLabel(group)) + `, style=rounded, color="#d0d7de", labeljust=l, tooltip=` + dotText(d.frameLabel(group)) + "]")
		}
		for _, n := range group {
			line(indent + dotID(d.nodes[n].ID) + " [" + d.nodes[n].dot() + "]")
		}
		if framed {
			line("  }")
		}
	}
	for i := range d.edges {
		from, to := &d.nodes[d.from[i]], &d.nodes[d.to[i]]
		line("  " + dotID(from.ID) + " -> " + dotID(to.ID) + " [" + d.edges[i].dot(from, to) + "]")
	}
	line("}")
}

func (d *drawing) dotTitle() string {
	if d.options.Title == "" && len(d.notes) == 0 {
		return ""
	}
	text := clean(d.options.Title)
	for _, n := range d.notes {
		text = strings.TrimPrefix(text+" · "+n, " · ")
	}
	return ", labelloc=t, label=" + dotText(text)
}

// dot returns the attributes of a node.
func (n *Node) dot() string {
	label := n.label()
	second := n.Detail
	if n.folded() {
		second = n.holds()
	}
	attributes := "label=" + dotText(cut(label, maxLabel), cut(harmless(second), maxLabel)) + ", tooltip=" + dotText(n.about())
	switch {
	case n.Missing:
		attributes += `, style="rounded,dashed", color="#cf222e", fontcolor="#cf222e"`
	case n.Suspended, n.Excluded:
		attributes += `, style="rounded,filled,dashed", fillcolor="#f6f8fa", color="#8c959f", fontcolor="#6e7781"`
	case n.Kind == Dataset:
		attributes += `, shape=cylinder, style=filled, fillcolor="#ddf4ff", color="#0969da"`
	case n.Kind == DAG:
		attributes += `, shape=hexagon, style=filled, fillcolor="#fbefff", color="#8250df"`
	case n.Kind == Workload:
		attributes += `, fillcolor="#fff8c5", color="#9a6700"`
	}
	if n.Cycle {
		attributes += `, color="#cf222e", peripheries=2`
	}
	switch n.Change {
	case Added:
		attributes += `, color="#1a7f37", penwidth=3`
	case Removed:
		attributes += `, style=dashed, fontcolor="#6e7781"`
	case Touched:
		attributes += `, penwidth=3`
	}
	if n.Focus {
		attributes += `, penwidth=3`
	}
	return attributes
}

// dot returns the attributes of an edge.
func (e *Edge) dot(from, to *Node) string {
	attributes := "tooltip=" + dotText(e.about(from, to))
	if e.Kind == Feeds {
		attributes += ", label=" + dotText(e.carried(3, from.Project))
	}
	if e.Kind == After || e.Kind == Inlet {
		attributes += ", style=dashed"
	}
	switch e.Change {
	case Added:
		attributes += `, color="#1a7f37", penwidth=2`
	case Removed:
		attributes += `, style=dotted`
	case Touched:
	}
	if e.Cycle {
		attributes += `, color="#cf222e", penwidth=2`
	}
	return attributes
}

// dotID quotes the name of a node. A name with characters that cannot be shown, or with a backslash, is written as a Go
// string, so that different names stay different and no backslash is before the closing quote.
func dotID(s string) string {
	if strings.Contains(s, `\`) || strings.ContainsRune(s, unicode.ReplacementChar) || harmless(s) != s {
		quoted := strconv.Quote(s)
		s = strings.ReplaceAll(quoted[1:len(quoted)-1], "\uFFFD", `\ufffd`)
		s = strings.ReplaceAll(s, `\"`, `"`)
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"`
}

// dotText quotes lines of text, in which Graphviz would see entities and escapes. Some parsers of the language take the
// replacement character for a mistake.
func dotText(lines ...string) string {
	var out []string
	for _, l := range lines {
		if l == "" {
			continue
		}
		l = cut(harmless(l), maxSentence)
		if strings.ContainsAny(l, "\\\"&<>\uFFFD") {
			l = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`, "\uFFFD", "?").Replace(l)
		}
		out = append(out, l)
	}
	return `"` + strings.Join(out, `\n`) + `"`
}
