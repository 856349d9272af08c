// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math/big"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// WorkloadID names a workload of a release.
type WorkloadID struct {
	catalog.ReleaseID

	Workload string
}

// Release is what a release costs. It must not be changed.
type Release struct {
	ID    catalog.ReleaseID
	Owner string
	// Monthly is the sum of its workloads.
	Monthly Sum
	// Workloads are in the order of their names.
	Workloads []Workload
	// Missing is what of it is not estimated.
	Missing []Missing
	// Failed reports whether it does not render, so that nothing of it is estimated.
	Failed bool

	// typical are the durations that were known of runs before.
	typical []time.Duration
}

// Workload is what a workload of a release costs.
type Workload struct {
	Name    string
	Monthly Sum
	// Lines make up Monthly; they are there if [Terms] ask for them.
	Lines []Line
	// Runs are what of it ends.
	Runs []Run
}

// Line is the price of one resource of one object.
type Line struct {
	// Object is the kind and name, such as "Deployment web".
	Object string
	// What is the resource: "cpu", "memory", "ephemeral-storage", "storage" with its class, the name of a device, or
	// "container" where a size class has a price.
	What string
	// Quantity is how much of it there is in the month, in the Unit: "core-hour", "GiB-hour", "GiB-month", "device-hour" or
	// "container-hour".
	Quantity *big.Rat
	Unit     string
	Rate     Rate
	Amount   Money
}

// Basis is what starts runs.
type Basis string

// The bases.
const (
	// BySchedule are runs by the clock.
	BySchedule Basis = "schedule"
	// ByLot are runs for each lot.
	ByLot Basis = "lots"
	// ByChange is a single run, again only when the object changes.
	ByChange Basis = "change"
)

// Run is an object whose pods end.
type Run struct {
	Object string
	By     Basis
	// Count is how many runs there are in the month; 0 of what runs once, which is no cost of a month.
	Count int64
	// Takes is how long a run usually takes, and From says who knows it: "declared" or "history"; empty if nobody does.
	Takes time.Duration
	From  string
	// Each is what a run costs, and CoreHours is what it takes of cores. If it is not known how long it takes, they are those
	// of the longest that it may take, or nothing if it may take for ever.
	Each      Sum
	CoreHours *big.Rat
	// Bounded reports whether Each is a bound.
	Bounded bool
	// Series are the lots that it runs for.
	Series Series
	// Content tells one that runs once from what it was before.
	Content string
	// Suspended reports whether it is kept from starting.
	Suspended bool
}

// Known reports whether it is known what a run costs.
func (r Run) Known() bool { return r.From != "" }

// TakesPerLot is how long the run of a workload for a lot usually takes; 0 if nobody knows.
func (r *Release) TakesPerLot(workload string) time.Duration {
	for _, w := range r.Workloads {
		for _, run := range w.Runs {
			if w.Name == workload && run.By == ByLot && run.Known() {
				return run.Takes
			}
		}
	}
	return 0
}

// Series are the lots of a dataset. The zero value is none.
type Series struct {
	// Dataset is "project/name@version".
	Dataset string
	Unit    lot.Unit
	// Since is the start of the first lot.
	Since time.Time
}

// Missing is something that is not estimated.
type Missing struct {
	// Workload and Object say of what; empty if it is of all.
	Workload, Object string
	// Reason says why, for people.
	Reason string
	// AtMost is what it costs at most in a month, if that can be told; else nothing.
	AtMost Sum
}
