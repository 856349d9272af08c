// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
)

// byProject returns the numbers of the nodes of each project, by name; folded nodes are by themselves.
func (d *drawing) byProject() [][]int32 {
	all := make([]int32, len(d.nodes))
	for i := range all {
		all[i] = int32(i)
	}
	slices.SortStableFunc(all, func(a, b int32) int { return strings.Compare(d.nodes[a].Project, d.nodes[b].Project) })
	var groups [][]int32
	for i, n := range all {
		if i > 0 && !d.nodes[n].folded() && d.nodes[n].Project == d.nodes[all[i-1]].Project && !d.nodes[all[i-1]].folded() {
			groups[len(groups)-1] = append(groups[len(groups)-1], n)
		} else {
			groups = append(groups, []int32{n})
		}
	}
	return groups
}

// frameLabel says which project the nodes are of, and whose it is.
func (d *drawing) frameLabel(group []int32) string {
	n := d.head(group)
	label := clean(cmp.Or(n.Project, "(no project)"))
	if n.Owner != "" {
		label += " · " + clean(n.Owner)
	}
	return label
}

// head is the node of a project that says whose it is: the first that is declared.
func (d *drawing) head(group []int32) *Node {
	for _, i := range group {
		if !d.nodes[i].Missing {
			return &d.nodes[i]
		}
	}
	return &d.nodes[group[0]]
}

// counts counts what is drawn, with what folded nodes stand for, and the owners that are drawn as one node.
func (d *drawing) counts() (counts Counts, owners int) {
	projects := map[string]bool{}
	for i := range d.nodes {
		n := &d.nodes[i]
		switch n.Kind {
		case Owner:
			owners++
			counts = counts.plus(n.Holds)
		case Project:
			counts = counts.plus(n.Holds)
		default:
			projects[n.Project] = true
			if n.Kind == Dataset {
				counts.Datasets++
			} else {
				counts.Workloads++
			}
		}
	}
	counts.Projects += len(projects)
	return counts, owners
}

// caption says what is drawn, in numbers.
func (d *drawing) caption() string {
	counts, owners := d.counts()
	parts := []string{number.Count(counts.Projects, "project"), number.Count(counts.Datasets, "dataset"), number.Count(counts.Workloads, "workload"), number.Count(d.whole.edges, "edge")}
	if owners > 0 {
		parts = append([]string{number.Count(owners, "owner")}, parts...)
	}
	return strings.Join(parts, ", ")
}
