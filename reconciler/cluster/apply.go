package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/reconciler/ownership"
	"trunkline.dev/trunkline/reconciler/plan"
)

// Live is what the API server says of an object that was just applied.
type Live struct {
	Version plan.Version
	Owners  ownership.Owners
}

// Apply makes the object as declared, by server-side apply. Without force, fields that another manager owns and that
// differ are a [*ConflictError]: nobody's change is overwritten unseen.
func (conn *Conn) Apply(ctx context.Context, o *unstructured.Unstructured, force bool) (Live, error) {
	ref := plan.RefOf(o)
	m, err := conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return Live{}, &ObjectError{Object: ref, Doing: "applying", Err: err}
	}
	var live *unstructured.Unstructured
	err = conn.write(ctx, releaseOf(o), func(ctx context.Context) (err error) {
		live, err = conn.of(m, o.GetNamespace()).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: FieldManager, Force: force})
		return err
	})
	if err == nil {
		return Live{
			Version: plan.Version(live.GetResourceVersion()), Owners: ownership.Of(live.GetManagedFields(), FieldManager),
		}, nil
	}
	if c := conflict(ref, err); c != nil {
		return Live{}, c
	}
	return Live{}, &ObjectError{Object: ref, Doing: "applying", Err: err}
}

// Delete deletes the very object that was seen. One that is gone, or was made anew since, is left alone.
func (conn *Conn) Delete(ctx context.Context, ref plan.Ref, uid types.UID) error {
	m, err := conn.resource(ctx, ref.GroupKind)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "deleting", Err: err}
	}
	background := metav1.DeletePropagationBackground
	err = conn.write(ctx, conn.ownerOf(ref), func(ctx context.Context) error {
		return conn.of(m, ref.Namespace).Delete(ctx, ref.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background,
		})
	})
	if apierrors.IsConflict(err) {
		if gone, lookErr := conn.left(ctx, m, ref, uid); gone || lookErr != nil {
			err = lookErr
		}
	}
	if err == nil || apierrors.IsNotFound(err) {
		return nil
	}
	return &ObjectError{Object: ref, Doing: "deleting", Err: err}
}

// left tells that an object is gone, on its way out, or another one than before. A conflict alone says that of none: it
// can also mean that something else was written at the same time.
func (conn *Conn) left(ctx context.Context, m *meta.RESTMapping, ref plan.Ref, uid types.UID) (bool, error) {
	var live *unstructured.Unstructured
	err := conn.do(ctx, conn.ownerOf(ref), func(ctx context.Context) (err error) {
		live, err = conn.of(m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	if err != nil {
		return apierrors.IsNotFound(err), err
	}
	return live.GetUID() != uid || live.GetDeletionTimestamp() != nil, nil
}

// ErrForeign says that an object is there already and not ours to take.
var ErrForeign = errors.New("it is there already and does not belong to this release")

// CheckFree makes sure that an object that is to be created is not there yet under somebody else's hand.
func (conn *Conn) CheckFree(ctx context.Context, o *unstructured.Unstructured, applySet string) error {
	ref := plan.RefOf(o)
	m, err := conn.resource(ctx, ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "looking for", Err: err}
	}
	var live *unstructured.Unstructured
	err = conn.do(ctx, applySet, func(ctx context.Context) (err error) {
		live, err = conn.of(m, ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return &ObjectError{Object: ref, Doing: "looking for", Err: err}
	case live.GetLabels()[labelPartOf] != applySet:
		return &ObjectError{Object: ref, Doing: "creating", Err: fmt.Errorf("%w; delete it, or hand it over with: kubectl label %s %s %s=%s",
			ErrForeign, strings.ToLower(ref.Kind), ref.Name, labelPartOf, applySet)}
	}
	return nil
}
