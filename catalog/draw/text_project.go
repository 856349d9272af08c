// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
)

// entry is one line below a node: that it reads a dataset, and where that comes from.
type entry struct {
	verb, name string
	// arrow leads to the names of others; empty where there are none to tell of.
	arrow  string
	others others
	cycle  bool
}

// others are nodes at the other ends of edges: the names of the first, and how many there are.
type others struct {
	names []string
	all   int
}

// mostOthers is how many names there are in a line, where no width bounds them.
const mostOthers = 12

// project draws a project: its workloads in the order of the flow, each with what it reads and writes, and datasets
// that none of them writes.
func (t *text) project(group []int32) {
	head := t.head(group)
	line := t.paint(bold, clean(cmp.Or(head.Project, "(no project)"))) + t.mark(head.Owner)
	if head.External {
		line += t.paint(dim, " · outside of the selection")
	}
	t.line(line)
	var items []int32
	for _, i := range group {
		if t.nodes[i].Kind != Dataset || !t.written(i) {
			items = append(items, i)
		}
	}
	slices.SortStableFunc(items, func(a, b int32) int { return cmp.Compare(t.rank[a], t.rank[b]) })
	for k, i := range items {
		branch, below := "├─ ", "│    "
		if k == len(items)-1 {
			branch, below = "└─ ", "     "
		}
		n := &t.nodes[i]
		paint := plain
		if n.Kind == Dataset {
			paint = cyan
		}
		t.line(t.paint(dim, branch) + t.paint(paint, n.label()) + t.mark(n.Detail) + t.flags(n))
		t.entries(below, t.entriesOf(i))
	}
}

// written reports whether a workload of the dataset's project writes it, so that it is told of there.
func (t *text) written(dataset int32) bool {
	return slices.ContainsFunc(t.into(dataset), func(e int32) bool {
		return t.nodes[t.from[e]].Project == t.nodes[dataset].Project && t.edges[e].Kind == Writes
	})
}

// entriesOf tells of the edges of a node.
func (t *text) entriesOf(i int32) []entry {
	n := &t.nodes[i]
	if n.Kind == Dataset {
		var entries []entry
		if readers := t.others(t.leaving(i), t.to, n.Project); readers.all > 0 {
			entries = append(entries, entry{verb: "read by", others: readers, cycle: t.anyCycle(t.leaving(i))})
		}
		if writers := t.others(t.into(i), t.from, n.Project); writers.all > 0 {
			entries = append(entries, entry{verb: "written by", others: writers, cycle: t.anyCycle(t.into(i))})
		}
		return entries
	}
	var reads, after, writes []entry
	for _, e := range t.into(i) {
		from := t.from[e]
		if t.edges[e].Kind == After {
			after = append(after, entry{verb: "after", name: t.nodes[from].name(n.Project), cycle: t.edges[e].Cycle})
			continue
		}
		writers := t.others(t.into(from), t.from, n.Project)
		reads = append(reads, entry{verb: "reads", name: t.dataset(from, n), arrow: "←", others: writers, cycle: t.edges[e].Cycle})
	}
	for e, end := t.outOf(i); e < end; e++ {
		if t.edges[e].Kind == After {
			continue
		}
		to := t.to[e]
		writes = append(writes, entry{verb: "writes", name: t.dataset(to, n), arrow: "→", others: t.others(t.leaving(to), t.to, n.Project), cycle: t.edges[e].Cycle})
	}
	return slices.Concat(reads, after, writes)
}

// dataset returns the name of a dataset with its flags, such as that it is not declared.
func (t *text) dataset(i int32, by *Node) string {
	name := t.nodes[i].name(by.Project)
	if words := t.nodes[i].flags(); len(words) > 0 {
		name += " (" + strings.Join(words, ", ") + ")"
	}
	return name
}

// others returns the other ends of edges, which are sorted by them.
func (t *text) others(edges, ends []int32, project string) others {
	var out others
	for i, e := range edges {
		if i > 0 && ends[e] == ends[edges[i-1]] {
			continue
		}
		if out.all++; out.all <= mostOthers {
			out.names = append(out.names, t.nodes[ends[e]].name(project))
		}
	}
	return out
}

func (t *text) anyCycle(edges []int32) bool {
	return slices.ContainsFunc(edges, func(e int32) bool { return t.edges[e].Cycle })
}

// entries draws the lines below a node, their parts below each other.
func (t *text) entries(indent string, entries []entry) {
	const widest = 48 // columns of a name that others are aligned to
	verbs, names := 0, 0
	for _, e := range entries {
		verbs = max(verbs, cells(e.verb))
		if w := cells(e.name); w <= widest && e.others.all > 0 {
			names = max(names, w)
		}
	}
	for _, e := range entries {
		t.entry(indent, e, verbs, names)
	}
}

func (t *text) entry(indent string, e entry, verbs, names int) {
	line := t.paint(dim, indent+pad(e.verb, verbs)) + " "
	used := cells(indent) + verbs + 1
	if e.name != "" {
		name := e.name
		if e.others.all > 0 {
			name = pad(name, names) + "  "
		}
		used += cells(name)
		if e.verb == "reads" || e.verb == "writes" {
			name = t.paint(cyan, name)
		}
		line += name
	}
	if e.arrow != "" && e.others.all > 0 {
		line += t.paint(dim, e.arrow+" ")
		used += cells(e.arrow) + 1
	}
	end := ""
	if e.cycle {
		end = "  ↺ in a cycle"
	}
	room := 0
	if t.options.Width > 0 {
		room = max(t.options.Width-used-cells(end), 1)
	}
	t.line(line + e.others.fit(room) + t.paint(red, end))
}

// fit joins the names as far as there is room for them, at least the first one. A room of 0 is without end.
func (o others) fit(room int) string {
	var b strings.Builder
	used := 0
	for i, name := range o.names {
		rest := ""
		if left := o.all - i - 1; left > 0 {
			rest = " and " + number.Of(left) + " more"
		}
		next := cells(name)
		if i > 0 {
			next += 2
		}
		if i > 0 && room > 0 && used+next+cells(rest) > room {
			b.WriteString(" and " + number.Of(o.all-i) + " more")
			return b.String()
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
		used += next
	}
	if more := o.all - len(o.names); more > 0 {
		b.WriteString(" and " + number.Of(more) + " more")
	}
	return b.String()
}
