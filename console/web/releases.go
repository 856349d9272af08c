// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// releasesQuery is what the list of releases is asked for.
type releasesQuery struct {
	Text, Environment, Cluster, Owner, Commit, State string
	// After is the last release of the page before, as its name.
	After string
}

// releasesPage is what the list shows.
type releasesPage struct {
	Query       releasesQuery
	States      []string
	Rows        []releaseRow
	Found       int
	First, Next string
}

// releaseRow is a release in a list.
type releaseRow struct {
	Name, Path, Project, Environment, Cluster, Owner string
	Badge                                            badge
	Commit, Hash                                     string
	Since                                            moment
	Held                                             string
	Until                                            moment
	Drifted                                          int
	Text                                             string
	Preview                                          bool
}

func releaseRowOf(r *status.Release, now time.Time) releaseRow {
	c := cellOf(r, now)
	n := needOf(r, now)
	return releaseRow{
		Name: r.String(), Path: c.Path, Project: r.Project, Environment: r.Environment, Cluster: r.Cluster, Owner: r.Owner, Badge: c.Badge, Commit: c.Commit, Hash: r.Own(),
		Since: at(now, r.Since), Held: c.Held, Until: c.Until, Drifted: c.Drifted, Text: n.Text, Preview: r.Preview != nil,
	}
}

func showReleases(a *ask) (shown, error) {
	q := releasesQuery{
		Text: a.one("q"), Environment: a.one("environment"), Cluster: a.one("cluster"), Owner: a.one("owner"), Commit: a.one("commit"),
		State: a.choice("state", platformStates()...), After: a.one("after"),
	}
	v := releasesView(a.state.Releases, q, a.now)
	if v.Next != "" {
		v.Next = a.with("after", v.Next)
	}
	if q.After != "" {
		v.First = a.with("after", "")
	}
	return shown{Title: "Releases", View: v}, nil
}

// releasesView returns what the list shows of releases, which are sorted.
func releasesView(all []status.Release, q releasesQuery, now time.Time) releasesPage {
	v := releasesPage{Query: q, States: platformStates()}
	text, state := strings.ToLower(q.Text), stateOf(q.State)
	begun := q.After == ""
	for i := range all {
		r := &all[i]
		if !equalOr(q.Environment, r.Environment) || !equalOr(q.Cluster, r.Cluster) || !equalOr(q.Owner, r.Owner) ||
			state != 0 && statesOf(r)&state == 0 || q.Commit != "" && !strings.HasPrefix(r.Own(), strings.ToLower(q.Commit)) ||
			text != "" && !strings.Contains(strings.ToLower(r.String()), text) {
			continue
		}
		v.Found++
		switch {
		case !begun:
			begun = releaseOrder(r.ReleaseID) == q.After
			// The last of the page before may be gone: the next one by name begins this one.
			if !begun && releaseOrder(r.ReleaseID) > q.After {
				begun = true
				v.Rows = append(v.Rows, releaseRowOf(r, now))
			}
		case len(v.Rows) < pageRows:
			v.Rows = append(v.Rows, releaseRowOf(r, now))
		case v.Next == "":
			last := v.Rows[len(v.Rows)-1]
			v.Next = releaseOrder(catalog.ReleaseID{Project: last.Project, Environment: last.Environment, Cluster: last.Cluster})
		}
	}
	return v
}

// releaseOrder is a key that sorts as releases do.
func releaseOrder(id catalog.ReleaseID) string {
	return id.Project + "\x01" + id.Environment + "\x01" + id.Cluster
}

func equalOr(want, got string) bool { return want == "" || want == got }

// releasePage is what the page of a release shows.
type releasePage struct {
	releaseRow

	ProjectPath, OwnerPath, Namespace, Source string
	Objects                                   int
	Result, Health, Message                   string
	Cause                                     *causeView
	Hold                                      *heldView
	// Drifts are what is so now, and Corrected what was reverted.
	Drifts, Corrected       []driftView
	Additions               []driftView
	Instead                 []status.Difference
	Kept                    []string
	Lots, Resources         string
	PreviewOf               string
	Asleep                  bool
	Acts                    []act
	History                 string
	Recent                  []eventView
	NoHistory, HistoryError bool
}

type causeView struct {
	Object, Code string
	Log          string
	Notes        []string
}

type heldView struct {
	Rule, Reason, Commit string
	Until                moment
	Person               bool
}

type driftView struct {
	Object, What, Manager string
	Fields                []string
	Time                  moment
	Rounds                int
}

// maxLog bounds the end of a log on a page, in bytes.
const maxLog = 16 << 10

func showRelease(a *ask) (shown, error) {
	id := catalog.ReleaseID{Project: a.request.PathValue("project"), Environment: a.request.PathValue("environment"), Cluster: a.request.PathValue("cluster")}
	index, there := slices.BinarySearchFunc(a.state.Releases, id, func(r status.Release, id catalog.ReleaseID) int { return r.Compare(id) })
	if !there {
		var names []string
		for i := range a.state.Releases {
			names = append(names, a.state.Releases[i].String())
		}
		return shown{}, unknown("release", id.String(), names)
	}
	v := releaseView(&a.state.Releases[index], a.now)
	v.Acts = releaseActs(&a.state.Releases[index], a.state.Releases, a.nameless())
	v.Recent, v.NoHistory, v.HistoryError = a.recent(a.request.Context(), history.Filter{Release: id, Limit: 3 * maxRecent})
	return shown{Title: v.Name, View: v, Scope: url.Values{"project": {id.Project}, "environment": {id.Environment}, "cluster": {id.Cluster}}}, nil
}

// releaseView returns what the page shows of a release.
func releaseView(r *status.Release, now time.Time) releasePage {
	v := releasePage{
		releaseRow: releaseRowOf(r, now), ProjectPath: projectPath(r.Project), OwnerPath: ownerPath(r.Owner), Namespace: r.Namespace, Source: r.Source, Objects: r.Objects,
		Result: string(r.Result), Health: string(r.Health), Message: r.Message, Instead: r.Instead, Kept: r.Kept,
		History: "/history?" + url.Values{"project": {r.Project}, "environment": {r.Environment}, "cluster": {r.Cluster}}.Encode(),
	}
	if c := r.Cause; c != nil {
		log := strings.Join(c.Log, "\n")
		v.Cause = &causeView{c.Object, c.Code, log[max(0, len(log)-maxLog):], c.Notes}
	}
	if h := r.Held; h != nil {
		v.Hold = &heldView{h.Rule, h.Reason, cmp.Or(status.Short(h.Commit), "another commit"), at(now, h.Until), h.Person}
	}
	for _, d := range r.Drifts {
		shown := driftView{d.Object, d.What, cmp.Or(d.Manager, "nobody knows whom"), d.Fields, at(now, d.Time), d.Rounds}
		if d.Corrected {
			v.Corrected = append(v.Corrected, shown)
		} else {
			v.Drifts = append(v.Drifts, shown)
		}
	}
	for _, add := range r.Additions {
		v.Additions = append(v.Additions, driftView{Object: add.Object, Fields: add.Fields, Manager: cmp.Or(add.Manager, "nobody knows whom")})
	}
	if r.Lots != nil {
		v.Lots = cmp.Or(r.Lots.String(), "all lots that are due are there")
	}
	if r.Resources != nil {
		v.Resources = cmp.Or(r.Resources.String(), count(r.Resources.Made, "resource")+" as declared")
	}
	if r.Preview != nil {
		v.PreviewOf, v.Asleep = r.Preview.Of, r.Preview.Asleep
	}
	return v
}
