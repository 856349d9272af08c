// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"maps"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/plan"
)

const (
	labelLot           = "trunkline.dev/lot"      // The lot that a Job makes.
	labelAttempt       = "trunkline.dev/attempt"  // Which attempt at its lot a Job is.
	annotationInputs   = "trunkline.dev/inputs"   // A digest of the manifests that a Job reads.
	annotationReplaces = "trunkline.dev/replaces" // The manifests that a Job was started to replace, by role, as JSON.
	annotationOutcome  = "trunkline.dev/outcome"  // What came of a Job, once that is written down in manifests.
	annotationTag      = "trunkline.dev/tag"      // What tells the folder that a Job writes to from that of another one of its name.
)

// Job is a run as a cluster has it.
type Job struct {
	// Cluster is the name of the one that has it.
	Cluster         string
	Namespace, Name string
	UID             types.UID
	// Environment is the name, and Workload is "project/workload".
	Environment, Workload string
	Lot                   lot.Lot
	Attempt               string
	// Inputs, Replaces and Tag are as [Order] had them.
	Inputs, Replaces, Tag string
	Created               time.Time
	// Timeout is after how long the cluster ends it; 0 if it does not.
	Timeout time.Duration
	// Ended is when it ended; the zero time while it is under way. Failed says how.
	Ended  time.Time
	Failed bool
	// Outcome says what came of it, once that is written down where it counts.
	Outcome string

	object *unstructured.Unstructured
}

// readJob reads a Job; false if it is none that was made for a lot.
func readJob(o *unstructured.Unstructured) (Job, bool) {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	l, err := lot.ParseName(labels[labelLot])
	if err != nil || labels[labelAttempt] == "" || labels[plan.RunLabel] == "" {
		return Job{}, false
	}
	j := Job{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Environment: labels[labelEnvironment],
		Workload: labels[labelProject] + "/" + labels[labelWorkload], Lot: l, Attempt: labels[labelAttempt],
		Inputs: annotations[annotationInputs], Replaces: annotations[annotationReplaces], Tag: annotations[annotationTag], Outcome: annotations[annotationOutcome],
		Created: o.GetCreationTimestamp().Time, object: o,
	}
	j.end(o)
	return j, true
}

// readOther reads a Job of a workload that was not made for a lot, such as one that a CronJob has made; false if it is none.
func readOther(o *unstructured.Unstructured) (Job, bool) {
	labels := o.GetLabels()
	if labels[plan.RunLabel] != "" || labels[labelProject] == "" || labels[labelWorkload] == "" {
		return Job{}, false
	}
	j := Job{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Environment: labels[labelEnvironment],
		Workload: labels[labelProject] + "/" + labels[labelWorkload], Created: o.GetCreationTimestamp().Time, object: o,
	}
	j.end(o)
	return j, true
}

// end reads whether a Job has ended, and how.
func (j *Job) end(o *unstructured.Unstructured) {
	j.Timeout = deadline(o.Object)
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		kind, _ := c["type"].(string)
		if c["status"] != any("True") || kind != "Complete" && kind != "Failed" {
			continue
		}
		at, _ := c["lastTransitionTime"].(string)
		var err error
		if j.Ended, err = time.Parse(time.RFC3339, at); err != nil {
			j.Ended = j.Created
		}
		j.Failed = kind == "Failed"
	}
}

// deadline is after how long a Job is ended, by its object or the template of one; 0 if it is not.
func deadline(job map[string]any) time.Duration {
	switch n, _, _ := unstructured.NestedFieldNoCopy(job, "spec", "activeDeadlineSeconds"); n := n.(type) {
	case int64:
		return time.Duration(n) * time.Second
	case float64:
		return time.Duration(n) * time.Second
	}
	return 0
}

// Order says which Job is to be made.
type Order struct {
	Template Template
	// Name is deterministic, so that what is made twice is there once.
	Name    string
	Lot     lot.Lot
	Attempt string
	// Inputs is a digest of what is read, Replaces says which manifests it is to replace, and Tag tells the folder that it writes to from
	// that of another Job of its name. They are kept with the Job.
	Inputs, Replaces, Tag string
	// Variables are those that the run is given, and Command what it is started with; empty for the template's.
	Variables []run.Variable
	Command   []run.Text
}

// build makes the object of a Job. It has one pod and no other after it, which would find what the first left behind, and stays until it
// is removed by who made it.
func build(o Order) *unstructured.Unstructured {
	t := o.Template
	job := runtime.DeepCopyJSON(t.job)
	spec, _ := job["spec"].(map[string]any)
	spec["backoffLimit"] = int64(0)
	delete(spec, "ttlSecondsAfterFinished")
	delete(spec, "suspend")
	own := map[string]string{plan.RunLabel: o.Name, labelLot: o.Lot.Name(), labelAttempt: o.Attempt}
	given, _, _ := unstructured.NestedStringMap(job, "metadata", "labels")
	annotations, _, _ := unstructured.NestedStringMap(job, "metadata", "annotations")
	annotations = with(annotations, map[string]string{annotationInputs: o.Inputs, annotationReplaces: o.Replaces, annotationTag: o.Tag})
	pod, _, _ := unstructured.NestedStringMap(spec, "template", "metadata", "labels")
	_ = unstructured.SetNestedStringMap(spec, with(pod, own), "template", "metadata", "labels") // it is a table in every template
	containers, _, _ := unstructured.NestedSlice(spec, "template", "spec", "containers")
	if c, ok := containers[t.container].(map[string]any); ok {
		c["env"] = environment(c["env"], o.Variables)
		if len(o.Command) > 0 {
			command := make([]any, len(o.Command))
			for i, arg := range o.Command {
				command[i] = reference(arg)
			}
			c["command"] = command
		}
	}
	_ = unstructured.SetNestedSlice(spec, containers, "template", "spec", "containers")
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": spec}}
	out.SetNamespace(t.Namespace)
	out.SetName(o.Name)
	out.SetLabels(with(given, own))
	out.SetAnnotations(annotations)
	// It goes when the template does. It is not the controller: that would have the CronJob's own history limits remove it.
	out.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{ //nolint:forcetypeassert // it was made above
		"apiVersion": "batch/v1", "kind": "CronJob", "name": t.Name, "uid": string(t.UID),
	}}
	return out
}

func with(given, more map[string]string) map[string]string {
	out := maps.Clone(given)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, more)
	return out
}

// environment is that of the container: what the template has and the run does not give, which are the secrets first of all, and then
// its own. The template's own for what is read and written name whole datasets, and are left out.
func environment(template any, given []run.Variable) []any {
	names := make(map[string]bool, len(given))
	for _, v := range given {
		names[v.Name] = true
	}
	var out []any
	entries, _ := template.([]any)
	for _, e := range entries {
		if entry, ok := e.(map[string]any); ok {
			name, _ := entry["name"].(string)
			if own := strings.HasPrefix(name, ownVariables) && name != secretref.Variable; !names[name] && !own {
				out = append(out, e)
			}
		}
	}
	for _, v := range given {
		out = append(out, map[string]any{"name": v.Name, "value": reference(v.Value)})
	}
	return out
}

// reference is a text as a container takes it, with the names of secrets for their values.
func reference(t run.Text) string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(strings.ReplaceAll(p.Literal, "$", "$$"))
		if p.Secret != "" {
			b.WriteString("$(" + p.Secret + ")")
		}
	}
	return b.String()
}
