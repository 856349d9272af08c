// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/plan/health"
)

// Explain says why a try of a task failed, by the log of it. What a program wrote is never repeated, since it may be anything: of it, only words count that
// are known here.
func Explain(log []Line) health.Reason {
	for _, l := range slices.Backward(log) {
		if l.Signal != "" {
			return bySignal(l.Signal)
		}
		for _, e := range slices.Backward(l.Errors) {
			if r, ok := byError(e.Type, e.Value); ok {
				return r
			}
		}
	}
	if len(log) == 0 {
		return health.Reason{Code: health.Unknown, Summary: "it left no log: its pod may not have started"}
	}
	return health.Reason{Code: health.Exit, Summary: "it ended with an error, which its log has"}
}

// bySignal is the reason of a process that was killed.
func bySignal(name string) health.Reason {
	switch name {
	case "SIGKILL":
		return health.Reason{Code: health.OutOfMemory, Summary: "its process was killed, most likely since it took more memory than there was"}
	case "SIGTERM":
		return health.Reason{Code: health.Evicted, Summary: "its process was asked to end, as when its pod or the scheduler is stopped"}
	}
	return health.Reason{Code: health.Exit, Summary: "its process ended by a signal, which its log has"}
}

// byError is the reason of an exception that is known.
func byError(kind, value string) (health.Reason, bool) {
	switch kind {
	case "AirflowTaskTimeout":
		return health.Reason{Code: health.Deadline, Summary: "it took longer than its execution_timeout"}, true
	case "MemoryError":
		return health.Reason{Code: health.OutOfMemory, Summary: "Python could not get the memory that it asked for"}, true
	case "AirflowNotFoundException":
		return health.Reason{Code: health.Config, Summary: "a connection or variable of Airflow is not there"}, true
	case "PodFailed":
		code, _, _ := strings.Cut(value, ":")
		if summary, known := podReasons[health.Code(code)]; known {
			return health.Reason{Code: health.Code(code), Summary: summary}, true
		}
	}
	return health.Reason{}, false
}

// podReasons are the codes with which package trunkline_airflow says why the pod of a task failed.
var podReasons = map[health.Code]string{ //nolint:gochecknoglobals // it is a table
	health.ImagePull:        "the node cannot get the image of its pod",
	health.Config:           "its pod refers to a ConfigMap, Secret or service account that is not there",
	health.Secret:           "a value of a store of secrets cannot be read",
	health.Command:          "the command of its pod cannot be started",
	health.OutOfMemory:      "its pod took more memory than it may",
	health.Exit:             "the program of its pod ended with an error, which the log has",
	health.Evicted:          "its node put its pod out",
	health.Unschedulable:    "no node takes its pod",
	health.Volume:           "a volume of its pod cannot be mounted",
	health.Sandbox:          "the node cannot set up the network of its pod",
	health.Quota:            "its pod does not fit into the quota of the namespace",
	health.Webhook:          "an admission webhook refuses its pod",
	health.Admission:        "the API server refuses its pod",
	health.Deadline:         "its pod took longer than it may",
	health.ExecutorFailures: "too many executors of Spark failed",
	health.SpotLoss:         "its machine was taken away",
	health.Checkpoint:       "it cannot go on from its checkpoint",
	health.Starting:         "its pod did not start in time",
}
