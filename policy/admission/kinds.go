// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	networkingv1 "k8s.io/api/networking/v1"
	nodev1 "k8s.io/api/node/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	resourcev1 "k8s.io/api/resource/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// kinds knows the types that Kubernetes serves by itself.
type kinds struct {
	scheme  *runtime.Scheme
	decoder runtime.Decoder
}

func newKinds() (*kinds, error) {
	k := &kinds{scheme: runtime.NewScheme()}
	for _, add := range []func(*runtime.Scheme) error{
		admissionregistrationv1.AddToScheme, appsv1.AddToScheme, autoscalingv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme,
		certificatesv1.AddToScheme, coordinationv1.AddToScheme, corev1.AddToScheme, discoveryv1.AddToScheme, eventsv1.AddToScheme,
		flowcontrolv1.AddToScheme, networkingv1.AddToScheme, nodev1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
		resourcev1.AddToScheme, schedulingv1.AddToScheme, storagev1.AddToScheme,
	} {
		if err := add(k.scheme); err != nil {
			return nil, fmt.Errorf("loading the kinds of Kubernetes: %w", err)
		}
	}
	k.decoder = serializer.NewCodecFactory(k.scheme).UniversalDeserializer()
	return k, nil
}

// typed reads an object into the type of its kind, as the API server does: what the type does not have is dropped. A kind
// that Kubernetes does not have stays as it is.
func (k *kinds) typed(object map[string]any) (runtime.Object, error) {
	u := &unstructured.Unstructured{Object: object}
	if !k.scheme.Recognizes(u.GroupVersionKind()) {
		return u, nil
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	out, _, err := k.decoder.Decode(data, nil, nil)
	return out, err
}

// clusterKinds are the cluster-scoped kinds of Kubernetes, by group.
var clusterKinds = map[string][]string{
	"": {"ComponentStatus", "Namespace", "Node", "PersistentVolume"},
	"admissionregistration.k8s.io": {
		"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration",
		"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
	},
	"apiextensions.k8s.io": {"CustomResourceDefinition"}, "apiregistration.k8s.io": {"APIService"},
	"certificates.k8s.io": {"CertificateSigningRequest", "ClusterTrustBundle"}, "flowcontrol.apiserver.k8s.io": {"FlowSchema", "PriorityLevelConfiguration"},
	"networking.k8s.io": {"IPAddress", "IngressClass", "ServiceCIDR"}, "node.k8s.io": {"RuntimeClass"},
	"rbac.authorization.k8s.io": {"ClusterRole", "ClusterRoleBinding"}, "resource.k8s.io": {"DeviceClass", "ResourceSlice"},
	"scheduling.k8s.io": {"PriorityClass"}, "storage.k8s.io": {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"},
	"storagemigration.k8s.io": {"StorageVersionMigration"},
}

// resource is where objects of a kind are.
type resource struct {
	schema.GroupVersionResource

	clusterScoped bool
	// known reports whether this is no guess.
	known bool
	// definition is that of a custom resource; nil if it is none, or not among the objects.
	definition *definition
}

// resourceOf finds the resource of a kind: by the definition among the objects, or by Kubernetes' own rules for names.
func (w *World) resourceOf(k *kinds, gvk schema.GroupVersionKind) resource {
	if d := w.definition(gvk.GroupKind()); d != nil {
		return resource{gvk.GroupVersion().WithResource(d.plural), d.clusterScoped, true, d}
	}
	cluster := slices.Contains(clusterKinds[gvk.Group], gvk.Kind)
	return resource{guess(gvk), cluster, cluster || k.scheme.Recognizes(gvk), nil}
}

func guess(gvk schema.GroupVersionKind) schema.GroupVersionResource {
	plural, _ := meta.UnsafeGuessKindToResource(gvk)
	return plural
}
