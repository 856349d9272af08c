// SPDX-License-Identifier: Apache-2.0

package web

import (
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// lotKind is how a lot is, as the grid shows it: a sign beside the colour, and words for it.
type lotKind struct {
	Sign string
	Mood mood
	Word string
	// Do says what a person can do about it; empty: nothing has to be done.
	Do string
}

// kindOf returns how a lot is.
func kindOf(l report.Lot) lotKind {
	there := l.State == plan.Complete.String() || l.State == plan.Empty.String()
	switch {
	case l.Status == plan.NotDue:
		return lotKind{"·", idle, "not due yet", ""}
	case l.Status == plan.IsThere && l.State == plan.Empty.String():
		return lotKind{"○", good, "there, and empty", ""}
	case l.Status == plan.IsThere:
		return lotKind{"✓", good, "there", ""}
	case l.Status == plan.IsFailed:
		return lotKind{"✕", bad, "failed", "Read the log of its last attempt. It is tried again by itself after a pause; once the reason is gone, retry it at once."}
	case l.Status == plan.IsRunning:
		return lotKind{"↻", busy, "running", ""}
	case there:
		return lotKind{"R", busy, "there, and to be made again", ""}
	}
	return kindOfMissing(l.Status)
}

// kindOfMissing returns how a lot is that is not there, and neither runs nor failed.
func kindOfMissing(s plan.Status) lotKind {
	switch s {
	case plan.IsReady, plan.IsLimited:
		return lotKind{"→", busy, "starts next", "Nothing: it starts by itself. If its turn is long in coming, spec.lots.limits of the environment says how many run at once."}
	case plan.Waits:
		return lotKind{"‖", waiting, "waits for inputs", "Look at the first cause: the lot is made by itself once what it waits for is there."}
	case plan.IsAwaited:
		return lotKind{"…", waiting, "waits for what arrives", "Ask whoever sends the data. The boundary makes the lot of what arrives."}
	case plan.IsHeld:
		return lotKind{"H", waiting, "held", "Nothing, if the hold ends by itself; otherwise look at what holds the release of the workload."}
	case plan.IsExternal:
		return lotKind{"!", warn, "not written from outside", "Ask whoever writes the dataset: nothing here makes its lots."}
	case plan.IsScheduled, plan.IsSteady:
		return lotKind{"C", warn, "not written by a workload that runs by itself", "Look at the workload: it writes its lots by itself, and did not write this one."}
	case plan.IsDisabled:
		return lotKind{"D", idle, "disabled", "Enable the workload, once the reason for which it was disabled is gone."}
	case plan.IsSuspended, plan.IsExcluded:
		return lotKind{"S", idle, "suspended or excluded", "Change the declaration of the workload or its project: it says that it does not run here."}
	default:
		return lotKind{"–", idle, "not made", "Nothing makes it as things are declared: change the declaration if it is needed."}
	}
}
