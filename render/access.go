// SPDX-License-Identifier: Apache-2.0

package render

import (
	"maps"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
)

// Access returns the objects by which the account of a release may do what its environment says: the account, and a
// binding to its role in the namespace; and those that bound the namespace of a preview. They are no part of what the project
// renders to, so that they are never older than the environment's last word. There are no account and binding if the environment
// names no role.
func Access(id catalog.ReleaseID, namespace string, access catalog.Access) []*unstructured.Unstructured {
	labels := releaseLabels(catalog.Release{ID: id})
	labels[catalog.LabelAccess] = "bounded"
	bounds := bounds(namespace, access.Bounds, labels)
	if access.Account == "" || access.Role == "" {
		return bounds
	}
	labels[catalog.LabelAccess] = "granted"
	account := serviceAccount(access.Account, namespace)
	account.SetLabels(labels)
	binding := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": rbacv1.SchemeGroupVersion.String(), "kind": "RoleBinding",
		// A binding cannot be changed to another role: for that it is another one.
		"metadata": map[string]any{"name": access.Account + "." + access.Role, "namespace": namespace},
		"subjects": []any{map[string]any{"kind": rbacv1.ServiceAccountKind, "name": access.Account, "namespace": namespace}},
		"roleRef":  map[string]any{"apiGroup": rbacv1.GroupName, "kind": "ClusterRole", "name": access.Role},
	}}
	binding.SetLabels(maps.Clone(labels))
	return append(bounds, account, binding)
}
