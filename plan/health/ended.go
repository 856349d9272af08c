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
	switch o.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return endedJob(o)
	case schema.GroupKind{Group: "sparkoperator.k8s.io", Kind: "SparkApplication"}:
		return endedAs(has(o, "spec", "timeToLiveSeconds"), text(o, "status", "applicationState", "state"), "COMPLETED", "FAILED")
	case schema.GroupKind{Group: "argoproj.io", Kind: "Workflow"}:
		return endedAs(has(o, "spec", "ttlStrategy"), text(o, "status", "phase"), "Succeeded", "Failed", "Error")
	}
	return ""
}

func endedJob(o *unstructured.Unstructured) State {
	if !has(o, "spec", "ttlSecondsAfterFinished") {
		return ""
	}
	if c, ok := conditionOf(o, "Complete"); ok && c.isTrue() {
		return Healthy
	}
	if c, ok := conditionOf(o, "Failed"); ok && c.isTrue() {
		return Failed
	}
	return ""
}

// endedAs reads a phase, if the object removes itself.
func endedAs(removes bool, phase, good string, bad ...string) State {
	if !removes {
		return ""
	}
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
