// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
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
	Result, Health, Message, Placed           string
	Cause                                     *causeView
	Hold                                      *heldView
	// Drifts are what is so now, and Corrected what was reverted.
	Drifts, Corrected []driftView
	Additions         []driftView
	Instead           []status.Difference
	Kept              []string
	Lots, Resources   string
	// Dags says how the DAGs are doing, and DagLog is where the log of one is that failed.
	Dags, DagLog string
	PreviewOf    string
	Asleep       bool
	// Members are its objects one by one, and NoMembers is why they are not known.
	Members   []objectRow
	NoMembers string
	// Runs are the last of its workloads of which the meter knows.
	Runs []recentRun
	// Commits are those that were applied to it, and NoCommits is why none are shown; both are empty where nobody says what they changed.
	Commits                 []commitRow
	NoCommits               string
	Acts                    []act
	History                 string
	Recent                  []eventView
	NoHistory, HistoryError bool
}

// objectRow is an object of a release.
type objectRow struct {
	Name, Kind string
	// Path is where it is shown by itself, as a run is; empty: nowhere.
	Path    string
	Badge   badge
	Text    string
	Changed moment
	ByRun   bool
	// Drift is who has changed which fields of it.
	Drift  []driftView
	Events []objectEvent
}

type objectEvent struct {
	Mood                 mood
	Reason, Text, Counts string
	Time                 moment
}

// objectsTimeout bounds how long a page waits for the objects of a release.
const objectsTimeout = 6 * time.Second

// objectsView returns what the page shows of objects, with what drifted of each.
func objectsView(all []status.Object, drifts []status.Drift, now time.Time) (out []objectRow) {
	moods := map[status.Health]badge{
		status.Healthy: {good, "healthy"}, status.Unhealthy: {bad, "unhealthy"}, status.Stalled: {bad, "stalled"}, status.Progressing: {busy, "progressing"}, status.Unknown: {unsure, "unknown"},
	}
	for _, o := range all {
		row := objectRow{Name: o.Name, Kind: o.Kind, Badge: moods[o.Health], Text: line(o.Message, 2*maxMessage), Changed: at(now, o.Changed), ByRun: o.ByRun}
		if o.Deleting {
			row.Badge = badge{busy, "being deleted"}
		}
		for _, d := range drifts {
			if !d.Corrected && (d.Object == o.Kind+" "+o.Name || strings.HasSuffix(d.Object, o.Kind+" "+o.Namespace+"/"+o.Name)) {
				row.Drift = append(row.Drift, driftView{d.Object, d.What, cmp.Or(d.Manager, "nobody knows whom"), d.Fields, at(now, d.Time), d.Rounds})
			}
		}
		for _, e := range o.Events {
			shown := objectEvent{Mood: idle, Reason: line(e.Reason, 60), Text: line(e.Message, maxMessage), Time: at(now, e.Time)}
			if e.Type != "Normal" {
				shown.Mood = warn
			}
			if e.Count > 1 {
				shown.Counts = number.Count(e.Count, "time")
			}
			row.Events = append(row.Events, shown)
		}
		out = append(out, row)
	}
	return out
}

// members asks for the objects of a release.
func (v *releasePage) members(a *ask, r *status.Release) {
	if a.Objects == nil {
		return
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), objectsTimeout)
	defer cancel()
	all, err := a.sight.Objects(ctx, a.Objects, r.ReleaseID)
	if err != nil {
		v.NoMembers = "They are not seen just now: an agent or another replica keeps the cluster, or it does not answer."
		a.Log.Debug("cannot look at the objects of a release", "release", r.String(), "err", err.Error())
		return
	}
	v.Members = objectsView(all, r.Drifts, a.now)
	for i := range v.Members {
		v.Members[i].Path = a.runOfJob(r, &all[i])
	}
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
	v.Acts = a.may(releaseActs(&a.state.Releases[index], a.state.Releases, a.nameless()))
	v.members(a, &a.state.Releases[index])
	v.commits(a, &a.state.Releases[index])
	v.Runs = a.recentRuns(id.Project, id.Environment, id.Cluster)
	v.Recent, v.NoHistory, v.HistoryError = a.recent(a.request.Context(), history.Filter{Release: id, Limit: 3 * maxRecent})
	return shown{Title: v.Name, View: v, Scope: url.Values{"project": {id.Project}, "environment": {id.Environment}, "cluster": {id.Cluster}}}, nil
}

// releaseView returns what the page shows of a release.
func releaseView(r *status.Release, now time.Time) releasePage {
	v := releasePage{
		releaseRow: releaseRowOf(r, now), ProjectPath: projectPath(r.Project), OwnerPath: ownerPath(r.Owner), Namespace: r.Namespace, Source: r.Source, Objects: r.Objects,
		Result: string(r.Result), Health: string(r.Health), Message: r.Message, Placed: r.Placed, Instead: r.Instead, Kept: r.Kept,
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
		v.Resources = cmp.Or(r.Resources.String(), number.Count(r.Resources.Made, "resource")+" as declared")
	}
	if r.Dags != nil {
		said := *r.Dags
		said.Log = ""
		v.Dags, v.DagLog = cmp.Or(said.String(), number.Count(said.Dags, "DAG")+" in Airflow"), r.Dags.Log
	}
	if r.Preview != nil {
		v.PreviewOf, v.Asleep = r.Preview.Of, r.Preview.Asleep
	}
	return v
}
