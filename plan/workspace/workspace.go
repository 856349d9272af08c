// SPDX-License-Identifier: Apache-2.0

// Package workspace decides what becomes of people's notebooks and editors: whether one starts, runs, is idle and stopped, or is over; and what
// one person's is, made from what is deployed for all.
//
// It is pure. Of Trunkline it imports api and plan.
package workspace

import (
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/workspace"
)

// Phase is how a workspace is.
type Phase string

// The phases, in the order in which they come.
const (
	// Starting is one that is wanted and does not answer yet, or not any more.
	Starting Phase = "starting"
	// Running is one that answers, and is in use; Idle is one that nobody has used for a while.
	Running Phase = "running"
	Idle    Phase = "idle"
	// Stopping is one that is not wanted and still has a pod, and Stopped one that has its volume only.
	Stopping Phase = "stopping"
	Stopped  Phase = "stopped"
	// Expired is one that has been stopped for so long that it is removed.
	Expired Phase = "expired"
)

// Act is what is to be done about a workspace.
type Act int

// The acts.
const (
	Nothing Act = iota
	Stop
	Remove
)

// startTime is how long one may take to start, and to come back after it has run; then it is stopped, since it costs what it requests.
const startTime = 30 * time.Minute

// Facts are what is known of a workspace.
type Facts struct {
	// Wanted is set from when someone opens or wakes it until it is stopped. Woken is when that was, and Stopped when it was stopped.
	Wanted         bool
	Woken, Stopped time.Time
	// Pod is set while it has one, and Answers if its server does.
	Pod, Answers bool
	// Silent is since when it does not answer, as far as it is known; it was not asked all the time.
	Silent time.Time
	// Active is when its server was used last, as far as it is known, and Busy is set while it works by itself.
	Active time.Time
	Busy   bool
}

// Step decides how a workspace is, and what is to be done. Why says so in words where something is.
func Step(f Facts, s workspace.Setup, now time.Time) (phase Phase, act Act, why string) {
	used := f.Woken
	if f.Active.After(used) {
		used = f.Active
	}
	unused := now.Sub(used)
	stopped := f.Stopped
	if used.After(stopped) { // others have stopped it since
		stopped = used
	}
	switch {
	case !f.Wanted && f.Pod:
		return Stopping, Nothing, ""
	case !f.Wanted && s.Expires > 0 && !f.Stopped.IsZero() && now.Sub(stopped) >= s.Expires:
		return Expired, Remove, fmt.Sprintf("it was stopped for %d days", int(s.Expires.Hours()/24))
	case !f.Wanted:
		return Stopped, Nothing, ""
	case !f.Answers && unused >= s.Idle+startTime && now.Sub(f.Silent) >= startTime:
		return Idle, Stop, fmt.Sprintf("it does not answer, and nobody has used it for %s", (s.Idle + startTime).Round(time.Minute))
	case !f.Answers:
		return Starting, Nothing, ""
	case !f.Busy && unused >= s.Idle:
		return Idle, Stop, fmt.Sprintf("nobody has used it for %s", s.Idle)
	}
	return Running, Nothing, ""
}
