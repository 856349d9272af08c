// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/number"
)

// The limits of Mermaid as GitHub runs it; beyond them it shows an error instead of the diagram.
const (
	maxMermaidText  = 50_000 // characters, maxTextSize
	maxMermaidEdges = 500    // maxEdges
)

// mermaid draws a flowchart, with a subgraph for each project. What is beyond the limits is cut, the end of the flow
// first, and a box says so.
func (d *drawing) mermaid(w io.Writer) {
	order, groups := d.flow(), d.byProject()
	text, ok := d.flowchart(order, groups)
	if !ok {
		// A node takes more than 10 characters.
		n := sort.Search(min(len(order), maxMermaidText/10), func(n int) bool {
			_, ok := d.flowchart(order[:n+1], groups)
			return !ok
		})
		text, _ = d.flowchart(order[:n], groups)
	}
	_, _ = io.WriteString(w, text)
}

// flow lists the nodes from the beginning of the flow on.
func (d *drawing) flow() []int32 {
	rank := d.ranks()
	order := make([]int32, len(rank))
	for i := range order {
		order[i] = int32(i)
	}
	sort.SliceStable(order, func(a, b int) bool { return rank[order[a]] < rank[order[b]] })
	return order
}

// flowchart draws some of the nodes and the edges between them, and reports whether that is within the limits.
func (d *drawing) flowchart(shown []int32, groups [][]int32) (string, bool) {
	var b strings.Builder
	f := &flowchart{drawing: d, out: &b, shown: make([]bool, len(d.nodes)), classes: map[string][]string{}, changes: map[Change][]string{}}
	for _, n := range shown {
		f.shown[n] = true
	}
	b.WriteString("flowchart LR\n")
	if d.options.Title != "" {
		b.WriteString("  %% " + mermaidText(clean(d.options.Title)) + "\n")
	}
	for _, note := range d.notes {
		b.WriteString("  %% " + mermaidText(note) + "\n")
	}
	f.nodesOf(groups)
	drawn := f.edgesOf()
	if len(shown) < len(d.nodes) {
		note := fmt.Sprintf("cut to fit: %s of %s and %s of %s are not shown", number.Of(len(d.nodes)-len(shown)), number.Count(len(d.nodes), "node"),
			number.Of(len(d.edges)-drawn), number.Count(len(d.edges), "edge"))
		b.WriteString("  cut[\"" + mermaidText(note) + "\"]:::note\n")
	}
	f.styles()
	return b.String(), drawn <= maxMermaidEdges && b.Len() <= maxMermaidText
}

type flowchart struct {
	*drawing
	out     *strings.Builder
	shown   []bool
	classes map[string][]string // to ids
	// cycles and changes have the numbers of links.
	cycles  []string
	changes map[Change][]string
}

func (f *flowchart) nodesOf(groups [][]int32) {
	for i, group := range groups {
		var lines []string
		for _, n := range group {
			if f.shown[n] {
				lines = append(lines, f.node(n))
			}
		}
		if len(lines) == 0 {
			continue
		}
		if f.nodes[group[0]].folded() {
			f.out.WriteString("  " + lines[0] + "\n")
			continue
		}
		fmt.Fprintf(f.out, "  subgraph p%d[\"%s\"]\n    %s\n  end\n", i, mermaidText(f.frameLabel(group)), strings.Join(lines, "\n    "))
	}
}

// node draws a node; its shape tells its kind.
func (f *flowchart) node(i int32) string {
	n := &f.nodes[i]
	id := "n" + strconv.Itoa(int(i))
	label := mermaidText(cut(n.label(), maxLabel))
	second := n.Detail
	if n.folded() {
		second = n.holds()
	}
	if words := n.flags(); len(words) > 0 {
		second = strings.TrimPrefix(second+" ("+strings.Join(words, ", ")+")", " ")
	}
	if second != "" {
		label += "<br/>" + mermaidText(cut(harmless(second), maxLabel))
	}
	class := string(n.Kind)
	switch {
	case n.Missing || n.Cycle:
		class = "broken"
	case n.Suspended, n.Excluded:
		class = "off"
	}
	if n.Change != "" {
		f.classes[string(n.Change)] = append(f.classes[string(n.Change)], id)
	}
	if n.Focus {
		f.classes["focus"] = append(f.classes["focus"], id)
	}
	f.classes[class] = append(f.classes[class], id)
	if n.Kind == Dataset {
		return id + "([\"" + label + "\"])"
	}
	return id + "[\"" + label + "\"]"
}

// edgesOf draws the edges between nodes that are shown, and counts them.
func (f *flowchart) edgesOf() int {
	drawn := 0
	for i := range f.edges {
		if !f.shown[f.from[i]] || !f.shown[f.to[i]] {
			continue
		}
		e := &f.edges[i]
		arrow := "-->"
		switch {
		case e.Kind == After || e.Kind == Inlet || e.Change == Removed:
			arrow = "-.->"
		case e.Change == Added:
			arrow = "==>"
		}
		if e.Change == Added || e.Change == Removed {
			f.changes[e.Change] = append(f.changes[e.Change], strconv.Itoa(drawn))
		}
		switch {
		case e.Kind == Feeds:
			arrow += "|\"" + mermaidText(e.carried(3, f.nodes[f.from[i]].Project)) + "\"|"
		case e.Change == Added || e.Change == Removed:
			arrow += "|" + string(e.Change) + "|"
		}
		if e.Cycle {
			f.cycles = append(f.cycles, strconv.Itoa(drawn))
		}
		fmt.Fprintf(f.out, "  n%d %s n%d\n", f.from[i], arrow, f.to[i])
		drawn++
	}
	return drawn
}

// styles are chosen to be read on light and on dark pages.
func (f *flowchart) styles() {
	for _, class := range [][2]string{
		{"dataset", "fill:#ddf4ff,stroke:#0969da,color:#0a3069"},
		{"workload", "fill:#fff8c5,stroke:#9a6700,color:#3b2300"},
		{"dag", "fill:#fbefff,stroke:#8250df,color:#3e1f79"},
		{"project", "fill:#f6f8fa,stroke:#57606a,color:#24292f"},
		{"owner", "fill:#f6f8fa,stroke:#57606a,color:#24292f"},
		{"off", "fill:#f6f8fa,stroke:#8c959f,color:#6e7781,stroke-dasharray:4 3"},
		{"broken", "fill:#ffebe9,stroke:#cf222e,color:#82071e,stroke-dasharray:4 3"},
		{"focus", "stroke-width:4px"},
		{"added", "stroke:#1a7f37,stroke-width:3px"},
		{"removed", "fill:#f6f8fa,stroke:#8c959f,color:#6e7781,stroke-dasharray:4 3"},
		{"touched", "stroke-width:3px"},
	} {
		if ids := f.classes[class[0]]; len(ids) > 0 {
			fmt.Fprintf(f.out, "  classDef %s %s\n  class %s %s\n", class[0], class[1], strings.Join(ids, ","), class[0])
		}
	}
	if strings.Contains(f.out.String(), ":::note") {
		f.out.WriteString("  classDef note fill:#fff8c5,stroke:#9a6700,color:#3b2300,stroke-dasharray:4 3\n")
	}
	for _, style := range [][2]string{{string(Added), "stroke:#1a7f37,stroke-width:3px"}, {string(Removed), "stroke:#8c959f"}} {
		if links := f.changes[Change(style[0])]; len(links) > 0 {
			f.out.WriteString("  linkStyle " + strings.Join(links, ",") + " " + style[1] + "\n")
		}
	}
	if len(f.cycles) > 0 {
		f.out.WriteString("  linkStyle " + strings.Join(f.cycles, ",") + " stroke:#cf222e,stroke-width:3px\n")
	}
}

// mermaidText writes whatever is not a letter, a digit or harmless as the number of the character, which Mermaid turns
// back only after it has parsed the text.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range harmless(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r > '~', strings.ContainsRune(" /@-,·", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
