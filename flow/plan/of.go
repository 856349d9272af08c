// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Of is what a catalog declares for an environment: the datasets with lots of the projects that are deployed there, and
// the workloads that write them.
func Of(c *catalog.Catalog, environment string) *Graph {
	return of(c, environment, c.ProjectNames(), digestsOf)
}

// of is what some projects declare, with the digests of their workloads by name.
func of(c *catalog.Catalog, environment string, projects []string, digests func(*catalog.Catalog, *catalog.Project, string) map[string]string) *Graph {
	var all []Series
	var arcs []Arc
	for _, name := range projects {
		p, ok := c.Project(name)
		if !ok || !deployed(p, environment) {
			continue
		}
		for i := range p.Spec.Datasets {
			d := &p.Spec.Datasets[i]
			if s, ok := seriesOf(d); ok {
				s.ID = p.Name + "/" + d.Name + "@" + d.Version
				all = append(all, s)
			}
		}
		digest := digests(c, p, environment)
		for i := range p.Spec.Workloads {
			w := &p.Spec.Workloads[i]
			a := Arc{
				ID: p.Name + "/" + w.Name, Need: needOf(w.Join), Within: time.Duration(w.Lots.Within), Digest: digest[w.Name],
				Typical: p.TypicalDurationOf(w, environment),
			}
			a.Stop, a.ByItself = stopOf(c, p, w, environment)
			if spec, ok := c.Boundary(p, w, environment); ok {
				a.Lateness, a.Waits = spec.Lateness, spec.Arrival == boundary.Immediate
			}
			for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
				if id, ok := refOf(p, w.Writes[role]); ok {
					a.Writes = append(a.Writes, id)
				}
			}
			unit := unitOf(c, a.Writes)
			for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
				if r, ok := readOf(c, p, role, w.Reads[role], unit); ok {
					a.Reads = append(a.Reads, r)
					if s, ok := foreign(c, r.Series, environment); ok {
						all = append(all, s) // also if its project is none of those that are asked for
					}
				}
			}
			arcs = append(arcs, a)
		}
	}
	return NewGraph(all, arcs)
}

// deployed reports whether a project is deployed to an environment.
func deployed(p *catalog.Project, environment string) bool {
	_, ok := p.Spec.Environments[environment]
	return ok
}

// foreign finds a series that is read.
func foreign(c *catalog.Catalog, id, environment string) (Series, bool) {
	p, d, ok := c.Dataset(id)
	if !ok || !deployed(p, environment) {
		return Series{}, false
	}
	s, ok := seriesOf(d)
	s.ID = id
	return s, ok
}

// seriesOf is a dataset that has lots.
func seriesOf(d *v1alpha1.Dataset) (Series, bool) {
	if d.Lots == nil {
		return Series{}, false
	}
	unit, err := lot.ParseUnit(string(d.Lots.Unit))
	const day = 24 * time.Hour
	return Series{
		Unit: unit, Since: d.Lots.Since.Time, Retention: time.Duration(d.Retention) * day, Freshness: time.Duration(d.Freshness), External: d.External,
	}, err == nil
}

// refOf is the id of a dataset that a workload names.
func refOf(p *catalog.Project, ref string) (id string, ok bool) {
	owner, local, ok := catalog.ParseDataset(p.Name, ref)
	return owner + "/" + local, ok
}

// unitOf is the unit of the lots that a workload makes, by the first of what it writes that has any.
func unitOf(c *catalog.Catalog, writes []string) (unit lot.Unit) {
	for _, id := range writes {
		if _, d, ok := c.Dataset(id); ok {
			if s, ok := seriesOf(d); ok {
				return s.Unit
			}
		}
	}
	return unit
}

// readOf is how a workload whose lots are of a unit reads a dataset; false if that is one whole, which is there or not
// for all lots alike.
func readOf(c *catalog.Catalog, p *catalog.Project, role string, r v1alpha1.Read, unit lot.Unit) (Read, bool) {
	id, ok := refOf(p, r.Dataset)
	if !ok {
		return Read{}, false
	}
	out := Read{Role: role, Series: id, Lots: 1, Trigger: r.Triggers(), Recompute: r.Late == v1alpha1.LateRecompute}
	if _, d, found := c.Dataset(id); found {
		s, lots := seriesOf(d)
		if !lots {
			return Read{}, false
		}
		if s.Unit.Finer(unit) {
			out.Lots = int(unit.Duration() / s.Unit.Duration()) // without a window, all of them
		}
	}
	if r.Window != nil {
		if r.Window.Lots != nil {
			out.Lots = *r.Window.Lots
		}
		if r.Window.Offset != nil {
			out.Offset = *r.Window.Offset
		}
	}
	return out, true
}

// needOf is how many inputs a join waits for; 0 for all.
func needOf(j v1alpha1.Join) int {
	if j == v1alpha1.JoinAny {
		return 1
	}
	n, err := strconv.Atoi(string(j))
	if err != nil {
		return 0
	}
	return n
}

// stopOf is why nothing starts the runs of a workload, and whether it writes its lots by itself when it is not stopped.
func stopOf(c *catalog.Catalog, p *catalog.Project, w *v1alpha1.Workload, environment string) (s Stop, byItself bool) {
	over := p.Spec.Environments[environment].Workloads[w.Name]
	switch {
	case w.Blueprint == boundary.Blueprint:
		s = Arrives
	case w.Schedule != "" || over.Schedule != "":
		s = Scheduled
	case !ends(c.Blueprints[w.Blueprint]):
		s = Steady
	}
	byItself = s != Runs
	switch {
	case p.Excludes(environment, w.Name):
		return Excluded, byItself
	case p.Suspends(w, environment), p.Suspended(environment):
		return Suspended, byItself
	}
	return s, byItself
}

// ends reports whether the runs of a blueprint end: those that do can be told how long they may take.
func ends(b *catalog.Blueprint) bool {
	return b != nil && slices.Contains(b.Spec.Fields, v1alpha1.FieldTimeout)
}

// digestsOf tells the workloads of a project from what they were, by name: with everything resolved that the environment
// decides, on the first of its clusters that has them.
func digestsOf(c *catalog.Catalog, p *catalog.Project, environment string) map[string]string {
	var out map[string]string
	for _, id := range c.ReleasesOf(p) {
		if id.Environment != environment {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		for _, w := range c.Release(p, id).Workloads {
			if out[w.Name] != "" {
				continue
			}
			w.Suspend, w.Replays = false, nil // that a lot was not tried for a while, or is made again, does not make it another
			data, err := json.Marshal(w)
			if err != nil {
				return nil // params that are not JSON were refused
			}
			sum := sha256.Sum256(data)
			out[w.Name] = hex.EncodeToString(sum[:8])
		}
		if placed := p.Spec.Environments[environment].Cluster; placed == nil || placed.Spread != v1alpha1.SpreadWorkloads {
			break // all are in each
		}
	}
	return out
}
