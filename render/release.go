// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// The labels of the objects of a release. Those of Trunkline's own prefix are on every object, and on the pods of built-in
// kinds. Those that the trade shares are on the release's own objects and on those of the embedded blueprints only: selectors
// go by them, so that putting them on objects of others would change what is selected.
const (
	LabelManagedBy   = "app.kubernetes.io/managed-by"
	LabelPartOf      = "app.kubernetes.io/part-of"
	LabelProject     = "trunkline.dev/project"
	LabelEnvironment = "trunkline.dev/environment"
	LabelWorkload    = "trunkline.dev/workload"
	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "trunkline"
	// AnnotationReplays is on the template of the runs of a workload's lots: the names of the replays that it carries out, with a line for
	// each. A replay begins once the cluster has it, so that lots are made once more by what came with it.
	AnnotationReplays = "trunkline.dev/replays"
)

// podSecurity is the prefix of the labels by which Kubernetes decides what pods of a namespace may do.
const podSecurity = "pod-security.kubernetes.io/"

// releaseObjects are the objects of the release itself: where its workloads live, and who they are.
func releaseObjects(rel catalog.Release) []*unstructured.Unstructured {
	levels := map[string]any{}
	for _, mode := range []string{"enforce", "warn", "audit"} {
		levels[podSecurity+mode] = string(cmp.Or(rel.PodSecurity, v1alpha1.PodsRestricted))
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

// generatedSecret declares a Secret without its values, which are made when it is applied. Of the labels it has those of
// Trunkline's prefix alone: a Secret that is there already, with labels of its own, is taken over without a conflict.
func generatedSecret(rel catalog.Release, s catalog.GeneratedSecret) *unstructured.Unstructured {
	prune := "disabled"
	if s.Prune {
		prune = "enabled"
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "Secret",
		"metadata": map[string]any{
			"name": s.Name, "namespace": rel.Namespace,
			"labels":      map[string]any{LabelProject: rel.ID.Project, LabelEnvironment: rel.ID.Environment},
			"annotations": map[string]any{generated.Annotation: s.Spec.String(), pruneAnnotation: prune},
		},
	}}
}

func serviceAccount(name, namespace string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": corev1.SchemeGroupVersion.String(), "kind": "ServiceAccount",
		"metadata": map[string]any{"name": name, "namespace": namespace},
		// Workloads talk to stores, not to the Kubernetes API.
		"automountServiceAccountToken": false,
	}}
}

// noteReplays says on the template of the runs of a workload which replays it carries out.
func noteReplays(o *unstructured.Unstructured, rel catalog.Release, workload string) {
	at := slices.IndexFunc(rel.Workloads, func(w catalog.Workload) bool { return w.Name == workload })
	if o.GetKind() != "CronJob" || at < 0 || len(rel.Workloads[at].Replays) == 0 {
		return
	}
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationReplays] = strings.Join(rel.Workloads[at].Replays, "\n")
	o.SetAnnotations(annotations)
}

// releaseLabels are the labels of the release's own objects, and those that charts are given.
func releaseLabels(rel catalog.Release) map[string]string {
	return map[string]string{
		LabelManagedBy: ManagedBy, LabelPartOf: rel.ID.Project,
		LabelProject: rel.ID.Project, LabelEnvironment: rel.ID.Environment,
	}
}

// identity are the labels that say whose an object of a workload is.
func identity(rel catalog.Release, workload string) map[string]string {
	return map[string]string{LabelProject: rel.ID.Project, LabelEnvironment: rel.ID.Environment, LabelWorkload: workload}
}

func workloadLabels(rel catalog.Release, workload string) map[string]string {
	labels := releaseLabels(rel)
	labels[LabelWorkload] = workload
	return labels
}
