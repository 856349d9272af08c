// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const argoGroup = "argoproj.io"

// ArgoCD takes over what Argo CD applies: each Application, also those of ApplicationSets and of other Applications, becomes
// a workload in the environment that its files, its name or its cluster tell of.
func ArgoCD(ctx context.Context, in Input) (Result, error) {
	m := newMigration(ctx, in)
	docs, err := m.scan(argoGroup)
	if err != nil {
		return Result{}, err
	}
	a := &argo{migration: m, apps: map[string]*application{}, clusters: map[string]string{}, builds: map[string]bool{}}
	if err := a.findClusters(); err != nil {
		return Result{}, err
	}
	var queue []Object
	for _, d := range docs {
		switch d.GetKind() {
		case "Application", "ApplicationSet", "AppProject":
			queue = append(queue, d.Object)
		}
	}
	if len(queue) == 0 {
		return Result{}, a.nothing("Application of " + argoGroup)
	}
	a.repository = mostCommon(queue)
	if err := a.discover(queue); err != nil {
		return Result{}, err
	}
	if err := a.units(); err != nil {
		return Result{}, err
	}
	return m.result()
}

// argo is what is taken over of one Argo CD.
type argo struct {
	*migration

	// repository is the URL of this repository: the one that most Applications name.
	repository string
	apps       map[string]*application
	// clusters are the names of clusters by their servers, as far as the tree has them.
	clusters map[string]string
	labels   []clusterSecret
	// builds are the files that an Application with other Applications is built from.
	builds map[string]bool
}

// application is one, and what is known of it.
type application struct {
	Object

	parent string
	// raw reports whether it stands in a file as it is.
	raw          bool
	env, cluster string
	needs        []string
	// parts are what its sources make besides Applications.
	parts []part
}

// clusterSecret is a cluster that is declared as a Secret.
type clusterSecret struct {
	name, server string
	of           Object
}

// findClusters finds the clusters that are declared in the tree.
func (a *argo) findClusters() error {
	const label = "argocd.argoproj.io/secret-type"
	docs, err := a.find(label, func(o Object) bool { return o.GetKind() == "Secret" && o.GetLabels()[label] == "cluster" })
	for _, d := range docs {
		name, server := text(d.Object.Object, "stringData", "name"), text(d.Object.Object, "stringData", "server")
		if name == "" {
			name = d.GetName()
		}
		a.clusters[server] = name
		a.labels = append(a.labels, clusterSecret{name, server, d.Object})
	}
	return err
}

// mostCommon is the URL of the repository that most Applications name.
func mostCommon(objects []Object) string {
	count := map[string]int{}
	for _, o := range objects {
		spec := table(o.Object, "spec")
		if o.GetKind() == "ApplicationSet" {
			spec = table(spec, "template", "spec")
		}
		for _, s := range sourcesOf(spec) {
			if u := text(s, "repoURL"); u != "" && text(s, "chart") == "" && !strings.Contains(u, "{{") {
				count[repositoryURL(u)]++
			}
		}
	}
	names := slices.Sorted(maps.Keys(count))
	if len(names) == 0 {
		return ""
	}
	return slices.MaxFunc(names, func(a, b string) int { return cmp.Compare(count[a], count[b]) })
}

// sourcesOf are the sources of an Application.
func sourcesOf(spec map[string]any) []any {
	if s := table(spec, "source"); s != nil && len(list(spec, "sources")) == 0 {
		return []any{s}
	}
	return list(spec, "sources")
}

// discover finds all Applications: those in files, those that ApplicationSets make, and those that other Applications are
// built to. Where the same one is built and stands in a file, the built one counts: an overlay may have changed it.
func (a *argo) discover(queue []Object) error {
	for _, o := range queue {
		if err := a.found(o, "", true); err != nil {
			return err
		}
	}
	for name, app := range a.apps {
		if app.raw && a.builds[app.Source] {
			delete(a.apps, name)
		}
	}
	return a.ctx.Err()
}

func (a *argo) found(o Object, parent string, raw bool) error {
	switch o.GetKind() {
	case "AppProject":
		a.check(o, appProjectFields)
		return nil
	case "ApplicationSet":
		for _, made := range a.expand(o) {
			if err := a.found(made, parent, raw); err != nil {
				return err
			}
		}
		return nil
	}
	if old, ok := a.apps[o.GetName()]; ok {
		if raw || !old.raw {
			return nil
		}
	}
	app := &application{Object: o, parent: parent, raw: raw}
	a.apps[o.GetName()] = app
	var children []Object
	app.parts, children = a.sources(app)
	for _, child := range children {
		a.builds[child.Source] = a.builds[child.Source] || child.Source != ""
	}
	for _, child := range children {
		if err := a.found(child, o.GetName(), false); err != nil {
			return err
		}
	}
	return a.ctx.Err()
}

// units makes a unit of each part of the Applications.
func (a *argo) units() error {
	names := slices.Sorted(maps.Keys(a.apps))
	clusters := map[string]map[string]bool{}
	for _, name := range names {
		app := a.apps[name]
		app.cluster = a.clusterOf(app)
		app.env = a.environmentOf(app)
		if clusters[app.env] == nil {
			clusters[app.env] = map[string]bool{}
		}
		if len(app.parts) > 0 {
			clusters[app.env][app.cluster] = true
		}
	}
	a.waves(names)
	for _, name := range names {
		app := a.apps[name]
		a.check(app.Object, applicationFields)
		if len(app.parts) == 0 {
			continue
		}
		env := app.env
		if len(clusters[env]) > 1 && app.cluster != env {
			env = label(env + "-" + app.cluster)
		}
		e := a.environment(env, app.cluster)
		a.policies(e, app)
		for _, p := range app.parts {
			a.unit(e, app, p)
		}
	}
	return a.ctx.Err()
}

// unit adds a part of an Application.
func (a *argo) unit(e *environment, app *application, p part) {
	ns := p.namespace
	if ns == "" {
		ns = text(app.Object.Object, "spec", "destination", "namespace")
	}
	e.defined(p.objects)
	u := &unit{of: app.Object, name: p.name, env: e, namespace: ns, keys: []string{"Application/" + app.GetName()}, needs: app.needs}
	if p.chart != nil {
		u.chart, u.values = p.chart, p.values
		a.add(u, p.objects)
		return
	}
	for _, part := range []string{app.cluster, app.env} {
		u.name = strings.TrimPrefix(strings.TrimSuffix(u.name, "-"+part), part+"-")
	}
	if p.program != nil {
		u.program = p.program
		a.add(u, p.objects)
		return
	}
	u.overlay = p.overlay
	var rest []Object
	var out []dropped
	for _, o := range p.objects {
		switch {
		case isArgo(o):
			out = append(out, dropped{o, target{Group: argoGroup, Kind: o.GetKind()}})
		case o.GetKind() == "Namespace" && group(o) == "":
			out = append(out, dropped{o, target{Kind: "Namespace"}})
			a.noteNamespace(e, o)
		default:
			rest = append(rest, o)
		}
	}
	a.split(u, rest, out)
}

// isArgo reports whether an object is for Argo CD itself. Others of its group, such as Rollouts, are not.
func isArgo(o Object) bool {
	return group(o) == argoGroup && slices.Contains([]string{"Application", "ApplicationSet", "AppProject"}, o.GetKind())
}

// clusterOf names the cluster of an Application.
func (a *argo) clusterOf(app *application) string {
	dest := table(app.Object.Object, "spec", "destination")
	if name := text(dest, "name"); name != "" {
		return label(name)
	}
	server := text(dest, "server")
	if name := a.clusters[server]; name != "" {
		return label(name)
	}
	if server == "" || server == "https://kubernetes.default.svc" {
		return "in-cluster"
	}
	if u, err := url.Parse(server); err == nil && u.Hostname() != "" {
		return label(u.Hostname())
	}
	return label(server)
}

// environmentNames are what environments are usually called, the longer ones first.
var environmentNames = []string{
	"development", "production", "integration", "pre-prod", "preprod", "sandbox", "staging", "testing", "canary", "prod", "stage", "test", "demo", "live",
	"prd", "stg", "dev", "uat", "qa",
}

// environmentOf names the environment of an Application: by its label, the folders of its sources, its files of values, its name, its
// namespace, or else its cluster.
func (a *argo) environmentOf(app *application) string {
	for _, name := range []string{"environment", "env"} {
		if v := label(app.GetLabels()[name]); v != "" {
			return v
		}
	}
	spec := table(app.Object.Object, "spec")
	var words []string
	for _, s := range sourcesOf(spec) {
		parts := strings.Split(text(s, "path"), "/")
		for i, part := range parts {
			if slices.Contains([]string{"overlays", "envs", "environments", "env", "clusters"}, part) && i+1 < len(parts) {
				return label(parts[i+1])
			}
		}
		words = append(words, parts...)
		for _, f := range texts(s, "helm", "valueFiles") {
			words = append(words, strings.FieldsFunc(f, func(r rune) bool { return r == '/' || r == '.' || r == '$' })...)
		}
	}
	words = append(words, app.GetName(), text(spec, "destination", "namespace"), text(spec, "destination", "name"), text(spec, "project"))
	for _, word := range words {
		for _, name := range environmentNames {
			if word == name || strings.HasSuffix(word, "-"+name) || strings.HasPrefix(word, name+"-") {
				return name
			}
		}
	}
	return app.cluster
}

// waves has Applications wait for those of an earlier wave of the same parent.
func (a *argo) waves(names []string) {
	const annotation = "argocd.argoproj.io/sync-wave"
	wave := func(app *application) int {
		n, _ := strconv.Atoi(app.GetAnnotations()[annotation])
		return n
	}
	for _, name := range names {
		app := a.apps[name]
		var before []*application
		for _, other := range names {
			if o := a.apps[other]; app.parent != "" && o.parent == app.parent && o.env == app.env && len(o.parts) > 0 && wave(o) < wave(app) {
				before = append(before, o)
			}
		}
		for _, o := range before {
			if !slices.ContainsFunc(before, func(later *application) bool { return wave(later) > wave(o) }) {
				app.needs = append(app.needs, "Application/"+o.GetName())
			}
		}
	}
}
