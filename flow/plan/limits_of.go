// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// LimitsOf are the limits that a catalog declares for an environment and its workloads; what it does not declare is as given.
func LimitsOf(c *catalog.Catalog, environment string, given Limits) Limits {
	out := given
	env := c.Environments[environment]
	if env != nil && env.Spec.Lots != nil {
		l := &env.Spec.Lots.Limits
		out.AtOnce, out.PerArc, out.Backfill = or(l.Runs, out.AtOnce), or(l.PerWorkload, out.PerArc), or(l.Backfill, out.Backfill)
		out.Live = cmp.Or(time.Duration(l.Live), out.Live)
		if l.Order != "" {
			out.NewestFirst = l.Order == v1alpha1.NewestFirst
		}
	}
	out.Arcs = map[string]int{}
	for p := range c.Projects() {
		if !deployed(p, environment) {
			continue
		}
		for i := range p.Spec.Workloads {
			if w := &p.Spec.Workloads[i]; w.Lots.AtOnce != nil {
				out.Arcs[p.Name+"/"+w.Name] = *w.Lots.AtOnce
			}
		}
	}
	return out
}

func or(declared *int, given int) int {
	if declared == nil {
		return given
	}
	return *declared
}
