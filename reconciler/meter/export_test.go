// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/cost/usage"
)

// ReadPod returns from when to when a pod counts; until is zero while it runs.
func ReadPod(o *unstructured.Unstructured) (began, until time.Time) {
	fact := read(usage.Pod, o).fact
	return fact.Began, fact.Until
}

// HistoryOfPod returns where the history of a pod is shown.
func HistoryOfPod(o *unstructured.Unstructured) string { return read(usage.Pod, o).fact.History }
