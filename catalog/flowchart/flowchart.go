// SPDX-License-Identifier: Apache-2.0

// Package flowchart makes of a catalog the graph that is drawn of it: the flow of data over all projects. The command line and
// the console draw the same one.
//
// Of Trunkline it may import api, catalog and catalog/draw.
package flowchart

import (
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
)

// Of returns the DAG of a catalog as it is drawn, of all environments or of one.
func Of(cat *catalog.Catalog, env string) draw.Graph {
	f := flow{cat: cat, env: env, drawn: map[string]bool{}}
	for p := range cat.Projects() {
		if _, there := p.Spec.Environments[env]; there || env == "" {
			f.project(p)
		}
	}
	f.elsewhere()
	return f.graph
}

// flow makes the graph.
type flow struct {
	cat   *catalog.Catalog
	env   string
	graph draw.Graph
	drawn map[string]bool
}

// project adds what a project declares.
func (f *flow) project(p *catalog.Project) {
	for i := range p.Spec.Datasets {
		d := &p.Spec.Datasets[i]
		f.dataset(p, d, p.Name+"/"+d.Name+"@"+d.Version)
	}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if f.out(p, w) && f.env == "" {
			continue // of no environment
		}
		n := f.node(p, p.Name+"/"+w.Name, draw.Workload)
		n.Detail, n.Suspended, n.Excluded = w.Blueprint, f.suspended(p, w), f.out(p, w)
		f.add(n)
		f.unresolved(p, w)
	}
	for _, e := range p.Edges() {
		f.edge(p, e)
	}
	for _, e := range p.DagEdges() {
		dag := e.To
		if e.Kind == catalog.Writes {
			dag = e.From
		}
		n := f.node(p, dag, draw.DAG)
		n.Detail = "Airflow"
		f.add(n)
		f.edge(p, e)
	}
}

func (f *flow) dataset(p *catalog.Project, d *v1alpha1.Dataset, id string) {
	n := f.node(p, id, draw.Dataset)
	if d.Lots != nil {
		n.Detail = string(d.Lots.Unit)
	}
	if d.External {
		n.Detail = strings.TrimSuffix("from outside, "+n.Detail, ", ")
	}
	_, there := p.Spec.Environments[f.env]
	n.Excluded = f.env != "" && !there
	f.add(n)
}

func (f *flow) node(p *catalog.Project, id string, kind draw.Kind) draw.Node {
	return draw.Node{ID: id, Kind: kind, Project: p.Name, Owner: p.Spec.Owner, Position: v1alpha1.Position{File: p.Document.File}}
}

func (f *flow) add(n draw.Node) {
	if !f.drawn[n.ID] { // what is declared twice is the first
		f.drawn[n.ID] = true
		f.graph.Nodes = append(f.graph.Nodes, n)
	}
}

func (f *flow) edge(p *catalog.Project, e catalog.Edge) {
	f.graph.Edges = append(f.graph.Edges, draw.Edge{
		From: e.From, To: e.To, Kind: draw.EdgeKind(e.Kind), Role: e.Role, Because: e.Because(), Position: v1alpha1.Position{File: p.Document.File},
	})
}

// unresolved adds the edges to what a workload refers to and nobody declares.
func (f *flow) unresolved(p *catalog.Project, w *v1alpha1.Workload) {
	me := p.Name + "/" + w.Name
	if first, _, ok := p.Workload(w.Name); !ok || first != w {
		return
	}
	missing := func(ref string) (id string, ok bool) {
		owner, local, ok := catalog.ParseDataset(p.Name, ref)
		if !ok {
			return "", false
		}
		_, _, declared := f.cat.Dataset(owner + "/" + local)
		return owner + "/" + local, !declared
	}
	for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
		if id, ok := missing(w.Reads[role].Dataset); ok {
			f.edge(p, catalog.Edge{From: id, To: me, Kind: catalog.Reads, Role: role})
		}
	}
	for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
		if id, ok := missing(w.Writes[role]); ok {
			f.edge(p, catalog.Edge{From: me, To: id, Kind: catalog.Writes, Role: role})
		}
	}
	for _, name := range w.After {
		if _, _, ok := p.Workload(name); !ok && !strings.Contains(name, "/") {
			f.edge(p, catalog.Edge{From: p.Name + "/" + name, To: me, Kind: catalog.After, Role: name})
		}
	}
}

// elsewhere adds the datasets that are read in the environment, and whose projects are not in it.
func (f *flow) elsewhere() {
	for i := range f.graph.Edges {
		e := &f.graph.Edges[i]
		if f.drawn[e.From] || e.Kind != draw.Reads {
			continue
		}
		if p, d, ok := f.cat.Dataset(e.From); ok {
			f.dataset(p, d, e.From)
		}
	}
}

// out reports whether a workload is left out of the environment, or of all of them.
func (f *flow) out(p *catalog.Project, w *v1alpha1.Workload) bool {
	return f.everywhere(p, w.Exclude, func(env string) bool { return p.Excludes(env, w.Name) })
}

// suspended reports whether a workload does not start in the environment, or in any of them.
func (f *flow) suspended(p *catalog.Project, w *v1alpha1.Workload) bool {
	return f.everywhere(p, w.Suspend || p.Spec.Suspend, func(env string) bool {
		whole := p.Spec.Suspend
		if s := p.Spec.Environments[env].Suspend; s != nil {
			whole = *s
		}
		return whole || p.Suspends(w, env)
	})
}

// everywhere asks of the environment, or of all that the project is in; where it is in none, what is declared counts.
func (f *flow) everywhere(p *catalog.Project, declared bool, in func(env string) bool) bool {
	if f.env != "" {
		return in(f.env)
	}
	if len(p.Spec.Environments) == 0 {
		return declared
	}
	for env := range p.Spec.Environments {
		if !in(env) {
			return false
		}
	}
	return true
}
