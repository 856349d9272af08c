// SPDX-License-Identifier: Apache-2.0

package draw_test

import (
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/catalog/draw/layered"
)

// fataler is what both kinds of test can do.
type fataler interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

func TestPicturesAreReadable(t *testing.T) {
	for name, g := range map[string]draw.Graph{
		"acme": acme(), "cyclic": cyclic(), "hostile": hostile(), "shapes": shapes(), "40 nodes": company(11), "300 nodes": company(85), "chains": platform(9),
		"folded": draw.Fold(company(85), draw.ByProject), "owners": draw.Fold(company(85), draw.ByOwner), "folded cycle": draw.Fold(cyclic(), draw.ByProject),
	} {
		t.Run(name, func(t *testing.T) { readable(t, g) })
	}
}

func TestAnyPictureIsReadable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := anyGraph(t)
		readable(t, g)
		readable(t, draw.Fold(g, draw.ByProject))
	})
}

// readable holds a picture to what makes it one: nothing overlaps, and no edge leads through a box or a frame that is
// none of its own.
func readable(t fataler, g draw.Graph) {
	t.Helper()
	s, err := draw.SceneOf(g)
	if err != nil {
		t.Fatal(err)
	}
	frameOf := make([]int, len(s.Nodes))
	for i := range frameOf {
		frameOf[i] = -1
	}
	for i, f := range s.Frames {
		for _, n := range f.Nodes {
			frameOf[n] = i
			if !within(s.Boxes[n], f.Box) {
				t.Errorf("%q at %+v is not in its frame at %+v", s.Nodes[n].ID, s.Boxes[n], f.Box)
			}
		}
		for j, other := range s.Frames[:i] {
			if overlap(f.Box, other.Box) {
				t.Errorf("frames %d and %d overlap: %+v, %+v", i, j, f.Box, other.Box)
			}
		}
	}
	boxes := append(append([]layered.Box{}, s.Boxes...), s.Labels...)
	for i, a := range boxes {
		if a.X < 0 || a.Y < 0 || a.X+a.W > s.W || a.Y+a.H > s.H {
			t.Errorf("box %d at %+v is outside of the picture of %d × %d", i, a, s.W, s.H)
		}
		for j, b := range boxes[:i] {
			if overlap(a, b) {
				t.Errorf("boxes %d and %d overlap: %+v, %+v", i, j, a, b)
			}
		}
	}
	for e, runs := range s.Wires {
		from, to := s.From[e], s.To[e]
		if from == to {
			continue
		}
		if len(s.Labels) == 0 && !touches(s.Boxes[from], runs[0].X1, runs[0].Y) || !touches(s.Boxes[to], runs[len(runs)-1].X2, runs[len(runs)-1].Y) {
			t.Errorf("the edge from %q to %q does not join them: %v", s.Nodes[from].ID, s.Nodes[to].ID, runs)
		}
		for i, r := range runs {
			parts := []layered.Box{span(r.X1, r.Y, r.X2, r.Y)}
			if i > 0 {
				parts = append(parts, span(runs[i-1].X2, runs[i-1].Y, r.X1, r.Y))
			}
			for _, p := range parts {
				for n, box := range s.Boxes {
					if n := int32(n); n != from && n != to && through(p, box) {
						t.Errorf("the edge from %q to %q leads through %q", s.Nodes[from].ID, s.Nodes[to].ID, s.Nodes[n].ID)
					}
				}
				for f, frame := range s.Frames {
					if f != frameOf[from] && f != frameOf[to] && through(p, frame.Box) {
						t.Errorf("the edge from %q to %q leads through frame %d", s.Nodes[from].ID, s.Nodes[to].ID, f)
					}
				}
			}
		}
	}
}

func within(a, b layered.Box) bool {
	return a.X >= b.X && a.Y >= b.Y && a.X+a.W <= b.X+b.W && a.Y+a.H <= b.Y+b.H
}

func overlap(a, b layered.Box) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// touches reports whether a point is on the left or right side of a box.
func touches(b layered.Box, x, y int) bool {
	return (x == b.X || x == b.X+b.W) && y >= b.Y && y <= b.Y+b.H
}

// span is the box between two points.
func span(x1, y1, x2, y2 int) layered.Box {
	return layered.Box{X: min(x1, x2), Y: min(y1, y2), W: max(x1, x2) - min(x1, x2), H: max(y1, y2) - min(y1, y2)}
}

// through reports whether a line, or the box around a curve, reaches into a box.
func through(line, b layered.Box) bool {
	return line.X+line.W > b.X && line.X < b.X+b.W && line.Y+line.H >= b.Y && line.Y <= b.Y+b.H
}
