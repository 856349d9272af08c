// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Explain finds why an object is not healthy. Rows are asked in order: what is wrong with a pod says more than what its
// maker says of it, and the most certain cause comes before what merely follows from it. The first that matches wins.
func Explain(e Evidence) (r Reason) {
	// As with Of: nothing that a controller or kubelet wrote may end the process.
	defer func() {
		if p := recover(); p != nil {
			r = Reason{Code: Unknown, Summary: Line(fmt.Sprintf("the reason cannot be told: %v", p))}
		}
	}()
	if e.Object == nil {
		e.Object = &unstructured.Unstructured{Object: map[string]any{}}
	}
	for _, row := range []func(Evidence) (Reason, bool){
		finalizing, disruptionBudget, externalSecret, podOfJob, ofSuspect, sparkApplication, refused, volumeClaim, ofConditions, starting,
	} {
		if found, ok := row(e); ok {
			if e.Redact != nil {
				found.Summary = e.Redact(found.Summary) // before it is cut, which could leave half of a value
			}
			found.Summary = Line(found.Summary)
			return found
		}
	}
	return Reason{Code: Unknown, Summary: "nothing was found that says why it is not healthy"}
}

// finalizing is an object that cannot go away.
func finalizing(e Evidence) (Reason, bool) {
	if !deleting(e.Object) {
		return Reason{}, false
	}
	return Reason{Code: Finalizer, Summary: "it is being deleted" + prefixed(": ", waits(e.Object))}, true
}

// prefixed puts something before a text, unless there is none.
func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// disruptionBudget is a budget that cannot be computed.
func disruptionBudget(e Evidence) (Reason, bool) {
	if e.Object.GetKind() != "PodDisruptionBudget" {
		return Reason{}, false
	}
	c, ok := conditionOf(e.Object, "DisruptionAllowed")
	if !ok || c.isTrue() {
		return Reason{}, false
	}
	if event := e.newestEvent(e.Object.GetUID(), nil, "CalculateExpectedPodCountFailed", "NoControllers", "UnmanagedPods"); event != nil && c.message == "" {
		c.message = event.Message
	}
	return Reason{Code: DisruptionBudget, Summary: "it allows no disruption: " + either(c.message, c.reason)}, true
}

// podOfJob is a Job that has failed: why, and what its last pod has to do with it.
func podOfJob(e Evidence) (Reason, bool) {
	if e.Object.GetKind() != "Job" {
		return Reason{}, false
	}
	c, ok := conditionOf(e.Object, "Failed")
	if !ok || !c.isTrue() {
		return Reason{}, false
	}
	r := Reason{Code: BackoffLimit, Summary: "the Job has failed: " + either(c.message, c.reason, "it does not say why")}
	switch c.reason {
	case "BackoffLimitExceeded", "MaxFailedIndexesExceeded", "FailedIndexes":
		r.Summary = fmt.Sprintf("the Job gave up after %s (backoffLimit %d)",
			count(number(e.Object, 0, "status", "failed"), "failed pod"), number(e.Object, 6, "spec", "backoffLimit"))
	case "DeadlineExceeded":
		r.Code, r.Summary = Deadline, fmt.Sprintf("the Job was stopped: it took longer than activeDeadlineSeconds, which is %d s",
			number(e.Object, 0, "spec", "activeDeadlineSeconds"))
	case "PodFailurePolicy":
		r.Code = Exit
	}
	f, ok := worst(e)
	if !ok {
		return r, true
	}
	// That a container failed is what a backoff limit is about; anything else is the cause, and the limit what came of it.
	if f.Code != Exit && f.Code != CrashLoop && r.Code != Deadline {
		r.Code = f.Code
	}
	r.Summary, r.Log = r.Summary+"; "+f.Summary, f.Log
	return r, true
}

// ofSuspect is what is wrong with the worst pod.
func ofSuspect(e Evidence) (Reason, bool) {
	f, ok := worst(e)
	return f.Reason, ok
}

// refused is a pod that cannot be made.
func refused(e Evidence) (Reason, bool) {
	for _, maker := range append(e.Makers, e.Object) {
		if maker == nil {
			continue
		}
		message := ""
		if c, ok := conditionOf(maker, "ReplicaFailure"); ok && c.isTrue() {
			message = c.message
		}
		// The event is newer, or as new, and the only word of a StatefulSet or Job.
		if event := e.newestEvent(maker.GetUID(), nil, "FailedCreate", "ReplicaSetCreateError"); event != nil && wants(maker) {
			message = event.Message
		}
		if message == "" {
			continue
		}
		r := refusal(message)
		r.Summary = "its pods cannot be made: " + r.Summary
		return r, true
	}
	return Reason{}, false
}

// wants reports whether a maker has fewer pods than it is to have, so that a refusal of a while ago still counts.
func wants(maker *unstructured.Unstructured) bool {
	switch maker.GetKind() {
	case "Job":
		return number(maker, 0, "status", "active") == 0
	case "DaemonSet":
		return number(maker, 0, "status", "currentNumberScheduled") < number(maker, 0, "status", "desiredNumberScheduled")
	default:
		return number(maker, 0, "status", "replicas") < number(maker, 1, "spec", "replicas")
	}
}

// volumeClaim is a claim that is not bound.
func volumeClaim(e Evidence) (Reason, bool) {
	if e.Object.GetKind() != "PersistentVolumeClaim" {
		return Reason{}, false
	}
	phase, _, _ := unstructured.NestedString(e.Object.Object, "status", "phase")
	if phase == string(corev1.ClaimBound) {
		return Reason{}, false
	}
	event := e.newestEvent(e.Object.GetUID(), nil, "ProvisioningFailed", "FailedBinding", "VolumeMismatch", "WaitForFirstConsumer", "ExternalProvisioning")
	if event == nil {
		return Reason{Code: Volume, Summary: "the claim is not bound to a volume: " + either(phase, "it was not looked at yet")}, true
	}
	return Reason{Code: Volume, Summary: "the claim is not bound to a volume: " + event.Message}, true
}

// ofConditions is what the object says of itself.
func ofConditions(e Evidence) (Reason, bool) {
	for _, kind := range []string{"Stalled", "Failed", "ReplicaFailure"} {
		if c, ok := conditionOf(e.Object, kind); ok && c.isTrue() && c.message != "" {
			r := refusal(c.message)
			if r.Code == Admission && kind != "ReplicaFailure" {
				r.Code = Unknown
			}
			return r, true
		}
	}
	if c, ok := conditionOf(e.Object, "Ready"); ok && !c.isTrue() && c.message != "" {
		return Reason{Code: Starting, Summary: "it says that it is not ready: " + c.message}, true
	}
	return Reason{}, false
}

// starting is a pod with which nothing is wrong.
func starting(e Evidence) (Reason, bool) {
	p := Suspect(e)
	if p == nil {
		return Reason{}, false
	}
	for _, c := range containers(p) {
		if reason, message := c.waiting(); reason != "" {
			return Reason{Code: Starting, Summary: fmt.Sprintf("%s of pod %s is not started yet: %s", c.title(), p.Name, either(message, reason))}, true
		}
	}
	for _, c := range containers(p) {
		if c.State.Running != nil && !c.Ready && !c.init {
			return Reason{
				Code: Starting, Summary: fmt.Sprintf("%s of pod %s runs and is not ready yet", c.title(), p.Name),
				Log: LogRef{Namespace: p.Namespace, Pod: p.Name, Container: c.Name},
			}, true
		}
	}
	return Reason{Code: Starting, Summary: fmt.Sprintf("pod %s is %s", p.Name, strings.ToLower(either(string(p.Status.Phase), "new")))}, true
}

// count writes a number of things.
func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
