// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"slices"
)

// State is how far a workload is with a lot, in the words of Clusterless.
type State string

// The states.
const (
	// Missing has not been run, or has failed and left nothing.
	Missing State = "missing"
	// Running is being made.
	Running State = "running"
	// Complete is there: all that the workload writes has this lot.
	Complete State = "complete"
	// Partial has failed, and left data that do not count.
	Partial State = "partial"
)

// transitions are all that can happen to a lot. Whatever is not here does not.
var transitions = map[State][]State{
	Missing:  {Running},
	Running:  {Complete, Partial, Missing},
	Partial:  {Running, Missing}, // missing once what it left is removed
	Complete: {Running},          // only if it is asked for: a replay
}

// May reports whether a lot can get from one state into another.
func (s State) May(next State) bool { return slices.Contains(transitions[s], next) }

// Start returns why a run for a lot in this state is not started. Again asks for a lot that is there already.
func (s State) Start(again bool) error {
	switch {
	case !s.May(Running):
		return fmt.Errorf("it is %s", s)
	case s == Complete && !again:
		return fmt.Errorf("it is there already")
	}
	return nil
}
