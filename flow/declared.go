// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/arrivals"
	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// declared is what a catalog says of the lots of an environment.
type declared struct {
	catalog *catalog.Catalog
	name    string
	// clusters are where runs can be: the first that can be used is.
	clusters []string
	graph    *plan.Graph
	// stores has, for each store of manifests, the series whose manifests are in it.
	stores map[string]map[manifest.Dataset]string
	// places are where the manifests of each dataset are that has lots.
	places map[string]kept
	// records is the folder of what is to be remembered, and replays are those that are declared.
	records string
	replays []plan.Replay
	// retain says how lots are removed that are not kept any more, if they are, and logs which logs of runs are kept. Holds returns what holds
	// all runs at a time.
	retain plan.Retain
	logs   keeping
	holds  func(now time.Time) []plan.Hold
	// targets are the workloads that make lots, by the cluster and the id of the arc.
	targets map[string]map[string]target
	// accounts are where the Jobs of all workloads are, by the cluster and the id of the workload.
	accounts map[string]map[string]jobs.As
	// boundaries are by the id of the arc.
	boundaries map[string]arrivals.Boundary
	// outlets are the datasets that tasks of the environment's Airflow may make lots of, by id; nil if it has none.
	outlets map[string]assets.Dataset
	// subscriptions say who is told.
	subscriptions []egress.Subscription
}

// kept is where the manifests of a dataset are, and of which lots.
type kept struct {
	store string
	unit  lot.Unit
}

// target is where the runs of a workload are.
type target struct {
	release  catalog.ReleaseID
	workload string
	as       jobs.As
}

// declare reads what a catalog says of an environment; nil if it keeps no lots, or is on no cluster. The account is the one as which
// releases are deployed whose environment names none.
func declare(c *catalog.Catalog, environment, account string) *declared {
	env := c.Environments[environment]
	if env == nil || env.Spec.Lots == nil || c.IsPreview(environment) || len(env.Spec.Clusters) == 0 {
		return nil
	}
	d := &declared{
		catalog: c, name: environment, graph: plan.Of(c, environment),
		stores: survey.Places(c, environment), replays: plan.Replays(c, environment), targets: map[string]map[string]target{}, accounts: map[string]map[string]jobs.As{},
		boundaries: map[string]arrivals.Boundary{}, subscriptions: subscriptions(env), holds: holding(env), logs: keepingOf(env.Spec.Lots.Logs, env.Spec.Lots.LogsKept),
	}
	d.places = placesOf(c, d.stores)
	if plan.Enforces(c, environment) { // what stays is a question to all datasets of the platform
		d.retain = plan.RetainOf(c, environment)
	}
	d.records, _ = c.Records(environment)
	for _, name := range c.ClustersForLots(environment) {
		d.clusters = append(d.clusters, name)
		d.targets[name], d.accounts[name] = map[string]target{}, map[string]jobs.As{}
	}
	if env.Spec.Orchestrator == v1alpha1.Airflow {
		d.outlets = map[string]assets.Dataset{}
	}
	for p := range c.Projects() {
		read := false
		for _, id := range c.ReleasesOf(p) {
			if id.Environment != environment {
				continue
			}
			if !read {
				d.readBoundaries(p)
				d.readOutlets(p)
				read = true
			}
			d.readTargets(p, id, account)
		}
	}
	return d
}

// placesOf finds where the manifests of datasets are that have lots, by their ids.
func placesOf(c *catalog.Catalog, stores map[string]map[manifest.Dataset]string) map[string]kept {
	out := map[string]kept{}
	for location, of := range stores {
		for _, id := range of {
			if _, d, ok := c.Dataset(id); ok && d.Lots != nil {
				unit, _ := lot.ParseUnit(string(d.Lots.Unit)) // what is none has no lots
				out[id] = kept{location, unit}
			}
		}
	}
	return out
}

// readTargets notes where the runs are of the workloads of a release.
func (d *declared) readTargets(p *catalog.Project, id catalog.ReleaseID, account string) {
	release := d.catalog.Release(p, id)
	access, _ := d.catalog.Access(id)
	for i := range release.Workloads {
		w := &release.Workloads[i]
		as := jobs.As{Namespace: release.Namespace, Account: cmp.Or(access.Account, account)}
		d.accounts[id.Cluster][p.Name+"/"+w.Name] = as
		if w.Lots {
			d.targets[id.Cluster][p.Name+"/"+w.Name] = target{id, w.Name, as}
		}
	}
}

// running is the graph of what runs: a workload is what its template is where its lots are made, whatever a commit says that its release
// does not have yet. Those that have none are held.
func (d *declared) running(homes map[string]home) (g *plan.Graph, holds []plan.Hold) {
	var series []plan.Series
	var arcs []plan.Arc
	seen := map[string]bool{}
	for _, id := range d.graph.Arcs() {
		a, _ := d.graph.Arc(id)
		h, there := homes[id]
		if a.Digest = ""; there {
			a.Digest = h.digest()
		}
		switch {
		case !there && len(d.clusters) > 1:
			holds = append(holds, plan.Hold{Of: id, By: "its release, which has no template of its runs in any cluster that answers"})
		case !there:
			holds = append(holds, plan.Hold{Of: id, By: "its release, which has no template of its runs in the cluster"})
		case h.hold.By != "":
			h.hold.Of = id
			holds = append(holds, h.hold)
		}
		arcs = append(arcs, a)
	}
	for _, of := range d.stores {
		for _, id := range of {
			if s, ok := d.graph.Series(id); ok && !seen[id] {
				seen[id] = true
				series = append(series, s)
			}
		}
	}
	slices.SortFunc(series, func(a, b plan.Series) int { return strings.Compare(a.ID, b.ID) })
	return plan.NewGraph(series, arcs), holds
}
