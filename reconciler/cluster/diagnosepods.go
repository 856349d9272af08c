// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// maxMakers bounds the ReplicaSets that are looked through for the newest; a Deployment keeps 11 of them by default.
	maxMakers = 50
	// maxPods bounds the pods of a workload that are looked at.
	maxPods = 100
	// maxOthers bounds the pods of a namespace that are looked through for those of an object that has no selector.
	maxOthers = 500
	// maxEvents bounds the events of one object.
	maxEvents = 50
)

func podsResource() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("pods")
}

func eventsResource() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("events")
}

func replicaSetsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
}

// revision is the annotation by which a Deployment counts its ReplicaSets.
const revision = "deployment.kubernetes.io/revision"

// makers finds the newest ReplicaSet of a Deployment: the older ones are on their way out.
func (d *diagnosis) makers(ctx context.Context) {
	o := d.evidence.Object
	selector, ok := selectorOf(o)
	if o.GroupVersionKind().GroupKind() != (schema.GroupKind{Group: "apps", Kind: "Deployment"}) || !ok {
		return
	}
	var newest *unstructured.Unstructured
	best := -1
	list := d.list(ctx, replicaSetsResource(), metav1.ListOptions{LabelSelector: selector, Limit: maxMakers})
	for i := range list {
		rs := &list[i]
		n, err := strconv.Atoi(rs.GetAnnotations()[revision])
		if err != nil || !controlledBy(rs, o.GetUID()) || n <= best {
			continue
		}
		newest, best = rs, n
	}
	if newest != nil {
		d.evidence.Makers = []*unstructured.Unstructured{newest}
	}
}

// pods finds the pods of the object's newest generation, by selector and by who controls them; those of a kind of which
// nothing is known by their owner alone.
func (d *diagnosis) pods(ctx context.Context) {
	o := d.evidence.Object
	if kind := o.GroupVersionKind().GroupKind(); kind == (schema.GroupKind{Kind: "Pod"}) {
		d.pod(o)
		return
	}
	maker := o
	if len(d.evidence.Makers) > 0 {
		maker = d.evidence.Makers[0]
	}
	opts := metav1.ListOptions{Limit: maxOthers}
	selector, selects := selectorOf(maker)
	switch {
	case o.GroupVersionKind().Group == "policy" || o.GetKind() == "Service":
		return // they select pods of others
	case selects:
		opts = metav1.ListOptions{LabelSelector: selector, Limit: maxPods}
	case !strings.Contains(o.GroupVersionKind().Group, "."):
		return // it makes no pods
	}
	list := d.list(ctx, podsResource(), opts)
	for i := range list {
		if ownedBy(&list[i], maker.GetUID()) || maker == o && o.GetKind() == "Deployment" && byName(&list[i], o.GetName()) {
			d.pod(&list[i])
		}
	}
}

// pod takes a pod into the evidence.
func (d *diagnosis) pod(o *unstructured.Unstructured) {
	var p corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p); err == nil {
		d.evidence.Pods = append(d.evidence.Pods, p)
	}
}

// selectorOf returns the selector of a workload as the API server takes it; false if it has none.
func selectorOf(o *unstructured.Unstructured) (string, bool) {
	raw, found, err := unstructured.NestedMap(o.Object, "spec", "selector")
	if err != nil || !found {
		return "", false
	}
	var s metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, &s); err != nil || len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return "", false
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return "", false
	}
	return selector.String(), true
}

func controlledBy(o *unstructured.Unstructured, uid types.UID) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.UID == uid
}

func ownedBy(o *unstructured.Unstructured, uid types.UID) bool {
	return slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == uid })
}

// byName reports whether a pod is of a Deployment whose ReplicaSets may not be read: they are called by its name.
func byName(o *unstructured.Unstructured, deployment string) bool {
	c := metav1.GetControllerOf(o)
	return c != nil && c.Kind == "ReplicaSet" && strings.HasPrefix(c.Name, deployment+"-")
}
