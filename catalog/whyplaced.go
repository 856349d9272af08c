// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// WhyOn says to people why a release is on its cluster; empty if its project is on all clusters of the environment, or not on this one.
func (c *Catalog) WhyOn(p *Project, id ReleaseID) string {
	placed := p.Spec.Environments[id.Environment].Cluster
	if placed == nil || !c.isAt(p, id) {
		return ""
	}
	which := "of " + id.Environment
	if placed.Where != "" {
		which += " where " + placed.Where
	}
	var b strings.Builder
	switch placed.Spread {
	case v1alpha1.SpreadAll:
		b.WriteString("on each cluster " + which)
	case v1alpha1.SpreadWorkloads:
		here, all := 0, 0
		for i := range p.Spec.Workloads {
			if name := p.Spec.Workloads[i].Name; !p.Excludes(id.Environment, name) {
				all++
				if c.IsOn(p, name, id) {
					here++
				}
			}
		}
		fmt.Fprintf(&b, "with %d of its %d workloads, each on one cluster %s", here, all, which)
	case v1alpha1.SpreadOne, "":
		b.WriteString("on the first cluster " + which)
	}
	for _, cluster := range c.matching(p, id.Environment) {
		if !c.leaves(p, id.Environment, cluster) {
			continue
		}
		if reason := c.Drained(cluster).Reason; cluster == id.Cluster {
			fmt.Fprintf(&b, "; it is drained (%s), and so is each other one", reason)
		} else {
			fmt.Fprintf(&b, "; %s is drained (%s)", cluster, reason)
		}
	}
	return b.String()
}

// isAt reports whether a release is one of its project's.
func (c *Catalog) isAt(p *Project, id ReleaseID) bool {
	_, there := p.Spec.Environments[id.Environment]
	return there && slices.Contains(c.PlacesOf(p, id.Environment), id.Cluster)
}
