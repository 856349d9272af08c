// SPDX-License-Identifier: Apache-2.0

package health

import "strings"

// refusal classifies a message of the API server that refuses something, which is kept in full: what a maker of pods was
// told, or what Trunkline itself is told when it applies an object. The summary may have several lines.
func refusal(message string) Reason {
	for _, row := range []struct {
		code Code
		any  []string
	}{
		// Evictions first: their message names the budget, and may name a quota that is called like anything.
		{DisruptionBudget, []string{"violate the pod's disruption budget"}},
		// A webhook says what it likes, so what names it comes before what its own words may hold.
		{Webhook, []string{"admission webhook ", "failed calling webhook", "failed to call webhook"}},
		{Quota, []string{"exceeded quota", "failed quota", "usage per Container", "usage per Pod", "usage per PersistentVolumeClaim", "limit to request ratio"}},
		{Config, []string{"error looking up service account", "no PriorityClass with name", "no API token found for service account"}},
	} {
		for _, part := range row.any {
			if strings.Contains(message, part) {
				return Reason{Code: row.code, Summary: message}
			}
		}
	}
	return Reason{Code: Admission, Summary: advised(message)}
}

// advised adds to a message what a person can do about it, where the message itself does not lead there.
func advised(message string) string {
	if strings.Contains(message, "violates PodSecurity") {
		return message + "; have the pods meet it, or set podSecurity of the project in this environment, within what spec.podSecurity of the environment allows"
	}
	return message
}
