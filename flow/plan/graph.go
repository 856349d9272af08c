// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Series is a dataset that comes in lots, in one environment.
type Series struct {
	// ID is "project/name@version".
	ID   string
	Unit lot.Unit
	// Since is where the first lot starts.
	Since time.Time
	// Retention is how long a lot is kept from its end on; 0 for ever. What is no longer kept is not made.
	Retention time.Duration
	// Freshness is how long after its end a lot is there at the latest; 0 if nobody says.
	Freshness time.Duration
	// External says that the lots are written outside of the platform.
	External bool
}

// Stop is why nothing starts the runs of an arc, by what is declared.
type Stop string

// The stops.
const (
	// Runs is no stop.
	Runs Stop = ""
	// Suspended says that the workload or its project is suspended.
	Suspended Stop = "suspended"
	// Excluded says that the workload is left out of the environment.
	Excluded Stop = "excluded"
	// Scheduled says that the workload runs by the clock, and writes its lots by itself.
	Scheduled Stop = "scheduled"
	// Steady says that the workload always runs, such as a service, and writes its lots by itself.
	Steady Stop = "steady"
	// Arrives says that the workload is a boundary: its lots are what arrives from outside.
	Arrives Stop = "arrives"
)

// apart reports whether an arc makes no lots because a plan says so, suspended or not.
func (a *Arc) apart() bool {
	return a.ByItself || a.Stop == Excluded || a.Stop == Scheduled || a.Stop == Steady || a.Stop == Arrives
}

// Arc is a workload that makes lots: those of the series that it writes.
type Arc struct {
	// ID is "project/workload".
	ID string
	// Writes are the ids of the series, which have one unit: it is the arc's. A lot of the arc is there once each of them
	// has it that declares it.
	Writes []string
	Reads  []Read
	// Need is how many of the reads that trigger have to be there; 0 for all of them.
	Need int
	// Within is how long the rest is waited for, from the end of the lot and from when the last of its inputs was written that is there:
	// after that a lot is made of what is there, of one input at least. 0 is for ever.
	Within time.Duration
	Stop   Stop
	// ByItself says that it writes its lots by itself when it is not stopped: it is scheduled or steady, or a boundary. So nothing is made
	// once more of what it makes, also while it is suspended.
	ByItself bool
	// Digest tells the workload as it is declared from how it was declared before: a lot that failed is tried again at
	// once by a workload that is another.
	Digest string
	// Typical is how long a run usually takes; 0 if nobody says.
	Typical time.Duration
	// Lateness is how long a lot of a boundary waits after its end for data that come late.
	Lateness time.Duration
	// Waits says that of a boundary which makes a lot only once something of it arrives; others make one that is empty.
	Waits bool
}

// Read is a series that an arc reads: for each of its own lots, a window of lots of it. The last lot of the window is
// the one in which the arc's lot ends, or Offset before; the first is Lots-1 before the last.
type Read struct {
	// Role is the name that the workload gives to what it reads.
	Role string
	// Series is the id.
	Series string
	Lots   int
	Offset int
	// Trigger has a run wait for the lots, and new ones start it. What does not trigger is read as it is found.
	Trigger bool
	// Recompute has a lot made again when one that it read was written after it. Without, that is only told.
	Recompute bool
}

// Graph is what is declared in one environment: series, and the arcs between them. It does not change.
type Graph struct {
	series []series
	arcs   []arc
	// seriesAt and arcAt find them by id.
	seriesAt, arcAt map[string]int
	// order has the arcs such that those that write come before those that read.
	order []int
}

// series is a series with what the graph adds.
type series struct {
	Series
	// unknown says that someone reads it, and nobody declares it.
	unknown   bool
	first     int64 // the number of the first lot
	producers []int // the arcs that write it, those that run first
	readers   []reader
}

// reader is one read of an arc, by which a series is read.
type reader struct{ arc, read int }

// arc is an arc with what the graph adds.
type arc struct {
	Arc
	unit   lot.Unit
	first  int64
	writes []int
	reads  []read
	// need is how many of the triggers are needed, of all that there are.
	need, triggers int
	// recomputes reports whether any read does.
	recomputes bool
}

// read is a read with the numbers that it takes.
type read struct {
	Read
	series int
}

// bounds are the first lot of an arc that has not ended, and the first that is looked after.
func (g *Graph) bounds(a *arc, now time.Time) (due, floor int64) {
	due = ended(a.unit, now)
	kept := time.Duration(-1)
	for _, w := range a.writes {
		retention := g.series[w].Retention
		if retention <= 0 {
			kept = 0
		} else if kept != 0 {
			kept = max(kept, retention)
		}
	}
	floor = max(a.first, due-maxLots)
	if kept > 0 {
		floor = max(floor, ended(a.unit, now.Add(-kept)))
	}
	return due, floor
}

// computable reports whether enough of what a lot is made of can ever be there.
func (g *Graph) computable(a *arc, n int64) bool {
	count := 0
	for i := range a.reads {
		r := &a.reads[i]
		from, to := g.window(a, r, n)
		if a.Within > 0 {
			from = to // in the end, one lot of it will do
		}
		if r.Trigger && from >= g.series[r.series].first {
			count++
		}
	}
	return count >= a.needs(a.Within > 0)
}

// needs is how many inputs a lot is made of, at least; fewer once the rest has been waited for long enough.
func (a *arc) needs(over bool) int {
	if over {
		return min(a.need, 1)
	}
	return a.need
}

// maxLots is how many lots of an arc are looked after, those that ended last: 40 years of five minutes. It bounds what a
// declaration can cost that begins in the year 1.
const maxLots = 1 << 22

// maxWindow bounds what is counted with: more lots than any unit has between the years 1 and 10000.
const maxWindow = 1 << 31

// NewGraph links series and arcs, in whatever order they come. Of two with one id the first counts; a read of a series
// that is not there is one that nobody makes. An arc that writes no series has no lots, and is left out.
func NewGraph(all []Series, arcs []Arc) *Graph {
	g := &Graph{seriesAt: map[string]int{}, arcAt: map[string]int{}}
	for _, s := range slices.SortedStableFunc(slices.Values(all), func(a, b Series) int { return strings.Compare(a.ID, b.ID) }) {
		if _, twice := g.seriesAt[s.ID]; !twice && s.Unit.Valid() {
			g.seriesAt[s.ID] = len(g.series)
			g.series = append(g.series, series{Series: s, first: firstOf(s.Unit, s.Since)})
		}
	}
	for _, a := range slices.SortedStableFunc(slices.Values(arcs), func(a, b Arc) int { return strings.Compare(a.ID, b.ID) }) {
		g.add(a)
	}
	for i := range g.series {
		slices.SortStableFunc(g.series[i].producers, func(a, b int) int { return rank(g.arcs[a].Stop) - rank(g.arcs[b].Stop) })
	}
	g.sort()
	return g
}

// rank has what runs before what is there but does not, and that before what is left out.
func rank(s Stop) int {
	switch s {
	case Runs:
		return 0
	case Excluded:
		return 2
	default:
		return 1
	}
}

// add adds an arc, if it has lots.
func (g *Graph) add(a Arc) {
	if _, twice := g.arcAt[a.ID]; twice {
		return
	}
	out := arc{Arc: a}
	for _, id := range a.Writes {
		i, ok := g.seriesAt[id]
		if !ok || slices.Contains(out.writes, i) || out.unit.Valid() && g.series[i].Unit != out.unit {
			continue
		}
		if len(out.writes) == 0 {
			out.unit, out.first = g.series[i].Unit, g.series[i].first
		}
		out.writes, out.first = append(out.writes, i), min(out.first, g.series[i].first)
	}
	if len(out.writes) == 0 {
		return
	}
	at := len(g.arcs)
	for _, r := range slices.SortedStableFunc(slices.Values(a.Reads), func(a, b Read) int { return strings.Compare(a.Role, b.Role) }) {
		i, ok := g.seriesAt[r.Series]
		if !ok {
			i = len(g.series) // nobody declares it: it has no lots, and its readers wait
			g.seriesAt[r.Series] = i
			g.series = append(g.series, series{Series: Series{ID: r.Series, Unit: out.unit}, unknown: true})
		}
		r.Lots, r.Offset = min(max(1, r.Lots), maxWindow), min(max(-maxWindow, r.Offset), maxWindow)
		r.Recompute = r.Recompute && r.Trigger
		out.reads = append(out.reads, read{Read: r, series: i})
		g.series[i].readers = append(g.series[i].readers, reader{at, len(out.reads) - 1})
		if r.Trigger {
			out.triggers++
		}
		out.recomputes = out.recomputes || r.Recompute
	}
	out.need = out.triggers
	if a.Need > 0 {
		out.need = a.Need // more than there are is never reached, as is declared
	}
	for _, i := range out.writes {
		g.series[i].producers = append(g.series[i].producers, at)
	}
	g.arcAt[a.ID] = at
	g.arcs = append(g.arcs, out)
}

// sort orders the arcs, those that write before those that read. Within a cycle, which declarations cannot have, they
// come by id.
func (g *Graph) sort() {
	done := make([]bool, len(g.arcs))
	var visit func(i int)
	visit = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, r := range g.arcs[i].reads {
			for _, producer := range g.series[r.series].producers {
				visit(producer)
			}
		}
		g.order = append(g.order, i)
	}
	for i := range g.arcs {
		visit(i)
	}
}

// window is the range of lots of the read series that belong to a lot of the arc: both ends are read.
func (g *Graph) window(a *arc, r *read, n int64) (from, to int64) {
	to = floorDiv(startOf(a.unit, n+1)-1, seconds(g.series[r.series].Unit)) - int64(r.Offset)
	return to - int64(r.Lots) + 1, to
}

// readersOf is the range of lots of the arc that a lot of the read series belongs to: both ends, or none if the last is
// before the first.
func (g *Graph) readersOf(a *arc, r *read, m int64) (from, to int64) {
	unit, mine := seconds(g.series[r.series].Unit), seconds(a.unit)
	m += int64(r.Offset)
	return floorDiv(m*unit, mine), floorDiv((m+int64(r.Lots))*unit, mine) - 1
}

// Arcs lists the ids of the arcs, sorted.
func (g *Graph) Arcs() []string {
	ids := make([]string, len(g.arcs))
	for i := range g.arcs {
		ids[i] = g.arcs[i].ID
	}
	return ids
}

// Datasets lists the ids of the series that are declared, sorted.
func (g *Graph) Datasets() (ids []string) {
	for i := range g.series {
		if !g.series[i].unknown {
			ids = append(ids, g.series[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// Series returns a series by its id.
func (g *Graph) Series(id string) (Series, bool) {
	i, ok := g.seriesAt[id]
	if !ok || g.series[i].unknown {
		return Series{}, false
	}
	return g.series[i].Series, true
}

// Arc returns an arc by its id.
func (g *Graph) Arc(id string) (Arc, bool) {
	i, ok := g.arcAt[id]
	if !ok {
		return Arc{}, false
	}
	return g.arcs[i].Arc, true
}

// Producer returns the id of the arc that makes the lots of a series; empty if there is none.
func (g *Graph) Producer(id string) string {
	i, ok := g.seriesAt[id]
	if !ok || len(g.series[i].producers) == 0 {
		return ""
	}
	return g.arcs[g.series[i].producers[0]].ID
}

// Inputs returns the lots that an arc reads for one of its own, by role, from the first to the last.
func (g *Graph) Inputs(id string, l lot.Lot) map[string][]lot.Lot {
	i, ok := g.arcAt[id]
	if !ok || l.Unit != g.arcs[i].unit {
		return nil
	}
	out := map[string][]lot.Lot{}
	a := &g.arcs[i]
	for j := range a.reads {
		r := &a.reads[j]
		s := &g.series[r.series]
		from, to := g.window(a, r, numberOf(l))
		for n := max(from, s.first); n <= to; n++ {
			out[r.Role] = append(out[r.Role], lotOf(s.Unit, n))
		}
	}
	return out
}
