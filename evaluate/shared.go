// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// sharing finds the objects that several releases of a cluster declare. Only a release that the environment allows objects
// outside of its namespace can meet another one: what others render to is not asked for without one.
type sharing struct {
	r *rendering
	// needed reports whether any release may meet another one.
	needed bool
	// checked are the releases that may be to blame, and objects what releases render to, at the places of the releases. The objects
	// themselves are not kept: of a large platform they take all memory.
	checked []bool
	objects [][]render.Part
}

func newSharing(r *rendering) *sharing {
	all := r.e.releases.all
	return &sharing{r: r, needed: r.inspected && slices.ContainsFunc(all, reaches), checked: make([]bool, len(all)), objects: make([][]render.Part, len(all))}
}

// add adds what a release that may be to blame renders to.
func (s *sharing) add(i int, objects *render.Packed) {
	if s.needed {
		s.checked[i], s.objects[i] = true, slices.Clone(objects.Parts())
	}
}

// reaches reports whether a release may have objects outside of its namespace.
func reaches(rel *catalog.Release) bool {
	return len(rel.Allowed.Namespaces)+len(rel.Allowed.ClusterScoped) > 0
}

// problems returns one problem for each object that a checked release declares together with another.
func (s *sharing) problems(ctx context.Context) (problems v1alpha1.Problems, err error) {
	all := s.r.e.releases.all
	if !s.needed {
		return nil, nil
	}
	if err := s.render(ctx, func(i int) bool { return reaches(all[i]) }); err != nil {
		return nil, err
	}
	spaces := map[[2]string]bool{} // clusters and the namespaces that others than their own releases have objects in
	for i, rel := range all {
		for _, part := range s.objects[i] {
			if part.Namespace != rel.Namespace {
				spaces[[2]string{rel.ID.Cluster, part.Namespace}] = true
			}
		}
	}
	if err := s.render(ctx, func(i int) bool { return spaces[[2]string{all[i].ID.Cluster, all[i].Namespace}] }); err != nil {
		return nil, err
	}
	type object struct {
		cluster string
		id      render.Identity
	}
	declared := map[object][]int{}
	var order []object
	for i, rel := range all {
		for _, part := range s.objects[i] {
			if part.Kind == "Namespace" && part.Group == "" || !spaces[[2]string{rel.ID.Cluster, part.Namespace}] {
				continue
			}
			o := object{rel.ID.Cluster, part.Identity}
			if len(declared[o]) == 0 {
				order = append(order, o)
			}
			declared[o] = append(declared[o], i)
		}
	}
	for _, o := range order {
		if by := declared[o]; len(by) > 1 && slices.ContainsFunc(by, func(i int) bool { return s.checked[i] }) {
			if p, ok := s.problem(ctx, o.id, by); ok {
				problems = append(problems, p)
			}
		}
	}
	return problems, ctx.Err()
}

// render has some releases rendered that were not yet.
func (s *sharing) render(ctx context.Context, which func(i int) bool) error {
	group, rendering := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, rel := range s.r.e.releases.all {
		if s.objects[i] != nil || s.checked[i] || !which(i) {
			continue
		}
		if known := s.r.results[i]; known != nil {
			s.objects[i] = known.Objects.Parts()
			continue
		}
		group.Go(func() error {
			s.objects[i] = slices.Clone(Release(rendering, s.r.Renderer, s.r.e.catalog.Tree(), *rel).Objects.Parts())
			return nil
		})
	}
	return group.Wait()
}

// problem blames the last of the releases that may be to blame.
func (s *sharing) problem(ctx context.Context, id render.Identity, by []int) (v1alpha1.Problem, bool) {
	blamed := by[len(by)-1]
	for _, i := range by {
		if s.checked[i] {
			blamed = i
		}
	}
	var names []string
	var out v1alpha1.Problem
	var others []v1alpha1.Step
	for _, i := range by {
		rel := s.r.e.releases.all[i]
		p, ok := s.r.e.catalog.Project(rel.ID.Project)
		if !ok {
			return out, false
		}
		names = append(names, fmt.Sprintf("%s/%s", rel.ID.Project, rel.ID.Environment))
		problem := s.place(ctx, p, i, id)
		if i == blamed {
			out = problem
			out.About.Environment = rel.ID.Environment
		} else {
			others = append(others, v1alpha1.Step{Position: problem.Position, Message: fmt.Sprintf("%s/%s declares it", rel.ID.Project, rel.ID.Environment)})
		}
	}
	out.Rule, out.Severity = policy.RuleShared, v1alpha1.Deny
	out.Message = fmt.Sprintf("%s is declared by %d releases of the cluster %q, and only one of them can have it: %s",
		nameOf(id), len(by), s.r.e.releases.all[blamed].ID.Cluster, strings.Join(names, ", "))
	out.Hint = "name it differently in each, or let one release have what the others share"
	out.Trace = slices.DeleteFunc(others, func(step v1alpha1.Step) bool { return step.Position == out.Position })
	return out, true
}

// place finds the workload that renders an object, which is rendered once more for that.
func (s *sharing) place(ctx context.Context, p *catalog.Project, i int, id render.Identity) v1alpha1.Problem {
	packed := Release(ctx, s.r.Renderer, s.r.e.catalog.Tree(), *s.r.e.releases.all[i]).Objects
	at := slices.IndexFunc(packed.Parts(), func(part render.Part) bool { return part.Identity == id })
	if at < 0 {
		return problemOf(p, nil)
	}
	objects, err := packed.Unpack()
	if err != nil {
		return problemOf(p, nil) // it was packed by us
	}
	return problemOf(p, objects[at])
}
