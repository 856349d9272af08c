// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// removed finds what a change takes away from those who still read it. The names are those of projects that the
// change may have touched.
func removed(base, head *catalog.Catalog, names []string, gone map[string]*v1alpha1.Document) (problems v1alpha1.Problems) {
	for _, name := range names {
		before, was := base.Project(name)
		if !was {
			continue
		}
		after, is := head.Project(name)
		if !is && gone[name] == nil {
			continue // it may be there, and what is wrong with it is reported
		}
		for i := range before.Spec.Datasets {
			d := &before.Spec.Datasets[i]
			local := d.Name + "@" + d.Version
			if is {
				if _, _, still := after.Dataset(local); still {
					continue
				}
			}
			what := fmt.Sprintf("the dataset %s/%s", name, local)
			switch {
			case !is:
				what = fmt.Sprintf("the project %q with its dataset %s", name, local)
			case slices.ContainsFunc(after.Spec.Datasets, func(o v1alpha1.Dataset) bool { return o.Name == d.Name }):
				what = fmt.Sprintf("the version %s of the dataset %s/%s", d.Version, name, d.Name)
			}
			owner := v1alpha1.Problem{
				Position: v1alpha1.Position{File: before.Document.File}, Path: "spec.datasets", About: v1alpha1.About{Project: name},
				Message: what + " is removed, and is still read",
			}
			cause := name + "/" + local
			if is {
				owner.Position = after.Document.Position("spec", "datasets")
			} else {
				cause, owner.Path, owner.Message = name, "", fmt.Sprintf("the project %q is removed, and its datasets are still read", name)
			}
			for _, reader := range head.Readers(name + "/" + local) {
				for _, p := range stillRead(head, reader, name+"/"+local, what, before.Document.Position("spec", "datasets", i)) {
					p.Cause, p.Elsewhere = cause, &owner
					problems = append(problems, p)
				}
			}
		}
	}
	return problems
}

// stillRead reports each place where a workload reads a dataset that is taken away.
func stillRead(head *catalog.Catalog, reader, id, what string, declared v1alpha1.Position) (problems v1alpha1.Problems) {
	project, name, _ := strings.Cut(reader, "/")
	p, ok := head.Project(project)
	if !ok {
		return nil
	}
	w, i, ok := p.Workload(name)
	if !ok {
		return nil
	}
	for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
		if owner, local, ok := catalog.ParseDataset(project, w.Reads[role].Dataset); !ok || owner+"/"+local != id {
			continue
		}
		at := []any{"spec", "workloads", i, "reads", role}
		problems = append(problems, v1alpha1.Problem{
			Rule: RuleRemoved, Severity: v1alpha1.Deny, Position: p.Document.Position(at...), Path: v1alpha1.FieldPath(at...),
			About:   catalog.About(p.Document, at...),
			Message: fmt.Sprintf("%s is removed, and %s still reads it", what, reader),
			Hint:    "remove it when nobody reads it any longer, or move its readers in the same change",
			Trace:   []v1alpha1.Step{once(declared, "was declared")},
		})
	}
	return problems
}

// once is a step at a place in the tree before the change. Its line is a word and not a place: the file may have
// another there by now.
func once(at v1alpha1.Position, what string) v1alpha1.Step {
	return v1alpha1.Step{
		Position: v1alpha1.Position{File: at.File}, Message: fmt.Sprintf("%s in line %d before the change", what, at.Line),
	}
}

// unprotected finds projects that leave an environment that was protected before the change.
func unprotected(base, head *catalog.Catalog, names []string) (problems v1alpha1.Problems) {
	for _, env := range slices.Sorted(maps.Keys(base.Environments)) {
		spec := &base.Environments[env].Spec
		if !spec.Protected {
			continue
		}
		at, doc := v1alpha1.Position{File: catalog.PlatformFile}, (*v1alpha1.Document)(nil)
		if d, ok := head.Document(v1alpha1.KindEnvironment, env); ok {
			at, doc = d.Position("spec", "protected"), d
		}
		for _, name := range names {
			before, was := base.Project(name)
			if !was || slices.Contains(spec.Removals, name) {
				continue
			}
			if _, there := before.Spec.Environments[env]; !there {
				continue
			}
			after, is := head.Project(name)
			if is && doc != nil {
				if _, still := after.Spec.Environments[env]; still {
					continue
				}
			}
			if !is && head.MayDeclare(v1alpha1.KindProject, name) || doc == nil && head.MayDeclare(v1alpha1.KindEnvironment, env) {
				continue
			}
			problems = append(problems, v1alpha1.Problem{
				Rule: RuleProtected, Severity: v1alpha1.Deny, Position: at, Path: "spec.protected",
				About:   v1alpha1.About{Project: name, Environment: env},
				Message: fmt.Sprintf("the project %q would be deleted from %q, which is protected", name, env),
				Hint:    fmt.Sprintf("name it in spec.removals of the environment, in a change before this one: removals: [%s]", name),
				Trace:   []v1alpha1.Step{once(before.Document.Position("spec", "environments"), "was deployed there")},
			})
		}
	}
	return problems
}

// touched lists the projects that are not the same in two catalogs, sorted.
func touched(base, head *catalog.Catalog) []string {
	if names, all := head.Relinked(); !all && head.UpdateOf(base) {
		return names
	}
	names := map[string]bool{}
	for p := range base.Projects() {
		if after, is := head.Project(p.Name); !is || after != p {
			names[p.Name] = true
		}
	}
	for p := range head.Projects() {
		if _, was := base.Project(p.Name); !was {
			names[p.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
