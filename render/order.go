// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kindOrder puts kinds that others need before those that need them. What it does not name comes last: it is
// mostly custom resources, and what they mean is known once everything else is there.
var kindOrder = []string{
	"Namespace", "CustomResourceDefinition", "ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget",
	"ServiceAccount", "Role", "RoleBinding", "Secret", "SecretStore", "ExternalSecret", "ConfigMap", "PersistentVolumeClaim", "Service",
	"DaemonSet", "Deployment", "StatefulSet", "HorizontalPodAutoscaler", "Job", "CronJob", "Ingress",
}

func identityOf(o *unstructured.Unstructured) Identity {
	return Identity{groupKind(o), o.GetNamespace(), o.GetName()}
}

func rank(kind string) int {
	if i := slices.Index(kindOrder, kind); i >= 0 {
		return i
	}
	return len(kindOrder)
}

func compareObjects(a, b *unstructured.Unstructured) int {
	return cmp.Or(
		cmp.Compare(rank(a.GetKind()), rank(b.GetKind())),
		cmp.Compare(a.GetKind(), b.GetKind()),
		cmp.Compare(a.GroupVersionKind().Group, b.GroupVersionKind().Group),
		cmp.Compare(a.GetNamespace(), b.GetNamespace()),
		cmp.Compare(a.GetName(), b.GetName()),
	)
}
