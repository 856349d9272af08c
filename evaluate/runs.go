// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// unrunnable are the problems of releases that do not render, each with the place that can be fixed. One mistake is one
// problem, in however many environments it shows.
func (r *rendering) unrunnable(failed []*Rendered) (problems v1alpha1.Problems) {
	seen, misfits := map[[3]string]bool{}, misfits{tree: r.e.catalog.Tree()}
	for i, out := range failed {
		if out == nil {
			continue
		}
		rel := r.e.releases.all[i]
		p, ok := r.e.catalog.Project(rel.ID.Project)
		if !ok {
			continue
		}
		for _, failure := range render.Failures(out.Err) {
			problem := v1alpha1.Problem{
				Rule: policy.RuleNotRendered, Severity: v1alpha1.Deny,
				Position: p.Document.Position("metadata", "name"),
				About:    v1alpha1.About{Project: p.Name, Environment: rel.ID.Environment},
				Message:  fmt.Sprintf("the project %q does not render: %v", p.Name, failure.Err),
			}
			if _, at, ok := p.Workload(failure.Workload); ok {
				problem.Position, problem.Path = p.Document.Position("spec", "workloads", at), v1alpha1.FieldPath("spec", "workloads", at)
				problem.About.Workload = failure.Workload
				problem.Message = fmt.Sprintf("the workload %q does not render: %v", failure.Workload, failure.Err)
			}
			if misfit, ok := errors.AsType[*render.MisfitError](failure); ok {
				misfits.add(problem, rel, out.reads.Files, misfit)
				continue
			}
			// What differs only in where it would run is the same mistake.
			key := [3]string{p.Name, failure.Workload, anywhere(rel).Replace(failure.Err.Error())}
			if !seen[key] {
				seen[key] = true
				problems = append(problems, problem)
			}
		}
	}
	return append(problems, misfits.problems()...)
}

// oddities are the warnings of what renders, each once for all environments.
func (r *rendering) oddities(odd [][]render.Warning) (problems v1alpha1.Problems) {
	seen := map[[3]string]bool{}
	for i, warnings := range odd {
		rel := r.e.releases.all[i]
		p, ok := r.e.catalog.Project(rel.ID.Project)
		if !ok {
			continue
		}
		for _, w := range warnings {
			key := [3]string{p.Name, w.Workload, anywhere(rel).Replace(w.String())}
			if seen[key] {
				continue
			}
			seen[key] = true
			problem := v1alpha1.Problem{
				Rule: catalog.RuleNotYet, Severity: v1alpha1.Warn, Position: p.Document.Position("metadata", "name"),
				About:   v1alpha1.About{Project: p.Name, Environment: rel.ID.Environment, Workload: w.Workload},
				Message: w.String(),
			}
			if _, at, ok := p.Workload(w.Workload); ok {
				problem.Position, problem.Path = p.Document.Position("spec", "workloads", at), v1alpha1.FieldPath("spec", "workloads", at)
			}
			problems = append(problems, problem)
		}
	}
	return problems
}

// anywhere takes out of a text where a release would run.
func anywhere(rel *catalog.Release) *strings.Replacer {
	return strings.NewReplacer(rel.ID.String(), "", rel.Namespace, "", rel.ID.Environment, "", rel.ID.Cluster, "")
}

// reach is how a change may reach releases of which it is not known what they rendered to before.
type reach struct {
	e      *Evaluation
	before *catalog.Catalog
	// linked are the projects that were linked again; nil if all were.
	linked map[string]bool
	// outside reports whether a path changed that is in no project's folder.
	outside bool
}

func newReach(e *Evaluation, before *catalog.Catalog) *reach {
	r := &reach{e: e, before: before}
	if names, whole := e.catalog.Relinked(); !whole {
		r.linked = map[string]bool{}
		for _, name := range names {
			r.linked[name] = true
		}
	}
	r.outside = slices.ContainsFunc(e.changed, func(name string) bool { return !e.catalog.InProject(name) })
	return r
}

// of reports whether a release is reached. If it may be, what it reads decides, once it is rendered.
func (r *reach) of(rel *catalog.Release, fingerprint string) (reached, maybe bool) {
	if r.linked == nil || r.linked[rel.ID.Project] {
		p, known := r.before.Project(rel.ID.Project)
		if !known || !slices.Contains(r.before.ReleasesOf(p), rel.ID) || render.Fingerprint(r.before.Release(p, rel.ID)) != fingerprint {
			return true, false
		}
	}
	folders := []string{rel.Dir}
	for _, w := range rel.Workloads {
		if b := w.Blueprint; b != nil {
			maybe = maybe || b.Spec.Engine != v1alpha1.Helm // which alone reads no other folder
			if b.InTree() {
				folders = append(folders, b.Source)
				maybe = maybe || r.outside
			}
		}
	}
	for _, name := range r.e.changed {
		for _, folder := range folders {
			if folder = path.Clean(folder); folder == "." || name == folder || strings.HasPrefix(name, folder+"/") || strings.HasPrefix(folder, name+"/") {
				return true, false
			}
		}
	}
	return false, maybe
}
