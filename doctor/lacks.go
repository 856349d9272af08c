// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"

	"trunkline.dev/trunkline/api/number"
)

// Lacks is what releases on a cluster ask for, of one kind of thing, and what of it the cluster does not have.
type Lacks struct {
	// Count is how many different ones are asked for.
	Count   int
	Missing []Lack
	// Unrendered is how many releases could not be rendered, and may ask for others.
	Unrendered int
}

// Lack is a thing that is asked for, and a release that does.
type Lack struct{ What, Release string }

// lacking has what a cluster lacks be judged.
func lacking(c Cluster, f Fact[Lacks], thing string, missing func(names string) Verdict) []Verdict {
	return judge(f, c.Name, func(l Lacks) []Verdict {
		var names []string
		for _, m := range l.Missing {
			names = append(names, fmt.Sprintf("%s (%s)", m.What, m.Release))
		}
		switch {
		case len(names) > 0:
			v := missing(some(names, shown, ", "))
			v.Where = c.Name
			return []Verdict{v}
		case l.Unrendered > 0:
			return unchecked(c.Name, "%s could not be rendered and may ask for more", number.Count(l.Unrendered, "release"))
		case l.Count == 0:
			return ok(c.Name, "no release asks for any")
		}
		return ok(c.Name, "it has what releases ask for: %s", number.Count(l.Count, thing))
	})
}

func storage(f Facts) []Verdict {
	return of(f, func(c Cluster, _ Reached) []Verdict {
		return lacking(c, c.Storage, "storage class", func(names string) Verdict {
			return Verdict{Result: Fails, Found: "it has no storage class " + names, Do: "make the class there, or have the claims name one that it has: volumes of it are never made"}
		})
	})
}

func machines(f Facts) []Verdict {
	return of(f, func(c Cluster, _ Reached) []Verdict {
		return lacking(c, c.Machines, "node selector", func(names string) Verdict {
			return Verdict{
				Result: Warning, Found: "no node has the labels " + names,
				Do: "add such nodes, or say in spec.spot of the cluster by which labels its spot machines are known; nothing is wrong if they are made when pods wait for them",
			}
		})
	})
}

func metrics(f Facts) []Verdict {
	return of(f, func(c Cluster, _ Reached) []Verdict {
		return lacking(c, c.Metrics, "API of metrics", func(names string) Verdict {
			return Verdict{Result: Fails, Found: "it does not serve " + names, Do: "install metrics-server: without it a HorizontalPodAutoscaler does not scale"}
		})
	})
}

// AboutCluster returns what was found of one cluster.
func (r Report) AboutCluster(name string) Report {
	out := Report{Findings: []Finding{}, Counts: map[Result]int{OK: 0, Warning: 0, Fails: 0, Unchecked: 0}}
	for _, f := range r.Findings {
		if f.Area == Clusters && f.Where == name {
			out.Findings = append(out.Findings, f)
			out.Counts[f.Result]++
		}
	}
	return out
}
