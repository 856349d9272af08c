// Package preview says what would happen to releases, without doing it: as values, for people to read before they
// merge. No value of a Secret gets into them. It is a pure function over values.
//
// Of Trunkline it may import api, catalog, reconciler/gate, reconciler/ownership and reconciler/plan.
package preview

import (
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/gate"
	"trunkline.dev/trunkline/reconciler/plan"
)

// Action is what happens to a release.
type Action string

// The actions.
const (
	Create    Action = "create"    // the release is not there yet
	Change    Action = "change"    // some of its objects are not as they will be
	Remove    Action = "remove"    // it is not declared any more
	Unchanged Action = "unchanged" // nothing happens to it
	Fail      Action = "fail"      // it could not be found out what happens; see Err
)

// Release is what would happen to one release.
type Release struct {
	ID     catalog.ReleaseID
	Action Action
	// Steps are what happens to its objects, in the order in which it does; objects that stay as they are have none.
	Steps []Step
	// Held is why it would not happen at once; its Hold is empty if nothing holds it.
	Held gate.Verdict
	// Err says why it is not known, or not in full, what would happen; empty if it is. Steps hold what is known.
	Err string
}

// Step is one object, and what happens to it.
type Step struct {
	Ref    plan.Ref
	Action plan.Action
	Reason plan.Reason
	// Diff is a unified diff of the object before and after, as YAML; empty if nothing of it changes, or if that is
	// not known.
	Diff string
	// Drift are the fields that others have changed, each with who did, and whether it is taken back.
	Drift []Drift
	// Note is what else is to be known of it, such as why it could not be tried; empty if nothing is.
	Note string
}

// Drift is a field that somebody else has changed.
type Drift struct {
	Field, Manager string
	TakenBack      bool
}

// drifts says of a step what others have changed.
func drifts(s plan.Step) (out []Drift) {
	for _, f := range s.Fields {
		out = append(out, Drift{Field: f.Path.String(), Manager: f.Manager, TakenBack: true})
	}
	for _, f := range s.Left {
		out = append(out, Drift{Field: f.Path.String(), Manager: f.Manager})
	}
	return out
}

// StepOf gives what is to be known of a step of a plan, without a diff.
func StepOf(s plan.Step) Step {
	return Step{Ref: s.Ref, Action: s.Action, Reason: s.Reason, Drift: drifts(s)}
}

// Changes tells that something would happen, or that it is not known.
func Changes(releases []Release) bool {
	for _, r := range releases {
		if r.Action != Unchanged {
			return true
		}
	}
	return false
}

// Failed tells that something is not known of some release.
func Failed(releases []Release) bool {
	for _, r := range releases {
		if r.Err != "" {
			return true
		}
	}
	return false
}
