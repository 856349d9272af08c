// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// projectInput is what the page of a project is made of.
type projectInput struct {
	Name string
	// Catalog is what is declared, and Project what of it is the project; nil: it is not declared any more.
	Catalog  *catalog.Catalog
	Project  *catalog.Project
	Releases []status.Release
	Lots     []console.DatasetLots
	// Sees reports whether the caller sees another project.
	Sees func(project string) bool
	// Builds are the environments that have the same build in the accepted commit, by its id.
	Builds map[string][]string
	Now    time.Time
}

// projectPage is what the page shows.
type projectPage struct {
	Name, Owner, OwnerPath, Description, File, Graph, History string
	// Declared is false for a project that only releases are left of.
	Declared  bool
	Suspended bool
	Tags      []string
	Releases  []releaseRow
	Builds    []buildView
	Datasets  []datasetView
	Workloads []workloadView
	Resources []string
	// DependsOn are the projects that this one waits for, Needs those whose datasets it reads, and NeededBy those that need it.
	DependsOn, Needs, NeededBy []link
	// Pulls are the open pull requests that do something to it, and Previews its releases in previews.
	Pulls    []pullRow
	Previews []releaseRow
	// Cost is what it did cost; nil: that is not counted, or not the viewer's to see.
	Cost *monthsView
	// Runs are the last of which the meter knows.
	Runs                    []recentRun
	Recent                  []eventView
	NoHistory, HistoryError bool
}

type link struct{ Name, Path string }

type buildView struct {
	ID           string
	Environments []string
}

type datasetView struct {
	Name, Version, Description, Path, Graph string
	Tags                                    []string
	External                                bool
	Unit, Freshness                         string
	Writers, Readers                        []link
	Lots                                    []lotsView
}

// lotsView is what there is of a dataset in an environment.
type lotsView struct {
	Environment string
	Badge       badge
	Newest      string
	End         moment
	There, Due  int64
	Missing     int64
	Running     int
	Failed      int
	Text        string
}

type workloadView struct {
	Name, Blueprint, Description, Graph, Schedule string
	Suspended                                     bool
	Reads, Writes, After                          []link
}

func showProject(a *ask) (shown, error) {
	in := projectInput{
		Name: a.request.PathValue("project"), Catalog: a.Catalog(), Now: a.now, Sees: func(project string) bool { return a.sight.Sees(project, "") },
	}
	if in.Catalog != nil {
		in.Project, _ = in.Catalog.Project(in.Name)
	}
	for i := range a.state.Releases {
		if a.state.Releases[i].Project == in.Name {
			in.Releases = append(in.Releases, a.state.Releases[i])
		}
	}
	if in.Project == nil && len(in.Releases) == 0 {
		return shown{}, unknown("project", in.Name, projectNames(a))
	}
	if a.Lots != nil {
		lots, err := a.Lots.Datasets()
		if err != nil {
			a.Log.Warn("cannot read the lots", "err", err.Error())
		}
		for _, l := range lots {
			if l.Project == in.Name && a.sight.Sees(l.Project, l.Environment) {
				in.Lots = append(in.Lots, l)
			}
		}
	}
	if in.Project != nil {
		in.Builds = a.builds.of(in.Catalog, in.Project)
	}
	v := projectView(in)
	v.Recent, v.NoHistory, v.HistoryError = a.recent(a.request.Context(), history.Filter{Release: catalog.ReleaseID{Project: in.Name}, Limit: maxRecent})
	v.Pulls, v.Cost, v.Runs = a.pullsOf(in.Name), a.months(in.Name), a.recentRuns(in.Name, "", "")
	return shown{Title: in.Name, View: v, Scope: url.Values{"project": {in.Name}}}, nil
}

func projectNames(a *ask) []string {
	names := map[string]bool{}
	if cat := a.Catalog(); cat != nil {
		for _, n := range cat.ProjectNames() {
			if a.sight.Sees(n, "") {
				names[n] = true
			}
		}
	}
	for i := range a.state.Releases {
		names[a.state.Releases[i].Project] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// projectView returns what the page shows.
func projectView(in projectInput) projectPage {
	v := projectPage{
		Name: in.Name, Declared: in.Project != nil, Graph: "/graph?" + url.Values{"project": {in.Name}}.Encode(), History: "/history?" + url.Values{"project": {in.Name}}.Encode(),
	}
	for i := range in.Releases {
		if row := releaseRowOf(&in.Releases[i], in.Now); row.Preview {
			v.Previews = append(v.Previews, row)
		} else {
			v.Releases = append(v.Releases, row)
		}
		v.Owner = cmp.Or(v.Owner, in.Releases[i].Owner)
	}
	if in.Project == nil {
		v.OwnerPath = ownerPath(v.Owner)
		return v
	}
	spec := in.Project.Spec
	v.Owner, v.Description, v.File, v.Tags, v.Suspended = spec.Owner, spec.Description, in.Project.Document.File, spec.Tags, spec.Suspend
	v.OwnerPath = ownerPath(v.Owner)
	for _, id := range slices.Sorted(maps.Keys(in.Builds)) {
		v.Builds = append(v.Builds, buildView{ID: id, Environments: in.Builds[id]})
	}
	slices.SortStableFunc(v.Builds, func(a, b buildView) int { return strings.Compare(a.Environments[0], b.Environments[0]) })
	for i := range spec.Datasets {
		v.Datasets = append(v.Datasets, datasetOf(in, &spec.Datasets[i]))
	}
	for i := range spec.Workloads {
		v.Workloads = append(v.Workloads, workloadOf(in.Name, &spec.Workloads[i]))
	}
	v.neighbours(in)
	return v
}

func ownerPath(owner string) string {
	if owner == "" {
		return ""
	}
	return "/?" + url.Values{"owner": {owner}}.Encode()
}

// neighbours are the projects around one.
func (v *projectPage) neighbours(in projectInput) {
	needs, neededBy := map[string]bool{}, map[string]bool{}
	for _, e := range in.Project.Edges() {
		if from, _, _ := strings.Cut(e.From, "/"); from != in.Name {
			needs[from] = true
		}
	}
	for i := range in.Project.Spec.Datasets {
		d := &in.Project.Spec.Datasets[i]
		for _, reader := range in.Catalog.Readers(in.Name + "/" + d.Name + "@" + d.Version) {
			if project, _, _ := strings.Cut(reader, "/"); project != in.Name {
				neededBy[project] = true
			}
		}
	}
	if in.Catalog.Needed(in.Name) {
		for p := range in.Catalog.Projects() {
			if slices.Contains(p.Spec.DependsOn, in.Name) {
				neededBy[p.Name] = true
			}
		}
	}
	for _, some := range []map[string]bool{needs, neededBy} {
		maps.DeleteFunc(some, func(name string, _ bool) bool { return !in.Sees(name) })
	}
	for _, name := range in.Project.Spec.DependsOn {
		v.DependsOn = append(v.DependsOn, link{name, projectPath(name)})
	}
	v.Needs, v.NeededBy = projectLinks(needs), projectLinks(neededBy)
}

func projectLinks(names map[string]bool) (out []link) {
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, link{n, projectPath(n)})
	}
	return out
}

// nodeLinks link nodes of the graph, which are of a project.
func nodeLinks(project string, ids []string) (out []link) {
	for _, id := range ids {
		out = append(out, link{strings.TrimPrefix(id, project+"/"), nodePath(id)})
	}
	return out
}

func nodePath(id string) string { return "/graph?" + url.Values{"node": {id}}.Encode() }

func datasetOf(in projectInput, d *v1alpha1.Dataset) datasetView {
	id := in.Name + "/" + d.Name + "@" + d.Version
	v := datasetView{
		Name: d.Name, Version: d.Version, Description: d.Description, Path: d.Path, Graph: nodePath(id), Tags: d.Tags, External: d.External,
		Writers: nodeLinks(in.Name, in.seen(in.Catalog.Predecessors(id))), Readers: nodeLinks(in.Name, in.seen(in.Catalog.Successors(id))),
	}
	if d.Lots != nil {
		v.Unit = string(d.Lots.Unit)
	}
	if d.Freshness > 0 {
		v.Freshness = span(time.Duration(d.Freshness))
	}
	for _, l := range in.Lots {
		if l.Dataset == id {
			v.Lots = append(v.Lots, lotsOf(l, in.Now))
		}
	}
	return v
}

// seen are those of nodes of the graph that the caller sees.
func (in projectInput) seen(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		project, _, _ := strings.Cut(id, "/")
		return !in.Sees(project)
	})
}

func lotsOf(l console.DatasetLots, now time.Time) lotsView {
	v := lotsView{
		Environment: l.Environment, Newest: l.Newest, End: at(now, l.NewestEnd), There: l.There, Due: l.Due, Missing: l.Missing, Running: l.Running, Failed: l.Failed,
		Badge: badge{good, "fresh"},
	}
	switch {
	case l.Trouble != "":
		v.Badge, v.Text = badge{warn, "cannot be listed"}, l.Trouble
	case !l.Known:
		v.Badge = badge{unsure, "not known yet"}
	case l.Failed > 0:
		v.Badge = badge{bad, number.Count(l.Failed, "lot") + " failed"}
	case l.Late != nil:
		v.Badge, v.Text = badge{warn, "late"}, "lot "+l.Late.Lot+" had to be there "+ago(now, l.Late.Since)
	case l.Running > 0:
		v.Badge = badge{busy, number.Count(l.Running, "lot") + " running"}
	case l.Missing > 0:
		v.Badge = badge{waiting, "not complete"}
	}
	if l.Refused > 0 {
		v.Text = strings.TrimPrefix(v.Text+"; "+refusedText(l), "; ")
	}
	if l.Disabled != "" {
		v.Text = strings.TrimPrefix(v.Text+"; disabled by "+l.Disabled, "; ")
	}
	v.Text = line(v.Text, maxMessage)
	return v
}

func workloadOf(project string, w *v1alpha1.Workload) workloadView {
	v := workloadView{
		Name: w.Name, Blueprint: w.Blueprint, Description: w.Description, Graph: nodePath(project + "/" + w.Name), Schedule: w.Schedule, Suspended: w.Suspend,
	}
	id := func(ref string) string {
		if owner, local, ok := catalog.ParseDataset(project, ref); ok {
			return owner + "/" + local
		}
		return ref
	}
	var reads, writes, after []string
	for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
		reads = append(reads, id(w.Reads[role].Dataset))
	}
	for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
		writes = append(writes, id(w.Writes[role]))
	}
	for _, name := range w.After {
		after = append(after, project+"/"+name)
	}
	v.Reads, v.Writes, v.After = nodeLinks(project, reads), nodeLinks(project, writes), nodeLinks(project, after)
	return v
}

// builds keeps the builds of the projects that were looked at, of one catalog: they are digests of files.
type builds struct {
	mu  sync.Mutex
	cat *catalog.Catalog
	by  map[string]map[string][]string
}

// of returns the environments of a project by their build in the accepted commit. One whose files cannot be read has none.
func (b *builds) of(cat *catalog.Catalog, p *catalog.Project) map[string][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cat != cat {
		b.cat, b.by = cat, map[string]map[string][]string{}
	}
	if known, ok := b.by[p.Name]; ok {
		return known
	}
	out := map[string][]string{}
	declared := promotion.Of(cat.Tree(), p.Document)
	for _, environment := range slices.Sorted(maps.Keys(p.Spec.Environments)) {
		if id, err := declared.Build(environment); err == nil {
			out[id.Short()] = append(out[id.Short()], environment)
		}
	}
	b.by[p.Name] = out
	return out
}
