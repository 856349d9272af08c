// SPDX-License-Identifier: Apache-2.0

package render

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
)

// The labels that every object has, and the pods of the embedded blueprints.
const (
	LabelManagedBy   = "app.kubernetes.io/managed-by"
	LabelPartOf      = "app.kubernetes.io/part-of"
	LabelProject     = "trunkline.dev/project"
	LabelEnvironment = "trunkline.dev/environment"
	LabelWorkload    = "trunkline.dev/workload"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "trunkline"
)

// podSecurity is the prefix of the labels by which Kubernetes decides what pods of a namespace may do.
const podSecurity = "pod-security.kubernetes.io/"

// releaseObjects are the objects of the release itself: where its workloads live, and who they are.
func releaseObjects(rel catalog.Release) []*unstructured.Unstructured {
	levels := map[string]any{}
	for _, mode := range []string{"enforce", "warn", "audit"} {
		levels[podSecurity+mode] = "restricted"
		levels[podSecurity+mode+"-version"] = "latest"
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "Namespace",
		"metadata": map[string]any{"name": rel.Namespace, "labels": levels},
	}}
	objects := []*unstructured.Unstructured{namespace}
	for _, a := range rel.Accounts {
		account := serviceAccount(a.Name, rel.Namespace)
		if len(a.Annotations) > 0 {
			account.SetAnnotations(maps.Clone(a.Annotations))
		}
		objects = append(objects, account)
	}
	return objects
}

func serviceAccount(name, namespace string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "ServiceAccount",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		// Workloads talk to stores, not to the Kubernetes API.
		"automountServiceAccountToken": false,
	}}
}

// releaseLabels are the labels of a release's objects.
func releaseLabels(rel catalog.Release) map[string]string {
	return map[string]string{
		LabelManagedBy: ManagedBy, LabelPartOf: rel.ID.Project,
		LabelProject: rel.ID.Project, LabelEnvironment: rel.ID.Environment,
	}
}

func workloadLabels(rel catalog.Release, workload string) map[string]string {
	labels := releaseLabels(rel)
	labels[LabelWorkload] = workload
	return labels
}
