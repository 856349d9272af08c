// SPDX-License-Identifier: Apache-2.0

// Package plan decides what has to happen to bring one release into its declared state. It is a pure function
// over values: what is wanted, what was seen, what was last applied.
//
// Of Trunkline it may import api, catalog and plan/ownership.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

// Observed is an object in the cluster that the release has, or that stands where it wants to have one.
type Observed struct {
	Ref     Ref
	UID     types.UID
	Version Version
	// Digest is that of what was last applied to it, as the object itself says; empty if it does not.
	Digest string
	// Owners says who owns its fields.
	Owners ownership.Owners
	// Prune is what the object says about being pruned; empty if it says nothing.
	Prune Prune
	// Deleting is true once the object's deletion was asked for.
	Deleting bool
	// Settled is true if the object is healthy: what comes in later waves may begin.
	Settled bool
	// Ending is how the object ended, if it removes itself afterwards.
	Ending Ending
	// Moves names the release that the newest commit declares the object in, if that is another one; it takes it over.
	Moves string
	// Undecided is set while it is not known yet whether another release declares the object.
	Undecided bool
	// Foreign is true for an object that is there and is not part of the release.
	Foreign bool
	// Origin says whose it is.
	Origin Origin
}

// Applied is what is known of an object since it was applied by this process.
type Applied struct {
	Digest  string
	Version Version
	// Lost are the fields that the API server did not give us when the object was applied, such as those that a
	// definition does not know. They are no drift.
	Lost []field.Path
}

// Input is what a plan is made from.
type Input struct {
	// Desired is what the release renders to. It is not changed.
	Desired []*unstructured.Unstructured
	// Access are the objects by which the release's account may do what it does. They are wanted like those of Desired, and
	// come before all that is done as the account. They are not changed.
	Access []*unstructured.Unstructured
	// Observed is what the cluster holds of the release.
	Observed []Observed
	// Applied maps an object to what was last applied to it, as far as it is known to be there still.
	Applied map[Ref]Applied
	// Finished are the objects that have ended before, as [Plan.Finished] had them.
	Finished Finished
	// Vanished are objects that were there, are not any more, and were not deleted by us.
	Vanished map[Ref]Vanished
	// Drift says what to do about what others changed, and Additions about what they added.
	Drift     Drift
	Additions Additions
	// Remove is set if the release is to be deleted, with what its runs have made.
	Remove bool
	// Disposable is set if a removal leaves nothing: neither data nor what says that it must stay.
	Disposable bool
	// Everything asks to apply also what is known to be there already.
	Everything bool
}

// Action is what happens to an object.
type Action string

// The actions.
const (
	Create  Action = "create"  // the cluster does not have it
	Update  Action = "update"  // it is there, and not as declared
	Adopt   Action = "adopt"   // it is there, and becomes part of the release
	Delete  Action = "delete"  // it is there, and not declared any more
	Keep    Action = "keep"    // it is left as it is, for a reason
	Blocked Action = "blocked" // it would be created or changed, and something is in the way
)

// Reason says why.
type Reason string

// The reasons.
const (
	Missing   Reason = "missing"       // the cluster does not have it
	Changed   Reason = "changed"       // it renders to something new
	Drifted   Reason = "drifted"       // others have changed what was applied
	Unknown   Reason = "unknown"       // everything is to be applied again
	Removed   Reason = "not declared"  // the release does not have it any more
	Present   Reason = "already there" // others have made it
	Going     Reason = "being deleted" // it has to be gone first
	Waiting   Reason = "waiting"       // an earlier wave is not there yet
	Added     Reason = "added by others"
	Reported  Reason = "drift reported"           // drifted, and the environment only reports drift
	Disabled  Reason = "prune disabled"           // it would be deleted, but says that it must stay
	Occupied  Reason = "not empty"                // it would be deleted, but holds what must stay
	Moving    Reason = "moves to another release" // it is not deleted, but taken over by the release that declares it now
	Undecided Reason = "may move"                 // it is not known yet whether another release declares it
	Data      Reason = "holds data"               // it would be deleted, but data would be lost
)

// Step is one object, what happens to it, and why.
type Step struct {
	Action Action
	Ref    Ref
	Reason Reason
	// Fields are those that someone else has changed and that are taken back, and Left those that are not.
	Fields, Left []ownership.Field
	// Reclaim are fields that others have added and that are taken back; see [ownership.Reclaim].
	Reclaim []ownership.Field
	// Tampering says what was done to the object as a whole; nil if nothing was.
	Tampering *Tampering
	// For is what a blocked step waits for.
	For Ref

	// Object is what to apply, without the fields that are left to others; nil for what is not applied.
	Object *unstructured.Unstructured
	// Digest identifies the whole declared object.
	Digest string
	// Force takes fields that others own.
	Force bool
	// Origin says whose the object is. What is not [Rendered] is done as the daemon.
	Origin Origin
	// Loses is set if deleting the object may delete others that are not the release's: it has to be looked at first.
	Loses bool
	// UID and Version are those of the object that was observed.
	UID     types.UID
	Version Version
}

// Plan is what has to happen, in this order: the stages of Apply one after the other, then those of Prune.
// Inside a stage the order does not matter.
type Plan struct {
	Apply [][]Step
	Prune [][]Step
	// Rest are the objects that are kept or blocked.
	Rest []Step
	// Unchanged counts the objects that need nothing.
	Unchanged int
	// Additions are what others have added to the objects of the release and what they may not have without a word, sorted by
	// object, whatever is done about it.
	Additions []Addition
	// Done are those of them that have ended and are not there any more, sorted.
	Done []Done
	// Finished is what has to be remembered of objects that have ended. It must outlive the process.
	Finished Finished
}

// Empty reports whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Apply) == 0 && len(p.Prune) == 0 }

// Blocked lists what waits for something.
func (p Plan) Blocked() []Step {
	var out []Step
	for _, s := range p.Rest {
		if s.Action == Blocked {
			out = append(out, s)
		}
	}
	return out
}

// Compute makes the plan. Equal inputs give equal plans, in whatever order their parts come.
func Compute(in Input) (Plan, error) {
	var p Plan
	there := map[Ref]Observed{}
	for _, o := range in.Observed {
		there[o.Ref] = o
	}
	desired := map[Ref]*unstructured.Unstructured{}
	all := slices.Concat(in.Desired, in.Access)
	for _, o := range all {
		ref := RefOf(o)
		if desired[ref] != nil {
			return Plan{}, fmt.Errorf("planning: the release holds %s twice", ref)
		}
		desired[ref] = o
	}
	rules, err := in.Drift.rules(in.Desired)
	if err != nil {
		return Plan{}, err
	}
	access := map[Ref]bool{}
	for _, o := range in.Access {
		access[RefOf(o)] = true
	}
	p.Finished = in.Finished
	for _, o := range slices.SortedFunc(slices.Values(in.Observed), func(a, b Observed) int { return a.Ref.Compare(b.Ref) }) {
		p.Finished = p.Finished.With(o.Digest, o.Ending)
	}
	in.Finished = p.Finished
	var steps []wanted
	for ref, o := range desired {
		w, err := newWanted(in, rules, ref, o, there)
		if err != nil {
			return Plan{}, fmt.Errorf("planning %s: %w", ref, err)
		}
		if len(w.added) > 0 {
			p.Additions = append(p.Additions, Addition{ref, w.added})
		}
		if w.ended() {
			p.Done = append(p.Done, Done{ref, w.ending})
		}
		if w.access = access[ref]; w.access || isNamespace(ref) {
			w.step.Origin = Platform
		}
		steps = append(steps, w)
	}
	p.order(steps)
	p.prune(in, desired)
	slices.SortFunc(p.Rest, func(a, b Step) int { return a.Ref.Compare(b.Ref) })
	slices.SortFunc(p.Additions, func(a, b Addition) int { return a.Ref.Compare(b.Ref) })
	slices.SortFunc(p.Done, func(a, b Done) int { return a.Ref.Compare(b.Ref) })
	return p, nil
}

// Digest identifies the content of an object.
func Digest(o *unstructured.Unstructured) (string, error) {
	data, err := o.MarshalJSON() // keys are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
