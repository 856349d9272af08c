// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"container/heap"
	"iter"
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/lot"
)

// Turn is what a planner turns to: another graph, with all replays, and the series of which something else is known as a whole.
type Turn struct {
	Graph   *Graph
	Replays []Replay
	// Known are the lots of these series by now, and Lots is how many they are at most; nothing else is known of those series. One without lots
	// is nil.
	Known map[string]iter.Seq2[lot.Lot, Mark]
	Lots  int
}

// Turn goes on by another graph. It costs what is another by it: of an arc that is the same, that reads and writes the same series, and that
// no other replays are about, everything stays as it is known. It is false, and nothing has changed, if more lots than most would have to be
// looked at: then [New] is to be called, where that may take its time.
func (p *Planner) Turn(t Turn, most int) bool {
	fresh := p.fresh(t)
	lots := int64(t.Lots)
	for i := range t.Graph.arcs {
		if fresh[i] {
			due, floor := t.Graph.bounds(&t.Graph.arcs[i], p.now)
			lots += max(0, due-floor)
		}
	}
	replays := map[string]Replay{}
	for _, r := range t.Replays {
		replays[r.ID] = r
	}
	was, is := p.g.markers(p.seen.replays), t.Graph.markers(replays)
	marked := p.marked(t.Graph, fresh, was, is)
	for _, s := range marked {
		st := &p.arcs[p.g.arcAt[t.Graph.arcs[s.arc].ID]]
		lots += max(0, min(s.to, st.due-1)-max(s.from, st.done.base)+1)
	}
	if lots > int64(most) {
		return false
	}
	p.plan, p.seen.replays = nil, replays
	p.know(t.Known)
	dirty := append(p.move(t.Graph, fresh), marked...)
	for i := range p.arcs {
		p.arcs[i].markers = is[i]
	}
	p.settle(dirty)
	return true
}

// fresh are the arcs of another graph of which nothing is known that holds for them: those that are not the same, and those of whose inputs
// other ones are to be made again by now.
func (p *Planner) fresh(t Turn) []bool {
	out := make([]bool, len(t.Graph.arcs))
	for i := range t.Graph.arcs {
		out[i] = !p.stays(t, &t.Graph.arcs[i])
	}
	again := map[string]bool{}
	for i := range p.arcs {
		at, stays := t.Graph.arcAt[p.g.arcs[i].ID]
		if p.arcs[i].again.len() > 0 && (!stays || out[at]) {
			for _, w := range p.g.arcs[i].writes {
				again[p.g.series[w].ID] = true
			}
		}
	}
	for i := range t.Graph.arcs {
		out[i] = out[i] || slices.ContainsFunc(t.Graph.arcs[i].Reads, func(r Read) bool { return again[r.Series] })
	}
	return out
}

// stays reports whether what is known of an arc holds for it in another graph.
func (p *Planner) stays(t Turn, a *arc) bool {
	at, ok := p.g.arcAt[a.ID]
	if !ok {
		return false
	}
	was := &p.g.arcs[at]
	if was.unit != a.unit || was.first != a.first || was.need != a.need || was.Within != a.Within || was.Stop != a.Stop || was.ByItself != a.ByItself ||
		len(was.writes) != len(a.writes) || len(was.reads) != len(a.reads) {
		return false
	}
	for i := range a.reads {
		if was.reads[i].Read != a.reads[i].Read || !p.same(t, was.reads[i].series, a.reads[i].series) {
			return false
		}
	}
	for _, w := range a.writes {
		before, ok := p.g.seriesAt[t.Graph.series[w].ID]
		if !ok || !slices.Contains(was.writes, before) || !p.same(t, before, w) {
			return false
		}
	}
	return true
}

// same reports whether a series is what it was, and is made by the same arcs, and the same is known of it.
func (p *Planner) same(t Turn, was, is int) bool {
	before, now := &p.g.series[was], &t.Graph.series[is]
	_, known := t.Known[now.ID]
	return !known && before.ID == now.ID && before.Unit == now.Unit && before.first == now.first && before.Retention == now.Retention &&
		before.unknown == now.unknown && slices.EqualFunc(before.producers, now.producers, func(a, b int) bool { return p.g.arcs[a].ID == t.Graph.arcs[b].ID })
}

// marked are the lots of arcs that stay which others replays are of than before.
func (p *Planner) marked(g *Graph, fresh []bool, was, is [][]marker) (dirty []span) {
	for i := range g.arcs {
		if fresh[i] {
			continue
		}
		before, now := was[p.g.arcAt[g.arcs[i].ID]], is[i]
		for _, m := range slices.Concat(before, now) {
			if !slices.Contains(before, m) || !slices.Contains(now, m) {
				dirty = append(dirty, span{i, m.from, m.to})
			}
		}
	}
	return dirty
}

// know takes what is known of series as a whole.
func (p *Planner) know(all map[string]iter.Seq2[lot.Lot, Mark]) {
	if len(all) == 0 {
		return
	}
	maps.DeleteFunc(p.seen.columns, func(key columnKey, _ *column) bool {
		_, is := all[key.series]
		return is
	})
	for id, lots := range all {
		if lots != nil {
			p.seen.Lots(id, lots)
		}
	}
}

// move has a graph be that of the planner, with what is known of the arcs that stay. It returns the lots that are to be looked at.
func (p *Planner) move(g *Graph, fresh []bool) (dirty []span) {
	was, arcs := p.g, make([]progress, len(g.arcs))
	for i := range g.arcs {
		a := &g.arcs[i]
		if fresh[i] {
			arcs[i] = g.progress(a, p.now)
			dirty = append(dirty, span{i, arcs[i].floor, arcs[i].due - 1})
			continue
		}
		at := was.arcAt[a.ID]
		arcs[i] = p.arcs[at]
		if was.arcs[at].Digest != a.Digest { // what has failed is tried again at once
			for n := range arcs[i].runs {
				dirty = append(dirty, span{i, n, n})
			}
		}
	}
	var wakes wakes
	for _, w := range p.wakes {
		if at, ok := g.arcAt[was.arcs[w.arc].ID]; ok && !fresh[at] {
			wakes = append(wakes, wake{w.at, at, w.lot})
		}
	}
	heap.Init(&wakes)
	p.g, p.arcs, p.wakes, p.columns = g, arcs, wakes, nil
	for i := range g.series {
		p.columns = append(p.columns, p.seen.column(g.series[i].ID, g.series[i].Unit))
	}
	for _, r := range p.seen.runs {
		if at, ok := g.arcAt[r.Arc]; ok && fresh[at] {
			p.tookOf(r)
		}
	}
	return dirty
}
