// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// Live is what the API server says of an object that was just applied.
type Live struct {
	UID     types.UID
	Version plan.Version
	Owners  ownership.Owners
	// Instead are declared fields for which something else runs: admission has changed them in the very apply.
	Instead []ownership.Difference
	// TookOver are the managers whose place Git has taken with this apply.
	TookOver []string
}

// Applying says how an object is applied.
type Applying struct {
	// Force takes fields that others own.
	Force bool
	// Own is set for what Trunkline itself wants, and not the release.
	Own bool
	// Reclaim are fields that others have added and that are removed; see [plan.Step].
	Reclaim []ownership.Field
	// Generate returns what is to be in an object besides what is declared, before that is applied: it is handed the object as
	// it is, nil for one that is not there, and returns nil if there is nothing to write. Nil for most objects. With it, nobody's
	// place is taken: what others have set stays.
	Generate func(live *unstructured.Unstructured) map[string]any
}

// Apply makes the object as declared, by server-side apply. Without force, fields that another manager owns and that
// differ are a [*ConflictError]: nobody's change is overwritten unseen. An object outside of the actor's scope is a
// [*plan.ScopeError].
func (a *Actor) Apply(ctx context.Context, o *unstructured.Unstructured, how Applying) (Live, error) {
	ref := plan.RefOf(o)
	m, err := a.conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return Live{}, &ObjectError{Object: ref, Doing: "applying", Err: err}
	}
	if err := a.scope.Check(ref, m.Scope.Name() == meta.RESTScopeNameRoot, how.Own); err != nil {
		return Live{}, err
	}
	client := a.of(m, ref.Namespace)
	if len(how.Reclaim) > 0 {
		if err := a.conn.reclaim(ctx, client, o, how.Reclaim); err != nil {
			return Live{}, err
		}
	}
	if how.Generate != nil {
		if err := a.conn.generate(ctx, client, o, how.Generate); err != nil {
			return Live{}, err
		}
	}
	return a.conn.apply(ctx, client, o, how)
}

// applyOwn applies what is Trunkline's own and no release's.
func (conn *Conn) applyOwn(ctx context.Context, o *unstructured.Unstructured) error {
	ref := plan.RefOf(o)
	m, err := conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "applying", Err: err}
	}
	_, err = conn.apply(ctx, scoped(conn.client, m, ref.Namespace), o, Applying{Force: true})
	return err
}

func (conn *Conn) apply(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, how Applying) (Live, error) {
	live, err := conn.send(ctx, client, o, how.Force)
	if err != nil {
		return Live{}, err
	}
	var tookOver []string
	if how.Generate == nil {
		if live, tookOver, err = conn.succeed(ctx, client, o, live, how.Force); err != nil {
			return Live{}, err
		}
	}
	out := Live{
		UID: live.GetUID(), Version: plan.Version(live.GetResourceVersion()), TookOver: tookOver,
		Owners: ownership.Of(live.GetManagedFields(), FieldManager),
	}
	if out.Instead, err = ownership.Instead(o.Object, live.Object, out.Owners); err != nil {
		return Live{}, &ObjectError{Object: plan.RefOf(o), Doing: "applying", Err: err}
	}
	return out, nil
}

// send makes one server-side apply.
func (conn *Conn) send(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, force bool) (live *unstructured.Unstructured, err error) {
	err = conn.write(ctx, releaseOf(o), func(ctx context.Context) (err error) {
		live, err = client.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: FieldManager, Force: force})
		return err
	})
	if err == nil {
		return live, nil
	}
	ref := plan.RefOf(o)
	if c := conflict(ref, err); c != nil {
		return nil, c
	}
	return nil, &ObjectError{Object: ref, Doing: "applying", Err: err}
}

// Delete deletes the very object that was seen. One that is gone, or was made again since, is left alone.
func (a *Actor) Delete(ctx context.Context, ref plan.Ref, uid types.UID) error {
	m, err := a.conn.resource(ctx, ref.GroupKind)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "deleting", Err: err}
	}
	background := metav1.DeletePropagationBackground
	err = a.conn.write(ctx, a.conn.ownerOf(ref), func(ctx context.Context) error {
		return a.of(m, ref.Namespace).Delete(ctx, ref.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background,
		})
	})
	if apierrors.IsConflict(err) {
		if gone, lookErr := a.left(ctx, m, ref, uid); gone || lookErr != nil {
			err = lookErr
		}
	}
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return &ObjectError{Object: ref, Doing: "deleting", Err: err}
}

// left reports whether an object is gone, on its way out, or another one than before. A conflict alone says that of none: it
// can also mean that something else was written at the same time.
func (a *Actor) left(ctx context.Context, m *meta.RESTMapping, ref plan.Ref, uid types.UID) (bool, error) {
	var live *unstructured.Unstructured
	err := a.conn.do(ctx, a.conn.ownerOf(ref), func(ctx context.Context) (err error) {
		live, err = a.of(m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return apierrors.IsNotFound(err), err
	}
	return live.GetUID() != uid || live.GetDeletionTimestamp() != nil, nil
}

// ErrForeign says that an object is there already and not ours to take.
var ErrForeign = errors.New("it is there already and does not belong to this release")

// CheckFree makes sure that an object that is to be created is not there yet as a part of something else.
func (a *Actor) CheckFree(ctx context.Context, o *unstructured.Unstructured, applySet string) error {
	ref := plan.RefOf(o)
	m, err := a.conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "looking for", Err: err}
	}
	var live *unstructured.Unstructured
	err = a.conn.do(ctx, applySet, func(ctx context.Context) (err error) {
		live, err = a.of(m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return &ObjectError{Object: ref, Doing: "looking for", Err: err}
	case live.GetLabels()[labelPartOf] != applySet:
		return &ObjectError{Object: ref, Doing: "creating", Err: fmt.Errorf("%w; hand it over with: %s%s", ErrForeign, handOver(ref, applySet), orDelete(ref))}
	}
	return nil
}
