// SPDX-License-Identifier: Apache-2.0

package health

// Code names a reason, for metrics, filters and the table of docs/operations.md.
type Code string

// The codes. A release that is not healthy has one.
const (
	// ImagePull is an image that the node cannot get.
	ImagePull Code = "image-pull"
	// Config is a ConfigMap, Secret, key or service account that a pod refers to and that is not there.
	Config Code = "config"
	// Secret is a value of a store of secrets that cannot be read.
	Secret Code = "secret"
	// Command is a container whose command cannot be started.
	Command Code = "command"
	// OutOfMemory is a container that was killed since it took more memory than it may.
	OutOfMemory Code = "out-of-memory"
	// Probe is a container that runs and whose startup, readiness or liveness probe fails.
	Probe Code = "probe"
	// CrashLoop is a container that ends again and again.
	CrashLoop Code = "crash-loop"
	// Exit is a container that ended with an error.
	Exit Code = "exit"
	// Evicted is a pod that its node or the scheduler put out.
	Evicted Code = "evicted"
	// Unschedulable is a pod that no node takes.
	Unschedulable Code = "unschedulable"
	// Volume is a volume that cannot be made, bound or mounted.
	Volume Code = "volume"
	// Sandbox is a pod whose network or sandbox the node cannot set up.
	Sandbox Code = "sandbox"
	// Quota is a ResourceQuota or LimitRange that a pod does not fit in.
	Quota Code = "quota"
	// Webhook is an admission webhook that refuses, or does not answer.
	Webhook Code = "webhook"
	// Admission is another refusal of the API server: a policy, pod security, missing rights.
	Admission Code = "admission"
	// ExecutorFailures is a driver of Spark of which too many executors failed.
	ExecutorFailures Code = "executor-failures"
	// SpotLoss is a driver of Spark that lost executors with their machines.
	SpotLoss Code = "spot-loss"
	// Checkpoint is a stream that cannot go on from its checkpoint.
	Checkpoint Code = "checkpoint"
	// BackoffLimit is a Job that is out of retries.
	BackoffLimit Code = "backoff-limit"
	// Deadline is a Job that took longer than it may.
	Deadline Code = "deadline"
	// DisruptionBudget is a PodDisruptionBudget that cannot be computed, or that keeps a pod from being moved.
	DisruptionBudget Code = "disruption-budget"
	// Finalizer is an object that is being deleted and waits for someone to let it go.
	Finalizer Code = "finalizer"
	// Starting is what has not gone wrong so far, and is not there yet.
	Starting Code = "starting"
	// Unknown is what nothing was found for.
	Unknown Code = "unknown"
)

// State is how an object is doing that has such a reason: stalled if it cannot go on until someone changes something,
// failed if it is over, and else progressing, for what crashes or is not ready may still work once what it needs is
// there. It says more than [Of] of kinds whose status does not tell, such as a StatefulSet, and less of a Job, which says
// itself that it has failed: the worse of the two counts.
func (c Code) State() State {
	switch c {
	case ImagePull, Config, Secret, Command, Unschedulable, Volume, Quota, Webhook, Admission:
		return Stalled
	case BackoffLimit, Deadline, Checkpoint:
		return Failed
	default:
		return Progressing
	}
}

// Reason says why an object is not healthy. Texts are one line each, of bounded length, and hold nothing that a terminal
// would obey.
type Reason struct {
	Code Code `json:"code"`
	// Summary says it to people in a sentence.
	Summary string `json:"summary"`
	// Log is the container whose log tells more; its zero value is none.
	Log LogRef `json:"log,omitzero"`
	// Lines are the end of that log. They are what a program wrote: to be shown as such, and never to be taken for words
	// of Trunkline.
	Lines []string `json:"lines,omitempty"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// LogRef names the log of a container.
type LogRef struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	// Previous asks for the attempt before the one that runs now.
	Previous bool `json:"previous,omitempty"`
}
