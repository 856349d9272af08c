// SPDX-License-Identifier: Apache-2.0

package dryrun

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/render"
)

// release is one that is looked at.
type release struct {
	in        Input
	conn      *cluster.Conn
	id        catalog.ReleaseID
	inventory cluster.Inventory
	// recordedAll are the inventories of all releases in the cluster.
	recordedAll map[catalog.ReleaseID]cluster.Inventory
	// recorded reports whether the cluster has the inventory, and so something of the release.
	recorded bool
	// removed reports whether it is not declared any more.
	removed  bool
	rendered preview.Rendered
}

// look finds out what would happen to it.
func (r release) look(ctx context.Context) preview.Release {
	out := preview.Release{ID: r.id, Action: preview.Change}
	switch {
	case r.removed:
		out.Action = preview.Remove
	case !r.recorded:
		out.Action = preview.Create
	}
	fail := func(err error) preview.Release {
		mask := preview.NewMask(r.rendered.Objects...)
		out.Action, out.Err = preview.Fail, mask.Text(r.in.cause(ctx, err).Error())
		return out
	}
	if r.rendered.Err != nil {
		return fail(r.rendered.Err)
	}
	course, err := r.course(ctx)
	if err != nil {
		return fail(err)
	}
	by, err := r.writers(ctx, course.Steps)
	if err != nil {
		return fail(err)
	}
	tries := r.try(ctx, course, by)
	shown := slices.Concat(r.rendered.Objects, r.rendered.Access)
	for _, t := range tries {
		shown = append(shown, t.before, t.after)
	}
	mask := preview.NewMask(shown...)
	out.Unchanged = course.Unchanged
	replaced := replaced(tries)
	for _, t := range tries {
		step, same, err := t.result(mask, replaced[t.step.Ref])
		switch {
		case err != nil:
			return fail(err)
		case same:
			out.Unchanged++
		default:
			out.Steps = append(out.Steps, step)
		}
	}
	out.Settle()
	if out.Action != preview.Unchanged {
		if out.Held, err = r.hold(); err != nil {
			return fail(err)
		}
	}
	return out
}

// course plans as the daemon does.
func (r release) course(ctx context.Context) (preview.Course, error) {
	kinds := slices.Clone(r.inventory.Kinds)
	for _, o := range slices.Concat(r.rendered.Objects, r.rendered.Access) {
		kinds = append(kinds, o.GroupVersionKind().GroupKind())
	}
	if err := r.conn.Watch(ctx, cluster.KindsOf(kinds...)); err != nil {
		return preview.Course{}, err
	}
	t, err := terms.Of(r.in.Head.Catalog, r.id)
	if err != nil {
		return preview.Course{}, err
	}
	in := plan.Input{Drift: t.Drift, Additions: t.Additions, Finished: r.inventory.Memory.Finished.ByThemselves(), Remove: r.removed}
	for _, o := range r.rendered.Objects {
		in.Desired = append(in.Desired, r.inventory.Member(o))
	}
	for _, o := range r.rendered.Access {
		in.Access = append(in.Access, r.inventory.Member(o))
	}
	in.Observed = r.members()
	return preview.Follow(in)
}

// members are the objects of the release in the cluster.
func (r release) members() (observed []plan.Observed) {
	for _, m := range r.conn.Members(r.inventory.ApplySet()) {
		observed = append(observed, m.Observed)
	}
	return observed
}

// try has the API server try every step.
func (r release) try(ctx context.Context, course preview.Course, by writers) []*try {
	tries := make([]*try, len(course.Steps))
	world := worldOf(r.rendered.Objects, course.Steps)
	// Namespaces and definitions first: what happens to the others depends on whether they are there.
	for _, first := range []bool{true, false} {
		var group errgroup.Group
		group.SetLimit(maxObjects)
		for i, s := range course.Steps {
			if basic(s.Ref) != first {
				continue
			}
			tries[i] = &try{release: r, by: by, world: world, step: s}
			group.Go(func() error {
				tries[i].run(ctx)
				return nil
			})
		}
		_ = group.Wait()
		for i, s := range course.Steps {
			if first && tries[i] != nil && tries[i].step.Action == plan.Create {
				world.missing(s.Ref)
			}
		}
	}
	return tries
}

// replaced finds the objects that new ones take the place of.
func replaced(tries []*try) map[plan.Ref]*unstructured.Unstructured {
	steps, deleted := make([]plan.Step, len(tries)), map[plan.Ref]*unstructured.Unstructured{}
	for i, t := range tries {
		steps[i] = t.step
		if t.step.Action == plan.Delete {
			deleted[t.step.Ref] = t.before
		}
	}
	out := map[plan.Ref]*unstructured.Unstructured{}
	for ref, by := range preview.Replaced(steps) {
		out[ref] = deleted[by]
	}
	return out
}

// hold asks the gate, as far as it can be said without the daemon: how the environments before are doing is not known.
func (r release) hold() (gate.Verdict, error) {
	next, err := render.Pack(r.rendered.Objects)
	if err != nil {
		return gate.Verdict{}, err
	}
	in := gate.Input{
		Now: r.in.Now, Commit: "head", Digest: next.Digest(), Remove: r.removed, InPlace: r.inventory.Digest, Known: true,
		Suspended: r.inventory.Memory.Suspended, Failed: r.inventory.Memory.Failed, Protected: r.inventory.Memory.Protected,
		Shrinks: &gate.Shrinks{Before: apply.Made(r.members()), After: next.Made()},
	}
	return preview.Hold(r.in.Head.Catalog, r.id, in, r.rendered.Suspended, func(catalog.ReleaseID) bool { return false })
}

// world is what a release brings along, which what else it has may need.
type world struct {
	// defined are the kinds that it defines, and changed the groups of those of which the definition changes.
	defined map[plan.Ref]bool
	changed map[string]bool
	// absent are the namespaces of it that are not there yet.
	absent map[string]bool
}

func worldOf(objects []*unstructured.Unstructured, steps []plan.Step) *world {
	w := &world{defined: map[plan.Ref]bool{}, changed: map[string]bool{}, absent: map[string]bool{}}
	kinds := map[plan.Ref]plan.Ref{}
	for _, o := range objects {
		if ref := plan.RefOf(o); definition(ref) {
			group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(o.Object, "spec", "names", "kind")
			kinds[ref] = kindRef(group, kind)
			w.defined[kinds[ref]] = true
		}
	}
	for _, s := range steps {
		if k, ok := kinds[s.Ref]; ok && s.Object != nil {
			w.changed[k.Group+"/"+k.Kind] = true
		}
	}
	return w
}

// missing records that an object is not there yet: if it is a namespace, nothing can be tried in it.
func (w *world) missing(ref plan.Ref) {
	if namespace(ref) {
		w.absent[ref.Name] = true
	}
}

func kindRef(group, kind string) plan.Ref {
	var ref plan.Ref
	ref.Group, ref.Kind = group, kind
	return ref
}

func namespace(ref plan.Ref) bool { return ref.Group == "" && ref.Kind == "Namespace" }

func definition(ref plan.Ref) bool {
	return ref.Group == "apiextensions.k8s.io" && ref.Kind == "CustomResourceDefinition"
}

// basic tells the objects that others need before they can be tried.
func basic(ref plan.Ref) bool { return namespace(ref) || definition(ref) }
