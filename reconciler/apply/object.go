// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// Object applies single objects of a release, one step of a plan each. A dry run does so with another [Writer]: what is refused
// is refused by both alike.
type Object struct {
	ApplySet string
	// Namespace is the release's.
	Namespace string
	// Owner returns the ApplySet that an object is a member of.
	Owner   func(plan.Ref) (string, bool)
	Moves   Moves
	Secrets Opener
	// ID is the release.
	ID catalog.ReleaseID
}

// Apply applies what a step says. An object that has to be deleted first, since what changes of it cannot be changed, is an
// error for which [Replaced] is true.
func (x Object) Apply(ctx context.Context, w Writer, s plan.Step) (cluster.Live, error) {
	taking, err := x.takes(s.Ref)
	if err != nil {
		return cluster.Live{}, err
	}
	// Server-side apply would take over a namespace, a definition or anything else outside of the release's namespace that
	// is there, and removing the release would then delete it with all that others have in it.
	if s.Reason == plan.Missing && s.Ref.Namespace != x.Namespace && !taking {
		if err := w.CheckFree(ctx, s.Object, x.ApplySet); err != nil {
			return cluster.Live{}, err
		}
	}
	// From here to the end of this function there are values in plain; nothing else gets hold of them.
	_, preview := catalog.PreviewPull(x.ID.Environment)
	open, err := x.Secrets.Open(ctx, secrets.Release{Project: x.ID.Project, Environment: x.ID.Environment, Preview: preview}, s.Object)
	if err != nil {
		return cluster.Live{}, err
	}
	how := cluster.Applying{Force: s.Force, Own: s.Origin == plan.Platform, Reclaim: s.Reclaim}
	if how.Generate, err = secrets.Generate(open); err != nil {
		return cluster.Live{}, &brokenObjectError{fmt.Errorf("%s: %w", s.Ref, err)}
	}
	live, err := w.Apply(ctx, stored(open, s.Digest), how)
	if cluster.Immutable(err) && s.UID != "" && s.Object.GetAnnotations()[plan.ReplaceAnnotation] == "enabled" {
		if err := w.Delete(ctx, s.Ref, s.UID); err != nil {
			return cluster.Live{}, err
		}
		return cluster.Live{}, &replacedError{ref: s.Ref, uid: s.UID}
	}
	return live, err
}

// takes reports whether the object is another release's until now. That is an error unless the other one has let go of it.
func (x Object) takes(ref plan.Ref) (bool, error) {
	owner, ok := x.Owner(ref)
	if !ok || owner == x.ApplySet {
		return false, nil
	}
	name, free := x.Moves.Owner(owner, ref)
	switch {
	case free:
		return true, nil
	case name == "":
		return false, fmt.Errorf("%s: %w: it is a member of the ApplySet %s, which is no release of this platform", ref, cluster.ErrForeign, owner)
	default:
		return false, &ownedError{ref: ref, owner: name, release: x.ID, undecided: !x.Moves.Settled()}
	}
}

// Replaced reports whether an object was deleted to be created again.
func Replaced(err error) bool {
	_, ok := errors.AsType[*replacedError](err)
	return ok
}

// stored returns a copy of an object as it is sent: in the form in which the API server stores it, with the digest of what is
// declared.
func stored(o *unstructured.Unstructured, digest string) *unstructured.Unstructured {
	sent := (&unstructured.Unstructured{Object: secrets.Stored(o.Object)}).DeepCopy()
	annotations := sent.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[plan.DigestAnnotation] = digest
	sent.SetAnnotations(annotations)
	return sent
}
