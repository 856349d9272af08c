// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"trunkline.dev/trunkline/catalog/draw/layered"
)

// The sizes of the picture, in pixels.
const (
	nameSize, smallSize = 12, 10 // of letters
	boxHeight           = 26     // of a box with one line
	boxHeightTwo        = 38     // of a box with two
	boxPadding          = 12     // beside the text of a box
	frameHead           = 26     // above the boxes of a project, for its name
	framePadding        = 12
	portGap             = 8  // around a place where an edge crosses a frame
	between             = 28 // projects that have nothing to do with each other
)

// scene is where everything of a picture is.
type scene struct {
	w, h   int
	frames []frame
	boxes  []layered.Box // of the nodes
	wires  []wire        // of the edges
	labels []label
}

// frame is around the nodes of a project.
type frame struct {
	box   layered.Box
	nodes []int32
}

// wire is the way of an edge. One that leads from a node to itself has no runs.
type wire struct {
	runs []layered.Run
	back bool
}

// label is a text on edges between folded nodes: the datasets that they carry.
type label struct {
	box   layered.Box
	text  string
	title string
	cycle bool
	// runs lead to the label.
	runs []layered.Run
	back bool
}

// scene lays out a picture.
func (d *drawing) scene() (*scene, error) {
	for i := range d.nodes {
		if !d.nodes[i].folded() {
			return d.framedScene()
		}
	}
	return d.foldedScene()
}

// lines are the one or two lines that a box says.
func (n *Node) lines() (first, second string) {
	second = n.Detail
	if n.folded() {
		second = n.holds()
		if n.Kind == Project && n.Owner != "" {
			second = n.Owner + " · " + second
		}
	}
	return cut(n.label(), maxBox), cut(harmless(second), maxBox+8)
}

// size is that of the box of a node.
func (n *Node) size() layered.Node {
	first, second := n.lines()
	box := layered.Node{W: textWidth(first, nameSize) + 2*boxPadding, H: boxHeight}
	if second != "" {
		box.W = max(box.W, textWidth(second, smallSize)+2*boxPadding)
		box.H = boxHeightTwo
	}
	return box
}

// distances are those between boxes.
func distances() layered.Options {
	return layered.Options{Columns: 32, Nodes: 14, Edges: 8, Stretch: true}
}

// shift moves a route.
func shift(runs []layered.Run, x, y int) []layered.Run {
	out := make([]layered.Run, len(runs))
	for i, r := range runs {
		out[i] = layered.Run{X1: r.X1 + x, X2: r.X2 + x, Y: r.Y + y}
	}
	return out
}
