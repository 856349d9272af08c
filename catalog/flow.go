// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// role is the name a workload gives to one of its datasets: it becomes part of a variable's name.
var role = regexp.MustCompile(`^[a-z]([a-z0-9_-]{0,30}[a-z0-9])?$`)

// links resolves what the project's workloads read, write and run after.
func (k *checker) links(p *Project) {
	n := 0
	for i := range p.Spec.Workloads {
		n += len(p.Spec.Workloads[i].Reads) + len(p.Spec.Workloads[i].Writes) + len(p.Spec.Workloads[i].After)
	}
	p.edges, p.readers = make([]Edge, 0, n), make([]string, 0, n)
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.workloads[w.Name] != i {
			continue // reported; its edges are not those of the workload that it repeats
		}
		me := workloadID(p.Name, w.Name)
		out := p.excludedEverywhere(w)
		link := func(e Edge) {
			if !out {
				p.edges = append(p.edges, e)
			}
		}
		for _, r := range sortedKeys(w.Reads) {
			at := []any{"spec", "workloads", i, "reads", r}
			k.role(r, at)
			id, ok := k.dataset(p, me, w.Reads[r].Dataset, at)
			if ok {
				link(Edge{From: id, To: me, Kind: Reads, Role: r})
			}
		}
		for _, r := range sortedKeys(w.Writes) {
			at := []any{"spec", "workloads", i, "writes", r}
			k.role(r, at)
			id, ok := k.dataset(p, me, w.Writes[r], at)
			if !ok {
				continue
			}
			if owner, _, _ := strings.Cut(id, "/"); owner != p.Name {
				k.at(RuleDatasetOwner, at, fmt.Sprintf("the dataset %s belongs to the project %q; only its own workloads may write it",
					id, owner), "declare a dataset of your own for others to read")
				continue
			}
			link(Edge{From: me, To: id, Kind: Writes, Role: r})
		}
		for j, after := range w.After {
			at := []any{"spec", "workloads", i, "after", j}
			if _, _, ok := p.Workload(after); ok {
				link(Edge{From: workloadID(p.Name, after), To: me, Kind: After, Role: after})
			} else {
				k.noWorkload(p, after, at)
			}
		}
	}
}

// noWorkload reports a workload that the project does not have, which stands at the end of the path or
// is its value.
func (k *checker) noWorkload(p *Project, name string, at []any) {
	if at[len(at)-2] == any("after") && strings.Contains(name, "/") {
		k.at(RuleAfter, at, fmt.Sprintf("%q is a workload of another project; a workload runs only after those of its own", name),
			"read a dataset that it writes instead, so that the workload waits for the data")
		return
	}
	k.atKeyUnknown(RuleWorkload, at, fmt.Sprintf("the project %q has no workload %q", p.Name, name), name,
		func() []string { return sortedKeys(p.workloads) })
}

// atKeyUnknown is unknown, for a name that stands in a key or a value.
func (k *checker) atKeyUnknown(rule string, at []any, message, name string, known func() []string) {
	k.unknown(rule, at, message, name, known)
	k.findings[len(k.findings)-1].Position = k.doc.KeyPosition(at...)
}

func (k *checker) role(name string, at []any) {
	if !role.MatchString(name) {
		k.atKey(RuleName, at, fmt.Sprintf("%q is not a role: use lower-case letters, digits, dashes and underscores, "+
			"at most 32 characters, with a letter first", name), "")
	}
}

// ParseDataset takes apart what names a dataset, "name@version" of the project or "project/name@version", into the
// owner and "name@version".
func ParseDataset(project, ref string) (owner, local string, ok bool) {
	name, version, ok := strings.Cut(ref, "@")
	if !ok || name == "" || version == "" {
		return "", "", false
	}
	if owner, rest, ok := strings.Cut(name, "/"); ok {
		return owner, rest + "@" + version, owner != "" && rest != ""
	}
	return project, ref, true
}

// Dataset finds a dataset by its id, "project/name@version".
func (c *Catalog) Dataset(id string) (*Project, *v1alpha1.Dataset, bool) {
	owner, local, _ := strings.Cut(id, "/")
	if p, ok := c.projects.Get(owner); ok {
		if d, _, ok := p.Dataset(local); ok {
			return p, d, true
		}
	}
	return nil, nil, false
}

// dataset finds the dataset that a workload refers to, and notes the reference.
func (k *checker) dataset(p *Project, workload, ref string, at []any) (string, bool) {
	owner, local, ok := ParseDataset(p.Name, ref)
	if !ok {
		k.at(RuleDatasetOwner, at, fmt.Sprintf("%q does not name a dataset", ref), `write "name@version" or "project/name@version"`)
		return "", false
	}
	project := p
	if owner != p.Name {
		project, _ = k.c.projects.Get(owner)
	}
	if project != nil {
		if i, ok := project.datasets[local]; ok {
			p.readers = append(p.readers, project.ids[i]+sep+workload)
			return project.ids[i], true
		}
	}
	id := owner + "/" + local
	p.readers = append(p.readers, id+sep+workload)
	if strings.Contains(id, sep) {
		p.readers = p.readers[:len(p.readers)-1]
	}
	name, version, _ := strings.Cut(local, "@")
	if project != nil {
		var versions []string
		for _, d := range project.Spec.Datasets {
			if d.Name == name {
				versions = append(versions, d.Version)
			}
		}
		if len(versions) > 0 {
			slices.Sort(versions)
			k.at(RuleVersion, at, fmt.Sprintf("the dataset %s/%s has no version %q", owner, name, version),
				"declared versions: "+strings.Join(slices.Compact(versions), ", "))
			return "", false
		}
	} else if k.excused(v1alpha1.KindProject, owner) {
		return "", false
	}
	k.asked = true
	k.unknown(RuleDatasetOwner, at, fmt.Sprintf("there is no dataset %s", id), id,
		func() []string { return k.c.similar(project, local) })
	last := &k.findings[len(k.findings)-1]
	if last.Position, last.Cause = k.doc.Position(at...), id; project == nil {
		last.Cause = "project " + owner
	}
	return "", false
}

// similar returns the datasets that may have been meant by one that is not there.
func (c *Catalog) similar(project *Project, local string) []string {
	const few = 200
	var ids []string
	if project != nil {
		ids = append(ids, project.ids...)
	}
	for p := range c.Projects() {
		switch _, same := p.datasets[local]; {
		case c.projects.Len() <= few:
			ids = append(ids, p.ids...)
		case same:
			ids = append(ids, p.Name+"/"+local)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Excludes reports whether the project leaves a workload out of an environment.
func (p *Project) Excludes(env, workload string) bool {
	w, _, ok := p.Workload(workload)
	return ok && *first(p.Spec.Environments[env].Workloads[workload].Exclude, &w.Exclude)
}

// excludedEverywhere reports whether a workload is left out of all environments: then it is as if it were not there.
func (p *Project) excludedEverywhere(w *v1alpha1.Workload) bool {
	for env := range p.Spec.Environments {
		if !p.Excludes(env, w.Name) {
			return false
		}
	}
	return w.Exclude
}

// splitPath takes a dataset's path apart into the name of its store and the path in it.
func splitPath(p string) (store, rest string, ok bool) {
	store, rest, ok = strings.Cut(p, "://")
	if !ok || store == "" || strings.Contains("/"+rest+"/", "/../") || path.IsAbs(rest) {
		return "", "", false
	}
	return store, rest, true
}

func datasetID(project, name, version string) string { return project + "/" + name + "@" + version }

func workloadID(project, name string) string { return project + "/" + name }
