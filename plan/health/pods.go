// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// finding is a reason that was found with a pod.
type finding struct {
	Reason

	pod *corev1.Pod
}

// podRow says what is wrong with a pod; false if it is not this.
type podRow func(e Evidence, p *corev1.Pod) (Reason, bool)

// worst finds the worst thing that is wrong with any pod. The order is that of certainty: what keeps a container from
// being started at all, what ended it, what put the pod out, and what it waits for.
func worst(e Evidence) (finding, bool) {
	pods := sorted(e.Pods)
	for _, row := range []podRow{
		imagePull, secretMount, badConfig, badCommand, secretRead, outOfMemory, sparkDriver, liveness, crashLoop, evicted, exited, unschedulable, unmounted, sandbox, unready,
	} {
		for _, p := range pods {
			if p.Status.Phase == corev1.PodSucceeded || p.DeletionTimestamp != nil && p.Status.Phase != corev1.PodFailed {
				continue // it is done, or was asked to end
			}
			if r, ok := row(e, p); ok {
				return finding{r, p}, true
			}
		}
	}
	return finding{}, false
}

// title is what people call a container.
func (c container) title() string {
	if c.init {
		return fmt.Sprintf("init container %q", c.Name)
	}
	return fmt.Sprintf("container %q", c.Name)
}

// log refers to what a container wrote before it ended.
func (c container) log(p *corev1.Pod) LogRef {
	_, previous := c.ended()
	return LogRef{Namespace: p.Namespace, Pod: p.Name, Container: c.Name, Previous: previous}
}

// waitsFor finds a container that waits for one of some reasons.
func waitsFor(p *corev1.Pod, reasons ...string) (c container, message string, ok bool) {
	for _, c := range containers(p) {
		if reason, message := c.waiting(); slices.Contains(reasons, reason) {
			return c, either(message, reason), true
		}
	}
	return container{}, "", false
}

func imagePull(e Evidence, p *corev1.Pod) (Reason, bool) {
	c, message, ok := waitsFor(p, "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
		"RegistryUnavailable", "SignatureValidationFailed", "ErrImagePullBackOff")
	if !ok {
		return Reason{}, false
	}
	// While the kubelet backs off it may say no more than that; the event has what the registry said.
	if strings.HasPrefix(message, "Back-off pulling image") && !strings.Contains(message, "ErrImagePull") || !strings.Contains(message, " ") {
		said := func(event *corev1.Event) bool { return strings.Contains(event.Message, "pull image") }
		if event := e.newestEvent(p.UID, said, "Failed", "ErrImageNeverPull", "InspectFailed"); event != nil {
			message = event.Message
		}
	}
	return Reason{Code: ImagePull, Summary: fmt.Sprintf("%s of pod %s cannot get its image %q: %s", c.title(), p.Name, c.Image, message)}, true
}

// notThere is how the kubelet says that an object or key does not exist.
var notThere = regexp.MustCompile(`(?i)(secret|configmap)s? "[^"]*" not found|couldn't find key|references non-existent (secret|config) key|serviceaccount "[^"]*" not found`)

func badConfig(e Evidence, p *corev1.Pod) (Reason, bool) {
	if c, message, ok := waitsFor(p, "CreateContainerConfigError"); ok {
		return Reason{Code: Config, Summary: fmt.Sprintf("%s of pod %s refers to what is not there: %s", c.title(), p.Name, message)}, true
	}
	if _, _, starting := waitsFor(p, "ContainerCreating", "PodInitializing"); !starting {
		return Reason{}, false
	}
	missing := func(event *corev1.Event) bool { return notThere.MatchString(event.Message) }
	if event := e.newestEvent(p.UID, missing, "FailedMount"); event != nil {
		return Reason{Code: Config, Summary: fmt.Sprintf("pod %s refers to what is not there: %s", p.Name, event.Message)}, true
	}
	return Reason{}, false
}

func badCommand(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range containers(p) {
		message := ""
		if reason, text := c.waiting(); reason == "RunContainerError" || reason == "CreateContainerError" || reason == "StartError" {
			message = either(text, reason)
		} else if end, _ := c.ended(); end != nil && !c.Ready && (end.Reason == "StartError" || end.Reason == "ContainerCannotRun") {
			message = either(end.Message, end.Reason) // written by the node: there was no program yet
		}
		if message != "" {
			return Reason{Code: Command, Summary: fmt.Sprintf("%s of pod %s cannot be started: %s", c.title(), p.Name, message)}, true
		}
	}
	return Reason{}, false
}

func outOfMemory(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range containers(p) {
		if end, _ := c.ended(); end != nil && end.Reason == "OOMKilled" && !c.Ready {
			limit := ""
			if most := memoryLimit(p, c.Name); most != "" {
				limit = " (its limit is " + most + ")"
			}
			return Reason{
				Code: OutOfMemory, Log: c.log(p),
				Summary: fmt.Sprintf("%s of pod %s was killed since it took more memory than it may%s; %s", c.title(), p.Name, limit, restarts(c)),
			}, true
		}
	}
	return Reason{}, false
}

// memoryLimit is what a container may take; empty if that is not said.
func memoryLimit(p *corev1.Pod, name string) string {
	for _, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
		if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok && c.Name == name {
			return limit.String()
		}
	}
	return ""
}

func restarts(c container) string {
	switch c.RestartCount {
	case 0:
		return "it was not restarted"
	case 1:
		return "it was restarted once"
	default:
		return fmt.Sprintf("it was restarted %d times", c.RestartCount)
	}
}

// liveness is a container that is ended again and again by its own probe: how it ends says nothing then.
func liveness(e Evidence, p *corev1.Pod) (Reason, bool) {
	killed := func(event *corev1.Event) bool {
		return strings.Contains(event.Message, "failed liveness probe") || strings.Contains(event.Message, "failed startup probe")
	}
	if e.newestEvent(p.UID, killed, "Killing") == nil {
		return Reason{}, false
	}
	for _, c := range containers(p) {
		if end, _ := c.ended(); c.Ready || end == nil {
			continue
		}
		said := func(event *corev1.Event) bool {
			return aboutContainer(event, c.Name) && !strings.HasPrefix(event.Message, "Readiness")
		}
		why := "its probe fails"
		if event := e.newestEvent(p.UID, said, "Unhealthy"); event != nil {
			why = event.Message
		}
		return Reason{Code: Probe, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s is restarted since its probe fails: %s; %s", c.title(), p.Name, why, restarts(c))}, true
	}
	return Reason{}, false
}

// aboutContainer reports whether an event is about a container; one that does not say is about any.
func aboutContainer(event *corev1.Event, name string) bool {
	path := event.InvolvedObject.FieldPath
	return path == "" || strings.HasSuffix(path, "{"+name+"}")
}

func crashLoop(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range containers(p) {
		reason, message := c.waiting()
		end, _ := c.ended()
		switch {
		case reason == "CrashLoopBackOff" && end != nil:
			return Reason{Code: CrashLoop, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s ends again and again: %s; %s", c.title(), p.Name, exit(end), restarts(c))}, true
		case reason == "CrashLoopBackOff":
			return Reason{Code: CrashLoop, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s ends again and again: %s", c.title(), p.Name, either(message, reason))}, true
		case c.RestartCount > 0 && end != nil && !c.Ready && end.ExitCode != 0 && c.State.Terminated == nil && !c.init:
			return Reason{Code: CrashLoop, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s is not ready, and before: %s; %s", c.title(), p.Name, exit(end), restarts(c))}, true
		}
	}
	return Reason{}, false
}

// exit says how a container ended. What the container itself left as its message is not shown: it is a log.
func exit(end *corev1.ContainerStateTerminated) string {
	if end.Signal != 0 {
		return fmt.Sprintf("it was ended by signal %d", end.Signal)
	}
	hint := map[int32]string{
		0: " (and is to go on)", 126: " (the command may not be run)", 127: " (the command was not found)",
		137: " (killed, SIGKILL)", 139: " (a fault in memory, SIGSEGV)", 143: " (asked to end, SIGTERM)",
	}[end.ExitCode]
	return fmt.Sprintf("it ended with exit code %d%s", end.ExitCode, hint)
}

func evicted(_ Evidence, p *corev1.Pod) (Reason, bool) {
	message := ""
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			message = either(c.Message, c.Reason)
		}
	}
	if p.Status.Phase == corev1.PodFailed && slices.Contains([]string{
		"Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeLost", "NodeAffinity", "OutOfcpu", "OutOfmemory", "OutOfpods",
		"UnexpectedAdmissionError", "Shutdown",
	}, p.Status.Reason) {
		message = either(p.Status.Message, message, p.Status.Reason)
	}
	if message == "" {
		return Reason{}, false
	}
	return Reason{Code: Evicted, Summary: fmt.Sprintf("pod %s was put out of its node: %s", p.Name, message)}, true
}

func exited(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range containers(p) {
		if end := c.State.Terminated; end != nil && end.ExitCode != 0 {
			return Reason{Code: Exit, Log: c.log(p), Summary: fmt.Sprintf("%s of pod %s failed: %s", c.title(), p.Name, exit(end))}, true
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		return Reason{Code: Exit, Summary: fmt.Sprintf("pod %s failed: %s", p.Name, either(p.Status.Message, p.Status.Reason, "it does not say why"))}, true
	}
	return Reason{}, false
}

func unschedulable(_ Evidence, p *corev1.Pod) (Reason, bool) {
	for _, c := range p.Status.Conditions {
		if c.Type != corev1.PodScheduled || c.Status != corev1.ConditionFalse {
			continue
		}
		switch {
		case c.Reason == corev1.PodReasonSchedulingGated:
			return Reason{Code: Unschedulable, Summary: fmt.Sprintf("pod %s is held back by a scheduling gate: %s", p.Name, either(c.Message, c.Reason))}, true
		case strings.Contains(strings.ToLower(c.Message), "persistentvolumeclaim"):
			return Reason{Code: Volume, Summary: fmt.Sprintf("no node takes pod %s until its volumes are there: %s", p.Name, c.Message)}, true
		default:
			return Reason{Code: Unschedulable, Summary: fmt.Sprintf("no node takes pod %s: %s", p.Name, either(c.Message, c.Reason))}, true
		}
	}
	return Reason{}, false
}

// unstarted reports whether the pod has a node, and its containers are not made.
func unstarted(p *corev1.Pod) bool {
	_, _, ok := waitsFor(p, "ContainerCreating", "PodInitializing")
	return ok || p.Status.Phase == corev1.PodPending && len(p.Status.ContainerStatuses) == 0
}

func unmounted(e Evidence, p *corev1.Pod) (Reason, bool) {
	event := e.newestEvent(p.UID, nil, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
	if event == nil || !unstarted(p) {
		return Reason{}, false
	}
	return Reason{Code: Volume, Summary: fmt.Sprintf("a volume of pod %s cannot be mounted: %s", p.Name, event.Message)}, true
}

func sandbox(e Evidence, p *corev1.Pod) (Reason, bool) {
	event := e.newestEvent(p.UID, nil, "FailedCreatePodSandBox", "NetworkNotReady", "FailedCreatePodContainer")
	if event == nil || !unstarted(p) {
		return Reason{}, false
	}
	return Reason{Code: Sandbox, Summary: fmt.Sprintf("the node cannot set up pod %s: %s", p.Name, event.Message)}, true
}

// unready is a container that runs, and whose probe says that it does not work.
func unready(e Evidence, p *corev1.Pod) (Reason, bool) {
	if ready(p) {
		return Reason{}, false
	}
	for _, c := range containers(p) {
		if c.State.Running == nil || c.Ready {
			continue
		}
		event := e.newestEvent(p.UID, func(event *corev1.Event) bool { return aboutContainer(event, c.Name) }, "Unhealthy", "ProbeWarning")
		if event == nil {
			continue
		}
		return Reason{
			Code: Probe, Log: LogRef{Namespace: p.Namespace, Pod: p.Name, Container: c.Name},
			Summary: fmt.Sprintf("%s of pod %s runs, and its probe fails: %s", c.title(), p.Name, event.Message),
		}, true
	}
	return Reason{}, false
}
