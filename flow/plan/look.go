// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"trunkline.dev/trunkline/api/lot"
)

// Made is a lot of an arc.
type Made struct {
	Arc string
	lot.Lot
}

// Dependents returns the lots of arcs that a lot of a series is read for, in the order of the arcs' ids.
func (g *Graph) Dependents(id string, l lot.Lot) []Made {
	i, ok := g.seriesAt[id]
	if !ok || l.Unit != g.series[i].Unit {
		return nil
	}
	var out []Made
	for _, by := range g.series[i].readers {
		a := &g.arcs[by.arc]
		from, to := g.readersOf(a, &a.reads[by.read], numberOf(l))
		for n := max(from, a.first); n <= to; n++ {
			if made := (Made{a.ID, lotOf(a.unit, n)}); len(out) == 0 || out[len(out)-1] != made {
				out = append(out, made)
			}
		}
	}
	return out
}

// Mark returns what is known of a lot of a series.
func (p *Planner) Mark(series string, l lot.Lot) Mark { return p.seen.Mark(series, l) }

// Upstream returns the ids of the series that a lot of a series can depend on, itself among them, sorted.
func (g *Graph) Upstream(id string) []string {
	at, ok := g.seriesAt[id]
	if !ok {
		return nil
	}
	seen := map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, producer := range g.series[i].producers {
			for _, r := range g.arcs[producer].reads {
				visit(r.series)
			}
		}
	}
	visit(at)
	var ids []string
	for i := range g.series { // which are sorted, but for those that nobody declares
		if seen[i] {
			ids = append(ids, g.series[i].ID)
		}
	}
	slices.Sort(ids)
	return ids
}
