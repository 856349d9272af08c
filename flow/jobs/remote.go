// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
)

const (
	labelPerson        = "trunkline.dev/person"    // Whose remote run a Job is.
	annotationBy       = "trunkline.dev/by"        // Who started it, as the history names them.
	annotationLot      = "trunkline.dev/of-lot"    // The lot that its program was given, which it does not make.
	annotationDetached = "trunkline.dev/detached"  // Whether it goes on while nobody follows it.
	annotationSeen     = "trunkline.dev/seen"      // When it was last followed by who started it.
	annotationWaits    = "trunkline.dev/waits-for" // What is not there yet that it starts with.
)

// ErrNoProgram means that nothing of a workload is in its namespace that a run can be made from.
var ErrNoProgram = errors.New("nothing is deployed there that a run could be made from: a run takes a Job or a CronJob that its release holds")

// Program finds what a release holds of a workload: a CronJob, or else the newest Job that is no run. Both are read as the daemon, which may
// list them.
func (c *Cluster) Program(ctx context.Context, namespace, environment, workload string) (Template, error) {
	project, name, _ := strings.Cut(workload, "/")
	opts := metav1.ListOptions{
		LabelSelector: fmt.Sprintf("%s=%s,%s=%s,%s=%s,!%s", labelProject, project, labelEnvironment, environment, labelWorkload, name, plan.RunLabel), Limit: podsAtOnce,
	}
	var crons, all []unstructured.Unstructured
	err := c.do(ctx, As{Namespace: namespace}, cronsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		list, err := r.List(ctx, opts)
		if err == nil {
			crons = list.Items
		}
		return err
	})
	if err == nil && len(crons) == 0 {
		err = c.do(ctx, As{Namespace: namespace}, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
			list, err := r.List(ctx, opts)
			if err == nil {
				all = list.Items
			}
			return err
		})
	}
	if err != nil {
		return Template{}, fmt.Errorf("looking for what is deployed of %s in %s: %w", workload, namespace, err)
	}
	if found := slices.Concat(crons, all); len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b unstructured.Unstructured) int {
			return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
		})
		return readProgram(&newest, len(crons) > 0)
	}
	return Template{}, ErrNoProgram
}

// readProgram reads a CronJob, whether it is suspended or not, or a Job.
func readProgram(o *unstructured.Unstructured, cron bool) (Template, error) {
	labels := o.GetLabels()
	t := Template{
		Namespace: o.GetNamespace(), Name: o.GetName(), Environment: labels[labelEnvironment],
		Workload: labels[labelProject] + "/" + labels[labelWorkload], Env: map[string]string{},
	}
	if cron {
		t.UID = o.GetUID() // a Job is another one as soon as its content changes, and what was made from it may go on
		t.job, _, _ = unstructured.NestedMap(o.Object, "spec", "jobTemplate")
	} else {
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		t.job = map[string]any{"spec": spec, "metadata": map[string]any{"labels": anyMap(labels)}}
	}
	return t, t.readPod(labels[labelWorkload])
}

func anyMap(texts map[string]string) map[string]any {
	out := make(map[string]any, len(texts))
	for k, v := range texts {
		out[k] = v
	}
	return out
}

// Remote is a run of someone's own code, as a cluster has it.
type Remote struct {
	Cluster, Namespace, Name string
	UID                      types.UID
	// Environment is the name, and Workload is "project/workload".
	Environment, Workload string
	// Person tells whose it is, and By is their name for people.
	Person, By string
	// Lot is the id of the lot that the program was given; empty if none.
	Lot string
	// Detached reports whether it goes on while nobody follows it, and Seen is when it was followed last.
	Detached bool
	Seen     time.Time
	Created  time.Time
	// Half is set while its files are not there: for long, if who made it has ended meanwhile.
	Half bool
	// Ended is when it ended; the zero time while it is under way. Failed says how, and Outcome what was noted of it.
	Ended   time.Time
	Failed  bool
	Outcome string

	object *unstructured.Unstructured
}

// readRemote reads a Job; false if it is no remote run.
func readRemote(in string, o *unstructured.Unstructured) (Remote, bool) {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	if labels[labelPerson] == "" || labels[plan.RunLabel] == "" {
		return Remote{}, false
	}
	j := Job{Created: o.GetCreationTimestamp().Time}
	j.end(o)
	r := Remote{
		Cluster: in, Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Environment: labels[labelEnvironment],
		Workload: labels[labelProject] + "/" + labels[labelWorkload], Person: labels[labelPerson], By: annotations[annotationBy], Lot: annotations[annotationLot],
		Created: j.Created, Ended: j.Ended, Failed: j.Failed, Outcome: annotations[annotationOutcome], object: o,
	}
	r.Detached, _ = strconv.ParseBool(annotations[annotationDetached])
	r.Half = annotations[annotationWaits] != ""
	if r.Seen, _ = time.Parse(time.RFC3339, annotations[annotationSeen]); r.Seen.Before(r.Created) {
		r.Seen = r.Created
	}
	return r, true
}

// Remotes lists the remote runs of all namespaces.
func (c *Cluster) Remotes(ctx context.Context) (all []Remote, err error) {
	opts := metav1.ListOptions{LabelSelector: labelPerson, Limit: podsAtOnce}
	for {
		err := c.do(ctx, As{}, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
			list, err := r.List(ctx, opts)
			if err != nil {
				return fmt.Errorf("listing remote runs in cluster %q: %w", c.name, err)
			}
			for i := range list.Items {
				if r, is := readRemote(c.name, &list.Items[i]); is {
					all = append(all, r)
				}
			}
			opts.Continue = list.GetContinue()
			return nil
		})
		if err != nil || opts.Continue == "" {
			return all, err
		}
	}
}

// Remote reads a remote run; false if there is none of the name.
func (c *Cluster) Remote(ctx context.Context, as As, name string) (r Remote, there bool, err error) {
	err = c.do(ctx, as, jobsResource, func(ctx context.Context, i dynamic.ResourceInterface) error {
		o, err := i.Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			r, there = readRemote(c.name, o)
		}
		return err
	})
	return r, there, unlessGone(err, "reading the Job "+as.Namespace+"/"+name)
}

// See notes that who started a remote run follows it.
func (c *Cluster) See(ctx context.Context, as As, r Remote, at time.Time) error {
	err := c.annotate(ctx, as, r, "", annotationSeen, at.UTC().Format(time.RFC3339))
	return unlessGone(err, "noting who follows the Job "+r.Namespace+"/"+r.Name)
}

// Conclude notes what came of a remote run; true if nobody has done so before.
func (c *Cluster) Conclude(ctx context.Context, as As, r Remote, outcome string) (first bool, err error) {
	const tries = 5
	for range tries { // it is also changed by others, such as the controller
		now, there, err := c.Remote(ctx, as, r.Name)
		if err != nil || !there || now.UID != r.UID || now.Outcome != "" {
			return false, err
		}
		err = c.annotate(ctx, as, now, now.object.GetResourceVersion(), annotationOutcome, outcome)
		if err == nil || !apierrors.IsConflict(err) {
			return err == nil, unlessGone(err, "noting what came of the Job "+r.Namespace+"/"+r.Name)
		}
	}
	return false, nil
}

// annotate sets an annotation of a remote run, as it was read if a version is given.
func (c *Cluster) annotate(ctx context.Context, as As, r Remote, version, name, value string) error {
	meta := map[string]any{"uid": string(r.UID), "annotations": map[string]any{name: value}}
	if version != "" {
		meta["resourceVersion"] = version
	}
	patch, err := (&unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": meta}}).MarshalJSON()
	if err != nil {
		return fmt.Errorf("writing a patch: %w", err)
	}
	return c.do(ctx, as, jobsResource, func(ctx context.Context, i dynamic.ResourceInterface) error {
		_, err := i.Patch(ctx, r.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: cluster.FieldManager})
		return err
	})
}

// Forget removes a remote run with its pods and files.
func (c *Cluster) Forget(ctx context.Context, as As, r Remote) error {
	return c.Delete(ctx, as, Job{Namespace: r.Namespace, Name: r.Name, UID: r.UID})
}

// copyJob is the spec of a Job as it is declared: without what its controller has put in.
func copyJob(job map[string]any) map[string]any {
	spec, _ := runtime.DeepCopyJSON(job)["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
	}
	for _, name := range []string{
		"suspend", "ttlSecondsAfterFinished", "selector", "manualSelector", "parallelism", "completions", "completionMode", "podFailurePolicy", "successPolicy",
		"backoffLimitPerIndex", "maxFailedIndexes", "podReplacementPolicy", "managedBy",
	} {
		delete(spec, name)
	}
	return spec
}
