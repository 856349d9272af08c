// SPDX-License-Identifier: Apache-2.0

package health

// Codes lists all codes.
func Codes() []Code {
	return []Code{
		ImagePull, Config, Secret, Command, OutOfMemory, Probe, CrashLoop, Exit, Evicted, Unschedulable, Volume, Sandbox, Quota, Webhook, Admission,
		ExecutorFailures, SpotLoss, Checkpoint, BackoffLimit, Deadline, DisruptionBudget, Finalizer, Starting, Unknown,
	}
}

// Refused classifies a refusal, with its summary on one line as callers of [refusal] make it.
func Refused(message string) Reason {
	r := refusal(message)
	r.Summary = Line(r.Summary)
	return r
}
