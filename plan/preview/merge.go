// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/terms"
)

// Rendered is what a release renders to, or why it does not.
type Rendered struct {
	// Suspended reports whether the declarations want what is in the cluster to be left as it is.
	Suspended bool
	Objects   []*unstructured.Unstructured
	// Access are the objects by which the account that deploys the release may do so.
	Access []*unstructured.Unstructured
	Err    error
}

func (r Rendered) all() []*unstructured.Unstructured { return slices.Concat(r.Objects, r.Access) }

// Side is one state of the repository, with its releases.
type Side struct {
	Catalog  *catalog.Catalog
	Releases map[catalog.ReleaseID]Rendered
	// Others counts by environment the releases that are left out of Releases, since they are the same on both sides.
	Others map[string]int
}

// Merge says what happens to the releases when the head is merged at the given time, if the clusters are as the base
// declares and all is healthy. The releases come in their order.
func Merge(base, head Side, now time.Time) []Release {
	ids := map[catalog.ReleaseID]bool{}
	removals := map[string]*gate.Removals{}
	for id := range base.Releases {
		ids[id] = true
		r := removals[id.Environment]
		if r == nil {
			t, _ := terms.Of(head.Catalog, id) // that its windows are wrong is said when the gate is asked
			r = &gate.Removals{Environment: id.Environment, Max: t.MaxRemovals, Of: base.Others[id.Environment]}
			removals[id.Environment] = r
		}
		r.Of++
		if _, stays := head.Releases[id]; !stays && len(head.Catalog.MovedTo(id)) == 0 { // what moves is not lost
			r.Removed++
		}
	}
	for id := range head.Releases {
		ids[id] = true
	}
	out := make([]Release, 0, len(ids))
	changes := map[catalog.ReleaseID]bool{}
	for id := range ids {
		r := one(base, head, id)
		changes[id] = r.Action == Create || r.Action == Change
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Release) int { return a.ID.Compare(b.ID) })
	for i := range out {
		r := &out[i]
		if r.Action == Unchanged || r.Action == Fail {
			continue
		}
		is := head.Releases[r.ID]
		before, after := pack(base.Releases[r.ID].Objects), pack(is.Objects)
		in := gate.Input{
			Now: now, Commit: "head", Digest: after.Digest(), InPlace: before.Digest(), Known: true, Remove: r.Action == Remove,
			Shrinks: &gate.Shrinks{Before: before.Made(), After: after.Made()},
		}
		if in.Remove {
			in.Removals = removals[r.ID.Environment]
		}
		if r.Action == Create {
			in.InPlace = ""
		}
		// That an environment was protected is remembered, so that a commit cannot lift that and remove at once.
		if env, ok := base.Catalog.Environments[r.ID.Environment]; ok {
			in.Protected = env.Spec.Protected
		}
		verdict, err := Hold(head.Catalog, r.ID, in, is.Suspended, func(source catalog.ReleaseID) bool { return changes[source] })
		if r.Held = verdict; err != nil {
			r.Err = err.Error()
		}
	}
	return out
}

// Between says what happens to a release when it is rendered as is and its cluster is as it was declared before; a nil one does not declare it.
// It says what differs, and not what would hold that.
func Between(id catalog.ReleaseID, was, is *Rendered) Release {
	side := func(r *Rendered) Side {
		if r == nil {
			return Side{}
		}
		return Side{Releases: map[catalog.ReleaseID]Rendered{id: *r}}
	}
	return one(side(was), side(is), id)
}

func one(base, head Side, id catalog.ReleaseID) Release {
	was, before := base.Releases[id]
	is, after := head.Releases[id]
	r := Release{ID: id, Action: Change}
	mask := NewMask(slices.Concat(was.all(), is.all())...)
	switch {
	case !after:
		r.Action = Remove
	case !before:
		r.Action = Create
	}
	switch {
	case is.Err != nil && was.Err != nil && is.Err.Error() == was.Err.Error():
		r.Action, r.Err = Fail, "it does not render, as before: "+mask.Text(is.Err.Error())
	case is.Err != nil:
		r.Action, r.Err = Fail, "it does not render any more: "+mask.Text(is.Err.Error())
		if !before {
			r.Err = "it does not render: " + mask.Text(is.Err.Error())
		}
	case was.Err != nil && !after:
		r.Err = "what is deleted with it is not known, since the base does not render: " + mask.Text(was.Err.Error())
	case was.Err != nil:
		r.Err = "it renders now; what changes is not known, since the base does not render: " + mask.Text(was.Err.Error())
	}
	if r.Err != "" {
		return r
	}
	if before && after && Digest(was.all()) == Digest(is.all()) {
		r.Action, r.Unchanged = Unchanged, len(is.all())
		return r
	}
	steps, unchanged, err := offline(was, is, mask)
	if err != nil {
		r.Action, r.Err = Fail, mask.Text(err.Error())
		return r
	}
	r.Steps, r.Unchanged = steps, unchanged
	r.Settle()
	return r
}

// offline says what happens to the objects of a release that the cluster holds just as they were declared.
func offline(was, is Rendered, mask Mask) (steps []Step, unchanged int, err error) {
	before, after, granted := byRef(was.all()), byRef(is.all()), byRef(was.Access)
	in := plan.Input{Desired: is.Objects, Access: is.Access, Applied: map[plan.Ref]plan.Applied{}, Drift: plan.Drift{Correct: true}}
	for ref, o := range before {
		digest, err := plan.Digest(o)
		if err != nil {
			return nil, 0, err
		}
		in.Observed = append(in.Observed, plan.Observed{
			Ref: ref, UID: "simulated", Digest: digest, Settled: true, Prune: plan.Prune(o.GetAnnotations()[plan.PruneAnnotation]),
			Origin: origin(ref, granted),
		})
		if next := after[ref]; next != nil {
			known, err := applied(plan.Step{Ref: ref, Object: next, Digest: digest})
			if err != nil {
				return nil, 0, err
			}
			in.Applied[ref] = known
		}
	}
	course, err := Follow(in)
	if err != nil {
		return nil, 0, err
	}
	replaced := Replaced(course.Steps)
	for _, s := range course.Steps {
		step := StepOf(s)
		if s.Action != plan.Keep && s.Action != plan.Blocked {
			old := before[s.Ref]
			if ref, ok := replaced[s.Ref]; ok {
				old, step.Replaces = before[ref], ref.Name
			}
			if step.Diff, err = mask.Diff(old, after[s.Ref]); err != nil {
				return nil, 0, err
			}
		}
		if s.Loses {
			step.Note = "it stays if others have data in it"
		}
		steps = append(steps, step)
	}
	return steps, course.Unchanged, nil
}

func byRef(objects []*unstructured.Unstructured) map[plan.Ref]*unstructured.Unstructured {
	m := make(map[plan.Ref]*unstructured.Unstructured, len(objects))
	for _, o := range objects {
		m[plan.RefOf(o)] = o
	}
	return m
}

// origin returns whose an object of the declarations is.
func origin(ref plan.Ref, granted map[plan.Ref]*unstructured.Unstructured) plan.Origin {
	if granted[ref] != nil {
		return plan.Platform
	}
	return plan.Rendered
}
