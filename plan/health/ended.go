// SPDX-License-Identifier: Apache-2.0

package health

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ended returns how an object ended that is removed by its controller some time afterwards: [Healthy] or [Failed]. It is
// empty for one that has not ended, and for one that stays: whoever deletes that one means it.
func Ended(o *unstructured.Unstructured) (how State) {
	defer func() {
		if recover() != nil {
			how = "" // as with Of: nothing that a controller wrote may end the process
		}
	}()
	if !RemovesItself(o) {
		return ""
	}
	switch o.GroupVersionKind().GroupKind() {
	case jobKind:
		return endedJob(o)
	case sparkKind:
		return endedAs(text(o, "status", "applicationState", "state"), "COMPLETED", "FAILED")
	case workflowKind:
		return endedAs(text(o, "status", "phase"), "Succeeded", "Failed", "Error")
	}
	return ""
}

// The kinds of which an object can say that it is removed once it has ended.
var (
	jobKind      = schema.GroupKind{Group: "batch", Kind: "Job"}
	sparkKind    = schema.GroupKind{Group: "sparkoperator.k8s.io", Kind: "SparkApplication"}
	workflowKind = schema.GroupKind{Group: "argoproj.io", Kind: "Workflow"}
)

// RemovesItself reports whether an object is removed by its controller some time after it has ended.
func RemovesItself(o *unstructured.Unstructured) bool {
	switch o.GroupVersionKind().GroupKind() {
	case jobKind:
		return has(o, "spec", "ttlSecondsAfterFinished")
	case sparkKind:
		return has(o, "spec", "timeToLiveSeconds")
	case workflowKind:
		return has(o, "spec", "ttlStrategy")
	}
	return false
}

func endedJob(o *unstructured.Unstructured) State {
	if c, ok := conditionOf(o, "Complete"); ok && c.isTrue() {
		return Healthy
	}
	if c, ok := conditionOf(o, "Failed"); ok && c.isTrue() {
		return Failed
	}
	return ""
}

// endedAs reads a phase.
func endedAs(phase, good string, bad ...string) State {
	if phase == good {
		return Healthy
	}
	if slices.Contains(bad, phase) {
		return Failed
	}
	return ""
}

// has reports whether an object has a value at a path.
func has(o *unstructured.Unstructured, path ...string) bool {
	v, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	return err == nil && found && v != nil
}

// text returns the text at a path; empty if there is none.
func text(o *unstructured.Unstructured, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}
