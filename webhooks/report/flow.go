// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog/draw"
)

const (
	// maxDrawn is how many nodes are drawn before only what changes and its neighbours are.
	maxDrawn = 40
	// maxCycles and maxCycle bound the cycles that are told in words, and their lengths.
	maxCycles, maxCycle = 5, 20
)

// cycles say what goes in a circle, and draw it: without a fold, since it refuses the merge.
func cycles(r Review) section {
	return section{rank: 5, share: 25, write: func(room int) (string, string) {
		if r.Flow == nil || len(r.Flow.Cycles) == 0 {
			return "", ""
		}
		lines := []string{"What goes in a circle, in red:"}
		if !slices.ContainsFunc(r.denied(), func(f Finding) bool { return f.Rule == "dag-cycle" }) {
			lines = r.Flow.circles()
		}
		text, left := items(lines, room)
		return text + r.Flow.drawn(room-len(text)), some(left, "cycle")
	}}
}

// circles tell the cycles in words.
func (f *Flow) circles() (lines []string) {
	for i, c := range f.Cycles {
		if i == maxCycles {
			return append(lines, "- "+number.Count(len(f.Cycles)-i, "more cycle"))
		}
		lines = append(lines, "- in a circle: "+circle(c))
	}
	return lines
}

func circle(nodes []string) string {
	var parts []string
	for i, n := range nodes {
		if i == maxCycle {
			parts = append(parts, fmt.Sprintf("%d more", len(nodes)-i))
			break
		}
		parts = append(parts, markdown.Code(n))
	}
	if len(nodes) > 1 && nodes[0] != nodes[len(nodes)-1] {
		parts = append(parts, markdown.Code(nodes[0]))
	}
	return strings.Join(parts, " → ")
}

// flow draws the data flow around the change, folded.
func flow(r Review) section {
	return section{rank: 9, share: 25, write: func(room int) (string, string) {
		if r.Flow == nil || len(r.Flow.Cycles) > 0 {
			return "", ""
		}
		changes := r.Flow.changes()
		summary := "The data flow"
		if changes != "" {
			summary += ": " + changes
		}
		text := r.Flow.drawn(room - foldSize(summary))
		if text == "" {
			return "", "the data flow"
		}
		return fold(summary, text), ""
	}}
}

// graph is both states in one.
func (f *Flow) graph() draw.Graph {
	var before, after draw.Graph
	if f.Before != nil {
		before = *f.Before
	}
	if f.After != nil {
		after = *f.After
	}
	return draw.Compare(before, after)
}

// changes counts what changes: "1 dataset added, 2 workloads touched".
func (f *Flow) changes() string {
	n := map[string]int{}
	for _, node := range f.graph().Nodes {
		n[string(node.Kind)+" "+string(node.Change)]++
	}
	var parts []string
	for _, change := range []draw.Change{draw.Removed, draw.Added, draw.Touched} {
		for _, kind := range []draw.Kind{draw.Dataset, draw.Workload} {
			if c := n[string(kind)+" "+string(change)]; c > 0 {
				parts = append(parts, number.Count(c, string(kind))+" "+string(change))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// drawn is the largest drawing that fits and can be read: all that there is, what changes with its neighbours, what
// changes, or its projects. That it is not all is said. It is empty if none fits.
func (f *Flow) drawn(room int) string {
	whole := f.graph()
	for _, step := range []struct {
		graph draw.Graph
		fold  draw.Folding
		said  string
	}{
		{whole, draw.Never, ""},
		{draw.Near(whole, 1), draw.Never, "Only what changes, and what is next to it."},
		{draw.Near(whole, 0), draw.Never, "Only what changes."},
		{draw.Near(whole, 0), draw.Always, "Only what changes, folded by project or owner."},
	} {
		if len(step.graph.Nodes) == 0 || step.fold == draw.Never && len(step.graph.Nodes) > maxDrawn {
			continue
		}
		var b strings.Builder
		if err := draw.Write(&b, draw.Mermaid, step.graph, draw.Options{Fold: step.fold}); err != nil {
			continue // a smaller one may do
		}
		text := "```mermaid\n" + b.String() + "```\n\n"
		if step.said != "" {
			text += step.said + "\n\n"
		}
		if len(text) <= room {
			return text
		}
	}
	return ""
}
