// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// Replays are those that are declared in an environment, by their names. They are not marked: when each begins, the store says.
func Replays(c *catalog.Catalog, environment string) []Replay {
	return replays(c, environment, c.ProjectNames())
}

// replays are those of some projects.
func replays(c *catalog.Catalog, environment string, projects []string) (all []Replay) {
	for _, name := range projects {
		if p, ok := c.Project(name); ok && deployed(p, environment) {
			for _, r := range p.Replays() {
				all = append(all, Replay{ID: r.Name(), Of: r.Of, From: r.From.Time, Until: r.Until.Time, Cascade: r.Cascade, Reason: r.Reason})
			}
		}
	}
	return all
}

// marker is a replay of the lots from one number to another, both of which belong to it.
type marker struct {
	from, to int64
	at       int64
	replay   string
}

// markers are the replays by arc, with what they lead to downstream.
func (g *Graph) markers(of map[string]Replay) [][]marker {
	out := make([][]marker, len(g.arcs))
	for _, id := range slices.Sorted(maps.Keys(of)) {
		r := of[id]
		spans := g.replayed(r)
		for _, i := range g.order {
			a := &g.arcs[i]
			if a.apart() {
				continue
			}
			for _, s := range merged(spans[i]) {
				out[i] = append(out[i], marker{s.from, s.to, instant(r.Marked), id})
				if r.Cascade {
					for _, w := range a.writes {
						g.downstream(spans, w, s.from, s.to)
					}
				}
			}
		}
	}
	return out
}

// replayed are the lots that a replay begins with, by arc.
func (g *Graph) replayed(r Replay) map[int][]span {
	spans := map[int][]span{}
	begin := func(i int) {
		u := g.arcs[i].unit
		if from, to := firstOf(u, r.From), firstOf(u, r.Until)-1; from <= to {
			spans[i] = append(spans[i], span{i, from, to})
		}
	}
	if i, ok := g.arcAt[r.Of]; ok {
		begin(i)
		return spans
	}
	i, ok := g.seriesAt[r.Of]
	if !ok {
		return nil
	}
	if s := &g.series[i]; len(s.producers) > 0 {
		begin(s.producers[0])
	} else if from, to := firstOf(s.Unit, r.From), firstOf(s.Unit, r.Until)-1; r.Cascade && from <= to {
		g.downstream(spans, i, from, to) // nobody here makes it again, but what was made of it can be
	}
	return spans
}

// downstream adds what is made of the lots of a series from one number to another.
func (g *Graph) downstream(spans map[int][]span, series int, from, to int64) {
	if from = max(from, g.series[series].first); from > to {
		return
	}
	for _, r := range g.series[series].readers {
		a := &g.arcs[r.arc]
		if rd := &a.reads[r.read]; rd.Trigger {
			first, _ := g.readersOf(a, rd, from)
			_, last := g.readersOf(a, rd, to)
			if first <= last {
				spans[r.arc] = append(spans[r.arc], span{r.arc, first, last})
			}
		}
	}
}

// merged are the same lots, each in one span.
func merged(spans []span) (out []span) {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to+1 {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// replay is the newest replay that a lot is still to be made for; empty if there is none.
func (p *Planner) replay(i int, n int64) (id string) {
	var newest int64
	made := int64(-1)
	for _, m := range p.arcs[i].markers {
		if n < m.from || n > m.to {
			continue
		}
		if made < 0 {
			made = p.made(&p.g.arcs[i], n)
		}
		if m.at > made && m.at > newest {
			id, newest = m.replay, m.at
		}
	}
	return id
}

// Replayed reports whether a lot of an arc is one of a replay, made again by now or not.
func (p *Planner) Replayed(arc string, l lot.Lot) bool {
	for _, s := range p.spanOf(arc, l) {
		return p.arcs[s.arc].marked(s.from)
	}
	return false
}

// marked reports whether a lot is one of a replay.
func (st *progress) marked(n int64) bool {
	return slices.ContainsFunc(st.markers, func(m marker) bool { return m.from <= n && n <= m.to })
}
