package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/reconciler/plan"
)

// Apply makes the object as declared, by server-side apply, and gives the version that the API server then
// has. Fields that another manager owns and that differ are a [*ConflictError]: nobody's change is overwritten
// unseen.
func (conn *Conn) Apply(ctx context.Context, o *unstructured.Unstructured) (ResourceVersion, error) {
	return conn.apply(ctx, o, false)
}

func (conn *Conn) apply(ctx context.Context, o *unstructured.Unstructured, force bool) (ResourceVersion, error) {
	ref := plan.RefOf(o)
	m, err := conn.resource(ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return "", &ObjectError{Object: ref, Doing: "applying", Err: err}
	}
	var live *unstructured.Unstructured
	err = conn.write(ctx, func(ctx context.Context) (err error) {
		live, err = conn.of(m, o.GetNamespace()).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: FieldManager, Force: force})
		return err
	})
	if err == nil {
		return ResourceVersion(live.GetResourceVersion()), nil
	}
	if c := conflict(ref, err); c != nil {
		return "", c
	}
	return "", &ObjectError{Object: ref, Doing: "applying", Err: err}
}

// Delete deletes the very object that was seen. One that is gone, or was made anew since, is left alone.
func (conn *Conn) Delete(ctx context.Context, member plan.Member) error {
	m, err := conn.resource(member.Ref.GroupKind)
	if err != nil {
		return &ObjectError{Object: member.Ref, Doing: "deleting", Err: err}
	}
	background := metav1.DeletePropagationBackground
	err = conn.write(ctx, func(ctx context.Context) error {
		return conn.of(m, member.Ref.Namespace).Delete(ctx, member.Ref.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &member.UID}, PropagationPolicy: &background,
		})
	})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return &ObjectError{Object: member.Ref, Doing: "deleting", Err: err}
}

// ErrForeign says that an object is there already and not ours to take.
var ErrForeign = errors.New("it is there already and does not belong to this release")

// CheckFree makes sure that an object that is to be created is not there yet under somebody else's hand.
func (conn *Conn) CheckFree(ctx context.Context, o *unstructured.Unstructured, applySet string) error {
	ref := plan.RefOf(o)
	m, err := conn.resource(ref.GroupKind, o.GroupVersionKind().Version)
	if err != nil {
		return &ObjectError{Object: ref, Doing: "looking for", Err: err}
	}
	var live *unstructured.Unstructured
	err = conn.do(ctx, func(ctx context.Context) (err error) {
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
