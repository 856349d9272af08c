// SPDX-License-Identifier: Apache-2.0

package release

import (
	"time"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/render"
)

// Effect is something that the caller of [Step] has to do. Effects are in the order in which they are to be begun.
type Effect interface{ effect() }

// Look reads the inventory. It is an operation, answered by [Looked].
type Look struct {
	Epoch int
	// Fresh asks the API server itself, and forgets what was applied before: another replica had the release.
	Fresh bool
}

// Run plans, applies and prunes. It is an operation, answered by [Ended].
type Run struct {
	Epoch    int
	Target   Target
	Settings Settings
	Memory   gate.Memory
	// Unsaved is set if Memory has to be written, and Everything if also what is known to be in place is to be applied.
	Unsaved, Everything bool
	// Back is set if Target is an older state than the newest commit's: what had ended in it is not run again.
	Back bool
	// Gone are the members that were seen to be deleted since the last run.
	Gone map[plan.Ref]plan.Vanished
	// Damped are the fields that are not corrected now, since others keep changing them.
	Damped map[plan.Ref][]field.Path
}

// Restore renders the release as an older commit declares it. It is an operation, answered by [Restored].
type Restore struct {
	Epoch  int
	Commit string
	// Digest is that of the state, for whoever has it already.
	Digest string
}

// Save writes what has to be remembered. It is an operation, answered by [Saved].
type Save struct {
	Epoch  int
	Memory gate.Memory
	// Namespace is that of the state in force.
	Namespace string
	// Preview says what the release is to a preview, if it is one's.
	Preview plan.Preview
}

// Ask finds out how far releases are that other replicas keep. It is an operation, answered by [Answered].
type Ask struct {
	Epoch    int
	Releases []catalog.ReleaseID
}

// Cancel asks the operation under way to end. It answers all the same.
type Cancel struct{}

// Diagnose finds out why an object is not healthy. It may take its time, beside any operation; it is answered by [Diagnosed].
type Diagnose struct {
	Epoch   int
	Ref     plan.Ref
	Objects *render.Packed
}

// Publish reports what people are told of the release from now on.
type Publish struct{ View View }

// Report says how far the release is, to those that are promoted from it or depend on it.
type Report struct{ Progress Progress }

// Progress is how far a release is.
type Progress struct {
	// Current is set if the newest commit is applied, and HealthySince is when it became healthy then; zero if it is not.
	Current      bool
	HealthySince time.Time
}

// Record is an event for the history.
type Record struct {
	Kind            Kind
	Commit, Message string
	// SignOn is how By signed on, where it is a person.
	By, SignOn, Why string
	Object          string
	Fields          []string
}

// Kind is what an event of the history is about.
type Kind string

// The kinds.
const (
	Healed    Kind = "healthy"
	Failure   Kind = "unhealthy"
	Held      Kind = "held"
	DriftSeen Kind = "drift"
	Corrected Kind = "corrected"
	WentBack  Kind = "rollback"
	Stopped   Kind = "suspended"
	Resumed   Kind = "resumed"
	Asked     Kind = "reconcile"
)

// Warn is a line for the log of those who operate the daemon.
type Warn struct {
	Message string
	Err     string
}

// Reply answers an [Act]; Err is nil once it is persisted.
type Reply struct {
	ID  int64
	Err error
}

// Wake asks for [Timer] at the time, or earlier; the zero time asks for none. It replaces the one before.
type Wake struct{ At time.Time }

// Retire reports that there is nothing left to do for the release. It is the last effect of a step.
type Retire struct{}

func (Look) effect()     {}
func (Run) effect()      {}
func (Restore) effect()  {}
func (Save) effect()     {}
func (Ask) effect()      {}
func (Cancel) effect()   {}
func (Diagnose) effect() {}
func (Publish) effect()  {}
func (Report) effect()   {}
func (Record) effect()   {}
func (Warn) effect()     {}
func (Reply) effect()    {}
func (Wake) effect()     {}
func (Retire) effect()   {}
