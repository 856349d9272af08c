// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// containerState is what is known of one container of a pod.
type containerState struct {
	state, last corev1.ContainerState
	restarts    int32
	started     bool
	ready       bool
	id          string
}

// podState is what is known of a pod that runs, or is about to.
type podState struct {
	ip         string
	startTime  metav1.Time
	sandbox    bool
	containers map[string]containerState
	// failed ends the pod as a whole: the reason and message of the phase Failed. Empty while it goes on.
	failedReason, failedMessage string
	// stopped: no container will start again.
	stopped bool
}

// status is the pod's status that follows from its state.
func (s podState) status(pod *corev1.Pod, now metav1.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		HostIP: hostIP, HostIPs: []corev1.HostIP{{IP: hostIP}},
		StartTime: &s.startTime,
		QOSClass:  pod.Status.QOSClass,
		Phase:     s.phase(pod),
		Reason:    s.failedReason,
		Message:   s.failedMessage,
	}
	if s.sandbox {
		status.PodIP, status.PodIPs = s.ip, []corev1.PodIP{{IP: s.ip}}
	}
	finished := status.Phase == corev1.PodSucceeded || status.Phase == corev1.PodFailed
	for _, c := range pod.Spec.InitContainers {
		status.InitContainerStatuses = append(status.InitContainerStatuses, s.container(c, "PodInitializing", finished))
	}
	next := "ContainerCreating"
	if !s.initialized(pod) {
		next = "PodInitializing"
	}
	var unready []string
	for _, c := range pod.Spec.Containers {
		cs := s.container(c, next, finished)
		status.ContainerStatuses = append(status.ContainerStatuses, cs)
		if !cs.Ready {
			unready = append(unready, c.Name)
		}
	}
	r := readiness{sandbox: s.sandbox && !finished, initialized: s.initialized(pod), ready: len(unready) == 0 && !s.stopped && !finished}
	switch {
	case status.Phase == corev1.PodSucceeded:
		r.reason, r.initialized = "PodCompleted", true
	case status.Phase == corev1.PodFailed:
		r.reason = "PodFailed"
	case !r.initialized:
		r.reason, r.message = "ContainersNotInitialized", "not all init containers have completed"
	case len(unready) > 0:
		r.reason, r.message = "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	status.Conditions = r.conditions(pod.Status.Conditions, now)
	return status
}

// container is the status of one container; next is what one that has no state yet waits for.
func (s podState) container(c corev1.Container, next string, finished bool) corev1.ContainerStatus {
	known, ok := s.containers[c.Name]
	if !ok {
		known.state.Waiting = &corev1.ContainerStateWaiting{Reason: next}
	}
	if finished && known.state.Waiting != nil && known.last.Terminated != nil {
		known.state, known.last = known.last, corev1.ContainerState{}
	}
	started := known.started && known.state.Running != nil
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: "devcluster://" + c.Image, ContainerID: known.id,
		State: known.state, LastTerminationState: known.last,
		RestartCount: known.restarts,
		Started:      &started,
		Ready:        known.ready && (known.state.Running != nil || isDone(known)),
	}
}

// isDone reports whether a container has ended well, for good. A completed init container counts as ready.
func isDone(s containerState) bool {
	return s.state.Terminated != nil && s.state.Terminated.ExitCode == 0
}

// initialized reports whether the main containers may run.
func (s podState) initialized(pod *corev1.Pod) bool {
	for _, c := range pod.Spec.InitContainers {
		state := s.containers[c.Name]
		if isSidecar(c) {
			if !state.started {
				return false
			}
		} else if !isDone(state) {
			return false
		}
	}
	return true
}

// phase follows the kubelet's rules.
func (s podState) phase(pod *corev1.Pod) corev1.PodPhase {
	if s.failedReason != "" {
		return corev1.PodFailed
	}
	policy := pod.Spec.RestartPolicy
	for _, c := range pod.Spec.InitContainers {
		t := s.containers[c.Name].state.Terminated
		if !isSidecar(c) && t != nil && t.ExitCode != 0 && (policy == corev1.RestartPolicyNever || s.stopped) {
			return corev1.PodFailed
		}
	}
	if !s.initialized(pod) && !s.stopped {
		return corev1.PodPending
	}
	var unstarted, running, failed int
	for _, c := range pod.Spec.Containers {
		state := s.containers[c.Name]
		end := state.state.Terminated
		if end == nil && s.stopped {
			end = state.last.Terminated
		}
		switch {
		case end != nil && (s.stopped || policy != corev1.RestartPolicyAlways) && end.ExitCode == 0:
		case end != nil && (s.stopped || policy == corev1.RestartPolicyNever):
			failed++
		case end != nil || state.state.Running != nil || state.last.Terminated != nil:
			running++
		case s.stopped:
			failed++ // it was never started and never will be
		default:
			unstarted++
		}
	}
	switch {
	case unstarted > 0:
		return corev1.PodPending
	case running > 0:
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	default:
		return corev1.PodSucceeded
	}
}

// isSidecar reports whether an init container keeps running beside the main ones.
func isSidecar(c corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

// restarts reports whether a container that ended with the given code starts again.
func restarts(pod *corev1.Pod, c corev1.Container, isInit bool, code int32) bool {
	switch {
	case isInit && isSidecar(c):
		return true
	case code == 0:
		return !isInit && pod.Spec.RestartPolicy == corev1.RestartPolicyAlways
	default:
		return pod.Spec.RestartPolicy != corev1.RestartPolicyNever
	}
}
