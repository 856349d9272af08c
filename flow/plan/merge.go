// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// Merged is what a merge makes of the lots that are declared. What is there in a store it does not say.
type Merged struct {
	// Compute are the lots that are to be computed, by environment and arc.
	Compute []Compute
	// Nobodys are the lots that were declared and made, and that nobody makes any more, by environment and series.
	Nobodys []Nobodys
	// Never are the lots that are declared and can never be made, and Expire those that are not kept any more.
	Never  []Never
	Expire []Expire
}

// Of is what it makes of the lots of some projects and environments.
func (m Merged) Of(wanted func(environment, project string) bool) (out Merged) {
	of := func(environment, id string) bool {
		project, _, _ := strings.Cut(id, "/")
		return wanted(environment, project)
	}
	for _, c := range m.Compute {
		if of(c.Environment, c.Arc) {
			out.Compute = append(out.Compute, c)
		}
	}
	for _, n := range m.Nobodys {
		if of(n.Environment, n.Series) {
			out.Nobodys = append(out.Nobodys, n)
		}
	}
	for _, n := range m.Never {
		if of(n.Environment, n.Series) {
			out.Never = append(out.Never, n)
		}
	}
	for _, e := range m.Expire {
		if of(e.Environment, e.Series) {
			out.Expire = append(out.Expire, e)
		}
	}
	return out
}

// IsZero reports whether it makes nothing of any lot.
func (m Merged) IsZero() bool { return len(m.Compute)+len(m.Nobodys)+len(m.Never)+len(m.Expire) == 0 }

// Compute are lots of an arc that are declared and were not: since the series begins earlier, or the series or the arc is new; or that a
// replay makes once more.
type Compute struct {
	Environment string
	// Replay is the id of the replay that they are of, and Reason why it is declared; empty for lots that were not declared.
	Replay, Reason string
	// Arc is the id, and Writes are those of the series that get lots.
	Arc    string
	Writes []string
	// First and Last are the first and the last of them, and Lots is how many there are.
	First, Last lot.Lot
	Lots        int64
	// Each is how long a run usually takes; 0 if nobody says.
	Each time.Duration
	// AtOnce is how many of the runs the limits let run at a time; 0 if they limit nothing.
	AtOnce int
}

// Lasts is how long the runs take at the limits, if nothing else runs and nothing is waited for; 0 if nobody says.
func (c Compute) Lasts() time.Duration {
	if c.Each <= 0 || c.AtOnce <= 0 {
		return 0
	}
	rounds := (c.Lots + int64(c.AtOnce) - 1) / int64(c.AtOnce)
	return Compute{Lots: rounds, Each: c.Each}.Takes()
}

// Takes is how long the runs take one after another; 0 if nobody says.
func (c Compute) Takes() time.Duration {
	if c.Each > 0 && c.Lots > int64(maxTakes/c.Each) {
		return maxTakes
	}
	return time.Duration(c.Lots) * c.Each
}

// maxTakes is the longest time that there is.
const maxTakes = time.Duration(1<<63 - 1)

// Loss is why nobody makes lots any more.
type Loss string

// The losses.
const (
	// Undeclared says that the dataset is not declared any more, or not in lots of that unit, or not in the environment.
	Undeclared Loss = "not declared any more"
	// Later says that its first lot is a later one.
	Later Loss = "before its first lot"
	// Unwritten says that no workload writes it any more.
	Unwritten Loss = "no workload writes it any more"
)

// Nobodys are lots of a series that nobody makes any more. They stay where they are.
type Nobodys struct {
	Environment string
	// Series is the id.
	Series      string
	First, Last lot.Lot
	Lots        int64
	Loss        Loss
}

// Merge says what merging makes of the lots that are declared, up to now, in all environments. If the head was made by
// updating the base, that costs what differs between the two.
func Merge(base, head *catalog.Catalog, now time.Time) (out Merged) {
	projects, all := head.Relinked()
	if all || !head.UpdateOf(base) {
		projects = append(base.ProjectNames(), head.ProjectNames()...)
		slices.Sort(projects)
		projects = slices.Compact(projects)
	}
	names := map[string]bool{}
	for _, c := range []*catalog.Catalog{base, head} {
		for _, name := range projects {
			if p, ok := c.Project(name); ok {
				for env := range p.Spec.Environments {
					names[env] = true
				}
			}
		}
	}
	none := func(*catalog.Catalog, *catalog.Project, string) map[string]string { return nil }
	for _, env := range slices.Sorted(maps.Keys(names)) {
		m := difference{of(base, env, projects, none), of(head, env, projects, none), now}
		own := map[string]bool{}
		for _, name := range projects {
			own[name] = true
		}
		var compute []Compute
		for i := range m.head.arcs {
			if c, ok := m.compute(&m.head.arcs[i]); ok {
				compute = append(compute, c)
			}
			for _, n := range m.never(&m.head.arcs[i]) {
				n.Environment = env
				out.Never = append(out.Never, n)
			}
		}
		if compute = append(compute, m.replays(base, head, env, projects)...); len(compute) > 0 {
			limits := LimitsOf(head, env, DefaultLimits())
			for _, c := range compute {
				c.Environment, c.AtOnce = env, limits.atOnce(c.Arc)
				out.Compute = append(out.Compute, c)
			}
		}
		// What others declare is here for those who read it.
		mine := func(series string) bool {
			project, _, _ := strings.Cut(series, "/")
			return own[project]
		}
		out.Expire = append(out.Expire, m.expiring(base, head, env, mine)...)
		for i := range m.base.series {
			if !mine(m.base.series[i].ID) {
				continue
			}
			if n, ok := m.nobodys(&m.base.series[i]); ok {
				n.Environment = env
				out.Nobodys = append(out.Nobodys, n)
			}
		}
	}
	return out
}

// difference is between two graphs.
type difference struct {
	base, head *Graph
	now        time.Time
}

// lots is the range of the lots of a series that there are to be by now; its end does not belong to it. It is empty if nobody
// makes or brings any.
func (d difference) lots(g *Graph, id string, unit lot.Unit) (from, to int64) {
	i, ok := g.seriesAt[id]
	if !ok || g.series[i].unknown || g.series[i].Unit != unit {
		return 0, 0
	}
	s := &g.series[i]
	from, to = s.first, ended(unit, d.now)
	if a, ok := g.maker(s); ok {
		_, floor := g.bounds(a, d.now)
		from = max(from, floor)
		// Windows move on with the lots: once one begins where there is something, all later ones do.
		from += int64(sort.Search(int(max(0, to-from)), func(n int) bool { return g.computable(a, from+int64(n)) }))
	} else if !s.External {
		return 0, 0
	}
	return from, max(from, to)
}

// maker is the arc that makes the lots of a series, or did until it was suspended.
func (g *Graph) maker(s *series) (*arc, bool) {
	if len(s.producers) == 0 || g.arcs[s.producers[0]].Stop == Excluded {
		return nil, false
	}
	return &g.arcs[s.producers[0]], true
}

// compute is what an arc of the head is to compute.
func (d difference) compute(a *arc) (Compute, bool) {
	spans, writes := d.added(a)
	return computeOf(a, spans, writes)
}

// computeOf is what there is to compute in some spans, which are apart from each other.
func computeOf(a *arc, spans []span, writes []string) (Compute, bool) {
	if len(spans) == 0 {
		return Compute{}, false
	}
	out := Compute{Arc: a.ID, Writes: writes, Each: a.Typical, First: lotOf(a.unit, spans[0].from), Last: lotOf(a.unit, spans[len(spans)-1].to)}
	for _, s := range spans {
		out.Lots += s.to - s.from + 1
	}
	return out, true
}

// added are the lots of an arc of the head that there are to be by now and were not, and the series that get them.
func (d difference) added(a *arc) (spans []span, writes []string) {
	for _, w := range a.writes {
		s := &d.head.series[w]
		if maker, ok := d.head.maker(s); !ok || maker.ID != a.ID || a.Stop != Runs {
			continue
		}
		from, to := d.lots(d.head, s.ID, s.Unit)
		if was, until := d.lots(d.base, s.ID, s.Unit); was < until {
			to = min(to, was)
		}
		if from < to {
			spans, writes = append(spans, span{from: from, to: to - 1}), append(writes, s.ID)
		}
	}
	return merged(spans), writes
}

// nobodys are the lots of a series of the base that were made, and that nobody of the head makes.
func (d difference) nobodys(s *series) (Nobodys, bool) {
	if _, made := d.base.maker(s); !made {
		return Nobodys{}, false
	}
	from, to := d.lots(d.base, s.ID, s.Unit)
	out := Nobodys{Series: s.ID}
	i, ok := d.head.seriesAt[s.ID]
	switch {
	case !ok || d.head.series[i].unknown || d.head.series[i].Unit != s.Unit:
		out.Loss = Undeclared
	case !d.head.series[i].External && !d.head.makes(&d.head.series[i]):
		out.Loss = Unwritten
	default:
		out.Loss, to = Later, min(to, d.head.series[i].first)
	}
	if from >= to {
		return Nobodys{}, false
	}
	out.First, out.Last, out.Lots = lotOf(s.Unit, from), lotOf(s.Unit, to-1), to-from
	return out, true
}

func (g *Graph) makes(s *series) bool {
	_, ok := g.maker(s)
	return ok
}
