// SPDX-License-Identifier: Apache-2.0

package meter_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/reconciler/meter"
)

func TestLengthOfPods(t *testing.T) {
	begin := time.Date(2026, 12, 1, 11, 6, 52, 0, time.UTC)
	for name, tc := range map[string]struct {
		reason  string
		seconds int
		ended   bool
		want    time.Duration
	}{
		"Longer":    {reason: "It counts until its last container has ended.", seconds: 90, ended: true, want: 90 * time.Second},
		"InASecond": {reason: "Its times have whole seconds: one that takes less counts nevertheless.", ended: true, want: time.Second},
		"Skewed":    {reason: "A node whose clock is behind the server's gives no time back.", seconds: -3, ended: true, want: time.Second},
		"Running":   {reason: "It has no end yet.", seconds: 90},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n"}, Status: corev1.PodStatus{
				Phase:      corev1.PodRunning,
				Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(begin)}},
			}}
			if tc.ended {
				end := metav1.NewTime(begin.Add(time.Duration(tc.seconds) * time.Second))
				pod.Status.Phase = corev1.PodSucceeded
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: end}}}}
			}
			object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
			if err != nil {
				t.Fatal(err)
			}
			began, until := meter.ReadPod(&unstructured.Unstructured{Object: object})
			if !began.Equal(begin) {
				t.Errorf("began at %v, want %v", began, begin)
			}
			if !tc.ended {
				if !until.IsZero() {
					t.Errorf("%s It ends at %v", tc.reason, until)
				}
				return
			}
			if got := until.Sub(began); got != tc.want {
				t.Errorf("%s It counts for %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}
