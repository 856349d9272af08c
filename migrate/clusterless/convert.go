// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// region is what becomes of a project in one region: an environment, and what the project is there.
type region struct {
	placement placement
	// name is that of the environment, and declared is it if the platform has it already.
	name     string
	declared *v1alpha1.Environment
	// stores are those that it needs, by name.
	stores    map[string]string
	datasets  []*dataset
	workloads []*workload
	resources resources
	// owners are the datasets by what Clusterless calls them, as in "orders@1".
	owners map[string]*owner
}

// owner is a dataset, as those see it that read it.
type owner struct {
	ref  string
	unit lot.Unit
}

// convert makes of each region what it is here, and compares the regions.
func (m *migration) convert() error {
	for _, d := range m.deployables {
		if !slices.ContainsFunc(m.regions, func(r *region) bool { return r.placement == d.placement }) {
			m.regions = append(m.regions, &region{
				placement: d.placement, stores: map[string]string{}, owners: map[string]*owner{},
			})
		}
	}
	for _, r := range m.regions {
		m.nameRegion(r)
	}
	for _, r := range m.regions {
		var all []component
		for _, d := range m.deployables {
			if d.placement != r.placement {
				continue
			}
			components, err := d.components()
			if err != nil {
				return err
			}
			all = append(all, components...)
		}
		for _, c := range all {
			m.check(c)
		}
		if err := m.inRegion(r, all); err != nil {
			return err
		}
	}
	return m.alike()
}

// nameRegion finds the environment of a placement, or names a new one.
func (m *migration) nameRegion(r *region) {
	manifests := "s3://" + r.placement.store("manifest") + "/"
	if m.Catalog != nil {
		for _, name := range slices.Sorted(maps.Keys(m.Catalog.Environments)) {
			e := m.Catalog.Environments[name]
			if e.Spec.Lots == nil {
				continue
			}
			if l, err := location.Parse(e.Spec.Lots.Manifests); err == nil && l.String() == manifests {
				r.name, r.declared = name, e
				return
			}
		}
	}
	r.name = cmp.Or(label(r.placement.stage), "main")
	if len(m.regions) > 1 {
		r.name += "-" + r.placement.region
	}
}

// inRegion makes the datasets and workloads of a region.
func (m *migration) inRegion(r *region, all []component) error {
	for _, c := range all {
		var err error
		switch c.kind {
		case "resource":
			err = m.resource(r, c, all)
		case "barrier":
			m.note(c.deployable, c.node, c.String(), "Clusterless has no barrier that works, and it is not carried over", `a workload that reads several datasets waits for them as its "join" says`)
		case "activity":
			err = m.export(r, c)
		case "boundary":
			err = m.boundary(r, c)
		}
		if err != nil {
			return err
		}
	}
	return m.arcs(r, all)
}

// arcs makes the workloads of arcs. What one writes has the lots of what it reads, so that those come first that read what is known.
func (m *migration) arcs(r *region, all []component) error {
	var todo []component
	for _, c := range all {
		if c.kind == "arc" {
			todo = append(todo, c)
		}
	}
	order := slices.Clone(todo)
	made := map[string][]*workload{}
	for len(todo) > 0 {
		var left []component
		for _, c := range todo {
			ready, err := m.ready(r, c)
			if err != nil {
				return err
			}
			if !ready {
				left = append(left, c)
				continue
			}
			before := len(r.workloads)
			if err := m.arc(r, c); err != nil {
				return err
			}
			made[c.name] = r.workloads[before:len(r.workloads):len(r.workloads)]
			r.workloads = r.workloads[:before:before]
		}
		if len(left) == len(todo) {
			return m.unowned(r, left[0])
		}
		todo = left
	}
	for _, c := range order { // in the order of the file
		r.workloads = append(r.workloads, made[c.name]...)
		delete(made, c.name)
	}
	m.suspendReaders(r)
	return nil
}

// suspendReaders suspends what reads something that is suspended, and so on: it would have nothing to run for.
func (m *migration) suspendReaders(r *region) {
	suspended := map[string]string{} // the arc that writes a dataset
	for again := true; again; {
		again = false
		for _, w := range r.workloads {
			if !w.Suspend {
				for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
					if by, ok := suspended[w.Reads[role].Dataset]; ok && !w.Exclude {
						w.Suspend = true
						m.note(w.component.deployable, w.component.node, w.component.String(), fmt.Sprintf("it reads what %s writes, which is suspended, and is suspended, too", by),
							"remove \"suspend\" from both at once")
						break
					}
				}
			}
			for _, id := range w.Writes {
				if w.Suspend && suspended[id] == "" {
					suspended[id], again = w.component.String(), true
				}
			}
		}
	}
}

// ready reports whether all that an arc reads is known.
func (m *migration) ready(r *region, c component) (bool, error) {
	sources, err := c.object(c.node, "sources")
	if err != nil {
		return false, err
	}
	for _, f := range sources.fields {
		id, err := c.dataset(f.value)
		if err != nil {
			return false, err
		}
		if m.owner(r, id) == nil {
			return false, nil
		}
	}
	return true, nil
}

// unowned says that nobody owns what an arc reads.
func (m *migration) unowned(r *region, c component) error {
	for _, f := range c.get("sources").fields {
		id, err := c.dataset(f.value)
		if err != nil {
			return err
		}
		if m.owner(r, id) == nil {
			return c.at(f.value, "%s reads %s, which neither these files nor the projects in the environment %q own, or which is made of what it makes: "+
				"take over the project first that owns it, into the same platform, or declare it there as a dataset that is external", c, id, r.name)
		}
	}
	return c.at(c.node, "%s reads what is made of what it makes", c)
}

// owner finds a dataset: among those of the region, or else those of the platform.
func (m *migration) owner(r *region, id string) *owner {
	if o := r.owners[id]; o != nil || m.Catalog == nil {
		return o
	}
	for p := range m.Catalog.Projects() {
		if _, there := p.Spec.Environments[r.name]; !there {
			continue
		}
		for i := range p.Spec.Datasets {
			d := &p.Spec.Datasets[i]
			name, version, _ := strings.Cut(id, "@")
			if d.Name != datasetName(name) || d.Version != version || d.Lots == nil {
				continue
			}
			unit, err := lot.ParseUnit(string(d.Lots.Unit))
			if err == nil {
				return &owner{p.Name + "/" + d.Name + "@" + d.Version, unit}
			}
		}
	}
	return nil
}

// dataset reads what a dataset is called, as in "orders@1".
func (d deployable) dataset(n *node) (string, error) {
	if n.kind != object {
		return "", d.at(n, "a dataset is %s; want an object", n.kind)
	}
	name, err := d.text(n, "name")
	if err != nil {
		return "", err
	}
	version, err := d.text(n, "version")
	if err != nil {
		return "", err
	}
	if datasetName(name) == "" || strings.Contains(name, "@") {
		return "", d.at(n, "%q cannot be the name of a dataset", name)
	}
	return name + "@" + version, nil
}

// declareDataset declares a dataset that a component writes. Its place is that of a store of the environment.
func (m *migration) declareDataset(r *region, c component, n *node, unit lot.Unit, external bool) (ref string, err error) {
	id, err := c.dataset(n)
	if err != nil {
		return "", err
	}
	if r.owners[id] != nil {
		return "", c.at(n, "the dataset %s is written by more than one component", id)
	}
	name, version, _ := strings.Cut(id, "@")
	place, err := c.text(n, "pathURI")
	if err != nil {
		return "", err
	}
	path, err := m.place(r, c, n.get("pathURI"), place)
	if err != nil {
		return "", err
	}
	d := &dataset{Name: datasetName(name), Version: version, Lots: lots{unit.String(), m.Since.UTC().Format("2006-01-02T15:04:05Z")}, Path: path, External: external}
	if d.Name != name {
		m.note(c.deployable, n.get("name"), fmt.Sprintf("%s: the dataset %s", c, name),
			fmt.Sprintf("its name is no DNS label, and becomes %q: its manifests are not found by it", d.Name),
			fmt.Sprintf("copy the manifests that are to count from datasets/name=%s/ to datasets/name=%s/, in %s", name, d.Name, "s3://"+r.placement.store("manifest")))
	}
	m.unknown(c.deployable, fmt.Sprintf("%s: the dataset %s", c, name), n, "name", "version", "pathURI", "publish")
	if p := n.get("publish"); p != nil && p.kind == boolean && !p.yes {
		m.note(c.deployable, p, fmt.Sprintf("%s: the dataset %s: publish", c, name), "who reads a dataset is started by its lots, always", `say "trigger: false" where it is read`)
	}
	for _, other := range r.datasets {
		if other.Name == d.Name && other.Version == d.Version {
			return "", c.at(n, "the dataset %s would be called as another one, %s@%s: rename it", id, d.Name, d.Version)
		}
	}
	r.datasets = append(r.datasets, d)
	r.owners[id] = &owner{d.Name + "@" + d.Version, unit}
	return d.Name + "@" + d.Version, nil
}

// place makes the path of a dataset of its address, and sees to the store.
func (m *migration) place(r *region, c component, at *node, address string) (string, error) {
	if c.typ == addPartitions {
		return m.tablePath(r, c, at, address)
	}
	l, err := location.Parse(address)
	if err != nil {
		return "", c.at(at, "%v", err)
	}
	if l.Scheme != "s3" {
		return "", c.at(at, "the address %q is not one of S3", address)
	}
	if r.declared != nil {
		for _, name := range slices.Sorted(maps.Keys(r.declared.Spec.Stores)) {
			base, err := location.Parse(strings.ReplaceAll(r.declared.Spec.Stores[name], "<environment>", r.name))
			if rest, in := strings.CutPrefix(l.String(), base.String()); err == nil && in {
				return name + "://" + rest, nil
			}
		}
	}
	bucket := "s3://" + l.Bucket
	name := storeName(l.Bucket, r.placement)
	if there, taken := r.stores[name]; taken && there != bucket {
		name = label(l.Bucket)
	}
	if r.declared != nil {
		return "", c.at(at, "the environment %q has no store that %s is in: add to spec.stores of it, in %s:\n    %s: %s", r.name, address, m.fileOf(r.name), name, bucket)
	}
	r.stores[name] = bucket
	return name + "://" + l.Folder, nil
}

// tablePath makes the path of a dataset that is a table of AWS Glue, and sees to the store.
func (m *migration) tablePath(r *region, c component, at *node, address string) (string, error) {
	t, err := location.ParseTable(address)
	if err == nil && t.Scheme != "glue" {
		err = fmt.Errorf("the address %q is not one of AWS Glue", address)
	}
	if err != nil {
		return "", c.at(at, "%v", err)
	}
	store, path := t.Scheme+"://"+t.Catalog+"/", t.Namespace[0]+"/"+t.Name
	if r.declared != nil {
		for _, name := range slices.Sorted(maps.Keys(r.declared.Spec.Stores)) {
			if strings.TrimSuffix(r.declared.Spec.Stores[name], "/")+"/" == store {
				return name + "://" + path, nil
			}
		}
		return "", c.at(at, "the environment %q has no store that %s is in: add to spec.stores of it, in %s:\n    glue: %s", r.name, address, m.fileOf(r.name), store)
	}
	name := "glue"
	for r.stores[name] != "" && r.stores[name] != store {
		name += "-catalog" // a bucket may be called so, and there may be catalogs of other accounts
	}
	r.stores[name] = store
	return name + "://" + path, nil
}

// fileOf is where an environment of the platform is declared.
func (m *migration) fileOf(environment string) string {
	if d, ok := m.Catalog.Document(v1alpha1.KindEnvironment, environment); ok {
		return d.File
	}
	return "its declaration"
}
