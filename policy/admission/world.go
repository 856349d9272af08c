// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// User is who applies the objects.
type User struct {
	Name   string
	Groups []string
}

// World is what the API server knows beside the object that it checks. It is not changed by checking.
type World struct {
	namespaces  map[string]*corev1.Namespace
	definitions map[schema.GroupKind]*definition
	params      []*unstructured.Unstructured
	user        *User
}

// definition is what is taken from a CustomResourceDefinition.
type definition struct {
	plural        string
	clusterScoped bool
	versions      []string
	// converts reports whether a webhook makes one version of another.
	converts bool
	schemas  map[string]map[string]any
}

// NewWorld takes namespaces and definitions from objects, such as all that are rendered for a cluster, and parameters of
// policies from params, beside those that stand with the policies. The user is nil if it is not known who applies.
func NewWorld(objects, params []map[string]any, user *User) *World {
	w := &World{namespaces: map[string]*corev1.Namespace{}, definitions: map[schema.GroupKind]*definition{}, user: user}
	for _, object := range objects {
		u := &unstructured.Unstructured{Object: object}
		switch u.GroupVersionKind().GroupKind() {
		case schema.GroupKind{Kind: "Namespace"}:
			w.addNamespace(u)
		case schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:
			w.addDefinition(u)
		}
	}
	for _, object := range params {
		w.params = append(w.params, &unstructured.Unstructured{Object: object})
	}
	sortParams(w.params)
	return w
}

func sortParams(params []*unstructured.Unstructured) {
	slices.SortStableFunc(params, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

func (w *World) addNamespace(u *unstructured.Unstructured) {
	ns := namespace(u.GetName())
	var declared corev1.Namespace
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &declared); err != nil {
		return // it is not known then, and what depends on it is refused
	}
	ns.Annotations = declared.Annotations
	maps.Copy(ns.Labels, declared.Labels)
	ns.Labels[corev1.LabelMetadataName] = u.GetName()
	w.namespaces[u.GetName()] = ns
}

// namespace returns one of which nothing but the name is known.
func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}},
		Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
}

func (w *World) addDefinition(u *unstructured.Unstructured) {
	group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(u.Object, "spec", "names", "kind")
	scope, _, _ := unstructured.NestedString(u.Object, "spec", "scope")
	strategy, _, _ := unstructured.NestedString(u.Object, "spec", "conversion", "strategy")
	d := &definition{clusterScoped: scope == "Cluster", converts: strategy == "Webhook", schemas: map[string]map[string]any{}}
	d.plural, _, _ = unstructured.NestedString(u.Object, "spec", "names", "plural")
	spec, _ := u.Object["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		if served, ok := version["served"].(bool); !ok || !served {
			continue
		}
		d.versions = append(d.versions, name)
		if s, ok, _ := unstructured.NestedFieldNoCopy(version, "schema", "openAPIV3Schema"); ok {
			d.schemas[name], _ = s.(map[string]any)
		}
	}
	if d.plural != "" && kind != "" {
		w.definitions[schema.GroupKind{Group: group, Kind: kind}] = d
	}
}

func (w *World) definition(gk schema.GroupKind) *definition {
	if w == nil {
		return nil
	}
	return w.definitions[gk]
}
