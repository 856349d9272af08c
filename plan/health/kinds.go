// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// generic is the verdict of kstatus. What it calls failed is so only if the object does not say that it is stalled.
func generic(o *unstructured.Unstructured) Verdict {
	r, err := status.Compute(o)
	if err != nil {
		return Verdict{Progressing, "its status cannot be read: " + err.Error()}
	}
	switch r.Status {
	case status.CurrentStatus:
		return Verdict{State: Healthy}
	case status.FailedStatus:
		for _, c := range r.Conditions {
			if c.Type == status.ConditionStalled && c.Status == corev1.ConditionTrue {
				return Verdict{Stalled, either(c.Message, r.Message, c.Reason)}
			}
		}
		if o.GetKind() == "CustomResourceDefinition" {
			return Verdict{Stalled, r.Message} // its names are taken, for as long as the other definition is there
		}
		return Verdict{Failed, r.Message}
	default:
		if extra := number(o, 0, "status", "replicas") - number(o, 1, "spec", "replicas"); extra > 0 && strings.HasPrefix(r.Message, "Pending termination") {
			return Verdict{Progressing, count(extra, "pod") + " of the version before, or too many, not ended yet"}
		}
		return Verdict{Progressing, r.Message}
	}
}

// ofJob differs from kstatus, for which a Job that runs is current: what people merge a Job for is its result. One that
// is suspended has nothing to finish, whether it has begun before or not.
func ofJob(job *unstructured.Unstructured) Verdict {
	if suspended, _, _ := unstructured.NestedBool(job.Object, "spec", "suspend"); suspended {
		return Verdict{State: Healthy}
	}
	if c, ok := conditionOf(job, "Failed"); ok && c.isTrue() {
		return Verdict{Failed, either(c.message, c.reason, "it failed")}
	}
	v := generic(job)
	if v.State != Healthy {
		return v
	}
	if c, ok := conditionOf(job, "Complete"); ok && c.isTrue() {
		return v
	}
	if c, ok := conditionOf(job, "FailureTarget"); ok && c.isTrue() {
		return Verdict{Progressing, "it has failed, and its pods are being ended: " + either(c.message, c.reason)}
	}
	return Verdict{Progressing, fmt.Sprintf("it runs: %d active, %d succeeded, %d failed",
		number(job, 0, "status", "active"), number(job, 0, "status", "succeeded"), number(job, 0, "status", "failed"))}
}

// ofReplicas distinguishes a Deployment or ReplicaSet that cannot go on from one that is on its way. Both are asked for only once
// kstatus has seen that the status is of this generation and not what was asked for: while a roll-out still succeeds, a
// quota that is short for a moment stalls nobody.
func ofReplicas(o *unstructured.Unstructured) Verdict {
	v := generic(o)
	if v.State == Healthy || !observed(o) {
		return v
	}
	if c, ok := conditionOf(o, "ReplicaFailure"); ok && c.isTrue() {
		return Verdict{Stalled, "its pods cannot be made: " + advised(either(c.message, c.reason))}
	}
	if c, ok := conditionOf(o, "Progressing"); ok && c.reason == "ProgressDeadlineExceeded" {
		return Verdict{Stalled, either(c.message, "its pods were not ready within progressDeadlineSeconds")}
	}
	return v
}

// observed reports whether the status is of the object's newest generation, or does not say of which it is.
func observed(o *unstructured.Unstructured) bool {
	newest := number(o, 0, "metadata", "generation")
	if status, ok := o.Object["status"].(map[string]any); !ok || status["observedGeneration"] == nil {
		return true
	}
	return number(o, -1, "status", "observedGeneration") == newest
}

// number reads a whole number of an object, however the object was decoded; without one it returns otherwise.
func number(o *unstructured.Unstructured, otherwise int64, path ...string) int64 {
	value, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	switch n := value.(type) {
	case int64:
		return n
	case int:
		return int64(n)
	case float64:
		return int64(n)
	default:
		return otherwise
	}
}

// ofPod differs from kstatus, for which a Pod that failed is current, and which asks the clock.
func ofPod(pod *unstructured.Unstructured) Verdict {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	reason, _, _ := unstructured.NestedString(pod.Object, "status", "reason")
	message, _, _ := unstructured.NestedString(pod.Object, "status", "message")
	switch {
	case phase == string(corev1.PodSucceeded):
		return Verdict{State: Healthy}
	case phase == string(corev1.PodFailed):
		return Verdict{Failed, "it ended badly: " + either(message, reason, "a container failed")}
	}
	if c, ok := conditionOf(pod, "Ready"); ok && c.isTrue() && phase == string(corev1.PodRunning) {
		return Verdict{State: Healthy}
	}
	if c, ok := conditionOf(pod, "PodScheduled"); ok && !c.isTrue() && c.reason == corev1.PodReasonUnschedulable {
		return Verdict{Stalled, "no node takes it: " + either(c.message, c.reason)}
	}
	if c, ok := conditionOf(pod, "Ready"); ok {
		return Verdict{Progressing, "it is not ready: " + either(c.message, c.reason, phase)}
	}
	return Verdict{Progressing, "it is not ready: " + either(phase, "it was not seen by a node yet")}
}

// ofDisruptionBudget differs from kstatus, which does not look whether the budget could be computed at all. That no
// disruption is allowed just now is what a budget is for.
func ofDisruptionBudget(pdb *unstructured.Unstructured) Verdict {
	v := generic(pdb)
	if c, ok := conditionOf(pdb, "DisruptionAllowed"); ok && v.State == Healthy && c.reason == "SyncFailed" {
		return Verdict{Stalled, "what it allows cannot be computed: " + either(c.message, c.reason)}
	}
	return v
}

// condition is an entry of status.conditions.
type condition struct{ status, reason, message string }

func (c condition) isTrue() bool { return c.status == "True" }

// conditionOf finds a condition by its type.
func conditionOf(o *unstructured.Unstructured, kind string) (condition, bool) {
	status, _ := o.Object["status"].(map[string]any)
	conditions, _ := status["conditions"].([]any)
	for _, item := range conditions {
		m, _ := item.(map[string]any)
		if m == nil || m["type"] != kind {
			continue
		}
		var c condition
		c.status, _ = m["status"].(string)
		c.reason, _ = m["reason"].(string)
		c.message, _ = m["message"].(string)
		return c, true
	}
	return condition{}, false
}

// either returns the first text that says something.
func either(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
