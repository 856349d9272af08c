// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/plan/health"
)

const (
	// maxPods bounds the pods of a Job that are looked at.
	maxPods = 100
	// lookAgain is how often it is looked whether the pods of a Job have ended.
	lookAgain = time.Second
)

// Why says in a sentence why a Job has failed: what ended its pods, or else what the Job itself says.
func (c *Cluster) Why(ctx context.Context, as As, j Job) string {
	evidence := health.Evidence{Object: j.object}
	pods, err := c.pods(ctx, as, j)
	for i := range pods {
		var p corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(pods[i].Object, &p); err == nil {
			evidence.Pods = append(evidence.Pods, p)
		}
	}
	if why := health.Explain(evidence).Summary; why != "" {
		return why
	}
	if err != nil {
		return "its Job failed, and why cannot be seen: " + health.Line(err.Error())
	}
	return "its Job failed"
}

// Await waits until no pod of a Job that is gone can be at work any more.
func (c *Cluster) Await(ctx context.Context, as As, j Job) error {
	for {
		pods, err := c.pods(ctx, as, j)
		if err != nil {
			return err
		}
		at := 0
		for i := range pods {
			if phase, _, _ := unstructured.NestedString(pods[i].Object, "status", "phase"); phase != string(corev1.PodSucceeded) && phase != string(corev1.PodFailed) {
				at++
			}
		}
		if at == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
	}
}

// pods lists the pods of a Job.
func (c *Cluster) pods(ctx context.Context, as As, j Job) (found []unstructured.Unstructured, err error) {
	err = c.do(ctx, as, podsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		list, err := r.List(ctx, metav1.ListOptions{LabelSelector: batchv1.ControllerUidLabel + "=" + string(j.UID), Limit: maxPods})
		if err != nil {
			return fmt.Errorf("listing the pods of the Job %s/%s: %w", j.Namespace, j.Name, err)
		}
		found = list.Items
		return nil
	})
	return found, err
}
