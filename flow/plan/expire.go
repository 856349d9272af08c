// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// Retain says how lots are removed that are not kept any more.
type Retain struct {
	// Enforce removes them; else none is removed.
	Enforce bool
	// PerDay bounds how many lots of the environment are removed in 24 hours, whoever removes them.
	PerDay int
	// Stays says of series, by their ids, why none of their lots is removed.
	Stays map[string]string
}

// defaultPerDay is how many lots are removed in 24 hours where nobody says it.
const defaultPerDay = 1000

// Enforces reports whether an environment has lots removed that are not kept any more.
func Enforces(c *catalog.Catalog, environment string) bool {
	env := c.Environments[environment]
	return env != nil && env.Spec.Lots != nil && env.Spec.Lots.Retention.Enforce
}

// RetainOf is how an environment has lots removed. Those of a dataset whose data lie where another one, or the same in another environment,
// has its data are never removed: nobody knows from here what of them is still listed there.
func RetainOf(c *catalog.Catalog, environment string) Retain {
	out := Retain{PerDay: defaultPerDay, Stays: map[string]string{}}
	env := c.Environments[environment]
	if env == nil || env.Spec.Lots == nil {
		return out
	}
	r := env.Spec.Lots.Retention
	out.Enforce, out.PerDay = r.Enforce, or(r.PerDay, out.PerDay)
	maps.Copy(out.Stays, sharedBy(c, environment))
	for p := range c.Projects() {
		for i := range p.Spec.Datasets {
			d := &p.Spec.Datasets[i]
			id := p.Name + "/" + d.Name + "@" + d.Version
			data, _ := c.Location(id, environment, catalog.Writes)
			kept, _ := c.Manifests(id, environment, catalog.Writes)
			switch {
			case location.IsTable(data):
				out.Stays[id] = "it is a table of a catalog, of which nothing is removed from here"
			case d.External && !r.External:
				out.Stays[id] = "its dataset is external"
			case data != "" && strings.HasPrefix(kept, strings.TrimSuffix(data, "/")+"/"):
				out.Stays[id] = "manifests lie among its data"
			}
		}
	}
	return out
}

// place is where a dataset has its data in an environment.
type place struct{ at, id, environment string }

// sharedBy finds the datasets of an environment in whose location there are data of others, or in the location of others.
func sharedBy(c *catalog.Catalog, environment string) map[string]string {
	var all []place
	for p := range c.Projects() {
		for i := range p.Spec.Datasets {
			id := p.Name + "/" + p.Spec.Datasets[i].Name + "@" + p.Spec.Datasets[i].Version
			for env := range c.Environments {
				if at, ok := c.Location(id, env, catalog.Writes); ok {
					at = strings.TrimSuffix(strings.Replace(at, "s3a://", "s3://", 1), "/") + "/"
					all = append(all, place{at, id, env})
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		return cmp.Or(strings.Compare(a.at, b.at), strings.Compare(a.id, b.id), strings.Compare(a.environment, b.environment))
	})
	out := map[string]string{}
	note := func(of, with place) {
		if of.environment == environment {
			out[of.id] = "its data lie where those of " + with.id + " of " + with.environment + " do"
		}
	}
	var around []place // those whose locations the next may lie in, the outermost first
	for _, p := range all {
		around = slices.DeleteFunc(around, func(o place) bool { return !strings.HasPrefix(p.at, o.at) })
		for _, o := range around {
			note(p, o)
			note(o, p)
		}
		around = append(around, p)
	}
	return out
}

// Expired is a lot that is there, and older than the retention of its series.
type Expired struct {
	Series string
	Lot    lot.Lot
	Mark
	// Stays says why it is not removed yet; empty: nothing is in the way.
	Stays string
}

// Expired returns the lots that are there and older than the retention of their series, the oldest first. Lots before the first that is
// declared are nobody's, and not among them.
func (p *Planner) Expired(r Retain) []Expired {
	var out []Expired
	for i := range p.g.series {
		s := &p.g.series[i]
		if s.unknown || s.Retention <= 0 {
			continue
		}
		for _, n := range p.columns[i].within(s.first, ended(s.Unit, p.now.Add(-s.Retention))-1) {
			e := Expired{Series: s.ID, Lot: lotOf(s.Unit, n), Mark: p.columns[i].mark(n), Stays: p.needed(i, n)}
			if why, stays := r.Stays[s.ID]; stays {
				e.Stays = why
			}
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Expired) int {
		return cmp.Or(a.Lot.End().Compare(b.Lot.End()), cmp.Compare(a.Series, b.Series), a.Lot.Start.Compare(b.Lot.Start))
	})
	return out
}

// Remove returns the lots to remove now, the oldest first: no more than may be removed in the 24 hours that end now, by when the
// manifests of those were written that have been removed.
func (p *Planner) Remove(r Retain) []Expired {
	if !r.Enforce {
		return nil
	}
	left := r.PerDay
	for _, c := range p.columns {
		left -= c.removedSince(p.now.Add(-24 * time.Hour))
	}
	if left <= 0 {
		return nil
	}
	out := slices.DeleteFunc(p.Expired(r), func(e Expired) bool { return e.Stays != "" })
	return out[:min(left, len(out))]
}

// needed returns why a lot of a series has to stay: it would be made again, or something is or will be made of it.
func (p *Planner) needed(series int, n int64) string {
	s := &p.g.series[series]
	for _, i := range s.producers {
		a, st := &p.g.arcs[i], &p.arcs[i]
		if run, ok := st.runs[n]; ok && run.Failed.IsZero() {
			return a.ID + " is making it"
		}
		if !a.apart() && n >= st.floor {
			return a.ID + " would make it again: what else it writes is kept longer"
		}
	}
	for _, by := range s.readers {
		a, st := &p.g.arcs[by.arc], &p.arcs[by.arc]
		from, to := p.g.readersOf(a, &a.reads[by.read], n)
		for m, run := range st.runs {
			if m >= from && m <= to && run.Failed.IsZero() {
				return a.ID + " is reading it"
			}
		}
		if a.apart() {
			continue
		}
		if to >= st.due {
			return a.ID + " reads it for lots that have not ended"
		}
		for m := max(from, st.floor); m <= to; m++ {
			if (!st.done.has(m) || st.again.has(m)) && p.g.computable(a, m) {
				return a.ID + " has not made " + lotOf(a.unit, m).ID() + " of it"
			}
		}
	}
	return ""
}

// within are the numbers of the lots from one to another that count, sorted. It costs no more than there are lots.
func (c *column) within(from, to int64) (out []int64) {
	if to < from {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(c.blocks)) {
		if key < from>>6 || key > to>>6 {
			continue
		}
		for rest := c.blocks[key].there & mask(key, from, to); rest != 0; rest &= rest - 1 {
			out = append(out, key<<6+int64(bits.TrailingZeros64(rest)))
		}
	}
	return out
}

// removedSince counts the lots that were removed after a time, and are not there.
func (c *column) removedSince(t time.Time) (n int) {
	for _, b := range c.blocks {
		for i, state := range b.states {
			if state == Removed && b.written[i] > instant(t) {
				n++
			}
		}
	}
	return n
}
