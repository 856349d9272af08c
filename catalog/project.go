// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// newProject adds the declaration of a project, and what others may refer to of it.
func newProject(doc *v1alpha1.Document) *Project {
	decl := doc.Object.(*v1alpha1.Project)
	p := &Project{
		Name: doc.Name, Document: doc, Spec: &decl.Spec,
		datasets: make(map[string]int, len(decl.Spec.Datasets)), workloads: make(map[string]int, len(decl.Spec.Workloads)),
		ids: make([]string, len(decl.Spec.Datasets)),
	}
	for i, d := range decl.Spec.Datasets {
		p.ids[i] = datasetID(p.Name, d.Name, d.Version)
		local := p.ids[i][len(p.Name)+1:]
		if _, ok := p.datasets[local]; !ok {
			p.datasets[local] = i
		}
	}
	for i, w := range decl.Spec.Workloads {
		if _, ok := p.workloads[w.Name]; !ok {
			p.workloads[w.Name] = i
		}
	}
	return p
}

// Dir is the folder of the declaration; the files of the workloads are relative to it.
func (p *Project) Dir() string { return path.Dir(p.Document.File) }

// Dataset finds a dataset by "name@version", and its place in the list of datasets.
func (p *Project) Dataset(local string) (*v1alpha1.Dataset, int, bool) {
	i, ok := p.datasets[local]
	if !ok {
		return nil, 0, false
	}
	return &p.Spec.Datasets[i], i, true
}

// Workload finds a workload, and its place in the list of workloads.
func (p *Project) Workload(name string) (*v1alpha1.Workload, int, bool) {
	i, ok := p.workloads[name]
	if !ok {
		return nil, 0, false
	}
	return &p.Spec.Workloads[i], i, true
}

// Edges are those that the project's workloads make, in the order of the declaration.
func (p *Project) Edges() []Edge { return p.edges }

// links are all edges that the project declares.
func (p *Project) links() []Edge { return slices.Concat(p.edges, p.dagEdges, p.needs) }

// flow are the edges along which data go.
func (p *Project) flow() []Edge { return slices.Concat(p.edges, p.dagEdges) }

// linkProject checks a project, and finds its edges and its share of the indexes. It changes nothing but p.
func (c *Catalog) linkProject(p *Project) *checker {
	k := &checker{c: c, doc: p.Document}
	p.edges, p.needs, p.readers, p.spaces, p.places, p.lots, p.resources = nil, nil, nil, nil, nil, nil, nil
	p.airflow = c.airflowKeys(p)
	k.outsideGovernance(p)
	k.rights(p)
	k.datasets(p)
	k.workloads(p)
	k.packages(p)
	k.images(p)
	k.builds(p)
	k.generatedSecrets(p)
	k.resources(p)
	k.replays(p)
	k.withoutLots(p)
	k.links(p)
	k.orchestrators(p)
	k.readDags(p)
	k.linkDags(p)
	k.dependsOn(p)
	k.notifications(p)
	k.clusterless(p)
	for _, env := range sortedKeys(p.Spec.Environments) {
		if _, ok := c.Environments[env]; !ok {
			known(k, RuleEnvironment, "environment", env, c.Environments, environmentPath(k.doc, env)...)
			continue
		}
		k.overrides(p, env)
		k.inEnvironment(p, env)
	}
	p.unsettled = k.asked || k.follows
	return k
}

// environmentPath finds where the project names an environment: an item of a list, or a key of a map.
func environmentPath(doc *v1alpha1.Document, env string) []any {
	if i := doc.IndexOf(env, "spec", "environments"); i >= 0 {
		return []any{"spec", "environments", i}
	}
	return []any{"spec", "environments", env}
}

// datasetVersion is what may stand behind the @: it becomes part of paths and object names.
var datasetVersion = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,30}[a-zA-Z0-9])?$`)

func (k *checker) datasets(p *Project) {
	for i := range p.Spec.Datasets {
		d := &p.Spec.Datasets[i]
		k.name(d.Name, "spec", "datasets", i, "name")
		if !datasetVersion.MatchString(d.Version) {
			k.at(RuleName, []any{"spec", "datasets", i, "version"}, fmt.Sprintf(
				"%q is not a version: use letters, digits, dots and dashes, at most 32 characters", d.Version), "")
		}
		if before := p.datasets[d.Name+"@"+d.Version]; before != i {
			k.at(RuleDatasetOwner, []any{"spec", "datasets", i}, fmt.Sprintf("the dataset %s@%s is already declared in line %d",
				d.Name, d.Version, k.doc.Position("spec", "datasets", before).Line), "")
			continue
		}
		if store, rest, ok := splitPath(d.Path); ok && strings.HasPrefix(placeOf("", rest), "://"+DataFolder+"/") {
			k.at(RulePath, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("the folder %q of store %q is reserved: previews write there", DataFolder, store),
				"choose another folder")
		} else if ok && !strings.Contains(d.Path, sep) {
			p.places = append(p.places, placeOf(store, rest)+sep+p.ids[i])
		} else {
			k.at(RulePath, []any{"spec", "datasets", i, "path"},
				fmt.Sprintf(`%q is not a path: write it as "store://folder/", without ".."`, d.Path), "")
		}
		if held := unfilled.Find(d.Path); held != "" {
			k.warn(RulePath, []any{"spec", "datasets", i, "path"}, fmt.Sprintf("nothing replaces %s in the path %q", held, d.Path),
				"write the folder itself: each environment says in spec.stores where the store is")
		}
		if d.Schema != "" {
			k.file(d.Schema, "spec", "datasets", i, "schema")
		}
	}
}
