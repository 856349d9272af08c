// SPDX-License-Identifier: Apache-2.0

package layered

import (
	"cmp"
	"slices"
)

const (
	// fine is how many steps the position of a spot in its column is divided into, for edges that end at different heights of a box.
	fine = 1024
	// effort bounds the work of sorting columns, in segments looked at.
	effort = 2_000_000
	// maxIdleRounds is how many rounds in a row may remove no crossing before sorting stops.
	maxIdleRounds = 6
)

// order sorts the columns so that few edges cross: again and again by where the neighbours are, to the right and back,
// and keeps the best.
func (l *layout) order() {
	l.firstOrder()
	segments := 0
	for i := range l.spots {
		segments += len(l.spots[i].after)
	}
	rounds := min(max(effort/(segments*8+1), 2), 24)
	l.mean = make([]int, len(l.spots))
	best, fewest := l.copyOrder(), l.crossings()
	for round, idle := 0, 0; round < rounds && idle < maxIdleRounds && fewest > 0; round++ {
		for c := 1; c < len(l.columns); c++ {
			l.sortColumn(c, false)
		}
		for c := len(l.columns) - 2; c >= 0; c-- {
			l.sortColumn(c, true)
		}
		l.swap(effort / rounds)
		idle++
		if n := l.crossings(); n < fewest {
			best, fewest, idle = l.copyOrder(), n, 0
		}
	}
	l.columns = best
	l.number()
	l.swap(effort)
}

// firstOrder lists the spots of each column as a walk in breadth comes to them, so that what hangs together is together.
func (l *layout) firstOrder() {
	last := 0
	for _, s := range l.spots {
		last = max(last, s.column)
	}
	l.columns = make([][]int, last+1)
	seen := make([]bool, len(l.spots))
	for root := range l.spots {
		if seen[root] {
			continue
		}
		seen[root] = true
		for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
			s := &l.spots[queue[0]]
			l.columns[s.column] = append(l.columns[s.column], queue[0])
			for _, list := range [2][]segment{s.after, s.before} {
				for _, seg := range list {
					if !seen[seg.spot] {
						seen[seg.spot] = true
						queue = append(queue, seg.spot)
					}
				}
			}
		}
	}
	l.number()
}

func (l *layout) number() {
	for _, column := range l.columns {
		for i, s := range column {
			l.spots[s].index = i
		}
	}
}

func (l *layout) copyOrder() [][]int {
	out := make([][]int, len(l.columns))
	for i, c := range l.columns {
		out[i] = slices.Clone(c)
	}
	return out
}

// at is the position of the end of a segment in its column.
func (l *layout) at(spot, y int) int {
	s := &l.spots[spot]
	if s.h == 0 {
		return s.index*fine + fine/2
	}
	return s.index*fine + y*(fine-1)/s.h
}

// sortColumn sorts a column by the mean position of the neighbours to the left, or to the right. A spot without any
// keeps its place.
func (l *layout) sortColumn(c int, right bool) {
	column := l.columns[c]
	list := func(s int) []segment {
		if right {
			return l.spots[s].after
		}
		return l.spots[s].before
	}
	var moved []int
	for _, s := range column {
		segments := list(s)
		if len(segments) == 0 {
			continue
		}
		sum := 0
		for _, seg := range segments {
			sum += l.at(seg.spot, seg.there)*16 - seg.here*16*16/(l.spots[s].h+1)
		}
		l.mean[s] = sum / len(segments)
		moved = append(moved, s)
	}
	slices.SortStableFunc(moved, func(a, b int) int { return cmp.Compare(l.mean[a], l.mean[b]) })
	next := 0
	for i, s := range column {
		if len(list(s)) > 0 {
			column[i] = moved[next]
			next++
		}
	}
	for i, s := range column {
		l.spots[s].index = i
	}
}

// swap exchanges neighbours in a column as long as that takes crossings away, for so many steps.
func (l *layout) swap(budget int) {
	for better := true; better && budget > 0; {
		better = false
		for _, column := range l.columns {
			for i := 1; i < len(column); i++ {
				a, b := &l.spots[column[i-1]], &l.spots[column[i]]
				budget -= len(a.before)*len(b.before) + len(a.after)*len(b.after) + 1
				if budget < 0 {
					return
				}
				if l.between(a.before, b.before)+l.between(a.after, b.after) <= l.between(b.before, a.before)+l.between(b.after, a.after) {
					continue
				}
				column[i-1], column[i] = column[i], column[i-1]
				a.index, b.index = i, i-1
				better = true
			}
		}
	}
}

// between counts the crossings of the segments of two spots, the first of which is above.
func (l *layout) between(above, below []segment) int {
	n := 0
	for _, a := range above {
		for _, b := range below {
			if l.at(a.spot, a.there) > l.at(b.spot, b.there) {
				n++
			}
		}
	}
	return n
}

// crossings counts the crossings of all segments.
func (l *layout) crossings() int {
	n := 0
	for _, column := range l.columns {
		var ends []int
		for _, s := range column {
			after := slices.Clone(l.spots[s].after)
			slices.SortFunc(after, func(a, b segment) int {
				return cmp.Or(cmp.Compare(a.here, b.here), cmp.Compare(l.at(a.spot, a.there), l.at(b.spot, b.there)))
			})
			for _, seg := range after {
				ends = append(ends, l.at(seg.spot, seg.there))
			}
		}
		n += inversions(ends)
	}
	return n
}

// inversions counts the pairs that are in the wrong order, by merging.
func inversions(list []int) int {
	if len(list) < 2 {
		return 0
	}
	half := len(list) / 2
	left, right := slices.Clone(list[:half]), slices.Clone(list[half:])
	n := inversions(left) + inversions(right)
	for i := range list {
		switch {
		case len(right) == 0 || len(left) > 0 && left[0] <= right[0]:
			list[i], left = left[0], left[1:]
		default:
			n += len(left)
			list[i], right = right[0], right[1:]
		}
	}
	return n
}
