// SPDX-License-Identifier: Apache-2.0

// Package layered lays out directed graphs in columns from left to right (Sugiyama, Tagawa and Toda 1981): edges that
// close a circle are turned round, nodes get columns so that edges lead to the right, long edges get a place in each
// column that they pass, columns are sorted so that few edges cross, and heights are chosen so that edges are straight.
//
// No box overlaps another, and no edge leads through a box: inside of a column an edge is a horizontal line that keeps
// its distance from the boxes, and only between columns it goes up or down.
//
// It counts in whole pixels, so that a layout is the same on every machine, and it is pure. It knows
// nothing of Trunkline.
package layered

import "fmt"

// Pin holds a node in a column.
type Pin int

// The pins. Where any node is pinned to a column, all others stay out of it.
const (
	Free Pin = iota
	First
	Last
)

// Node is a box.
type Node struct {
	// W and H are its size in pixels.
	W, H int
	Pin  Pin
}

// Edge leads from the right side of one node to the left side of another; one that closes a circle leads from the left
// side to the right one.
type Edge struct {
	From, To int
	// FromY and ToY are where it begins and ends, in pixels below the upper side of the node.
	FromY, ToY int
}

// Graph is what is laid out. An edge from a node to itself has no route.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// Options are the distances in pixels.
type Options struct {
	// Columns is between columns, at least; Nodes between boxes of a column, and Edges between edges that pass it.
	Columns, Nodes, Edges int
	// Stretch makes all boxes of a column as wide as the widest, except for those without any width.
	Stretch bool
	// Limit is how many places in columns there may be, for nodes and for edges that pass; 0 is 20,000.
	Limit int
}

// Layout is where everything is.
type Layout struct {
	W, H   int
	Boxes  []Box   // of nodes
	Routes []Route // of edges
}

// Box is where a node is.
type Box struct{ X, Y, W, H int }

// Route is the way of an edge: horizontal lines, of which each is joined to the next by a curve.
type Route struct {
	Runs []Run
	// Back reports whether the edge leads from right to left.
	Back bool
}

// Run is a horizontal line from X1 to X2.
type Run struct{ X1, X2, Y int }

// Compute lays out a graph. It fails only where a limit is exceeded.
func Compute(g Graph, o Options) (Layout, error) {
	if o.Limit == 0 {
		o.Limit = 20_000
	}
	l := &layout{graph: g, options: o}
	l.turn()
	l.rank()
	if !l.chain() {
		return Layout{}, fmt.Errorf("the layout needs more than %d places in columns", o.Limit)
	}
	l.order()
	l.place()
	return l.result(), nil
}

// layout is the work in progress.
type layout struct {
	graph   Graph
	options Options
	// back marks the edges that are turned round, and column is that of each node.
	back   []bool
	column []int
	// spots are the places in columns, those of nodes first, with the same numbers; columns list them from top to bottom.
	spots   []spot
	columns [][]int
	// mean is where the neighbours of a spot are, while its column is sorted.
	mean []int
	// ways are the spots of each edge, from left to right.
	ways [][]int
}

// spot is a place in a column: a node, or an edge that passes.
type spot struct {
	column, index int
	w, h          int
	passes        bool
	// y is the upper side, in pixels times scale.
	y int
	// before and after are the segments that reach the spot from the left, and that leave it to the right.
	before, after []segment
}

// segment joins spots of neighbouring columns.
type segment struct {
	// spot is the one at the other end.
	spot int
	// here and there are how far below the upper sides of the two spots the ends are, in pixels.
	here, there int
}

// ends returns the left and right end of an edge after it was turned.
func (l *layout) ends(e int) (left, right int) {
	edge := l.graph.Edges[e]
	if l.back[e] {
		return edge.To, edge.From
	}
	return edge.From, edge.To
}

// heights returns how far below the upper sides of its left and right node an edge ends.
func (l *layout) heights(e int) (left, right int) {
	edge := l.graph.Edges[e]
	if l.back[e] {
		return edge.ToY, edge.FromY
	}
	return edge.FromY, edge.ToY
}

// loop reports whether an edge leads from a node to itself.
func (l *layout) loop(e int) bool { return l.graph.Edges[e].From == l.graph.Edges[e].To }
