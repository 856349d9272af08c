// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPhase(t *testing.T) {
	const (
		always, onFailure, never = corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever
	)
	running := containerState{state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, started: true, ready: true}
	ended := func(code int32) containerState {
		return containerState{state: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	crashing := containerState{state: waiting("CrashLoopBackOff", ""), last: ended(1).state}
	pulling := containerState{state: waiting("ImagePullBackOff", "")}

	type states map[string]containerState
	for _, c := range []struct {
		reason  string
		policy  corev1.RestartPolicy
		states  states
		stopped bool
		failed  string
		want    corev1.PodPhase
		ready   bool
	}{
		{reason: "nothing has begun", policy: always, want: corev1.PodPending},
		{reason: "the init container runs", policy: always, states: states{"init": running}, want: corev1.PodPending},
		{reason: "the init container failed and is not tried again", policy: never, states: states{"init": ended(1)}, want: corev1.PodFailed},
		{reason: "the init container failed and is tried again", policy: onFailure, states: states{"init": crashing}, want: corev1.PodPending},
		{reason: "both run", policy: always, states: states{"init": ended(0), "a": running, "b": running}, want: corev1.PodRunning, ready: true},
		{reason: "one cannot be pulled", policy: always, states: states{"init": ended(0), "a": running, "b": pulling}, want: corev1.PodPending},
		{reason: "one crashes again and again", policy: always, states: states{"init": ended(0), "a": running, "b": crashing}, want: corev1.PodRunning},
		{reason: "all ended well", policy: never, states: states{"init": ended(0), "a": ended(0), "b": ended(0)}, want: corev1.PodSucceeded},
		{reason: "one ended badly", policy: never, states: states{"init": ended(0), "a": ended(0), "b": ended(2)}, want: corev1.PodFailed},
		{reason: "one ended badly while the other runs", policy: never, states: states{"init": ended(0), "a": running, "b": ended(2)}, want: corev1.PodRunning},
		{reason: "one ended badly and starts again", policy: onFailure, states: states{"init": ended(0), "a": ended(0), "b": ended(2)}, want: corev1.PodRunning},
		{reason: "what ended well starts again all the same", policy: always, states: states{"init": ended(0), "a": ended(0), "b": ended(0)}, want: corev1.PodRunning},
		{reason: "the deadline", policy: always, states: states{"init": ended(0), "a": ended(137), "b": running}, failed: "DeadlineExceeded", want: corev1.PodFailed},
		{reason: "ended while crashing", policy: always, states: states{"init": ended(0), "a": ended(0), "b": crashing}, stopped: true, want: corev1.PodFailed},
		{reason: "ended before it began", policy: always, stopped: true, want: corev1.PodFailed},
	} {
		t.Run(c.reason, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{
				RestartPolicy:  c.policy,
				InitContainers: []corev1.Container{{Name: "init"}},
				Containers:     []corev1.Container{{Name: "a"}, {Name: "b"}},
			}}
			state := podState{sandbox: true, containers: c.states, stopped: c.stopped, failedReason: c.failed}
			status := state.status(pod, metav1.Now())
			if diff := cmp.Diff(c.want, status.Phase); diff != "" {
				t.Errorf("phase (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.ready, conditionOf(status, corev1.PodReady)); diff != "" {
				t.Errorf("ready (-want +got):\n%s", diff)
			}
		})
	}
}

func conditionOf(status corev1.PodStatus, kind corev1.PodConditionType) bool {
	for _, condition := range status.Conditions {
		if condition.Type == kind {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func TestConditionsKeepTheirTimeUntilTheyChange(t *testing.T) {
	early, late := metav1.Unix(1, 0), metav1.Unix(2, 0)
	foreign := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: early}
	first := readiness{sandbox: true, initialized: true}.conditions([]corev1.PodCondition{foreign}, early)
	second := readiness{sandbox: true, initialized: true, ready: true}.conditions(first, late)
	got := map[corev1.PodConditionType]metav1.Time{}
	for _, condition := range second {
		got[condition.Type] = condition.LastTransitionTime
	}
	want := map[corev1.PodConditionType]metav1.Time{
		corev1.PodScheduled: early, corev1.PodReadyToStartContainers: early, corev1.PodInitialized: early,
		corev1.ContainersReady: late, corev1.PodReady: late,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("times of transition (-want +got):\n%s", diff)
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		reason         string
		pod            *corev1.PodSecurityContext
		container      *corev1.SecurityContext
		uid, gid       int
		mustNotBeBuilt bool
	}{
		{reason: "nobody asks", uid: 0, gid: 0},
		{reason: "not root, no number", pod: &corev1.PodSecurityContext{RunAsNonRoot: new(true)}, uid: nonRoot, gid: nonRoot},
		{reason: "a number without a group", pod: &corev1.PodSecurityContext{RunAsUser: new(int64(7))}, uid: 7, gid: 0},
		{
			reason: "the container overrides the pod", pod: &corev1.PodSecurityContext{RunAsUser: new(int64(7)), RunAsGroup: new(int64(8))},
			container: &corev1.SecurityContext{RunAsUser: new(int64(9))}, uid: 9, gid: 8,
		},
		{
			reason: "root that must not be root", container: &corev1.SecurityContext{RunAsUser: new(int64(0)), RunAsNonRoot: new(true)},
			mustNotBeBuilt: true,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			uid, gid, err := identity(&corev1.Pod{Spec: corev1.PodSpec{SecurityContext: c.pod}}, &corev1.Container{SecurityContext: c.container})
			if (err != nil) != c.mustNotBeBuilt {
				t.Fatalf("error: %v", err)
			}
			if diff := cmp.Diff([]int{c.uid, c.gid}, []int{uid, gid}); diff != "" {
				t.Errorf("user and group (-want +got):\n%s", diff)
			}
		})
	}
}
