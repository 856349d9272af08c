// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// maxTakeovers bounds how often fields are taken over again since something else has written to the object meanwhile, as its
// controller does right after it was changed.
const maxTakeovers = 5

// succeed takes the place of those who have managed the object before server-side apply, if there are any: as long as they
// own a field beside us, it stays in the cluster when it is not declared any more. What only they own goes with the apply
// that follows. An object that nobody else has managed costs nothing.
func (conn *Conn) succeed(ctx context.Context, client dynamic.ResourceInterface, o, live *unstructured.Unstructured, force bool) (*unstructured.Unstructured, []string, error) {
	for try := 1; ; try++ {
		next, before, err := successor(live)
		switch {
		case err != nil:
			return nil, nil, &ObjectError{Object: plan.RefOf(o), Doing: "taking over the fields of", Err: err}
		case next == nil:
			return live, nil, nil
		}
		after, err := conn.setManagers(ctx, client, live, next)
		switch {
		case apierrors.IsConflict(err) && try < maxTakeovers:
			live, err = conn.send(ctx, client, o, force) // which answers with the object as it is now
			if err != nil {
				return nil, nil, err
			}
			continue
		case err != nil:
			return nil, nil, err
		}
		if len(before) > 0 {
			after, err = conn.send(ctx, client, o, force)
		}
		return after, before, err
	}
}

// successor returns who is to own which fields, and the managers that are replaced; nil if everything is as it should be.
func successor(live *unstructured.Unstructured) (entries []metav1.ManagedFieldsEntry, before []string, err error) {
	for _, e := range live.GetManagedFields() {
		if predecessor(e) {
			before = append(before, e.Manager)
		}
	}
	next := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ManagedFields: live.GetManagedFields()}}
	if err := csaupgrade.UpgradeManagedFields(next, sets.New(before...), FieldManager); err != nil {
		return nil, nil, err
	}
	entries, shared, err := ownership.Disown(next.ManagedFields, FieldManager)
	if err != nil || len(before) == 0 && !shared {
		return nil, nil, err
	}
	slices.Sort(before)
	return entries, slices.Compact(before), nil
}

// predecessor reports whether an entry is of a manager whose place Git has taken.
func predecessor(e metav1.ManagedFieldsEntry) bool {
	return e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == "" && slices.Contains(ownership.Predecessors(), e.Manager)
}

// reclaim makes fields ours that others have added, so that applying the object removes them.
func (conn *Conn) reclaim(ctx context.Context, client dynamic.ResourceInterface, o *unstructured.Unstructured, fields []ownership.Field) error {
	ref := plan.RefOf(o)
	for try := 1; ; try++ {
		var live *unstructured.Unstructured
		err := conn.do(ctx, releaseOf(o), func(ctx context.Context) (err error) {
			live, err = client.Get(ctx, ref.Name, metav1.GetOptions{})
			return err
		})
		var entries []metav1.ManagedFieldsEntry
		var changed bool
		if err == nil {
			entries, changed, err = ownership.Reclaim(live.GetManagedFields(), FieldManager, fields)
		}
		if err != nil {
			return &ObjectError{Object: ref, Doing: "taking back what was added to", Err: err}
		}
		if !changed {
			return nil
		}
		if _, err = conn.setManagers(ctx, client, live, entries); !apierrors.IsConflict(err) || try == maxTakeovers {
			return err
		}
	}
}

// setManagers writes who owns which fields of an object, and nothing else. If anything was written to it since it was read,
// that is an error: it would be undone unseen.
func (conn *Conn) setManagers(ctx context.Context, client dynamic.ResourceInterface, live *unstructured.Unstructured, entries []metav1.ManagedFieldsEntry) (after *unstructured.Unstructured, err error) {
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		// As csaupgrade has it: to replace it is to have the store compare it, which says that it is a conflict.
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	})
	if err == nil {
		err = conn.write(ctx, releaseOf(live), func(ctx context.Context) (err error) {
			after, err = client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
			return err
		})
	}
	if err != nil {
		return nil, &ObjectError{Object: plan.RefOf(live), Doing: "taking over the fields of", Err: err}
	}
	return after, nil
}
