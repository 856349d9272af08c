// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
)

const (
	// maxPods bounds the pods of a Job that are looked at.
	maxPods = 100
	// podsAtOnce is how many of a namespace are listed by a request.
	podsAtOnce = 500
	// lookAgain is how often it is looked whether the pods of a Job have ended.
	lookAgain = time.Second
)

// Why says in a sentence why a Job has failed: what ended its pods, or else what the Job itself says. It fails if the pods cannot be seen for
// now.
func (c *Cluster) Why(ctx context.Context, as As, j Job) (string, error) {
	evidence := health.Evidence{Object: j.object}
	pods, err := c.pods(ctx, as, batchv1.JobNameLabel, j.Name)
	if err != nil && Transient(err) {
		return "", err
	}
	for i := range pods {
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(pods[i].Object, &p); err == nil {
			evidence.Pods = append(evidence.Pods, p)
		}
	}
	if why := health.Explain(evidence).Summary; why != "" {
		return why, nil
	}
	if err != nil {
		return "its Job failed, and why cannot be seen: " + health.Line(err.Error()), nil
	}
	return "its Job failed", nil
}

// Await waits until no pod of a Job that is gone can be at work any more, and none that these have made, such as executors of Spark. If the Job is there after all, it returns true at once: a watch
// may be behind what another replica has done.
func (c *Cluster) Await(ctx context.Context, as As, name string) (there bool, err error) {
	err = c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		_, err := r.Get(ctx, name, metav1.GetOptions{})
		return err
	})
	if err == nil || !apierrors.IsNotFound(err) {
		return err == nil, err
	}
	for {
		pods, err := c.pods(ctx, as, plan.RunLabel, name)
		if err != nil {
			return false, err
		}
		if !slices.ContainsFunc(pods, atWork) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// Lingering are the names of the Jobs in a namespace of which a pod has not ended, whether they are there or not.
func (c *Cluster) Lingering(ctx context.Context, as As) (map[string]bool, error) {
	names := map[string]bool{}
	opts := metav1.ListOptions{LabelSelector: plan.RunLabel, FieldSelector: "status.phase!=Succeeded,status.phase!=Failed", Limit: podsAtOnce}
	for {
		err := c.do(ctx, as, podsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
			list, err := r.List(ctx, opts)
			if err != nil {
				return fmt.Errorf("listing the pods of runs in %s: %w", as.Namespace, err)
			}
			for i := range list.Items {
				names[list.Items[i].GetLabels()[plan.RunLabel]] = true
			}
			opts.Continue = list.GetContinue()
			return nil
		})
		if err != nil || opts.Continue == "" {
			return names, err
		}
	}
}

// atWork reports whether a pod has not ended.
func atWork(pod unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	return phase != string(corev1.PodSucceeded) && phase != string(corev1.PodFailed)
}

// pods lists the pods by which a label says that they are of a Job.
func (c *Cluster) pods(ctx context.Context, as As, label, job string) (found []unstructured.Unstructured, err error) {
	err = c.do(ctx, as, podsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		list, err := r.List(ctx, metav1.ListOptions{LabelSelector: label + "=" + job, Limit: maxPods})
		if err != nil {
			return fmt.Errorf("listing the pods of the Job %s/%s: %w", as.Namespace, job, err)
		}
		found = list.Items
		return nil
	})
	return found, err
}
