// SPDX-License-Identifier: Apache-2.0

package health

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/policy/subject"
)

// Evidence is what was gathered around an object that is not healthy. Any part of it may be missing.
type Evidence struct {
	// Object is the workload.
	Object *unstructured.Unstructured
	// Makers are what stands between it and its pods and makes them, such as the ReplicaSet of a Deployment: those of its
	// newest generation.
	Makers []*unstructured.Unstructured
	// Pods are those of the newest generation.
	Pods []corev1.Pod
	// Events are those of any of these.
	Events []corev1.Event
	// Redact takes out of a text what must not be read, such as values of Secrets; nil leaves it as it is. See [Redactor].
	Redact func(text string) string
}

// Redactor takes values of Secrets out of texts: those of the objects that are Secrets.
func Redactor(objects []*unstructured.Unstructured) func(text string) string {
	var values []map[string]any
	for _, o := range objects {
		if o != nil {
			values = append(values, o.Object)
		}
	}
	return subject.Redactor(values...)
}

// Suspect returns the pod that is worst off, whose events are worth asking for; nil if no pod is.
func Suspect(e Evidence) *corev1.Pod {
	if f, ok := worst(e); ok {
		return f.pod
	}
	for _, p := range sorted(e.Pods) {
		if !ready(p) && p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded {
			return p
		}
	}
	return nil
}

// sorted returns the pods in the order in which they are blamed: of what is equally bad the newest counts, and then its
// name. Pods that are on their way out come last.
func sorted(pods []corev1.Pod) []*corev1.Pod {
	out := make([]*corev1.Pod, len(pods))
	for i := range pods {
		out[i] = &pods[i]
	}
	slices.SortStableFunc(out, func(a, b *corev1.Pod) int {
		return cmp.Or(
			boolean(a.DeletionTimestamp != nil)-boolean(b.DeletionTimestamp != nil),
			b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return out
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ready reports whether a pod does its work.
func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// container is a container of a pod, of whatever sort.
type container struct {
	corev1.ContainerStatus

	init bool
}

// containers lists those of a pod in the order in which they start.
func containers(p *corev1.Pod) []container {
	var out []container
	for _, c := range p.Status.InitContainerStatuses {
		out = append(out, container{c, true})
	}
	for _, c := range p.Status.ContainerStatuses {
		out = append(out, container{c, false})
	}
	return out
}

// ended returns how a container ended last: now if it is over, else the time before; nil if it never did. Asking for the log
// of the time before is right also while the container waits to be started again: it may be by the time of the answer.
func (c container) ended() (end *corev1.ContainerStateTerminated, previous bool) {
	if c.State.Terminated != nil {
		return c.State.Terminated, false
	}
	return c.LastTerminationState.Terminated, c.LastTerminationState.Terminated != nil
}

// waiting returns why a container waits; empty if it does not.
func (c container) waiting() (reason, message string) {
	if c.State.Waiting == nil {
		return "", ""
	}
	return c.State.Waiting.Reason, c.State.Waiting.Message
}

// newestEvent finds the newest event of an object that has one of some reasons, and that a function likes.
func (e Evidence) newestEvent(uid types.UID, likes func(*corev1.Event) bool, reasons ...string) *corev1.Event {
	var best *corev1.Event
	for i := range e.Events {
		event := &e.Events[i]
		if event.InvolvedObject.UID != uid || !slices.Contains(reasons, event.Reason) || likes != nil && !likes(event) {
			continue
		}
		if best == nil || cmp.Or(lastSeen(event).Compare(lastSeen(best)), cmp.Compare(event.Message, best.Message)) > 0 {
			best = event
		}
	}
	return best
}

// lastSeen is when an event happened last. There are three ways to say it.
func lastSeen(e *corev1.Event) time.Time {
	last := e.EventTime.Time
	times := []metav1.Time{e.LastTimestamp, e.FirstTimestamp, e.CreationTimestamp}
	if e.Series != nil && e.Series.LastObservedTime.After(last) {
		last = e.Series.LastObservedTime.Time
	}
	for _, t := range times[:2] {
		if t.After(last) {
			last = t.Time
		}
	}
	if last.IsZero() {
		last = times[2].Time
	}
	return last
}
