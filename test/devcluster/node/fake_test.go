// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestFakeStatus(t *testing.T) {
	job := []metav1.OwnerReference{{Kind: "Job", Name: "j", Controller: new(true)}}
	replicas := []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "r", Controller: new(true)}}
	fail := map[string]string{FailAnnotation: "true"}
	for _, c := range []struct {
		reason string
		meta   metav1.ObjectMeta
		policy corev1.RestartPolicy
		want   corev1.PodPhase
		ready  bool
	}{
		{"a pod of a Deployment runs", metav1.ObjectMeta{OwnerReferences: replicas}, corev1.RestartPolicyAlways, corev1.PodRunning, true},
		{"a pod of a Job succeeds", metav1.ObjectMeta{OwnerReferences: job}, corev1.RestartPolicyNever, corev1.PodSucceeded, false},
		{"a pod of a Job that is to fail fails", metav1.ObjectMeta{OwnerReferences: job, Annotations: fail}, corev1.RestartPolicyNever, corev1.PodFailed, false},
		{"another pod that is to fail is never ready", metav1.ObjectMeta{Annotations: fail}, corev1.RestartPolicyAlways, corev1.PodRunning, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: c.meta, Spec: corev1.PodSpec{RestartPolicy: c.policy, Containers: []corev1.Container{{Name: "main"}}}}
			got := fakeStatus(pod, "10.128.0.1", metav1.Now())
			if diff := cmp.Diff(c.want, got.Phase); diff != "" {
				t.Errorf("phase (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.ready, conditionOf(got, corev1.PodReady)); diff != "" {
				t.Errorf("ready (-want +got):\n%s", diff)
			}
		})
	}
}
