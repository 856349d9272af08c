// SPDX-License-Identifier: Apache-2.0

package health

import "k8s.io/apimachinery/pkg/runtime/schema"

// builtIn are the rules for kinds that data platforms have, and whose controllers do not follow the conventions that
// kstatus knows.
func builtIn() []Rule {
	const spark = "sparkoperator.k8s.io"
	return []Rule{
		{
			// As with a Job, what people merge it for is its result; one that is always restarted is a stream, and is
			// fine while it runs. The operator decides itself whether a submission that failed is tried again.
			Kind: schema.GroupKind{Group: spark, Kind: "SparkApplication"},
			Healthy: `object.?spec.?suspend.orValue(false) == true || object.?status.?applicationState.?state.orValue("") == "COMPLETED" ||
				object.?status.?applicationState.?state.orValue("") == "RUNNING" && object.?spec.?restartPolicy.?type.orValue("") == "Always"`,
			Stalled: `object.?status.?applicationState.?state.orValue("") == "UNKNOWN"`,
			Failed:  `object.?status.?applicationState.?state.orValue("") == "FAILED"`,
			Message: `"the Spark application is " + (object.?status.?applicationState.?state.orValue("") == "" ? "new" :
				object.status.applicationState.state) + (object.?status.?applicationState.?errorMessage.orValue("") == "" ? "" :
				": " + object.status.applicationState.errorMessage)`,
		},
		{
			Kind:    schema.GroupKind{Group: spark, Kind: "ScheduledSparkApplication"},
			Healthy: `object.?spec.?suspend.orValue(false) == true || object.?status.?scheduleState.orValue("") == "Scheduled"`,
			Failed:  `object.?status.?scheduleState.orValue("") == "FailedValidation"`,
			Message: `"the schedule is " + object.?status.?scheduleState.orValue("new") + (object.?status.?reason.orValue("") == "" ? "" : ": " + object.status.reason)`,
		},
	}
}
