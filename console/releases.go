// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// results and healths are what releases can be filtered by.
var (
	results = []status.Result{
		status.Pending, status.Applying, status.Applied, status.Retrying, status.Failed, status.Pruning, status.Suspended, status.Elsewhere,
	}
	healths = []status.Health{status.Unknown, status.Progressing, status.Stalled, status.Healthy, status.Unhealthy}
)

// releaseFilter says which releases are asked for; of each part, any of its values, and all if there are none.
type releaseFilter struct {
	project, environment, cluster, owner, rule []string
	result                                     []status.Result
	health                                     []status.Health
	fine, drifted                              *bool
}

// scope reads which part of the platform is asked for.
func (q *query) scope() releaseFilter {
	return releaseFilter{project: q.many("project"), environment: q.many("environment"), cluster: q.many("cluster")}
}

func (q *query) releaseFilter() releaseFilter {
	f := q.scope()
	f.owner, f.rule = q.many("owner"), q.many("rule")
	f.result, f.health = choices(q, "result", results), choices(q, "health", healths)
	f.fine, f.drifted = q.flag("fine"), q.flag("drifted")
	return f
}

// within reports whether a release is in the scope of a filter.
func (f releaseFilter) within(id catalog.ReleaseID) bool {
	return passes(f.project, id.Project) && passes(f.environment, id.Environment) && passes(f.cluster, id.Cluster)
}

func (f releaseFilter) match(r status.Release) bool {
	rule := ""
	if r.Held != nil {
		rule = r.Held.Rule
	}
	return f.within(r.ReleaseID) && passes(f.owner, r.Owner) && passes(f.rule, rule) && passes(f.result, r.Result) && passes(f.health, r.Health) &&
		(f.fine == nil || *f.fine == r.Fine()) && (f.drifted == nil || *f.drifted == r.Drifted())
}

func releaseKey(r status.Release) string { return keyOf(r.Project, r.Environment, r.Cluster) }

func (c *console) releases(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	f, part := q.releaseFilter(), q.window()
	if err := q.done(); err != nil {
		return err
	}
	found := []status.Release{}
	for _, release := range c.snapshot(c.sight(r)).Releases {
		if f.match(release) {
			found = append(found, release)
		}
	}
	c.answer(w, http.StatusOK, pageOf(found, releaseKey, part))
	return nil
}

// releaseOf returns the release that the path of a request names.
func releaseOf(r *http.Request) catalog.ReleaseID {
	return catalog.ReleaseID{Project: r.PathValue("project"), Environment: r.PathValue("environment"), Cluster: r.PathValue("cluster")}
}

func (c *console) release(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	id := releaseOf(r)
	release, ok := c.opts.Board.Release(id)
	if !ok {
		var names []string
		for _, known := range c.snapshot(c.sight(r)).Releases {
			names = append(names, known.String())
		}
		return unknown("release", id.String(), names)
	}
	c.answer(w, http.StatusOK, c.sight(r).release(release))
	return nil
}

// unknown returns the answer to a name that there is none of.
func unknown(what, name string, names []string) error {
	p := problemf(http.StatusNotFound, "there is no %s %s", what, shown(name))
	if hint := v1alpha1.Suggest(name, names); hint != "" {
		p.Detail += ": " + hint
	}
	return p
}
