// SPDX-License-Identifier: Apache-2.0

package layered

// result turns spots into boxes and routes.
func (l *layout) result() Layout {
	out := Layout{Boxes: make([]Box, len(l.graph.Nodes)), Routes: make([]Route, len(l.graph.Edges))}
	x, width := l.columnsX()
	for v, n := range l.graph.Nodes {
		c := l.spots[v].column
		box := Box{X: x[c], Y: l.pixel(v), W: n.W, H: n.H}
		if l.options.Stretch && n.W > 0 {
			box.W = width[c]
		}
		if n.Pin == Last {
			box.X = x[c] + width[c] - box.W
		}
		out.Boxes[v] = box
		out.W, out.H = max(out.W, box.X+box.W), max(out.H, box.Y+box.H)
	}
	for e, way := range l.ways {
		if way == nil {
			continue
		}
		leftY, rightY := l.heights(e)
		runs := make([]Run, 0, len(way))
		for i, s := range way {
			c := l.spots[s].column
			run := Run{X1: x[c], X2: x[c] + width[c], Y: l.pixel(s)}
			switch i {
			case 0:
				run.X1 = out.Boxes[s].X + out.Boxes[s].W
				run.Y += leftY
			case len(way) - 1:
				run.X2 = out.Boxes[s].X
				run.Y += rightY
			}
			out.H = max(out.H, run.Y)
			runs = append(runs, run)
		}
		if l.back[e] {
			runs = turned(runs)
		}
		out.Routes[e] = Route{Runs: runs, Back: l.back[e]}
	}
	return out
}

func turned(runs []Run) []Run {
	out := make([]Run, len(runs))
	for i, r := range runs {
		out[len(runs)-1-i] = Run{X1: r.X2, X2: r.X1, Y: r.Y}
	}
	return out
}

// pixel is the upper side of a spot in whole pixels.
func (l *layout) pixel(s int) int { return floorDiv(l.spots[s].y+scale/2, scale) }

// columnsX returns where columns begin, and how wide they are. Columns that many or steep edges lie between are further apart, those without
// width less.
func (l *layout) columnsX() (x, width []int) {
	x, width = make([]int, len(l.columns)), make([]int, len(l.columns))
	gaps := make([]int, len(l.columns))
	for c, column := range l.columns {
		edges, steep := 0, 0
		for _, s := range column {
			width[c] = max(width[c], l.spots[s].w)
			edges += len(l.spots[s].after)
			for _, seg := range l.spots[s].after {
				rise := l.spots[s].y/scale + seg.here - l.spots[seg.spot].y/scale - seg.there
				steep = max(steep, rise, -rise)
			}
		}
		if c+1 < len(l.columns) {
			gaps[c] = min(edges, 40) + min(steep/8, 80)
		}
	}
	for c := 1; c < len(l.columns); c++ {
		gap := l.options.Columns
		if width[c-1] == 0 || width[c] == 0 {
			gap /= 2
		}
		x[c] = x[c-1] + width[c-1] + gap + gaps[c-1]
	}
	return x, width
}
