// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"maps"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"trunkline.dev/trunkline/policy/subject"
)

// request is an object as the API server gets it: one that is applied.
type request struct {
	apiadmission.Attributes

	resource resource
	versions *versions
}

// newRequest makes the request that applies a subject's object in a world.
func newRequest(k *kinds, w *World, s *subject.Subject) (*request, error) {
	object := &unstructured.Unstructured{Object: s.Value}
	gvk := object.GroupVersionKind()
	if gvk.Kind == "" || gvk.Version == "" {
		return nil, errors.New("it has no apiVersion or no kind")
	}
	res := w.resourceOf(k, gvk)
	namespace := object.GetNamespace()
	switch {
	case gvk.GroupKind() == (schema.GroupKind{Kind: "Namespace"}):
		namespace = object.GetName() // as in the path of the request
	case res.clusterScoped:
		namespace = ""
	case namespace == "" && res.known:
		if namespace, _ = s.Release["namespace"].(string); namespace == "" {
			namespace = metav1.NamespaceDefault
		}
	}
	typed, err := applied(k, res, gvk, s.Value, s.Old, namespace)
	if err != nil {
		return nil, err
	}
	operation, options := apiadmission.Create, runtime.Object(&metav1.CreateOptions{TypeMeta: optionsMeta("CreateOptions")})
	var old runtime.Object
	if s.Old != nil {
		operation, options = apiadmission.Update, &metav1.UpdateOptions{TypeMeta: optionsMeta("UpdateOptions")}
		if old, err = k.typed(s.Old); err != nil {
			return nil, err
		}
	}
	who := &user.DefaultInfo{}
	if w.user != nil {
		who.Name, who.Groups = w.user.Name, w.user.Groups
	}
	return &request{
		Attributes: apiadmission.NewAttributesRecord(typed, old, gvk, namespace, object.GetName(), res.GroupVersionResource, "", operation, options, false, who),
		resource:   res, versions: versionsOf(res, gvk),
	}, nil
}

func optionsMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kind}
}

// applied returns an object as the API server has it when it asks the policies: in its namespace, with the status that is there
// already, and with defaults.
func applied(k *kinds, res resource, gvk schema.GroupVersionKind, declared, old map[string]any, namespace string) (runtime.Object, error) {
	object := maps.Clone(declared)
	delete(object, "status")
	if status, ok := old["status"]; ok {
		object["status"] = status
	}
	if gvk.Kind != "Namespace" && namespace != "" {
		metadata, _ := object["metadata"].(map[string]any)
		metadata = maps.Clone(metadata)
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata["namespace"] = namespace
		object["metadata"] = metadata
	}
	typed, err := k.typed(object)
	if err != nil {
		return nil, err
	}
	if u, ok := typed.(*unstructured.Unstructured); ok {
		return setCustomDefaults(res.definition, u)
	}
	setDefaults(typed)
	return typed, nil
}

// versions are those in which a resource is served.
type versions struct {
	apiadmission.ObjectInterfaces // the rest of them is not asked for

	resource schema.GroupVersionResource
	kind     schema.GroupVersionKind
	served   []string
}

func versionsOf(res resource, gvk schema.GroupVersionKind) *versions {
	v := &versions{resource: res.GroupVersionResource, kind: gvk, served: []string{gvk.Version}}
	switch {
	case res.definition != nil:
		v.served = res.definition.versions
	case gvk.GroupKind() == schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}:
		v.served = []string{"v2", "v1"}
	}
	return v
}

// GetEquivalentResourceMapper implements [apiadmission.ObjectInterfaces].
func (v *versions) GetEquivalentResourceMapper() runtime.EquivalentResourceMapper { return v }

// EquivalentResourcesFor implements [runtime.EquivalentResourceMapper].
func (v *versions) EquivalentResourcesFor(r schema.GroupVersionResource, subresource string) []schema.GroupVersionResource {
	if r.GroupResource() != v.resource.GroupResource() || subresource != "" {
		return nil
	}
	out := make([]schema.GroupVersionResource, len(v.served))
	for i, version := range v.served {
		out[i] = r.GroupResource().WithVersion(version)
	}
	return out
}

// KindFor implements [runtime.EquivalentResourceMapper].
func (v *versions) KindFor(r schema.GroupVersionResource, _ string) schema.GroupVersionKind {
	return v.kind.GroupKind().WithVersion(r.Version)
}

// asVersion returns the attributes in the version that a policy names.
func (r *request) asVersion(gvk schema.GroupVersionKind) (*apiadmission.VersionedAttributes, error) {
	out := &apiadmission.VersionedAttributes{Attributes: r.Attributes, VersionedKind: gvk}
	for _, side := range []struct {
		from runtime.Object
		to   *apiadmission.LazyObject
	}{{r.GetObject(), &out.VersionedObject}, {r.GetOldObject(), &out.VersionedOldObject}} {
		if side.from == nil {
			continue
		}
		converted, err := r.convert(side.from, gvk)
		if err != nil {
			return nil, err
		}
		side.to.Set(converted)
	}
	return out, nil
}

func (r *request) convert(object runtime.Object, gvk schema.GroupVersionKind) (runtime.Object, error) {
	if object.GetObjectKind().GroupVersionKind() == gvk {
		return object, nil
	}
	custom, ok := object.(*unstructured.Unstructured)
	if !ok || r.resource.definition == nil || r.resource.definition.converts {
		return nil, errors.New("only the API server can convert it from " + object.GetObjectKind().GroupVersionKind().Version + " to " + gvk.Version)
	}
	custom = custom.DeepCopy()
	custom.SetGroupVersionKind(gvk)
	return custom, nil
}

// asksForNameOnly reports whether the selector of namespaces looks at the label of the name only.
func asksForNameOnly(m *admissionregistrationv1.MatchResources) bool {
	if m == nil || m.NamespaceSelector == nil {
		return true
	}
	for key := range m.NamespaceSelector.MatchLabels {
		if key != corev1.LabelMetadataName {
			return false
		}
	}
	for _, e := range m.NamespaceSelector.MatchExpressions {
		if e.Key != corev1.LabelMetadataName {
			return false
		}
	}
	return true
}

// unknownAuthorizer is the authorizer of no cluster: it is not known who may do what. It notes that it was asked.
type unknownAuthorizer struct{ asked bool }

var errUnknownAuthorizer = errors.New("only a cluster can authorize")

// Authorize implements [authorizer.UnconditionalAuthorizer].
func (n *unknownAuthorizer) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	n.asked = true
	return authorizer.DecisionNoOpinion, "", errUnknownAuthorizer
}
