// SPDX-License-Identifier: Apache-2.0

package dryrun

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/sealed"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// try is a step that is tried, and what came of it.
type try struct {
	release release
	by      writers
	world   *world
	step    plan.Step

	// before and after are the object as it is and as it would be; nil for none.
	before, after *unstructured.Unstructured
	// opaque reports whether what would change is not known.
	opaque bool
	note   string
	err    error
}

// run tries the step, as the daemon would do it.
func (t *try) run(ctx context.Context) {
	switch t.step.Action {
	case plan.Create, plan.Update, plan.Adopt:
		t.err = t.apply(ctx)
	case plan.Delete:
		t.err = t.delete(ctx)
	case plan.Keep, plan.Blocked:
	}
	t.err = t.release.in.cause(ctx, t.err)
}

func (t *try) delete(ctx context.Context) (err error) {
	if t.step.Loses {
		held, err := t.release.conn.InUse(ctx, t.step.Ref)
		if err != nil {
			return err
		}
		if held != "" {
			t.step.Action, t.step.Reason, t.note = plan.Keep, plan.Occupied, "it has "+held
			return nil
		}
	}
	t.before, err = t.release.conn.Get(ctx, t.step.Ref)
	return err
}

func (t *try) apply(ctx context.Context) error {
	conn, s := t.release.conn, &t.step
	ref, o := s.Ref, s.Object
	if t.world.absent[ref.Namespace] && ref.Namespace != "" {
		t.after, t.note = o, "not tried: its namespace is not there yet"
		return nil
	}
	var err error
	t.before, err = conn.Get(ctx, ref, o.GroupVersionKind().Version)
	if meta.IsNoMatchError(err) && t.world.defined[kindRef(ref.Group, ref.Kind)] {
		t.after, t.note = o, "not tried: its kind is not there yet"
		return nil
	}
	if err != nil {
		return err
	}
	planned := *s
	if t.before != nil && s.Action == plan.Create {
		s.Action, s.Reason = plan.Adopt, plan.Present
	}
	if sealed.Is(o.Object) {
		t.opaque, t.note = true, "encrypted, not compared"
		return nil
	}
	t.note = t.by.note
	if t.world.changed[ref.Group+"/"+ref.Kind] {
		t.note = "tried with the definition of its kind as it is now, which changes as well"
	}
	actor, err := t.by.of(planned)
	if err != nil {
		return err
	}
	err = t.as(ctx, actor, planned)
	if notImpersonated(err) {
		t.note = "tried with your own rights: you may not act as the release's account"
		err = t.as(ctx, t.by.own, planned)
	}
	if apply.Replaced(err) {
		t.after, t.note = o, "it is deleted and made again, since what changes of it cannot be changed"
		return nil
	}
	return err
}

// as tries a step as someone.
func (t *try) as(ctx context.Context, actor *cluster.Actor, s plan.Step) error {
	w := &writer{Actor: actor}
	one := apply.Object{
		ApplySet: t.release.inventory.ApplySet(), Namespace: t.release.namespace(), Owner: t.release.conn.Owner, Moves: t.release, Secrets: sealedSecrets{}, ID: t.release.id,
	}
	_, err := one.Apply(ctx, w, s)
	t.after = w.after
	return err
}

// failure says why it would fail; empty if it would not.
func (t *try) failure(mask preview.Mask) string {
	if t.err == nil {
		return ""
	}
	return mask.Text(t.err.Error())
}

// result says what came of it. It tells also whether nothing would happen, which a plan alone cannot know.
// An object that is to be deleted and that this one takes the place of is compared with it.
func (t *try) result(mask preview.Mask, replaces *unstructured.Unstructured) (out preview.Step, same bool, err error) {
	out = preview.StepOf(t.step)
	if t.note != "" {
		out.Note = t.note
	}
	if out.Err = t.failure(mask); out.Err != "" {
		return out, false, nil
	}
	switch t.step.Action {
	case plan.Keep, plan.Blocked:
		return out, false, nil
	case plan.Delete:
		if t.before == nil {
			return out, true, nil // it is gone since it was seen
		}
	case plan.Create, plan.Update, plan.Adopt:
		if t.opaque {
			return out, false, nil
		}
	}
	before, after := t.before, t.after
	switch {
	case before == nil && replaces != nil:
		before, out.Replaces = replaces, replaces.GetName()
	case before == nil && after != nil:
		after = t.step.Object // people know it so; the answer has much that is only made up for it
	}
	if out.Diff, err = mask.Diff(before, after); err != nil || out.Diff != "" {
		return out, false, err
	}
	if t.step.Reason == plan.Drifted {
		// The API server did not take all that was declared, which is no drift. The daemon applies it once, and remembers.
		return out, true, nil
	}
	if out.Note == "" {
		out.Note = "nothing of it changes but who owns what"
	}
	return out, false, nil
}
