// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"cmp"
	"slices"
	"time"
)

// Applied is a commit that was applied to a release of a project.
type Applied struct {
	Environment, Cluster, Commit string
	At                           time.Time
}

// Placed is a build in a place, for as long as it was there.
type Placed struct {
	// Build is empty if it is not known what the commit declares.
	Build       BuildID `json:"build,omitempty"`
	Environment string  `json:"environment"`
	Cluster     string  `json:"cluster"`
	// Since is when it was applied first, and Until when another one took its place; zero: it is there.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Commit is the one that brought it, and By who made that commit, which is who merged or, of a squashed merge, who
	// wrote it; empty if that is not known.
	Commit string `json:"commit"`
	By     string `json:"by,omitempty"`
}

// Timeline returns which builds were where: by environment and cluster, the newest first. The functions say which build a
// commit declares in an environment, and who made a commit.
func Timeline(applied []Applied, build func(environment, commit string) BuildID, by func(commit string) string) []Placed {
	sorted := slices.Clone(applied)
	slices.SortStableFunc(sorted, func(a, b Applied) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Cluster, b.Cluster), a.At.Compare(b.At))
	})
	out := []Placed{}
	for _, a := range sorted {
		p := Placed{Build: build(a.Environment, a.Commit), Environment: a.Environment, Cluster: a.Cluster, Since: a.At, Commit: a.Commit, By: by(a.Commit)}
		if n := len(out); n > 0 && out[n-1].Environment == p.Environment && out[n-1].Cluster == p.Cluster {
			last := &out[n-1]
			if last.Build == p.Build && (p.Build != "" || last.Commit == p.Commit) {
				continue // it is still there
			}
			last.Until = p.Since
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Placed) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Cluster, b.Cluster), b.Since.Compare(a.Since))
	})
	return out
}
