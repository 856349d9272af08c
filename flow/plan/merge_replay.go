// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"

	"trunkline.dev/trunkline/catalog"
)

// replays are the lots that a merge has made once more: those of replays that the base does not declare, and those by which one of the
// base is wider. What is computed for the first time is not among them. A cascade goes through all projects.
func (d difference) replays(base, head *catalog.Catalog, environment string, projects []string) (out []Compute) {
	was, is := map[string]Replay{}, map[string]Replay{}
	for _, r := range replays(base, environment, projects) {
		was[r.ID] = r
	}
	for _, r := range replays(head, environment, projects) {
		if before, declared := was[r.ID]; !declared || !before.covers(r) {
			is[r.ID] = r
		}
	}
	if len(is) == 0 {
		return nil
	}
	maps.DeleteFunc(was, func(id string, _ Replay) bool { _, both := is[id]; return !both })
	none := func(*catalog.Catalog, *catalog.Project, string) map[string]string { return nil }
	// What depends on the lots may be of projects that are as they were.
	g := of(head, environment, head.ProjectNames(), none)
	all := difference{base: of(base, environment, base.ProjectNames(), none), head: g, now: d.now}
	now, before := g.markers(is), g.markers(was)
	for _, id := range slices.Sorted(maps.Keys(is)) {
		for _, i := range g.order {
			a := &g.arcs[i]
			if a.Stop != Runs {
				continue
			}
			added, _ := all.added(a)
			spans := without(all.there(a, spansOf(now[i], id)), append(added, spansOf(before[i], id)...))
			if c, ok := computeOf(a, spans, a.declared(g)); ok {
				c.Replay, c.Reason = id, is[id].Reason
				out = append(out, c)
			}
		}
	}
	return out
}

// covers reports whether a replay has all lots of another of the same name.
func (r Replay) covers(other Replay) bool {
	return !r.From.After(other.From) && !r.Until.Before(other.Until) && (r.Cascade || !other.Cascade)
}

// declared are the series with lots that an arc writes.
func (a *arc) declared(g *Graph) (ids []string) {
	for _, w := range a.writes {
		ids = append(ids, g.series[w].ID)
	}
	return ids
}

// spansOf are the lots of an arc that a replay is of.
func spansOf(all []marker, replay string) (spans []span) {
	for _, m := range all {
		if m.replay == replay {
			spans = append(spans, span{from: m.from, to: m.to})
		}
	}
	return spans
}

// there are those of some lots that there are to be by now, of an arc of the head.
func (d difference) there(a *arc, spans []span) (out []span) {
	for _, w := range a.writes {
		from, to := d.lots(d.head, d.head.series[w].ID, a.unit)
		for _, s := range spans {
			if s.from, s.to = max(s.from, from), min(s.to, to-1); s.from <= s.to {
				out = append(out, s)
			}
		}
	}
	return merged(out)
}

// without takes lots out of others.
func without(spans, out []span) []span {
	for _, o := range out {
		var left []span
		for _, s := range spans {
			if before := (span{from: s.from, to: min(s.to, o.from-1)}); before.from <= before.to {
				left = append(left, before)
			}
			if after := (span{from: max(s.from, o.to+1), to: s.to}); after.from <= after.to {
				left = append(left, after)
			}
		}
		spans = left
	}
	return spans
}
