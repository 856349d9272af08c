// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"trunkline.dev/trunkline/catalog"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/reconciler/status"
)

// lotsByRelease sums up what there is of the datasets of each release. Runs are counted once for each workload, whatever it writes.
func lotsByRelease(all []lotflow.Dataset) map[catalog.ReleaseID]status.Lots {
	out := map[catalog.ReleaseID]status.Lots{}
	counted := map[string]bool{}
	for _, d := range all {
		project, _, _ := strings.Cut(d.Dataset, "/")
		id := catalog.ReleaseID{Project: project, Environment: d.Environment, Cluster: d.Cluster}
		lots := out[id]
		if d.Trouble != "" {
			lots.Unlisted++
			out[id] = lots
		}
		if d.Refused > 0 {
			lots.Refused += d.Refused
			out[id] = lots
		}
		if !d.Known {
			continue
		}
		lots.Missing += d.Missing()
		if !d.Late.IsZero() {
			lots.Late++
			lots.LateOf = listed(lots.LateOf, d.Dataset)
		}
		if of := d.Environment + " " + d.Workload; d.Workload != "" && !counted[of] {
			counted[of] = true
			lots.Running += d.Running
			lots.Failed += d.Failed
			if d.Failed > 0 {
				lots.FailedOf = listed(lots.FailedOf, d.Workload)
			}
			if d.Disabled != "" {
				lots.Disabled++
			}
		}
		out[id] = lots
	}
	return out
}

// listed adds the local part of an id to a list with spaces between.
func listed(list, id string) string {
	_, name, _ := strings.Cut(id, "/")
	return strings.TrimSpace(list + " " + name)
}
