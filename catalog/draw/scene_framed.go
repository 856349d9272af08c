// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

// framedScene lays out nodes in a frame for each project. Projects are laid out inside first, and then as boxes. An edge
// between projects crosses their frames at ports: one for each node that others need, on the side where they are.
func (d *drawing) framedScene() (*scene, error) {
	f := &framing{drawing: d, groupOf: make([]int, len(d.nodes)), ports: map[port]int{}}
	for i, group := range d.byProject() {
		for _, n := range group {
			f.groupOf[n] = i
		}
		f.rooms = append(f.rooms, room{nodes: group})
	}
	if err := f.crossings(); err != nil {
		return nil, err
	}
	for i := range f.rooms {
		if err := f.layRoom(i); err != nil {
			return nil, err
		}
	}
	return f.join()
}

// framing is the work in progress.
type framing struct {
	*drawing
	groupOf []int
	rooms   []room
	// crossing are the ways between projects: from a port of one to a port of the other.
	crossing []crossing
	ports    map[port]int // to its number in the room
}

// crossing is a node that another project needs.
type crossing struct {
	node     int32
	from, to int
	back     bool
}

// port is where edges from a node cross the frame of a project.
type port struct {
	room int
	node int32
	left bool
}

// room is the inside of a frame.
type room struct {
	nodes  []int32
	graph  layered.Graph
	inside map[int32]int // node to its number
	layout layered.Layout
	legs   map[leg]int // to the number of its edge in the graph
	ports  []port
	// w and h are the size of the frame, and x and y where the layout is in it.
	w, h, x, y int
}

// leg is a part of the way of an edge inside of a room.
type leg struct {
	part part
	// of is the number of an edge; of those that leave, that of the node, since all edges from it leave together.
	of int32
}

// part says which part of a way it is.
type part int

const (
	inside      part = iota // from a node to another of the same room
	leavesRight             // from a node to a port
	leavesLeft
	arrives // from a port to a node
)

// crossings finds which projects need what of each other, and which of these ways lead from right to left.
func (f *framing) crossings() error {
	seen := map[[2]int64]bool{}
	for i := range f.edges {
		from, to := f.groupOf[f.from[i]], f.groupOf[f.to[i]]
		key := [2]int64{int64(f.from[i]), int64(to)}
		if from != to && !seen[key] {
			seen[key] = true
			f.crossing = append(f.crossing, crossing{node: f.from[i], from: from, to: to})
		}
	}
	slices.SortFunc(f.crossing, func(a, b crossing) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.node, b.node))
	})
	l, err := arrange(f.outside(), distances())
	if err != nil {
		return err
	}
	for i := range f.crossing {
		f.crossing[i].back = l.Routes[i].Back
	}
	return nil
}

// outside is the graph of the frames.
func (f *framing) outside() layered.Graph {
	g := layered.Graph{}
	for i := range f.rooms {
		r := &f.rooms[i]
		g.Nodes = append(g.Nodes, layered.Node{W: r.w, H: r.h})
	}
	for _, c := range f.crossing {
		e := layered.Edge{From: c.from, To: c.to}
		if at, ok := f.ports[port{c.from, c.node, c.back}]; ok {
			e.FromY = f.portY(c.from, at)
			e.ToY = f.portY(c.to, f.ports[port{c.to, c.node, !c.back}])
		}
		g.Edges = append(g.Edges, e)
	}
	return g
}

// portY is where a port is, below the upper side of the frame.
func (f *framing) portY(i, at int) int {
	r := &f.rooms[i]
	box := r.layout.Boxes[at]
	return r.y + box.Y + box.H/2
}

// layRoom lays out the inside of a project.
func (f *framing) layRoom(i int) error {
	r := &f.rooms[i]
	r.inside, r.legs = map[int32]int{}, map[leg]int{}
	for _, n := range r.nodes {
		r.inside[n] = len(r.graph.Nodes)
		r.graph.Nodes = append(r.graph.Nodes, f.nodes[n].size())
	}
	left, right := false, false
	for _, c := range f.crossing {
		switch i {
		case c.from:
			f.addPort(port{i, c.node, c.back})
		case c.to:
			f.addPort(port{i, c.node, !c.back})
		default:
			continue
		}
		isLeft := (i == c.from) == c.back
		left, right = left || isLeft, right || !isLeft
	}
	f.connect(i)
	l, err := layered.Compute(r.graph, distances())
	if err != nil {
		return err
	}
	r.layout = l
	r.x, r.y = framePadding, frameHead
	r.w = l.W + 2*framePadding
	if left {
		r.x, r.w = 0, r.w-framePadding
	}
	if right {
		r.w -= framePadding
	}
	r.w = max(r.w, textWidth(f.frameLabel(r.nodes), smallSize)+2*framePadding)
	r.h = frameHead + l.H + framePadding
	return nil
}

func (f *framing) addPort(p port) {
	if _, ok := f.ports[p]; ok {
		return
	}
	r := &f.rooms[p.room]
	pin := layered.Last
	if p.left {
		pin = layered.First
	}
	f.ports[p] = len(r.graph.Nodes)
	r.ports = append(r.ports, p)
	r.graph.Nodes = append(r.graph.Nodes, layered.Node{H: portGap, Pin: pin})
}

// connect adds the edges of a room: those inside of it, and those between its nodes and its ports.
func (f *framing) connect(i int) {
	r := &f.rooms[i]
	half := func(v int) int { return r.graph.Nodes[v].H / 2 }
	add := func(key leg, from, to int) {
		if _, ok := r.legs[key]; !ok {
			r.legs[key] = len(r.graph.Edges)
			r.graph.Edges = append(r.graph.Edges, layered.Edge{From: from, To: to, FromY: half(from), ToY: half(to)})
		}
	}
	for _, p := range r.ports {
		if f.groupOf[p.node] == i {
			add(leaving(p.node, p.left), r.inside[p.node], f.ports[p])
			continue
		}
		for e, end := f.outOf(p.node); e < end; e++ {
			if to := f.to[e]; f.groupOf[to] == i {
				add(leg{arrives, e}, f.ports[p], r.inside[to])
			}
		}
	}
	for _, n := range r.nodes {
		for e, end := f.outOf(n); e < end; e++ {
			if to := f.to[e]; f.groupOf[to] == i && to != n {
				add(leg{inside, e}, r.inside[n], r.inside[to])
			}
		}
	}
}

// leaving is the leg from a node to a port of its own room.
func leaving(node int32, left bool) leg {
	if left {
		return leg{leavesLeft, node}
	}
	return leg{leavesRight, node}
}

// join puts the frames in their places, and the parts of each edge together.
func (f *framing) join() (*scene, error) {
	options := distances()
	options.Columns, options.Nodes, options.Stretch = 48, 24, false
	outer, err := arrange(f.outside(), options)
	if err != nil {
		return nil, err
	}
	f.untwist(outer)
	if outer, err = arrange(f.outside(), options); err != nil {
		return nil, err
	}
	s := &scene{w: outer.W, h: outer.H, boxes: make([]layered.Box, len(f.nodes)), wires: make([]wire, len(f.edges))}
	for i := range f.rooms {
		r := &f.rooms[i]
		at := outer.Boxes[i]
		s.frames = append(s.frames, frame{box: at, nodes: r.nodes})
		for n, v := range r.inside {
			b := r.layout.Boxes[v]
			s.boxes[n] = layered.Box{X: at.X + r.x + b.X, Y: at.Y + r.y + b.Y, W: b.W, H: b.H}
		}
	}
	ways := map[[2]int64]int{}
	for i, c := range f.crossing {
		ways[[2]int64{int64(c.node), int64(c.to)}] = i
	}
	for e := range f.edges {
		from, to := f.groupOf[f.from[e]], f.groupOf[f.to[e]]
		if f.from[e] == f.to[e] {
			continue
		}
		if from == to {
			s.wires[e] = f.within(from, leg{inside, int32(e)}, outer)
			continue
		}
		i := ways[[2]int64{int64(f.from[e]), int64(to)}]
		back := f.crossing[i].back
		first := f.within(from, leaving(f.from[e], back), outer)
		last := f.within(to, leg{arrives, int32(e)}, outer)
		middle := outer.Routes[i].Runs
		// A frame that is wider than its boxes has its ports further out.
		first.runs[len(first.runs)-1].X2 = middle[0].X1
		last.runs[0].X1 = middle[len(middle)-1].X2
		s.wires[e] = wire{runs: slices.Concat(first.runs, middle, last.runs), back: back}
	}
	return s, nil
}

// within is the way of an edge inside of a frame.
func (f *framing) within(i int, key leg, outer layered.Layout) wire {
	r := &f.rooms[i]
	route := r.layout.Routes[r.legs[key]]
	return wire{runs: shift(route.Runs, outer.Boxes[i].X+r.x, outer.Boxes[i].Y+r.y), back: route.Back}
}
