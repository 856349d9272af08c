// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Facts are what templates know without asking.
type Facts struct {
	// Name is that of what is made.
	Name string `yaml:"name"`
	// Platform is the name of the platform.
	Platform string `yaml:"platform"`
	// Project is the one that a workload is made in, and Image its image; else empty.
	Project, Image string `yaml:"-"`
	// Environments are all of the platform.
	Environments []string `yaml:"environments,flow"`
	// Cluster is the one that is called like what is made, or the only one; empty if there is no such.
	Cluster string `yaml:"cluster,omitempty"`
	// Store is the store that every environment has, the first by name; "lake" if there is none.
	Store string `yaml:"store"`
	// Today is the current day, as in "2026-01-31".
	Today string `yaml:"today"`
}

// FactsOf finds out what the platform says for something that is to be made.
func FactsOf(c *catalog.Catalog, name, today string) Facts {
	f := Facts{Name: name, Platform: c.Name(), Today: today, Store: "lake"}
	var clusters []string
	for doc := range c.Documents(v1alpha1.KindCluster) {
		clusters = append(clusters, doc.Name)
	}
	if slices.Contains(clusters, name) {
		f.Cluster = name
	} else if len(clusters) == 1 {
		f.Cluster = clusters[0]
	}
	var stores []string
	for doc := range c.Documents(v1alpha1.KindEnvironment) {
		f.Environments = append(f.Environments, doc.Name)
		env, ok := doc.Object.(*v1alpha1.Environment)
		if !ok {
			continue
		}
		here := slices.Sorted(maps.Keys(env.Spec.Stores))
		if len(f.Environments) == 1 {
			stores = here
		}
		stores = slices.DeleteFunc(stores, func(s string) bool { return !slices.Contains(here, s) })
	}
	slices.Sort(f.Environments)
	if len(stores) > 0 {
		f.Store = stores[0]
	}
	return f
}

// In returns the facts for a workload of a project.
func (f Facts) In(p *catalog.Project) Facts {
	f.Project, f.Image = p.Name, p.Spec.Image.Reference()
	return f
}

// values are the facts as templates call them.
func (f Facts) values() map[string]string {
	return map[string]string{
		"name": f.Name, "platform": f.Platform, "project": f.Project, "projectImage": f.Image,
		"platformEnvironments": strings.Join(f.Environments, ", "), "namedCluster": f.Cluster, "commonStore": f.Store, "today": f.Today,
	}
}

func factNames() []string { return slices.Sorted(maps.Keys(Facts{}.values())) }

// Place returns the folder that the files of a kind go to: below base, or below the usual folder of the kind if base is
// empty. A workload's go beside the declaration of its project, which is base.
func Place(c *catalog.Catalog, kind Kind, base, name string) (string, error) {
	if kind == Workload {
		return path.Clean(base), nil
	}
	if base == "" {
		base = kind.Folder()
	}
	roots := c.Platform.Spec.Roots
	if len(roots) > 0 && !slices.ContainsFunc(roots, func(root string) bool { return within(base, root) }) {
		return "", fmt.Errorf("%q is not below a root of the platform (%s): name a folder in one of them with --to for the %s",
			base, strings.Join(roots, ", "), kind)
	}
	if kind == Environment {
		return path.Clean(base), nil
	}
	return path.Join(base, name), nil
}
