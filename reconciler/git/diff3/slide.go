// SPDX-License-Identifier: Apache-2.0

package diff3

// slide moves runs of changed lines of one version. A run that is followed by what it begins with can as well be one line
// further down, and the other way round; which of these is taken decides what it touches. As git does it: as far up as it
// goes, joining with what it meets, then down as far as it goes, or to the last place where the other version has changes
// too.
func slide(lines []line, changed []bool, otherLines []line, otherChanged []bool) {
	g, other := run{lines: lines, changed: changed}, run{lines: otherLines, changed: otherChanged}
	g.begin()
	other.begin()
	for more := true; more; {
		if g.end > g.start {
			g.settle(&other)
		}
		more = g.forward()
		other.forward()
	}
}

// settle slides one run; other is the run of the other version at the same place.
func (g *run) settle(other *run) {
	top, aligned := 0, false
	for size := -1; size != g.end-g.start; {
		size = g.end - g.start
		for g.up() {
			other.back()
		}
		top, aligned = g.end, other.end > other.start
		for g.down() {
			other.forward()
			aligned = aligned || other.end > other.start
		}
	}
	if g.end == top || !aligned {
		return
	}
	for other.end == other.start {
		g.up()
		other.back()
	}
}

// run is a run of changed lines, which may be empty: there is one before each unchanged line, and one behind the last.
type run struct {
	lines      []line
	changed    []bool
	start, end int
}

func (g *run) begin() {
	for g.end < len(g.changed) && g.changed[g.end] {
		g.end++
	}
}

// forward goes to the next run.
func (g *run) forward() bool {
	if g.end == len(g.changed) {
		return false
	}
	g.start, g.end = g.end+1, g.end+1
	g.begin()
	return true
}

// back goes to the run before.
func (g *run) back() {
	if g.start == 0 {
		return
	}
	g.start, g.end = g.start-1, g.start-1
	for g.start > 0 && g.changed[g.start-1] {
		g.start--
	}
}

// down moves the run by one line, if it can, and joins it with what it meets.
func (g *run) down() bool {
	if g.end == len(g.lines) || g.lines[g.start] != g.lines[g.end] {
		return false
	}
	g.changed[g.start], g.changed[g.end] = false, true
	g.start, g.end = g.start+1, g.end+1
	g.begin()
	return true
}

// up is down in the other direction.
func (g *run) up() bool {
	if g.start == 0 || g.lines[g.start-1] != g.lines[g.end-1] {
		return false
	}
	g.start, g.end = g.start-1, g.end-1
	g.changed[g.start], g.changed[g.end] = true, false
	for g.start > 0 && g.changed[g.start-1] {
		g.start--
	}
	return true
}
