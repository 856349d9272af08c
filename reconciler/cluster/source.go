// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// contentOnly reports whether a kind has no status: how such an object is doing, and whether it is as declared, is in its
// metadata. Nothing else is asked for, so that no value of a Secret ever comes here, and a large ConfigMap costs what a
// small one does. Any other kind is seen whole.
func contentOnly(kind schema.GroupKind) bool {
	switch kind.Group {
	case "":
		return kind.Kind == "ConfigMap" || kind.Kind == "Secret" || kind.Kind == "ServiceAccount" || kind.Kind == "LimitRange"
	case "rbac.authorization.k8s.io":
		return true
	case "networking.k8s.io":
		return kind.Kind == "NetworkPolicy"
	case "scheduling.k8s.io":
		return kind.Kind == "PriorityClass"
	}
	return false
}

// source is where the objects of a kind are listed and watched.
type source struct {
	expected runtime.Object
	list     func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch    func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// sourceOf returns the source of a kind: its whole objects, or what is enough of them.
func (conn *Conn) sourceOf(m *meta.RESTMapping) source {
	if kind := m.GroupVersionKind.GroupKind(); contentOnly(kind) && !conn.cluster.rules.Load().Has(kind) {
		all := conn.metadata.Resource(m.Resource)
		return source{
			&metav1.PartialObjectMetadata{},
			func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) { return all.List(ctx, opts) },
			all.Watch,
		}
	}
	all := conn.client.Resource(m.Resource)
	whole := &unstructured.Unstructured{}
	whole.SetGroupVersionKind(m.GroupVersionKind)
	return source{
		whole,
		func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) { return all.List(ctx, opts) },
		all.Watch,
	}
}

// whole returns what came of an object in the form of one.
func (w *kindWatch) whole(in any) (*unstructured.Unstructured, error) {
	switch o := in.(type) {
	case *unstructured.Unstructured:
		return o, nil
	case *metav1.PartialObjectMetadata:
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return nil, fmt.Errorf("reading the metadata of %s %s/%s: %w", w.kind, o.Namespace, o.Name, err)
		}
		u := &unstructured.Unstructured{Object: content}
		u.SetGroupVersionKind(w.kind.WithVersion(w.version)) // it came as a PartialObjectMetadata
		return u, nil
	}
	return nil, fmt.Errorf("watching %s: got a %T", w.kind, in)
}
