// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// dependsOn resolves the projects that a project depends on.
func (k *checker) dependsOn(p *Project) {
	for i, name := range p.Spec.DependsOn {
		at := []any{"spec", "dependsOn", i}
		if before := slices.Index(p.Spec.DependsOn, name); before < i {
			k.at(v1alpha1.RuleDuplicate, at, fmt.Sprintf("the project %q is already named in line %d", name,
				k.doc.Position("spec", "dependsOn", before).Line), "")
			continue
		}
		p.readers = append(p.readers, name+"/"+sep+p.Name)
		if _, ok := k.c.projects.Get(name); ok {
			p.needs = append(p.needs, Edge{From: name, To: p.Name, Kind: DependsOn, Role: name})
			continue
		}
		if !k.excused(v1alpha1.KindProject, name) {
			k.unknown(RuleProject, at, fmt.Sprintf("there is no project %q", name), name, k.c.ProjectNames)
		}
	}
}

// deployedBefore checks that what the project depends on is where it is: it would wait forever.
func (k *checker) deployedBefore(p *Project, env string) {
	for _, e := range p.needs {
		other, _ := k.c.projects.Get(e.From)
		if _, deployed := other.Spec.Environments[env]; !deployed && k.knowsEnvironments(other) {
			k.at(RuleDeployed, []any{"spec", "dependsOn", slices.Index(p.Spec.DependsOn, e.Role)}, fmt.Sprintf(
				"%s depends on %s in environment %q, where %s is not deployed", p.Name, e.From, env, e.From),
				"add the environment to that project, or remove it from this one")
		}
	}
}

// Dependencies lists the releases that one waits for before it takes a new state: those of the projects that its own
// depends on, in the same environment, and on the same cluster if they are there.
func (c *Catalog) Dependencies(id ReleaseID) []ReleaseID {
	p, ok := c.projects.Get(id.Project)
	if !ok {
		return nil
	}
	ids := make([]ReleaseID, 0, len(p.needs))
	for _, e := range p.needs {
		other, ok := c.projects.Get(e.From)
		if !ok {
			continue
		}
		if _, deployed := other.Spec.Environments[id.Environment]; !deployed {
			continue
		}
		on := c.PlacesOf(other, id.Environment)
		if slices.Contains(on, id.Cluster) || len(on) == 0 {
			on = []string{id.Cluster}
		}
		for _, cluster := range on {
			ids = append(ids, ReleaseID{Project: e.From, Environment: id.Environment, Cluster: cluster})
		}
	}
	return ids
}

// Needed reports whether other projects depend on one.
func (c *Catalog) Needed(project string) bool {
	for range below(c.readers, project+"/"+sep) {
		return true
	}
	return false
}
