// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog/draw/layered"
)

// maxLabels is how many edges between folded nodes are labelled; among more, the labels would hide the edges.
const maxLabels = 150

// foldedScene lays out folded nodes. What an edge carries is a label on its way; edges from one node that carry the same
// have the label in common.
func (d *drawing) foldedScene() (*scene, error) {
	g := layered.Graph{}
	for i := range d.nodes {
		g.Nodes = append(g.Nodes, d.nodes[i].size())
	}
	s := &scene{wires: make([]wire, len(d.edges))}
	labels := map[string]int{}
	labelOf, tail := make([]int, len(d.edges)), make([]int, len(d.edges))
	var stem []int // the edge that leads to each label
	for i := range d.edges {
		e := &d.edges[i]
		from, to := int(d.from[i]), int(d.to[i])
		labelOf[i] = -1
		if from == to || len(d.edges) > maxLabels {
			tail[i] = len(g.Edges)
			g.Edges = append(g.Edges, layered.Edge{From: from, To: to, FromY: g.Nodes[from].H / 2, ToY: g.Nodes[to].H / 2})
			continue
		}
		key := strconv.Itoa(from) + "\x00" + strconv.FormatBool(e.Cycle) + "\x00" + strings.Join(e.Datasets, "\x00")
		at, ok := labels[key]
		if !ok {
			at = len(s.labels)
			labels[key] = at
			l := label{text: cut(e.carried(2, d.nodes[from].Project), maxBox), title: e.carried(20, ""), cycle: e.Cycle}
			if len(e.Datasets) > 2 {
				l.text = number.Count(len(e.Datasets), "dataset")
			}
			s.labels = append(s.labels, l)
			stem = append(stem, len(g.Edges))
			g.Edges = append(g.Edges, layered.Edge{From: from, To: len(d.nodes) + at, FromY: g.Nodes[from].H / 2, ToY: 8})
			g.Nodes = append(g.Nodes, layered.Node{W: textWidth(l.text, smallSize) + 12, H: 16})
		}
		labelOf[i], tail[i] = at, len(g.Edges)
		g.Edges = append(g.Edges, layered.Edge{From: len(d.nodes) + at, To: to, FromY: 8, ToY: g.Nodes[to].H / 2})
	}
	options := distances()
	options.Columns, options.Stretch = 30, false
	l, err := arrange(g, options)
	if err != nil {
		return nil, err
	}
	s.w, s.h, s.boxes = l.W, l.H, l.Boxes[:len(d.nodes)]
	for i := range s.labels {
		s.labels[i].box = l.Boxes[len(d.nodes)+i]
		s.labels[i].runs, s.labels[i].back = l.Routes[stem[i]].Runs, l.Routes[stem[i]].Back
	}
	for i := range d.edges {
		route := l.Routes[tail[i]]
		s.wires[i] = wire{runs: route.Runs, back: route.Back}
	}
	return s, nil
}
