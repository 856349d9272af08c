// SPDX-License-Identifier: Apache-2.0

package layered

// scale divides a pixel, so that rounding does not bend what is straight.
const scale = 64

// place chooses the heights: each spot wants to be where its edges are straight, and keeps its distance from its
// neighbours in the column.
func (l *layout) place() {
	for _, column := range l.columns {
		y := 0
		for i, s := range column {
			if i > 0 {
				y += l.apart(column[i-1], s)
			}
			l.spots[s].y = y
		}
	}
	const rounds = 12
	for range rounds {
		for c := 1; c < len(l.columns); c++ {
			l.settle(l.columns[c], true, false)
		}
		for c := len(l.columns) - 2; c >= 0; c-- {
			l.settle(l.columns[c], false, true)
		}
	}
	for range rounds {
		for _, column := range l.columns {
			l.settle(column, true, true)
		}
	}
	top := 0
	for i, s := range l.spots {
		if i == 0 || s.y < top {
			top = s.y
		}
	}
	for i := range l.spots {
		l.spots[i].y -= top
	}
}

// apart is how far the upper side of a spot is from that of the one above it, at least.
func (l *layout) apart(above, below int) int {
	a, b := &l.spots[above], &l.spots[below]
	gap := l.options.Nodes
	switch {
	case a.passes && b.passes:
		gap = l.options.Edges
	case a.passes || b.passes:
		gap = (l.options.Nodes + l.options.Edges + 1) / 2
	}
	return (a.h + gap) * scale
}

// block is spots that touch, and move together.
type block struct {
	from, to int
	// sum is of the wishes times their weights.
	sum, weight int
}

func (b block) y() int { return floorDiv(b.sum, b.weight) }

// settle moves the spots of a column to where they want to be, as near as their distances allow: the least squares
// under these conditions, by merging those that are in each other's way.
func (l *layout) settle(column []int, left, right bool) {
	blocks := make([]block, 0, len(column))
	offsets := make([]int, len(column))
	for i, s := range column {
		if i > 0 {
			offsets[i] = offsets[i-1] + l.apart(column[i-1], s)
		}
		wish, weight := l.wish(s, left, right)
		b := block{from: i, to: i + 1, sum: (wish - offsets[i]) * weight, weight: weight}
		for len(blocks) > 0 && blocks[len(blocks)-1].y() > b.y() {
			last := blocks[len(blocks)-1]
			blocks = blocks[:len(blocks)-1]
			b = block{from: last.from, to: b.to, sum: last.sum + b.sum, weight: last.weight + b.weight}
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		y := b.y()
		for i := b.from; i < b.to; i++ {
			l.spots[column[i]].y = y + offsets[i]
		}
	}
}

// wish is where a spot wants to be, and how much.
func (l *layout) wish(s int, left, right bool) (y, weight int) {
	const (
		boxToBox, boxToPass, passToPass = 4, 8, 32
	)
	at := &l.spots[s]
	sum := 0
	for side, list := range [2][]segment{at.before, at.after} {
		if side == 0 && !left || side == 1 && !right {
			continue
		}
		for _, seg := range list {
			other := &l.spots[seg.spot]
			w := boxToBox
			switch {
			case other.passes && at.passes:
				w = passToPass
			case other.passes || at.passes:
				w = boxToPass
			}
			sum += (other.y + (seg.there-seg.here)*scale) * w
			weight += w
		}
	}
	if weight == 0 {
		return at.y, 1
	}
	return floorDiv(sum, weight), weight
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
