// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// previewsPage is what the page of previews shows.
type previewsPage struct{ Rows []previewRow }

// previewRow is the preview of a pull request.
type previewRow struct {
	Name string
	// Pull is the number of the pull request, and Link where it is at the forge; empty: that is not known.
	Pull     int
	Link, Of string
	Badge    badge
	Asleep   bool
	// Keeps says for how long the environment keeps previews, and when they go to sleep.
	Keeps    string
	Releases []previewRelease
}

type previewRelease struct {
	Name, Path string
	Badge      badge
	Since      moment
	Text       string
}

func showPreviews(a *ask) (shown, error) {
	return shown{Title: "Previews", View: previewsPageOf(a.state, a.Catalog(), a.now)}, nil
}

// previewsPageOf returns what the page shows of a state, the newest pull request first.
func previewsPageOf(p *status.Platform, cat *catalog.Catalog, now time.Time) previewsPage {
	rows := map[string]*previewRow{}
	for i := range p.Releases {
		r := &p.Releases[i]
		if r.Preview == nil {
			continue
		}
		row := rows[r.Environment]
		if row == nil {
			row = &previewRow{Name: r.Environment, Of: r.Preview.Of, Badge: badge{good, "healthy"}, Keeps: previewTimes(cat, r.Preview.Of)}
			if pull, ok := catalog.PreviewPull(r.Environment); ok {
				row.Pull = pull.Number
				if pull.Source == "" { // where the others are is not in the state
					row.Link = pullLink(p.Source.URL, pull.Number)
				}
			}
			rows[r.Environment] = row
		}
		row.Asleep = row.Asleep || r.Preview.Asleep
		b := badgeOf(r)
		if b.Mood.rank() < row.Badge.Mood.rank() {
			row.Badge = b
		}
		row.Releases = append(row.Releases, previewRelease{r.Project + " on " + r.Cluster, releasePath(r.ReleaseID), b, at(now, r.Since), line(r.Message, maxMessage)})
	}
	var v previewsPage
	for _, row := range rows {
		if row.Asleep {
			row.Badge = badge{idle, "asleep"}
		}
		v.Rows = append(v.Rows, *row)
	}
	slices.SortFunc(v.Rows, func(a, b previewRow) int { return cmp.Or(b.Pull-a.Pull, strings.Compare(a.Name, b.Name)) })
	return v
}

// previewTimes says what an environment declares of the times of its previews; empty: nothing.
func previewTimes(cat *catalog.Catalog, environment string) string {
	if cat == nil || cat.Environments[environment] == nil || cat.Environments[environment].Spec.Preview == nil {
		return ""
	}
	declared := cat.Environments[environment].Spec.Preview
	var out []string
	if d := time.Duration(declared.TTL); d > 0 {
		out = append(out, "removed "+span(d)+" after the last push or extension")
	}
	if d := time.Duration(declared.SleepAfter); d > 0 {
		out = append(out, "asleep after "+span(d))
	}
	return strings.Join(out, ", ")
}

// pullLink is where a pull request is at the forge, by the address of the repository; empty if that is none of the web.
func pullLink(repository string, number int) string {
	address := external(strings.TrimSuffix(strings.TrimSuffix(repository, "/"), ".git"))
	if address == "" {
		return ""
	}
	return address + "/pull/" + strconv.Itoa(number)
}
