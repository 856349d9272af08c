// SPDX-License-Identifier: Apache-2.0

package custom

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/admission"
	"trunkline.dev/trunkline/policy/subject"
)

// evaluate asks every policy for what it says against a subject. What could not be evaluated breaks a rule that cannot be
// set, so that no setting of the policy lets it pass.
func (s *Set) evaluate(ctx context.Context, sub *subject.Subject, wanted func(declared) bool, withRego bool, w *admission.World) v1alpha1.Problems {
	var verdicts subject.Verdicts
	for _, d := range s.declared {
		if d.On() == sub.On && wanted(d) {
			verdicts = append(verdicts, d.Evaluate(ctx, sub)...)
		}
	}
	if withRego && s.rego != nil {
		verdicts = append(verdicts, s.rego.Evaluate(ctx, sub)...)
	}
	if sub.On == v1alpha1.OnObject && s.admission != nil {
		verdicts = append(verdicts, s.admission.Evaluate(ctx, w, sub)...)
	}
	for i := range verdicts {
		if verdicts[i].Unevaluated {
			verdicts[i].Rule, verdicts[i].Severity = catalog.RuleUnevaluated, v1alpha1.Deny
		}
	}
	return verdicts.Problems()
}

func always(declared) bool { return true }

// Platform checks the environments.
func (s *Set) Platform(ctx context.Context, cat *catalog.Catalog) (problems v1alpha1.Problems) {
	if !s.applies(v1alpha1.OnEnvironment) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(cat.Environments)) {
		doc, ok := cat.Document(v1alpha1.KindEnvironment, name)
		if !ok {
			continue
		}
		sub := &subject.Subject{On: v1alpha1.OnEnvironment, ID: "environment " + name, Value: doc.Value(), Place: doc.Position}
		sub.Environment = sub.Value
		found := s.evaluate(ctx, sub, always, true, nil)
		for i := range found {
			found[i].About.Environment = name
		}
		problems = append(problems, found...)
	}
	return problems
}

// applies reports whether any policy is for a kind of subject; Rego is for all of its.
func (s *Set) applies(on v1alpha1.PolicyTarget) bool {
	if on == v1alpha1.OnObject && s.admission != nil && len(s.admission.IDs()) > 0 {
		return true
	}
	return s.rego != nil && len(s.rego.IDs()) > 0 || slices.ContainsFunc(s.declared, func(d declared) bool { return d.On() == on })
}

// Project checks a project, its datasets and its workloads: once, and once for each environment by the policies whose
// verdict may depend on it.
func (s *Set) Project(ctx context.Context, cat *catalog.Catalog, p *catalog.Project) (problems v1alpha1.Problems) {
	if !s.applies(v1alpha1.OnProject) && !s.applies(v1alpha1.OnWorkload) && !s.applies(v1alpha1.OnDataset) {
		return nil
	}
	whole := p.Document.Value()
	spec, _ := whole["spec"].(map[string]any)
	at := projectSubjects{set: s, cat: cat, p: p, whole: whole, spec: spec}
	problems = at.all(ctx, "", nil, func(d declared) bool { return !d.environments })
	for _, env := range slices.Sorted(maps.Keys(p.Spec.Environments)) {
		doc, ok := cat.Document(v1alpha1.KindEnvironment, env)
		if !ok {
			continue
		}
		problems = append(problems, at.all(ctx, env, doc.Value(), func(d declared) bool { return d.environments })...)
	}
	return problems
}

// projectSubjects makes the subjects of a project.
type projectSubjects struct {
	set         *Set
	cat         *catalog.Catalog
	p           *catalog.Project
	whole, spec map[string]any
}

// all checks the project and what is in it in an environment, or in none.
func (ps projectSubjects) all(ctx context.Context, env string, environment map[string]any, wanted func(declared) bool) (problems v1alpha1.Problems) {
	in := ""
	if env != "" {
		in = " in " + env
	}
	check := func(sub *subject.Subject, about v1alpha1.About) {
		sub.Project, sub.Environment = ps.whole, environment
		about.Project, about.Environment = ps.p.Name, env
		found := ps.set.evaluate(ctx, sub, wanted, env == "" && sub.On == v1alpha1.OnProject, nil)
		for i := range found {
			found[i].About = about
		}
		problems = append(problems, found...)
	}
	doc := ps.p.Document
	check(&subject.Subject{
		On: v1alpha1.OnProject, ID: "project " + ps.p.Name + in, Value: ps.whole, Place: doc.Position,
		Up: ps.around(ps.nodes(), ps.cat.Predecessors), Down: ps.around(ps.nodes(), ps.cat.Successors),
	}, v1alpha1.About{})
	each := func(list string, on v1alpha1.PolicyTarget, name func(i int) (id string, about v1alpha1.About)) {
		items, _ := ps.spec[list].([]any)
		for i, item := range items {
			value, ok := item.(map[string]any)
			if !ok {
				continue
			}
			id, about := name(i)
			if id == "" || env != "" && ps.p.Excludes(env, about.Workload) {
				continue
			}
			check(&subject.Subject{
				On: on, ID: string(on) + " " + id + in, Value: value,
				Place: func(path ...any) v1alpha1.Position { return doc.Position(append([]any{"spec", list, i}, path...)...) },
				Up:    ps.around([]string{id}, ps.cat.Predecessors), Down: ps.around([]string{id}, ps.cat.Successors),
			}, about)
		}
	}
	each("datasets", v1alpha1.OnDataset, func(i int) (string, v1alpha1.About) {
		if i >= len(ps.p.Spec.Datasets) {
			return "", v1alpha1.About{}
		}
		local := ps.p.Spec.Datasets[i].Name + "@" + ps.p.Spec.Datasets[i].Version
		return ps.p.Name + "/" + local, v1alpha1.About{Dataset: local}
	})
	each("workloads", v1alpha1.OnWorkload, func(i int) (string, v1alpha1.About) {
		if i >= len(ps.p.Spec.Workloads) {
			return "", v1alpha1.About{}
		}
		name := ps.p.Spec.Workloads[i].Name
		return ps.p.Name + "/" + name, v1alpha1.About{Workload: name}
	})
	return problems
}

// nodes are the ids of the project's datasets and workloads.
func (ps projectSubjects) nodes() (ids []string) {
	for _, d := range ps.p.Spec.Datasets {
		ids = append(ids, ps.p.Name+"/"+d.Name+"@"+d.Version)
	}
	for _, w := range ps.p.Spec.Workloads {
		ids = append(ids, ps.p.Name+"/"+w.Name)
	}
	return ids
}

// around returns the nodes that are reached from some by one direction of the DAG, without those.
func (ps projectSubjects) around(from []string, next func(id string) []string) func() []subject.Node {
	return func() []subject.Node {
		seen := map[string]bool{}
		for _, id := range from {
			seen[id] = true
		}
		var out []subject.Node
		for queue := slices.Clone(from); len(queue) > 0; queue = queue[1:] {
			for _, id := range next(queue[0]) {
				if !seen[id] {
					seen[id] = true
					queue = append(queue, id)
					out = append(out, ps.node(id))
				}
			}
		}
		slices.SortFunc(out, func(a, b subject.Node) int { return strings.Compare(a.ID, b.ID) })
		return out
	}
}

// node describes a node of the DAG.
func (ps projectSubjects) node(id string) subject.Node {
	project, local, _ := strings.Cut(id, "/")
	n := subject.Node{ID: id, Kind: string(catalog.WorkloadNode), Project: project}
	p, ok := ps.cat.Project(project)
	if !ok {
		return n
	}
	n.Owner = p.Spec.Owner
	if strings.HasPrefix(local, catalog.DAGPrefix) {
		n.Kind = string(catalog.DAGNode)
	}
	if d, _, isDataset := p.Dataset(local); isDataset {
		n.Kind, n.Tags = string(catalog.DatasetNode), d.Tags
	}
	return n
}

// ChecksObjects reports whether any policy is for rendered objects, so that it is worth rendering them.
func (s *Set) ChecksObjects() bool { return s.applies(v1alpha1.OnObject) }

// labelWorkload names, on an object, the workload that it was rendered from.
const labelWorkload = "trunkline.dev/workload"

// Objects checks what a release renders to.
func (s *Set) Objects(ctx context.Context, cat *catalog.Catalog, p *catalog.Project, id catalog.ReleaseID, objects []*unstructured.Unstructured) (problems v1alpha1.Problems) {
	whole := p.Document.Value()
	var environment, cluster map[string]any
	if doc, ok := cat.Document(v1alpha1.KindEnvironment, id.Environment); ok {
		environment = doc.Value()
	}
	if doc, ok := cat.Document(v1alpha1.KindCluster, id.Cluster); ok {
		cluster = doc.Value()
	}
	release := map[string]any{"project": id.Project, "environment": id.Environment, "cluster": id.Cluster}
	all := make([]map[string]any, len(objects))
	for i, o := range objects {
		all[i] = o.Object
	}
	w := admission.NewWorld(all, nil, nil)
	for _, o := range objects {
		place, about := p.Document.Position("metadata", "name"), v1alpha1.About{Project: p.Name, Environment: id.Environment}
		var workload map[string]any
		if _, i, ok := p.Workload(o.GetLabels()[labelWorkload]); ok {
			place, about.Workload = p.Document.Position("spec", "workloads", i), o.GetLabels()[labelWorkload]
			if spec, ok := whole["spec"].(map[string]any); ok {
				if list, ok := spec["workloads"].([]any); ok && i < len(list) {
					workload, _ = list[i].(map[string]any)
				}
			}
		}
		name := o.GetName()
		if o.GetNamespace() != "" {
			name = o.GetNamespace() + "/" + name
		}
		sub := &subject.Subject{
			On: v1alpha1.OnObject, ID: fmt.Sprintf("%s %s in %s", o.GetKind(), name, id.Environment), Value: o.Object,
			Project: whole, Workload: workload, Environment: environment, Release: release, Cluster: cluster,
			// A rendered object has no place of its own in the tree: what it was rendered from has.
			Place: func(...any) v1alpha1.Position { return place },
		}
		found := s.evaluate(ctx, sub, always, true, w)
		for i := range found {
			found[i].About = about
		}
		problems = append(problems, found...)
	}
	return problems
}
