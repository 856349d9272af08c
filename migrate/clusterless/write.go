// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"

	"trunkline.dev/trunkline/migrate"
	"trunkline.dev/trunkline/scaffold"
)

type projectSpec struct {
	Owner        string      `yaml:"owner"`
	Description  string      `yaml:"description"`
	Clusterless  original    `yaml:"clusterless"`
	Environments any         `yaml:"environments"`
	Datasets     []*dataset  `yaml:"datasets,omitempty"`
	Resources    *resources  `yaml:"resources,omitempty"`
	Workloads    []*workload `yaml:"workloads,omitempty"`
}

// original is what Clusterless calls the project and its arcs.
type original struct {
	Project string            `yaml:"project"`
	Version string            `yaml:"version"`
	Arcs    map[string]string `yaml:"arcs,omitempty"`
}

type dataset struct {
	Name     string `yaml:"name"`
	Version  string `yaml:"version"`
	Lots     lots   `yaml:"lots,flow"`
	Path     string `yaml:"path"`
	External bool   `yaml:"external,omitempty"`
}

type lots struct {
	Unit  string `yaml:"unit"`
	Since string `yaml:"since"`
}

type workload struct {
	component component

	Name      string               `yaml:"name"`
	Blueprint string               `yaml:"blueprint"`
	Reads     map[string]read      `yaml:"reads,omitempty"`
	Writes    map[string]string    `yaml:"writes,omitempty"`
	Join      string               `yaml:"join,omitempty"`
	Image     string               `yaml:"image,omitempty"`
	Command   []string             `yaml:"command,omitempty"`
	Env       map[string]string    `yaml:"env,omitempty"`
	Secrets   map[string]secretRef `yaml:"secrets,omitempty"`
	Size      string               `yaml:"size,omitempty"`
	Schedule  string               `yaml:"schedule,omitempty"`
	Timeout   string               `yaml:"timeout,omitempty"`
	Params    map[string]any       `yaml:"params,omitempty"`
	Suspend   bool                 `yaml:"suspend,omitempty"`
	Exclude   bool                 `yaml:"exclude,omitempty"`
}

type read struct {
	Dataset string `yaml:"dataset"`
	Trigger *bool  `yaml:"trigger,omitempty"`
}

type secretRef struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

type override struct {
	Workloads map[string]*workloadOverride `yaml:"workloads,omitempty"`
}

type workloadOverride struct {
	Image    string               `yaml:"image,omitempty"`
	Size     string               `yaml:"size,omitempty"`
	Env      map[string]string    `yaml:"env,omitempty"`
	Secrets  map[string]secretRef `yaml:"secrets,omitempty"`
	Params   map[string]any       `yaml:"params,omitempty"`
	Schedule string               `yaml:"schedule,omitempty"`
	Timeout  string               `yaml:"timeout,omitempty"`
	Suspend  *bool                `yaml:"suspend,omitempty"`
	Exclude  *bool                `yaml:"exclude,omitempty"`
}

type environmentSpec struct {
	Clusters []string          `yaml:"clusters"`
	Stores   map[string]string `yaml:"stores,omitempty"`
	Lots     environmentLots   `yaml:"lots"`
	// Resources is left out where there are none.
	Resources *environmentResources `yaml:"resources,omitempty,flow"`
}

type environmentResources struct {
	Via    string `yaml:"via"`
	Region string `yaml:"region"`
}

type environmentLots struct {
	Manifests string `yaml:"manifests"`
	States    string `yaml:"states"`
}

type platformSpec struct {
	Roots []string `yaml:"roots"`
}

// alike holds the regions to each other: a project has the same datasets and workloads in all of its environments.
func (m *migration) alike() error {
	first := m.regions[0]
	at := func(r *region) deployable {
		return m.deployables[slices.IndexFunc(m.deployables, func(d deployable) bool { return d.placement == r.placement })]
	}
	for _, r := range m.regions[1:] {
		d := at(r)
		for _, pair := range [][2]*region{{first, r}, {r, first}} {
			for _, one := range pair[0].datasets {
				i := slices.IndexFunc(pair[1].datasets, func(o *dataset) bool { return o.Name == one.Name && o.Version == one.Version })
				if i < 0 {
					return d.at(d.node, "the dataset %s@%s is in one of the regions %s and %s only: declare it in both, with \"exclude\": true where it is not deployed",
						one.Name, one.Version, first.placement.region, r.placement.region)
				}
				if other := pair[1].datasets[i]; one.Path != other.Path || one.Lots != other.Lots || one.External != other.External {
					return d.at(d.node, "the dataset %s@%s is at %s in %s lots in one of the regions, and at %s in %s lots in another: "+
						"take them over one at a time, each with --set project=NAME", one.Name, one.Version, one.Path, one.Lots.Unit, other.Path, other.Lots.Unit)
				}
			}
			for _, one := range pair[0].workloads {
				if !slices.ContainsFunc(pair[1].workloads, func(o *workload) bool { return o.Name == one.Name }) {
					return d.at(d.node, "%s is in one of the regions %s and %s only: declare it in both, with \"exclude\": true where it is not deployed",
						one.component, first.placement.region, r.placement.region)
				}
			}
		}
	}
	return m.unique()
}

// unique refuses components whose names have become one.
func (m *migration) unique() error {
	names := map[string]component{}
	for _, w := range m.regions[0].workloads {
		if before, taken := names[w.Name]; taken {
			return w.component.at(w.component.node, "%s and %s would both be called %q: rename one", w.component, before, w.Name)
		}
		names[w.Name] = w.component
	}
	return nil
}

// overrides are what is different in the environments.
func (m *migration) overrides() any {
	first := m.regions[0]
	out := map[string]*override{first.name: {}}
	var names []string
	different := false
	for _, r := range m.regions {
		names = append(names, r.name)
		over := &override{Workloads: map[string]*workloadOverride{}}
		for _, w := range r.workloads {
			base := first.workloads[slices.IndexFunc(first.workloads, func(o *workload) bool { return o.Name == w.Name })]
			o := m.override(base, w)
			if o != nil {
				over.Workloads[w.Name], different = o, true
			}
		}
		out[r.name] = over
	}
	if !different {
		return names
	}
	return out
}

// override is what of a workload is different from that of the first region; nil if nothing is.
func (m *migration) override(base, w *workload) *workloadOverride {
	o := &workloadOverride{}
	text := func(to *string, was, is string) {
		if was != is {
			*to = is
		}
	}
	text(&o.Image, base.Image, w.Image)
	text(&o.Size, base.Size, w.Size)
	text(&o.Schedule, base.Schedule, w.Schedule)
	text(&o.Timeout, base.Timeout, w.Timeout)
	o.Env = different(base.Env, w.Env)
	o.Secrets = different(base.Secrets, w.Secrets)
	o.Params = different(base.Params, w.Params)
	if base.Suspend != w.Suspend {
		o.Suspend = &w.Suspend
	}
	if base.Exclude != w.Exclude {
		o.Exclude = &w.Exclude
	}
	c := w.component
	for _, f := range []struct {
		name    string
		was, is any
	}{{"command", base.Command, w.Command}, {"reads", base.Reads, w.Reads}, {"writes", base.Writes, w.Writes}} {
		if !reflect.DeepEqual(f.was, f.is) {
			m.note(c.deployable, c.node, c.String()+": "+f.name, fmt.Sprintf("it is another one than in %s, which counts for all: an environment cannot change it", base.component.file), "have the program tell the environments apart by a variable")
		}
	}
	for name := range base.Env {
		if _, still := w.Env[name]; !still {
			m.note(c.deployable, c.node, fmt.Sprintf("%s: workload.environment.%s", c, name), "it is set in another region, and so it is here: an environment cannot take it away", "")
		}
	}
	if reflect.DeepEqual(*o, workloadOverride{}) {
		o = nil
	}
	return o
}

// different are the values of a map that another one does not have.
func different[V any](base, over map[string]V) map[string]V {
	var out map[string]V
	for name, v := range over {
		if was, ok := base[name]; !ok || !reflect.DeepEqual(was, v) {
			put(&out, name, v)
		}
	}
	return out
}

// files writes the declarations.
func (m *migration) files() (out []scaffold.File, err error) {
	add := func(name, kind, of string, spec any) {
		data, failed := migrate.Declare(kind, of, spec)
		if failed != nil {
			err = failed
		}
		out = append(out, scaffold.File{Path: name, Data: data})
	}
	if m.Platform != "" {
		add("trunkline.yaml", "Platform", m.Platform, platformSpec{[]string{m.To}})
	}
	clusters := map[string]bool{}
	for _, r := range m.regions {
		if r.declared != nil {
			m.declaredLots(r)
			continue
		}
		name, there := m.clusterOf(r)
		if !there && !clusters[name] {
			clusters[name] = true
			add(path.Join(m.To, "clusters", name+".yaml"), "Cluster", name, struct{}{})
		}
		var made *environmentResources
		if m.resources() != nil {
			made = &environmentResources{"api", r.placement.region}
			d := m.deployables[slices.IndexFunc(m.deployables, func(d deployable) bool { return d.placement == r.placement })]
			m.note(d, d.node.get("placement"), "the placement "+r.name, "the daemon makes and keeps the buckets, databases and tables, by the credentials of AWS that it has",
				fmt.Sprintf("see that these are of the account %s, with the rights that docs/operations.md names", r.placement.account))
		}
		add(path.Join(m.To, "environments", r.name+".yaml"), "Environment", r.name, environmentSpec{
			Resources: made,
			Clusters:  []string{name}, Stores: r.stores,
			Lots: environmentLots{"s3://" + r.placement.store("manifest") + "/", "s3://" + r.placement.store("arc-state") + "/"},
		})
		m.noteEnvironment(r, name)
	}
	first := m.deployables[0]
	spec := projectSpec{
		Owner: m.Owner, Description: fmt.Sprintf("What Clusterless deployed as %s:%s.", first.project, first.version),
		Clusterless: original{first.project, first.version, map[string]string{}}, Environments: m.overrides(),
		Datasets: m.regions[0].datasets, Resources: m.resources(), Workloads: m.regions[0].workloads,
	}
	for _, w := range spec.Workloads {
		if w.component.kind == "arc" {
			spec.Clusterless.Arcs[w.Name] = w.component.name
		}
	}
	add(path.Join(m.To, "projects", m.project, "project.yaml"), "Project", m.project, spec)
	return out, err
}

// clusterOf is the cluster of a new environment, and whether the platform has it.
func (m *migration) clusterOf(r *region) (name string, there bool) {
	var declared []string
	if m.Catalog != nil {
		declared = slices.Sorted(maps.Keys(m.Catalog.Clusters))
	}
	switch {
	case m.Cluster != "":
		name = m.Cluster
	case len(declared) == 1:
		name = declared[0]
	default:
		name = r.placement.region
	}
	return name, slices.Contains(declared, name)
}

// noteEnvironment says what has to be said of a new environment.
func (m *migration) noteEnvironment(r *region, cluster string) {
	d := m.deployables[slices.IndexFunc(m.deployables, func(d deployable) bool { return d.placement == r.placement })]
	at := d.node.get("placement")
	what := "the placement " + r.name
	m.note(d, at, what, fmt.Sprintf("runs are Jobs of the cluster %q", cluster), "name another one with --set cluster=NAME")
	m.note(d, at, what, "Clusterless makes a role for each arc; here runs have the service account of their project, which has no rights in the cloud by itself",
		"say in spec.identity of the environment which role it has (docs/declarations.md), and let that one read and write the buckets")
	m.note(d, at, what, fmt.Sprintf("lots are looked after from %s on; those before are neither made nor missed", m.Since.UTC().Format("2006-01-02")),
		"move lots.since of the datasets back to make older ones; those that have manifests are there already. --set since=2026-01-01 says it for all")
}

// declaredLots notes what an environment that is there lacks.
func (m *migration) declaredLots(r *region) {
	if r.declared.Spec.Lots.States != "" {
		return
	}
	d := m.deployables[slices.IndexFunc(m.deployables, func(d deployable) bool { return d.placement == r.placement })]
	m.note(d, d.node.get("placement"), "the placement "+r.name, "the environment keeps no states of arcs, so that Clusterless and Trunkline do not see each other's runs",
		fmt.Sprintf("add to spec.lots in %s: states: s3://%s/", m.fileOf(r.name), r.placement.store("arc-state")))
}
