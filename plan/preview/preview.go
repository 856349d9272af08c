// SPDX-License-Identifier: Apache-2.0

// Package preview says what would happen to releases, without doing it: as values, for people to read before they
// merge. No value of a Secret gets into them. It is a pure function over values.
//
// Of Trunkline it may import api, catalog, flow/plan, flow/rights, plan/gate, plan/ownership, plan/resource, plan,
// plan/terms and render.
package preview

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/ownership"
	"trunkline.dev/trunkline/plan/resource"
)

// Preview is what would happen to a platform.
type Preview struct {
	// From and To name for people what would be brought to what: a revision, a folder, live clusters.
	From, To string
	// Releases are in the order of [catalog.ReleaseID.Compare]; those that stay as they are are among them.
	Releases []Release
	// Lots are those that a merge has computed, and those that it makes nobody's.
	Lots lots.Merged
	// Resources are what a merge does to what projects have made in the cloud.
	Resources []resource.Change
	// Data are the rights on data that accounts need in the cloud, more or fewer than before.
	Data []rights.Change
	// Troubles are clusters of which nothing is known, and why.
	Troubles []Trouble
	// Notes are what else is to be known of the whole, such as what was not looked at.
	Notes []string
}

// Trouble is a cluster that could not be asked.
type Trouble struct{ Cluster, Err string }

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
	// Unchanged counts the objects that stay as they are.
	Unchanged int
	// Held is why it would not happen at once; its Hold is empty if nothing holds it.
	Held gate.Verdict
	// Err says why it is not known what would happen; empty if it is.
	Err string
}

// Step is one object, and what happens to it.
type Step struct {
	Ref    plan.Ref
	Action plan.Action
	Reason plan.Reason
	// Replaces is the name of an object that is deleted meanwhile, and that this one takes the place of: objects whose
	// names end with a digest of their content are new ones when it changes. It is empty if there is none.
	Replaces string
	// Diff is a unified diff of the object before and after, as YAML; empty if nothing of it changes, or if that is
	// not known. What replaces another is compared with that.
	Diff string
	// Drift are the fields that others have changed, each with who did, and whether it is taken back.
	Drift []Drift
	// Note is what else is to be known of it, such as why it was not tried; empty if nothing is.
	Note string
	// Err says why it would fail; empty if it would not.
	Err string
}

// Drift is a field that someone else has changed.
type Drift struct {
	Field, Manager string
	TakenBack      bool
}

// drifts says of a step what others have changed.
func drifts(s plan.Step) (out []Drift) {
	add := func(fields []ownership.Field, back bool) {
		for _, f := range fields {
			who := ownership.Manager{Name: f.Manager, Subresource: f.Subresource}
			out = append(out, Drift{Field: f.Path.String(), Manager: who.String(), TakenBack: back})
		}
	}
	add(s.Fields, true)
	add(s.Left, false)
	return out
}

// StepOf returns what is to be known of a step of a plan, without a diff.
func StepOf(s plan.Step) Step {
	step := Step{Ref: s.Ref, Action: s.Action, Reason: s.Reason, Drift: drifts(s)}
	if s.For != (plan.Ref{}) {
		step.Note = "waits for " + s.For.String()
	}
	return step
}

// happens reports whether the step is one that does something, or cannot.
func (s Step) happens() bool { return s.Action != plan.Keep || s.Err != "" }

// Settle finds out what happens to a release on the whole from what happens to its objects.
func (r *Release) Settle() {
	if r.Action == Change && r.Err == "" && !slices.ContainsFunc(r.Steps, Step.happens) {
		r.Action = Unchanged
	}
}

// Failed reports whether it is not known what would happen to the release, or that something of it would fail.
func (r Release) Failed() bool {
	return r.Err != "" || slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Err != "" })
}

// Changes reports whether something would happen.
func (p Preview) Changes() bool {
	return !p.Lots.IsZero() || len(p.Resources)+len(p.Data) > 0 ||
		slices.ContainsFunc(p.Releases, func(r Release) bool { return r.Action != Unchanged && r.Action != Fail })
}

// Failed reports whether something is not known, or would fail.
func (p Preview) Failed() bool {
	return len(p.Troubles) > 0 || slices.ContainsFunc(p.Releases, Release.Failed)
}

// Sort brings everything into its order.
func (p *Preview) Sort() {
	slices.SortFunc(p.Releases, func(a, b Release) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(p.Troubles, func(a, b Trouble) int { return strings.Compare(a.Cluster, b.Cluster) })
	slices.Sort(p.Notes)
}
