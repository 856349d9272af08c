// SPDX-License-Identifier: Apache-2.0

package render

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
)

// boundsName is that of each object that bounds a namespace.
const boundsName = "trunkline"

// bounds returns the objects that bound the namespace of a release: a quota; what a container requests that says nothing,
// without which the quota would refuse it; and who may connect to its pods.
func bounds(namespace string, b *catalog.Bounds, labels map[string]string) []*unstructured.Unstructured {
	if b == nil {
		return nil
	}
	hard := map[string]any{}
	for name, most := range b.Quota {
		hard[name] = most
	}
	from := []any{map[string]any{"podSelector": map[string]any{}}}
	if len(b.From) > 0 {
		names := make([]any, len(b.From))
		for i, name := range b.From {
			names[i] = name
		}
		from = append(from, map[string]any{"namespaceSelector": map[string]any{"matchExpressions": []any{
			map[string]any{"key": corev1.LabelMetadataName, "operator": "In", "values": names},
		}}})
	}
	out := []*unstructured.Unstructured{
		{Object: map[string]any{
			"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "ResourceQuota", "spec": map[string]any{"hard": hard},
		}},
		{Object: map[string]any{
			"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "LimitRange",
			"spec": map[string]any{"limits": []any{map[string]any{
				"type": "Container", "defaultRequest": map[string]any{"cpu": "250m", "memory": "1Gi"},
			}}},
		}},
		{Object: map[string]any{
			"apiVersion": networkingv1.SchemeGroupVersion.String(), "kind": "NetworkPolicy",
			"spec": map[string]any{
				"podSelector": map[string]any{}, "policyTypes": []any{"Ingress"}, "ingress": []any{map[string]any{"from": from}},
			},
		}},
	}
	for _, o := range out {
		o.SetNamespace(namespace)
		o.SetName(boundsName)
		o.SetLabels(maps.Clone(labels))
	}
	return out
}
