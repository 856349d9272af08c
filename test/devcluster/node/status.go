// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// FailAnnotation makes a pod fail in mode Fake when its value is "true": a Job's pod ends in Failed with exit code 1,
// any other pod never becomes ready.
const FailAnnotation = "devcluster.trunkline.dev/fail"

// writeStatus sends the status of a pod. It is a strategic merge patch, as the kubelet sends: the conditions of others
// (the scheduler's) stay, no conflict arises with whoever edits the pod, and the UID keeps it from meeting a pod's
// successor of the same name. A pod that is gone is no error.
func writeStatus(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, status corev1.PodStatus) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   status,
	})
	if err != nil {
		return fmt.Errorf("encoding the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	_, err = client.CoreV1().Pods(pod.Namespace).
		Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if ignoreGone(err) != nil {
		return fmt.Errorf("writing the status of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// removePod finishes the deletion of a pod.
func removePod(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod) error {
	now := int64(0)
	err := client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: &now, Preconditions: &metav1.Preconditions{UID: &pod.UID},
	})
	if apierrors.IsConflict(err) { // it may be another pod by now, or someone else writes to it
		there, failed := client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(failed) || failed == nil && there.UID != pod.UID {
			return nil
		}
	}
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("removing pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// ignoreGone also takes a conflict for gone: our writes carry nothing that could conflict but the pod's UID.
func ignoreGone(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return ignoreNotFound(err)
}

// isFinished reports whether the pod has come to its end.
func isFinished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// setCondition returns conditions with one set; the time of transition changes only when the status does.
func setCondition(conditions []corev1.PodCondition, c corev1.PodCondition, now metav1.Time) []corev1.PodCondition {
	c.LastTransitionTime = now
	out := make([]corev1.PodCondition, 0, len(conditions)+1)
	for _, old := range conditions {
		if old.Type != c.Type {
			out = append(out, old)
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return append(out, c)
}

// readiness are the conditions a node sets on a pod.
type readiness struct {
	sandbox, initialized, ready bool
	// reason and message say why not.
	reason, message string
}

// conditions returns the pod's conditions brought up to date.
func (r readiness) conditions(old []corev1.PodCondition, now metav1.Time) []corev1.PodCondition {
	set := func(kind corev1.PodConditionType, ok bool) {
		c := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
		if !ok {
			c.Status, c.Reason, c.Message = corev1.ConditionFalse, r.reason, r.message
		}
		old = setCondition(old, c, now)
	}
	set(corev1.PodReadyToStartContainers, r.sandbox)
	set(corev1.PodInitialized, r.initialized)
	set(corev1.ContainersReady, r.ready)
	set(corev1.PodReady, r.ready)
	return old
}
