// SPDX-License-Identifier: Apache-2.0

package draw

import "trunkline.dev/trunkline/catalog/draw/layered"

// Scene is where everything of a picture is, for tests of the picture.
type Scene struct {
	W, H   int
	Frames []Frame
	Nodes  []Node
	Boxes  []layered.Box
	Edges  []Edge
	From   []int32
	To     []int32
	Wires  [][]layered.Run
	Labels []layered.Box
}

// Frame is a frame with the numbers of its nodes.
type Frame struct {
	Box   layered.Box
	Nodes []int32
}

// SceneOf lays out a picture.
func SceneOf(g Graph) (Scene, error) {
	d := &drawing{index: newIndex(g)}
	s, err := d.scene()
	if err != nil {
		return Scene{}, err
	}
	out := Scene{W: s.w, H: s.h, Nodes: d.nodes, Boxes: s.boxes, Edges: d.edges, From: d.from, To: d.to}
	for _, f := range s.frames {
		out.Frames = append(out.Frames, Frame{Box: f.box, Nodes: f.nodes})
	}
	for _, w := range s.wires {
		out.Wires = append(out.Wires, w.runs)
	}
	for _, l := range s.labels {
		out.Labels = append(out.Labels, l.box)
	}
	return out, nil
}

// Fold folds a graph, see [index.fold].
func Fold(g Graph, by By) Graph { return newIndex(g).fold(by) }
