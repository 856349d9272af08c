// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/plan"
)

// The labels by which an object says what it is of.
const (
	labelProject     = "trunkline.dev/project"
	labelEnvironment = "trunkline.dev/environment"
	labelWorkload    = "trunkline.dev/workload"
	labelLot         = "trunkline.dev/lot"
	// labelJob is on the pods of all Jobs.
	labelJob = "batch.kubernetes.io/job-name"
)

// object is what is kept of an object of a cluster, which is little: there may be many. It serves as one in the stores of client-go.
type object struct {
	metav1.ObjectMeta

	fact  usage.Fact
	takes cost.Taken
	// node is where a pod runs, and spot which kind of machine a node is, if it says so.
	node string
	spot *bool
	// begun is false as long as it takes nothing, and odd is why it cannot be counted.
	begun bool
	odd   error
	// goneAt is when it ended, if it is gone with this as its last state.
	goneAt time.Time
}

// read reads an object of a kind.
func read(kind usage.Kind, o *unstructured.Unstructured) *object {
	out := &object{ObjectMeta: metav1.ObjectMeta{Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion()}}
	labels := o.GetLabels()
	out.fact = usage.Fact{UID: string(o.GetUID()), Kind: kind, Place: placeOf(labels)}
	created := o.GetCreationTimestamp().Time
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	switch kind {
	case usage.Pod:
		out.pod(o, spec)
	case usage.Claim:
		out.fact.Began, out.begun = created, true
		out.takes, out.odd = cost.ClaimTakes(spec)
	case usage.Node:
		out.fact.Place = usage.Place{}
		out.fact.Began, out.begun = created, true
		allocatable, _, _ := unstructured.NestedMap(o.Object, "status", "allocatable")
		out.takes, out.odd = cost.NodeTakes(allocatable)
		out.spot = cost.SpotNode(labels)
	case usage.Idle:
	}
	out.fact.Cores, out.fact.MiB = out.takes.Cores(), out.takes.MiB()
	return out
}

func placeOf(labels map[string]string) usage.Place {
	p := usage.Place{
		Project: labels[labelProject], Environment: labels[labelEnvironment], Workload: labels[labelWorkload],
		Run: cmp.Or(labels[plan.RunLabel], labels[labelJob]),
	}
	if l, err := lot.ParseName(labels[labelLot]); err == nil {
		p.Lot = l.ID()
	}
	return p
}

// pod reads since when a pod takes what it requests, and whether it has ended: from when it has a node until its last container is over.
func (out *object) pod(o *unstructured.Unstructured, spec map[string]any) {
	out.node, _, _ = unstructured.NestedString(spec, "nodeName")
	policy, _, _ := unstructured.NestedString(spec, "restartPolicy")
	out.fact.Once = policy == "Never" || policy == "OnFailure"
	out.takes, out.odd = cost.PodTakes(spec)
	out.fact.History = historyOf(o)
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	conditions, _, _ := unstructured.NestedSlice(status, "conditions")
	var changed time.Time
	for _, item := range conditions {
		c, _ := item.(map[string]any)
		at := timeAt(c, "lastTransitionTime")
		if c["type"] == any("PodScheduled") && c["status"] == any("True") {
			out.fact.Began = at
		}
		if at.After(changed) {
			changed = at
		}
	}
	if out.fact.Began.IsZero() {
		out.fact.Began = timeAt(status, "startTime")
	}
	out.begun = !out.fact.Began.IsZero() && out.node != ""
	phase, _, _ := unstructured.NestedString(status, "phase")
	if phase != "Succeeded" && phase != "Failed" {
		return
	}
	out.fact.Certainty, out.fact.Until = usage.Ended, lastEnd(status)
	if out.fact.Until.IsZero() {
		out.fact.Until = changed
	}
	// Kubernetes has whole seconds, of two clocks: what begins and ends within one takes one.
	if least := out.fact.Began.Add(time.Second); out.begun && out.fact.Until.Before(least) {
		out.fact.Until = least
	}
}

// lastEnd is when the last container of a pod ended, as far as that is said.
func lastEnd(status map[string]any) (last time.Time) {
	for _, list := range []string{"containerStatuses", "initContainerStatuses"} {
		items, _, _ := unstructured.NestedSlice(status, list)
		for _, item := range items {
			c, _ := item.(map[string]any)
			ended, _, _ := unstructured.NestedMap(c, "state", "terminated")
			if at := timeAt(ended, "finishedAt"); at.After(last) {
				last = at
			}
		}
	}
	return last
}

// timeAt reads a time; the zero one if there is none.
func timeAt(m map[string]any, field string) time.Time {
	text, _ := m[field].(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// goneAt is when something ended that is not there any more: as its status said last, or when it was to be gone, or else now.
func goneAt(o *unstructured.Unstructured, now time.Time) time.Time {
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if last := lastEnd(status); !last.IsZero() && allOver(status) {
		return last
	}
	if at := o.GetDeletionTimestamp(); at != nil && at.Time.Before(now) {
		return at.UTC()
	}
	return now
}

// allOver reports whether no container is left that runs or waits.
func allOver(status map[string]any) bool {
	items, _, _ := unstructured.NestedSlice(status, "containerStatuses")
	for _, item := range items {
		c, _ := item.(map[string]any)
		if _, ended, _ := unstructured.NestedMap(c, "state", "terminated"); !ended {
			return false
		}
	}
	return len(items) > 0
}
