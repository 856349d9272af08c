// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/plan/ownership"
)

// right says what a controller may do to fields that it owns by contract.
type right int

const (
	// taken are fields that the controller decides, whatever is declared: they are never sent.
	taken right = iota
	// filled are fields that the controller fills in where the declaration leaves them out. One that is declared to be empty
	// is left out.
	filled
	// tolerated are fields that people change in the cluster as a way of doing something. A change is no drift, and what is
	// declared is sent with the next change of the declaration.
	tolerated
)

// contract says which fields of a kind a controller owns because that is how Kubernetes, or the controller, works. Such fields
// are no drift and no additions, and there is no fight about them.
type contract struct {
	// kind is the one that the fields are of; without one, of any.
	kind schema.GroupKind
	// fields are patterns; see [field.ParsePattern].
	fields []string
	right  right
	// when restricts the contract to some objects; nil is all.
	when func(o map[string]any) bool
	// source is where the contract is written down.
	source string
}

// contracts is the table. A row without a source does not belong here.
func contracts() []contract {
	const (
		admission = "admissionregistration.k8s.io"
		injector  = "https://cert-manager.io/docs/concepts/ca-injector/"
	)
	injected := annotated("cert-manager.io/inject-ca-from", "cert-manager.io/inject-ca-from-secret", "cert-manager.io/inject-apiserver-ca",
		"service.beta.openshift.io/inject-cabundle")
	return []contract{
		{
			kind: schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, fields: []string{".rules"}, right: taken,
			when:   func(o map[string]any) bool { return o["aggregationRule"] != nil },
			source: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles",
		},
		{kind: schema.GroupKind{Group: admission, Kind: "ValidatingWebhookConfiguration"}, fields: []string{".webhooks[*].clientConfig.caBundle"}, when: injected, source: injector},
		{kind: schema.GroupKind{Group: admission, Kind: "MutatingWebhookConfiguration"}, fields: []string{".webhooks[*].clientConfig.caBundle"}, when: injected, source: injector},
		{
			kind:   schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
			fields: []string{".spec.conversion.webhook.clientConfig.caBundle"}, when: injected, source: injector,
		},
		{kind: schema.GroupKind{Group: "apiregistration.k8s.io", Kind: "APIService"}, fields: []string{".spec.caBundle"}, when: injected, source: injector},
		{
			kind: schema.GroupKind{Kind: "ConfigMap"}, fields: []string{`.data["service-ca.crt"]`}, when: annotated("service.beta.openshift.io/inject-cabundle"),
			source: "https://docs.redhat.com/en/documentation/openshift_container_platform/latest/html/security_and_compliance/certificate-types-and-descriptions",
		},
		{
			kind: schema.GroupKind{Kind: "Service"}, right: filled,
			fields: []string{
				".spec.clusterIP", ".spec.clusterIPs", ".spec.ports[*].nodePort", ".spec.healthCheckNodePort", ".spec.ipFamilies", ".spec.ipFamilyPolicy",
				".spec.loadBalancerClass",
			},
			source: "https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceSpec",
		},
		{
			kind: schema.GroupKind{Kind: "PersistentVolumeClaim"}, right: filled, fields: []string{
				".spec.volumeName", `.metadata.annotations["pv.kubernetes.io/bind-completed"]`, `.metadata.annotations["pv.kubernetes.io/bound-by-controller"]`,
				`.metadata.annotations["volume.kubernetes.io/selected-node"]`, `.metadata.annotations["volume.kubernetes.io/storage-provisioner"]`,
				`.metadata.annotations["volume.beta.kubernetes.io/storage-provisioner"]`,
			},
			source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding",
		},
		{
			kind: schema.GroupKind{Kind: "PersistentVolume"}, right: filled,
			fields: []string{".spec.claimRef", `.metadata.annotations["pv.kubernetes.io/bound-by-controller"]`, `.metadata.annotations["pv.kubernetes.io/provisioned-by"]`},
			source: "https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reserving-a-persistentvolume",
		},
		{
			kind: schema.GroupKind{Kind: "ServiceAccount"}, right: filled, fields: []string{".secrets", ".imagePullSecrets"},
			source: "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller",
		},
		{
			kind: schema.GroupKind{Kind: "Secret"}, right: filled, fields: []string{".data", `.metadata.annotations["kubernetes.io/service-account.uid"]`},
			when:   func(o map[string]any) bool { return o["type"] == "kubernetes.io/service-account-token" },
			source: "https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets",
		},
		{
			// Who changes a password by hand has a reason, and where it is used nobody knows here.
			kind: schema.GroupKind{Kind: "Secret"}, right: filled, fields: []string{".data", `.metadata.annotations["` + generated.MadeAnnotation + `"]`},
			when: annotated(generated.Annotation), source: "docs/secrets.md#generated-secrets",
		},
		{
			kind: schema.GroupKind{Kind: "Namespace"}, right: filled, fields: []string{".spec.finalizers", `.metadata.labels["kubernetes.io/metadata.name"]`},
			source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#automatic-labelling",
		},
		{
			kind: schema.GroupKind{Kind: "Node"}, right: filled, fields: []string{".spec.podCIDR", ".spec.podCIDRs", ".spec.providerID", ".spec.taints"},
			source: "https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller",
		},
		{
			kind: schema.GroupKind{Group: "apps", Kind: "Deployment"}, fields: []string{`.metadata.annotations["deployment.kubernetes.io/revision"]`},
			source: "https://kubernetes.io/docs/reference/labels-annotations-taints/#deployment-kubernetes-io-revision",
		},
		{
			kind: schema.GroupKind{Group: "apps", Kind: "DaemonSet"}, fields: []string{`.metadata.annotations["deprecated.daemonset.template.generation"]`},
			source: "https://kubernetes.io/docs/reference/labels-annotations-taints/",
		},
		{
			// To restart is what the field is for: to take it back would restart the pods once more.
			right: tolerated, fields: []string{`.spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"]`},
			source: "https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-k8s-io-restart-at",
		},
		{
			kind: schema.GroupKind{Group: "batch", Kind: "Job"}, right: filled, fields: []string{
				".spec.selector", `.spec.template.metadata.labels["batch.kubernetes.io/controller-uid"]`, `.spec.template.metadata.labels["batch.kubernetes.io/job-name"]`,
				`.spec.template.metadata.labels["controller-uid"]`, `.spec.template.metadata.labels["job-name"]`,
			},
			source: "https://kubernetes.io/docs/concepts/workloads/controllers/job/#specifying-your-own-pod-selector",
		},
		{
			kind: schema.GroupKind{Group: "batch", Kind: "Job"}, fields: []string{".spec.suspend"}, when: labelled("kueue.x-k8s.io/queue-name"),
			source: "https://kueue.sigs.k8s.io/docs/tasks/run/jobs/",
		},
		{
			fields: []string{`.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]`},
			source: "https://kubernetes.io/docs/reference/labels-annotations-taints/#kubectl-kubernetes-io-last-applied-configuration",
		},
		{
			right: filled, fields: []string{".metadata.finalizers", ".metadata.ownerReferences", ".metadata.generateName"},
			source: "https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/",
		},
	}
}

// annotated restricts a contract to objects that have one of some annotations.
func annotated(names ...string) func(map[string]any) bool { return hasMetadata("annotations", names) }

// labelled restricts a contract to objects that have one of some labels.
func labelled(names ...string) func(map[string]any) bool { return hasMetadata("labels", names) }

func hasMetadata(what string, names []string) func(map[string]any) bool {
	return func(o map[string]any) bool {
		set, _, _ := unstructured.NestedMap(o, "metadata", what)
		for _, name := range names {
			if set[name] != nil {
				return true
			}
		}
		return false
	}
}

// clause is one pattern of a contract, read.
type clause struct {
	pattern field.Path
	right   right
	when    func(o map[string]any) bool
}

// clauses are those of the table by kind; those of any kind are under the zero kind.
var clauses = sync.OnceValue(func() map[schema.GroupKind][]clause {
	out := map[schema.GroupKind][]clause{}
	for _, c := range contracts() {
		for _, f := range c.fields {
			pattern, err := field.ParsePattern(f)
			if err != nil {
				panic("plan: the table of contracts: " + err.Error()) // a test goes through it
			}
			out[c.kind] = append(out[c.kind], clause{pattern, c.right, c.when})
		}
	}
	return out
})

// clausesOf returns those that hold for an object, as it is declared.
func clausesOf(o *unstructured.Unstructured) []clause {
	var out []clause
	for _, kind := range []schema.GroupKind{o.GroupVersionKind().GroupKind(), {}} {
		for _, c := range clauses()[kind] {
			if c.when == nil || c.when(o.Object) {
				out = append(out, c)
			}
		}
	}
	return out
}

// sendable returns a declared object without the fields that controllers decide. It is the object itself if it has none.
func sendable(o *unstructured.Unstructured, of []clause) *unstructured.Unstructured {
	var drop []field.Path
	for _, c := range of {
		if c.right == tolerated {
			continue
		}
		find(o.Object, c.pattern, nil, func(p field.Path, v any) {
			if c.right == taken || empty(v) {
				drop = append(drop, p)
			}
		})
	}
	if len(drop) == 0 {
		return o
	}
	return &unstructured.Unstructured{Object: ownership.Without(o.Object, drop)}
}

// tolerates reports whether a change of a declared field is no drift.
func tolerates(of []clause, p field.Path) bool {
	for _, c := range of {
		if c.right == tolerated && p.Has(c.pattern) {
			return true
		}
	}
	return false
}

// find visits the fields that a pattern leads to.
func find(v any, pattern, at field.Path, visit func(field.Path, any)) {
	if len(pattern) == 0 {
		visit(at, v)
		return
	}
	step := func(e field.Element, child any) {
		find(child, pattern[1:], append(slices.Clip(at), e), visit)
	}
	switch v := v.(type) {
	case map[string]any:
		if child, ok := v[pattern[0].Field]; ok && !pattern[0].List {
			step(field.Element{Field: pattern[0].Field}, child)
		}
	case []any:
		for i, child := range v {
			if pattern[0].List && pattern[0].Any {
				step(field.Element{List: true, Index: i}, child)
			}
		}
	}
}

// empty reports whether a value says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case int64:
		return v == 0
	case float64:
		return v == 0
	case map[string]any:
		return len(v) == 0
	case []any:
		for _, item := range v {
			if !empty(item) {
				return false
			}
		}
		return true
	default:
		return false
	}
}
