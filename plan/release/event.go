// SPDX-License-Identifier: Apache-2.0

package release

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/ownership"
)

// Event is something that happened to a release.
type Event interface{ event() }

// Declared is a commit that was accepted and declares the release, or its removal.
type Declared struct {
	Target   Target
	Settings Settings
	// Sources, Needs and Removals are as [Progressed] and [Counted] report them later.
	Sources, Needs []gate.Source
	Removals       *gate.Removals
}

// NotRendered is a commit that was accepted and in which the release does not render: it goes on as before. But a release
// that is declared again is not removed, and its rights are those of the commit.
type NotRendered struct {
	Why              string
	Namespace, Owner string
	Access           Access
}

// Paused is a commit in which the project asks for the release to be left as it is.
type Paused struct{ Namespace, Owner string }

// Progressed reports how far the releases are that this one waits for.
type Progressed struct{ Sources, Needs []gate.Source }

// Counted reports how much the commit removes from the environment.
type Counted struct{ Removals gate.Removals }

// Approved confirms what the rule holds: that the release may lose what it would by taking the state with the digest, and no
// more; or that it may take that state although it was not reviewed. It counts for as long as that state is the newest.
type Approved struct {
	Digest  string
	Hold    gate.Rule
	By, Why string
}

// Reviewed reports whether the state with the digest, which is empty for a removal, was reviewed; if not, Not says why.
type Reviewed struct{ Digest, Not string }

// Do is what a person asks of a release.
type Do string

// What a person can ask.
const (
	// Suspend leaves the release as it is, until it is resumed.
	Suspend Do = "suspend"
	Resume  Do = "resume"
	// Reconcile applies everything again, also a commit that is not retried by itself.
	Reconcile Do = "reconcile"
	// Rollback goes back to the healthy state before, and does not take the present one again.
	Rollback Do = "rollback"
)

// Act is a person's request. It is answered by [Reply] once it is persisted, or refused.
type Act struct {
	ID int64
	Do Do
	// SignOn is how By signed on.
	By, SignOn, Why string
}

// MemberChanged reports an object of the release as it is now.
type MemberChanged struct {
	Ref   plan.Ref
	Sight Sight
	// Leaving is set if the object is being deleted, or says that it must stay when it is not declared.
	Leaving bool
	// Digest is that of what was applied, and Ending how far the object is, if it removes itself once it has ended.
	Digest string
	Ending plan.Ending
}

// MemberGone reports that an object of the release is gone.
type MemberGone struct {
	Ref plan.Ref
	UID types.UID
	// Digest and Ending are as in [MemberChanged].
	Digest string
	Ending plan.Ending
	// Missed is set if nobody watched when it went: it is not in a list any more.
	Missed bool
}

// Nudged reports that something that was in the way may be gone, such as a cluster that did not answer.
type Nudged struct{}

// Gained reports that this replica keeps the release.
type Gained struct{}

// Lost reports that another replica keeps the release, or none.
type Lost struct{ Owner string }

// Resharded reports that other releases may be kept by other replicas than before.
type Resharded struct{}

// Looked answers [Look].
type Looked struct {
	Epoch          int
	Commit, Digest string
	Memory         gate.Memory
	// Objects counts those that workloads are made of and the cluster holds.
	Objects plan.Tally
	Err     error
	// Terminal is set if a retry cannot help until something changes.
	Terminal bool
}

// Restored answers [Restore].
type Restored struct {
	Epoch  int
	Target Target
	Err    error
}

// Saved answers [Save].
type Saved struct {
	Epoch  int
	Memory gate.Memory
	Err    error
}

// Answered answers [Ask]. Again is set if another replica keeps one of the releases.
type Answered struct {
	Epoch int
	Again bool
}

// Observed reports the health of the state in force.
type Observed struct{ Observation }

// Observation is how the objects of a release are doing.
type Observation struct {
	// Worst is the object that is worst off; empty if all are healthy.
	Worst   plan.Ref
	Health  health.State
	Message string
	// Changed is when the worst object was last seen to change, and Until when to observe again at the latest, since time alone
	// may change something; either may be zero.
	Changed, Until time.Time
}

// Diagnosed answers [Diagnose].
type Diagnosed struct {
	Epoch  int
	Ref    plan.Ref
	Reason health.Reason
	Err    error
}

// Dropped reports that an operation could not be begun: the release is not this replica's.
type Dropped struct{}

// Timer reports that the time has come that [Wake] asked for, or any other.
type Timer struct{}

// Ended answers [Run]: what was done, whether or not it went well.
type Ended struct {
	Epoch int
	// Canceled is set if the run ended since it was asked to.
	Canceled bool
	// Finished is set if the release is deleted, and nothing is left of it.
	Finished bool
	Err      error
	// Terminal is set if a retry cannot help until something changes.
	Terminal bool

	// Recorded is what the inventory says since; nil if it was not reached.
	Recorded *Recorded
	// Planned is set if a plan was made; what follows comes of it.
	Planned bool
	// Waiting says what objects wait for; empty if none do.
	Waiting string
	// Open is drift that is left to others, and Corrected what was corrected.
	Open, Corrected []Drifted
	// Additions are what others have added to objects, and Instead what runs instead of what was applied in this run.
	Additions []plan.Addition
	Instead   map[plan.Ref][]ownership.Difference
	// Endings is what has to be remembered of objects that have ended.
	Endings plan.Finished
	// Sights are what was seen or written of each object.
	Sights map[plan.Ref]Sight

	Applied, Pruned int
	// Kept are objects that stay although they are not declared, and Left counts those that are not gone yet.
	Kept []string
	Left int
	// Leaving says what one of them waits for, and Until is when to look at them again; either may be empty.
	Leaving string
	Until   time.Time
	// Members counts the objects that workloads are made of and the cluster holds.
	Members plan.Tally

	Observation *Observation
}

// Recorded is what a run has put into the inventory.
type Recorded struct {
	Commit, Digest string
	Memory         gate.Memory
}

// Drifted is what others have changed of an object.
type Drifted struct {
	Ref    plan.Ref
	Fields []ownership.Field
	At     time.Time
	// What was done to the object as a whole, and by whom, as far as that is known; empty if fields were changed.
	What    plan.Tampered
	Manager string
}

func (Declared) event()      {}
func (NotRendered) event()   {}
func (Paused) event()        {}
func (Progressed) event()    {}
func (Counted) event()       {}
func (Approved) event()      {}
func (Reviewed) event()      {}
func (Act) event()           {}
func (MemberChanged) event() {}
func (MemberGone) event()    {}
func (Nudged) event()        {}
func (Gained) event()        {}
func (Lost) event()          {}
func (Resharded) event()     {}
func (Looked) event()        {}
func (Restored) event()      {}
func (Saved) event()         {}
func (Answered) event()      {}
func (Observed) event()      {}
func (Diagnosed) event()     {}
func (Timer) event()         {}
func (Dropped) event()       {}
func (Ended) event()         {}
