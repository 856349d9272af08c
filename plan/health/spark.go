// SPDX-License-Identifier: Apache-2.0

package health

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The annotations by which the pod of a driver of Spark says what it and its executors may take, and that these are on spot machines.
const (
	annotationDriverHeap     = "spark.trunkline.dev/driver-heap"
	annotationExecutorHeap   = "spark.trunkline.dev/executor-heap"
	annotationExecutorMemory = "spark.trunkline.dev/executor-memory"
	annotationExecutors      = "spark.trunkline.dev/executors"
)

// sparkMessage begins the message of a driver: what was found in its log is in the lines after it, of which only those count that are known here.
const sparkMessage = "trunkline-spark exit "

// sparkCause is a cause, by what is in the log of a driver for it.
type sparkCause struct {
	code Code
	// said are beginnings of what was found.
	said []string
	// says puts it into words.
	says func(of map[string]string) string
}

// sparkCauses are in the order in which they are the cause of the others: an executor that takes too much is lost, and too many that are lost end
// the application.
func sparkCauses() []sparkCause {
	return []sparkCause{
		{Checkpoint, []string{
			"sources in the checkpoint offsets", "STATE_STORE_", "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
			"Provided schema doesn't match to the schema for existing state", "UnsupportedLogVersion", "MALFORMED_LOG_FILE",
		}, func(map[string]string) string {
			return "it cannot go on from its checkpoint, which was written by a program with other sources or another state, or by another version of Spark: " +
				"revert the change, or declare another checkpoint and say why in startsOver"
		}},
		{CrashLoop, []string{"CONCURRENT_STREAM_LOG_UPDATE"}, func(map[string]string) string {
			return "another stream works on its checkpoint at the same time"
		}},
		{OutOfMemory, []string{"exited with exit code 137"}, func(of map[string]string) string {
			return "executors were killed, as they are when they take more memory than they may" + limitOf(of[annotationExecutorMemory])
		}},
		{OutOfMemory, []string{"exited with exit code 52"}, func(of map[string]string) string {
			return "executors ran out of heap" + limitOf(of[annotationExecutorHeap])
		}},
		{OutOfMemory, []string{"java.lang.OutOfMemoryError"}, func(of map[string]string) string {
			return fmt.Sprintf("a JVM ran out of heap: the limit of the driver is %s, and that of an executor %s",
				either(of[annotationDriverHeap], "not known"), either(of[annotationExecutorHeap], "not known"))
		}},
		{OutOfMemory, []string{"MemoryError"}, func(map[string]string) string {
			return "Python got no more memory"
		}},
		{SpotLoss, []string{"brief reason:", "was deleted by a user or the framework", "Executor decommission"}, func(of map[string]string) string {
			if of[annotationExecutors] == "spot" {
				return "executors were lost with their spot machines"
			}
			return "executors were lost with their machines, or deleted"
		}},
		{ExecutorFailures, []string{"Max number of executor failures"}, func(map[string]string) string {
			return "more executors failed than may"
		}},
	}
}

func limitOf(limit string) string {
	if limit == "" {
		return ""
	}
	return " (the limit is " + limit + ")"
}

// sparkDriver is a driver that failed and said by a word of a fixed list what its log has of it. What a program wrote is never shown.
func sparkDriver(_ Evidence, p *corev1.Pod) (Reason, bool) {
	if p.Annotations[annotationDriverHeap] == "" {
		return Reason{}, false
	}
	for _, c := range containers(p) {
		end, _ := c.ended()
		if end == nil || c.Ready || !strings.HasPrefix(end.Message, sparkMessage) {
			continue
		}
		lines := strings.Split(end.Message, "\n")
		found := []string{}
		code := Code("")
		for _, cause := range sparkCauses() {
			if !slices.ContainsFunc(lines[1:], func(line string) bool {
				return slices.ContainsFunc(cause.said, func(said string) bool { return strings.HasPrefix(line, said) })
			}) {
				continue
			}
			found = append(found, cause.says(p.Annotations))
			if code == "" {
				code = cause.code
			}
		}
		// That too many failed is what it ended by; why they did is the cause.
		if end.ExitCode == exitExecutors && code == "" {
			code, found = ExecutorFailures, []string{"more executors failed than may"}
		}
		if code == "" {
			continue
		}
		return Reason{Code: code, Log: c.log(p), Summary: fmt.Sprintf("the driver of pod %s failed: %s; %s", p.Name, strings.Join(found, "; "), exit(end))}, true
	}
	return Reason{}, false
}

// exitExecutors is how a driver of Spark ends of which too many executors failed.
const exitExecutors = 11

// sparkApplication is an application of Kubeflow's operator that failed: it says itself how its driver ended.
func sparkApplication(e Evidence) (Reason, bool) {
	if e.Object.GroupVersionKind().GroupKind() != sparkKind {
		return Reason{}, false
	}
	message, _, _ := unstructured.NestedString(e.Object.Object, "status", "applicationState", "errorMessage")
	for _, of := range []struct {
		said string
		code Code
	}{
		{"OOMKilled", OutOfMemory},
		{"ExitCode: 137", OutOfMemory},
		{"ExitCode: 52", OutOfMemory},
		{"ExitCode: 11,", ExecutorFailures},
		{"Evicted", Evicted},
	} {
		if strings.Contains(message, of.said) {
			limit := ""
			if of.code == OutOfMemory {
				limit = limitOf(e.Object.GetAnnotations()[annotationDriverHeap])
			}
			return Reason{Code: of.code, Summary: "the driver failed: " + message + limit}, true
		}
	}
	return Reason{}, false
}
