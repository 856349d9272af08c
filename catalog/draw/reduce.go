// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"fmt"

	"trunkline.dev/trunkline/api/number"
)

// total counts the nodes and edges of a graph.
type total struct{ nodes, edges int }

func (t total) String() string {
	return number.Count(t.nodes, "node") + " and " + number.Count(t.edges, "edge")
}

func (t total) within(limit total) bool {
	return (limit.nodes == 0 || t.nodes <= limit.nodes) && (limit.edges == 0 || t.edges <= limit.edges)
}

// limits are what a format draws without being asked to fold, and what it draws at all; 0 is any number.
type limits struct{ readable, possible total }

func (f Format) limits() limits {
	switch f {
	case Text:
		return limits{readable: total{nodes: 150}}
	case Dot:
		return limits{readable: total{nodes: 1000}}
	case Mermaid:
		// What does not fit into GitHub's limits is cut, and said.
		return limits{readable: total{nodes: 150, edges: maxMermaidEdges}}
	case SVG:
		return limits{readable: total{nodes: 400, edges: 1200}, possible: total{nodes: 2000, edges: 6000}}
	default:
		return limits{}
	}
}

// TooLargeError says that a graph is larger than a format can draw.
type TooLargeError struct {
	Format Format
	// Nodes and Edges are how many there are, folded as far as was allowed; MaxNodes and MaxEdges how many there may be.
	Nodes, Edges, MaxNodes, MaxEdges int
	// Folded is by what the graph was folded; empty if it was not.
	Folded By
}

// Error says what to do instead.
func (e *TooLargeError) Error() string {
	what := "the graph has"
	advice := "fold it, select a project or the surroundings of a node, or write dot, json or text"
	if e.Folded != "" {
		what = fmt.Sprintf("folded by %s, the graph still has", e.Folded)
		advice = "select a project or the surroundings of a node, or write dot, json or text"
	}
	has, limit := total{e.Nodes, e.Edges}, total{e.MaxNodes, e.MaxEdges}
	return fmt.Sprintf("%s %s, and %s draws at most %s; %s", what, has, e.Format, limit, advice)
}

// reduce folds a graph as far as the format needs and the options allow.
func reduce(format Format, x *index, o Options) (*drawing, error) {
	limit := format.limits()
	d := &drawing{index: x, options: o, whole: x.total()}
	switch o.Fold {
	case Never:
		if !d.total().within(limit.possible) {
			return nil, d.tooLarge(format, limit.possible)
		}
		return d, nil
	case Always:
		d.foldBy(ByProject)
	case Auto, "":
		if d.total().within(limit.readable) {
			return d, nil
		}
		if d.foldBy(ByProject) {
			d.note(format, limit.readable, ByProject)
		}
	default:
		_, err := ParseFolding(string(o.Fold))
		return nil, err
	}
	if d.total().within(limit.readable) || format == Text || format == Dot {
		return d, nil
	}
	byProject := d.total()
	if d.foldBy(ByOwner) {
		d.notes = nil
		if o.Fold == Always {
			d.notes = append(d.notes, fmt.Sprintf("folded by owner: folded by project there are %s, more than the %s that %s draws", byProject, limit.readable, format))
		} else {
			d.note(format, limit.readable, ByOwner)
		}
	}
	if format == SVG && !d.total().within(limit.readable) {
		return nil, d.tooLarge(format, limit.readable)
	}
	return d, nil
}

func (x *index) total() total { return total{len(x.nodes), len(x.edges)} }

// foldBy folds what is not folded so far already, and reports whether it did.
func (d *drawing) foldBy(by By) bool {
	kind := Project
	if by == ByOwner {
		kind = Owner
	}
	done := true
	for _, n := range d.nodes {
		done = done && (n.Kind == kind || n.Kind == Owner)
	}
	if done {
		return false
	}
	d.index, d.folded = newIndex(d.fold(by)), by
	return true
}

func (d *drawing) note(format Format, limit total, by By) {
	unfold := "; --fold=never draws them all"
	if possible := format.limits().possible; !d.whole.within(possible) {
		unfold = "; select a project or the surroundings of a node to see them"
	}
	than := limit.String()
	if limit.edges == 0 {
		than = number.Count(limit.nodes, "node")
	}
	d.notes = append(d.notes, fmt.Sprintf("folded by %s, for %s are more than the %s that %s draws one by one%s", by, d.whole, than, format, unfold))
}

func (d *drawing) tooLarge(format Format, limit total) error {
	has := d.total()
	return &TooLargeError{Format: format, Nodes: has.nodes, Edges: has.edges, MaxNodes: limit.nodes, MaxEdges: limit.edges, Folded: d.folded}
}
