// SPDX-License-Identifier: Apache-2.0

package web

import (
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// clustersPage is what the page of clusters shows.
type clustersPage struct {
	Rows []clusterRow
	// Unknown are those that are declared, and that the daemon was not told how to reach.
	Unknown []string
}

// clusterRow is a cluster.
type clusterRow struct {
	Name  string
	Badge badge
	Since moment
	// Text says what is wrong with it, and Warning how it is not what it is declared to be.
	Text, Warning string
	Environments  []string
	// Releases counts those there, Fine those of them that need nobody, and Previews those of previews.
	Releases, Fine, Previews int
}

func showClusters(a *ask) (shown, error) {
	cat := a.Catalog()
	if !a.sight.Whole() {
		cat = nil // environments are not everybody's to know
	}
	return shown{Title: "Clusters", View: clustersPageOf(a.state, cat, a.now)}, nil
}

// clustersPageOf returns what the page shows of a state, and of what the accepted commit declares; nil: none is accepted.
func clustersPageOf(p *status.Platform, cat *catalog.Catalog, now time.Time) clustersPage {
	var v clustersPage
	declared := map[string][]string{}
	if cat != nil {
		for name := range cat.Clusters {
			declared[name] = nil
		}
		for _, environment := range slices.Sorted(maps.Keys(cat.Environments)) {
			for _, name := range cat.Environments[environment].Spec.Clusters {
				declared[name] = append(declared[name], environment)
			}
		}
	}
	for _, c := range p.Clusters {
		row := clusterRow{
			Name: c.Name, Since: at(now, c.Since), Text: line(c.Message, 3*maxMessage), Warning: line(c.Warning, 3*maxMessage), Environments: declared[c.Name],
			Badge: badge{good, "answers"},
		}
		switch {
		case !c.Reachable:
			row.Badge = badge{bad, "does not answer"}
		case c.Warning != "":
			row.Badge = badge{warn, "answers, lacks something"}
		}
		for i := range p.Releases {
			switch r := &p.Releases[i]; {
			case r.Cluster != c.Name:
			case r.Preview != nil:
				row.Previews++
			default:
				row.Releases++
				if r.Fine() {
					row.Fine++
				}
			}
		}
		delete(declared, c.Name)
		v.Rows = append(v.Rows, row)
	}
	v.Unknown = slices.Sorted(maps.Keys(declared))
	slices.SortStableFunc(v.Rows, func(a, b clusterRow) int { return a.Badge.Mood.rank() - b.Badge.Mood.rank() })
	return v
}
