package cluster

import (
	"fmt"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Health says how an object is doing.
type Health string

// The healths, from good to bad.
const (
	Healthy     Health = "healthy"
	Progressing Health = "progressing"
	Failed      Health = "failed"
)

// HealthOf gives the health of an object and, unless it is healthy, why. It follows kstatus, which looks at
// the object's generation first, with one difference: a Job is healthy once it is complete, not once it runs,
// for what people merge a job for is its result.
func HealthOf(o *unstructured.Unstructured) (Health, string) {
	if o.GetDeletionTimestamp() != nil {
		return Progressing, "being deleted"
	}
	isJob := o.GroupVersionKind().GroupKind() == (schema.GroupKind{Group: "batch", Kind: "Job"})
	if isJob && suspended(o) {
		return Healthy, "" // it has nothing to finish, whether it has begun before or not
	}
	r, err := status.Compute(o)
	if err != nil {
		return Failed, fmt.Sprintf("the status cannot be read: %s", err)
	}
	switch r.Status {
	case status.CurrentStatus:
		if isJob && !complete(o) {
			return Progressing, r.Message
		}
		return Healthy, ""
	case status.FailedStatus:
		return Failed, r.Message
	default:
		return Progressing, r.Message
	}
}

// suspended tells that a Job is kept from running.
func suspended(job *unstructured.Unstructured) bool {
	suspend, _, _ := unstructured.NestedBool(job.Object, "spec", "suspend")
	return suspend
}

// complete tells that a Job has finished well.
func complete(job *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(job.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Complete" && m["status"] == "True" {
			return true
		}
	}
	return false
}
