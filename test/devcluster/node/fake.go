// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// fake pretends that pods run. It has no memory of them: what to write follows from what the API server shows, so a
// thousand pods cost a thousand writes and nothing between.
type fake struct {
	client kubernetes.Interface
	ips    atomic.Uint32
}

func newFake(client kubernetes.Interface) *fake { return &fake{client: client} }

// Sync implements runtime.
func (f *fake) Sync(ctx context.Context, _ string, pod *corev1.Pod) error {
	switch {
	case pod == nil:
		return nil
	case pod.DeletionTimestamp != nil:
		return removePod(ctx, f.client, pod)
	case isFinished(pod) || pod.Status.StartTime != nil:
		return nil // ours already
	default:
		return writeStatus(ctx, f.client, pod, fakeStatus(pod, f.nextIP(), metav1.Now()))
	}
}

// nextIP hands out addresses of no interface. They are not loopback addresses, which endpoints may not have.
func (f *fake) nextIP() string {
	n := f.ips.Add(1)
	return fmt.Sprintf("10.%d.%d.%d", 128+n>>16&0x3f, n>>8&0xff, n&0xff)
}

// Logs implements runtime.
func (f *fake) Logs(context.Context, LogRequest) (LogReader, error) {
	return logText{io.NopCloser(strings.NewReader("devcluster runs in mode fake: no container runs, so there is no log\n"))}, nil
}

// Pod implements runtime.
func (f *fake) Pod(string, string) (runningPod, error) {
	return nil, errors.New("devcluster runs in mode fake: no container runs, so nothing can be run in one or reached")
}

// Usage implements runtime.
func (f *fake) Usage() []podUsage { return nil }

// Close implements runtime.
func (f *fake) Close() {}

// fakeStatus is the status a pod gets at once and for ever.
func fakeStatus(pod *corev1.Pod, ip string, now metav1.Time) corev1.PodStatus {
	fails, ofJob := pod.Annotations[FailAnnotation] == "true", isJobPod(pod)
	status := corev1.PodStatus{
		Phase:  corev1.PodRunning,
		HostIP: hostIP, HostIPs: []corev1.HostIP{{IP: hostIP}},
		PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		StartTime: &now,
		QOSClass:  pod.Status.QOSClass,
	}
	state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
	ready := readiness{sandbox: true, initialized: true, ready: true}
	const because = "the annotation " + FailAnnotation + " asks for it"
	switch {
	case ofJob && fails:
		status.Phase, status.Message = corev1.PodFailed, because
		state = terminated(1, "Error", because, now)
		ready.ready, ready.reason = false, "PodFailed"
	case ofJob:
		status.Phase = corev1.PodSucceeded
		state = terminated(0, "Completed", "", now)
		ready.ready, ready.reason = false, "PodCompleted"
	case fails:
		state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: because}}
		ready.ready, ready.reason, ready.message = false, "ContainersNotReady", because
	}
	status.Conditions = ready.conditions(pod.Status.Conditions, now)
	for _, c := range pod.Spec.InitContainers {
		init := fakeContainer(c, terminated(0, "Completed", "", now), true)
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			init = fakeContainer(c, state, ready.ready)
		}
		status.InitContainerStatuses = append(status.InitContainerStatuses, init)
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, fakeContainer(c, state, ready.ready))
	}
	return status
}

func fakeContainer(c corev1.Container, state corev1.ContainerState, ready bool) corev1.ContainerStatus {
	started := state.Running != nil
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: "devcluster://" + c.Image, ContainerID: "devcluster://fake",
		State: state, Ready: ready, Started: &started,
	}
}

func terminated(code int32, reason, message string, now metav1.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: reason, Message: message, StartedAt: now, FinishedAt: now,
	}}
}

// isJobPod reports whether the pod is to end by itself.
func isJobPod(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOf(pod)
	return owner != nil && owner.Kind == "Job" && pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
}
