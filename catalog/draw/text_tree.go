// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
)

const (
	// maxIndent is how many steps the tree goes to the right; what lies further is counted.
	maxIndent = 24
	// maxCycles is how many cycles are listed, and maxCycleNodes how many nodes of each.
	maxCycles, maxCycleNodes = 5, 12
)

// tree draws what a node needs and what needs it, each node with what lies behind it once.
func (t *text) tree(focus int32) {
	n := &t.nodes[focus]
	id := n.ID
	if id == "" {
		id = n.label()
	}
	t.line(t.paint(bold, clean(id)) + t.mark(string(n.Kind)) + t.mark(n.Detail) + t.mark(n.Owner) + t.mark(n.holds()) + t.mark(place(n.Position)) + t.flags(n))
	t.branch("upstream: what it needs", focus, t.into, t.from)
	t.branch("downstream: what needs it", focus, t.leaving, t.to)
}

// branch draws the tree in one direction. It keeps its own stack, and goes no further to the right than fits a line.
func (t *text) branch(title string, focus int32, next func(int32) []int32, end []int32) {
	type step struct {
		edge   int32
		indent string
		last   bool
		depth  int
	}
	var stack []step
	push := func(node int32, indent string, depth int) {
		edges := next(node)
		for i, edge := range slices.Backward(edges) {
			stack = append(stack, step{edge, indent, i == len(edges)-1, depth})
		}
	}
	push(focus, "", 0)
	if len(stack) == 0 {
		return
	}
	t.line("")
	t.line(t.paint(blue, title))
	seen := map[int32]bool{focus: true}
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		to := end[s.edge]
		branch, below := "├─ ", "│  "
		if s.last {
			branch, below = "└─ ", "   "
		}
		line := t.paint(dim, s.indent+branch) + t.treeNode(s.edge, to)
		more := len(next(to)) > 0
		switch {
		case t.edges[s.edge].Cycle:
			line += t.paint(red, "  ↺ in a cycle")
		case seen[to] && more:
			line += t.paint(dim, "  (seen above)")
		case s.depth+1 == maxIndent && more:
			line += t.paint(yellow, "  … and what lies behind it: draw around this node to see it")
		}
		t.line(line)
		if !seen[to] && s.depth+1 < maxIndent {
			seen[to] = true
			push(to, s.indent+below, s.depth+1)
		}
	}
}

// treeNode is a node of the tree, with the edge that leads there.
func (t *text) treeNode(e, i int32) string {
	n, edge := &t.nodes[i], &t.edges[e]
	paint := plain
	if n.Kind == Dataset {
		paint = cyan
	}
	line := t.paint(paint, n.name(""))
	switch {
	case edge.Kind == Feeds:
		line += t.mark(edge.carried(4, t.nodes[t.from[e]].Project))
	case edge.Kind == After:
		line += t.mark("after")
	case edge.Role != "" && edge.Role != "main":
		line += t.mark(string(edge.Kind) + " it as " + edge.Role)
	}
	return line + t.flags(n)
}

// footer counts, and lists the cycles.
func (t *text) footer() {
	if len(t.nodes) == 0 {
		t.line("there is nothing to draw")
		return
	}
	t.line("")
	t.line(t.paint(dim, t.caption()))
	t.cycleLines()
}

// cycleLines lists the cycles, by their nodes.
func (t *text) cycleLines() {
	found, all := t.cycles(maxCycles)
	if all == 0 {
		return
	}
	t.line(t.paint(red, "cycles:"))
	for _, cycle := range found {
		var names []string
		for k, i := range cycle {
			if k == maxCycleNodes && len(cycle) > maxCycleNodes+1 {
				names = append(names, "… "+number.Of(len(cycle)-k-1)+" more …")
				i = cycle[len(cycle)-1]
				names = append(names, t.nodes[i].name(""))
				break
			}
			names = append(names, t.nodes[i].name(""))
		}
		t.line("  ↺ " + strings.Join(names, " → "))
	}
	if all > len(found) {
		t.line("  … and " + number.Of(all-len(found)) + " more")
	}
}
