// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
)

// GeneratingManager owns the values that are made in the cluster. It is not [FieldManager]: what that one owns and does not
// declare goes with the next apply.
const GeneratingManager = FieldManager + "-generated"

// generate writes what is made in the cluster and never declared, before the object is applied: an object that says what was
// applied to it last has its values. Of several that do so at the same time, one makes them, and the others find them there.
func (conn *Conn) generate(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, made func(live *unstructured.Unstructured) map[string]any) error {
	for try := 1; ; try++ {
		err := conn.generateOnce(ctx, client, o, made)
		switch {
		case err == nil:
			return nil
		case try == maxTakeovers || !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err):
			return &ObjectError{Object: plan.RefOf(o), Doing: "making the values of", Err: err}
		}
	}
}

func (conn *Conn) generateOnce(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, made func(live *unstructured.Unstructured) map[string]any) error {
	release := releaseOf(o)
	var live *unstructured.Unstructured
	// A patch that changes nothing returns the object as it is. Who deploys may write Secrets, and need not be let read any.
	err := conn.write(ctx, release, func(ctx context.Context) (err error) {
		live, err = client.Patch(ctx, o.GetName(), types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: GeneratingManager})
		return err
	})
	if apierrors.IsNotFound(err) {
		live, err = nil, nil
	}
	if err != nil {
		return err
	}
	fields := made(live)
	if fields == nil {
		return nil
	}
	next := &unstructured.Unstructured{Object: fields}
	next.SetAPIVersion(o.GetAPIVersion())
	next.SetKind(o.GetKind())
	next.SetName(o.GetName())
	next.SetNamespace(o.GetNamespace())
	if live == nil {
		return conn.write(ctx, release, func(ctx context.Context) error {
			_, err := client.Create(ctx, next, metav1.CreateOptions{FieldManager: GeneratingManager})
			return err
		})
	}
	// What was written since it was read is a conflict: it may be the values. There is no other one, with force.
	next.SetResourceVersion(live.GetResourceVersion())
	next.SetUID(live.GetUID())
	return conn.write(ctx, release, func(ctx context.Context) error {
		_, err := client.Apply(ctx, o.GetName(), next, metav1.ApplyOptions{FieldManager: GeneratingManager, Force: true})
		return err
	})
}
