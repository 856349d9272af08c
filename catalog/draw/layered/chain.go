// SPDX-License-Identifier: Apache-2.0

package layered

// chain returns each edge a spot in every column that it passes. Edges that begin at the same place share their spots as
// far as they go the same way, so that what many nodes need is drawn as one line that branches. It reports whether the
// spots are within the limit.
func (l *layout) chain() bool {
	type trunk struct{ node, y, edge int }
	shared := map[trunk][]int{}
	l.spots = make([]spot, len(l.graph.Nodes))
	for v, n := range l.graph.Nodes {
		l.spots[v] = spot{column: l.column[v], w: n.W, h: n.H}
	}
	joined := map[[4]int]bool{}
	l.ways = make([][]int, len(l.graph.Edges))
	for e := range l.graph.Edges {
		if l.loop(e) {
			continue
		}
		left, right := l.ends(e)
		leftY, rightY := l.heights(e)
		key := trunk{node: left, y: leftY, edge: -1}
		if l.back[e] {
			key.edge = e
		}
		passed := shared[key]
		for column := l.column[left] + 1 + len(passed); column < l.column[right]; column++ {
			if len(l.spots) >= l.options.Limit {
				return false
			}
			passed = append(passed, len(l.spots))
			l.spots = append(l.spots, spot{column: column, passes: true})
		}
		shared[key] = passed
		way := []int{left}
		way = append(way, passed[:l.column[right]-l.column[left]-1]...)
		way = append(way, right)
		l.ways[e] = way
		for i := 1; i < len(way); i++ {
			a, b := way[i-1], way[i]
			var ay, by int
			if i == 1 {
				ay = leftY
			}
			if i == len(way)-1 {
				by = rightY
			}
			if !joined[[4]int{a, ay, b, by}] {
				joined[[4]int{a, ay, b, by}] = true
				l.spots[a].after = append(l.spots[a].after, segment{spot: b, here: ay, there: by})
				l.spots[b].before = append(l.spots[b].before, segment{spot: a, here: by, there: ay})
			}
		}
	}
	return true
}
