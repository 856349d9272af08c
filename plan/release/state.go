// SPDX-License-Identifier: Apache-2.0

package release

import (
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/render"
)

// Target is a state that a release can be in.
type Target struct {
	// Commit is the one that brought the release into this state.
	Commit    string
	Namespace string
	Owner     string
	// Objects are what the release renders to, and Digest identifies them.
	Objects *render.Packed
	Digest  string
	// Remove asks for the release to be deleted.
	Remove bool
}

// Same reports whether two targets are the same state, whichever commits brought them.
func (t *Target) Same(o *Target) bool {
	return t != nil && o != nil && t.Digest == o.Digest && t.Remove == o.Remove
}

// Declares reports whether an object is among those of the target. Targets are small: a set of their own for each would
// take more memory than everything else that is kept of a release.
func (t *Target) Declares(ref plan.Ref) bool {
	return t != nil && slices.ContainsFunc(t.Objects.Parts(), func(p render.Part) bool { return plan.Ref(p.Identity) == ref })
}

// Kinds lists those of the objects.
func (t *Target) Kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, p := range t.Objects.Parts() {
		kinds = append(kinds, p.GroupKind)
	}
	return kinds
}

// Access is as whom a release is deployed and where its objects may be. It follows the environment of the accepted commit,
// whatever older commit the release is kept at: a right that was taken away is gone.
type Access struct {
	catalog.Access
	// Declared is false if the environment is not declared any more.
	Declared bool
}

// Equal reports whether two accesses grant the same.
func (a Access) Equal(o Access) bool {
	return a.Declared == o.Declared && a.Account == o.Account && a.Role == o.Role &&
		slices.Equal(a.ClusterScoped, o.ClusterScoped) && slices.Equal(a.Namespaces, o.Namespaces) && reflect.DeepEqual(a.Bounds, o.Bounds)
}

// Settings are what the environment says about a release.
type Settings struct {
	terms.Terms

	Access Access
	// Repository is the one that declares the release, as the inventory says it: of those that the platform includes, if it includes any.
	Repository string
}

// Platform returns the objects of the platform's own by which the release's account may do what it does, and those that bound
// the namespace of a preview; none for a removal, or if the account is someone else's to provide. They are no part of what the release renders to.
func (s Settings) Platform(id catalog.ReleaseID, t Target) []*unstructured.Unstructured {
	if t.Remove {
		return nil
	}
	return render.Access(id, t.Namespace, s.Access.Access)
}

// Sight is what decides, of a member that was seen, whether it is as declared. Two sights that are equal need the same.
type Sight struct {
	Digest, Ours string
	// Others is a hash of what other managers own.
	Others uint64
}

// Operation is something that takes time and is done beside the machine. At most one is under way.
type Operation string

// The operations.
const (
	Idle      Operation = ""
	Looking   Operation = "look"    // reads the inventory
	Running   Operation = "run"     // plans, applies and prunes
	Restoring Operation = "restore" // renders an older commit
	Saving    Operation = "save"    // writes the inventory
	Asking    Operation = "ask"     // reads how far releases of other replicas are
)

// State is everything that is known of a release. It is a value: Step does not change the one that it is given.
type State struct {
	ID catalog.ReleaseID

	// Newest is what the newest commit declares, and InForce the state that the release is kept in. They differ while Newest
	// is held, or after a rollback. Both are nil before the first.
	Newest, InForce *Target
	Settings        Settings
	// RenderErr says why the newest commit does not render, so that Newest is an older one's.
	RenderErr string
	// Suspended is set while the project asks for the release to be left as it is.
	Suspended bool
	// Sources and Needs are how far the releases are that this one is promoted from, and depends on; Removals is what the
	// commit removes, if it removes this release.
	Sources, Needs []gate.Source
	Removals       *gate.Removals
	Verdict        gate.Verdict

	// Mine is set while this replica keeps the release; Owner is the replica that does, if it is another. Stale is set once
	// another one had it: what was read before does not count.
	Mine, Stale bool
	Owner       string
	// epoch counts the losses: what an operation from before one found out does not count.
	epoch int

	// Op is the operation under way.
	Op Operation
	// canceled is set once it was asked to end early.
	canceled bool

	// Known is set once the inventory was read. Memory is what it remembers, and unsaved is set while Memory has to be
	// written. InPlace is the digest of what the cluster holds, and recorded the commit that brought it there.
	Known             bool
	Memory            gate.Memory
	unsaved           bool
	saveAt            time.Time
	InPlace, recorded string
	// size counts the objects that the cluster holds of the release, as far as they were counted.
	size plan.Tally
	// shrink is what a person has agreed to lose; it ends with the newest state that it was shown for.
	shrink int
	// review is what was found out of whether a state was reviewed; nil if nothing was.
	review *Reviewed
	// restoreErr says why the state in place cannot be rendered again, so that it is left as it is.
	restoreErr string

	// Acts wait for the inventory to be read, and asked are those that are answered once Memory is saved.
	acts  []Act
	asked []asked

	members members
	// due asks for a run, and everything for one that also applies what is known to be in place.
	due, everything bool
	// attempted is the target of the last run.
	attempted attempt
	retry     retry
	phase     phase
	seen      observation
	diagnosis diagnosis
	drifts    drifts
	fights    plan.Fights
	// dampedUntil is when the first field is corrected again that others keep changing.
	dampedUntil time.Time
	// recheckAt is when time alone changes how the objects are doing, such as one whose deletion counts as stuck from then on.
	recheckAt time.Time
	// askAt is when to ask how far releases of other replicas are; zero if there is nobody to ask.
	askAt time.Time

	base view
	// published is what was last told, awaited how far the release was said to be, and wakeAt the last alarm.
	published View
	progress  Progress
	wakeAt    time.Time
}

// attempt identifies a target.
type attempt struct {
	digest string
	remove bool
}

func (t *Target) attempt() attempt { return attempt{t.Digest, t.Remove} }

// New returns the state of a release of which nothing is known. It is nobody's until [Gained].
func New(id catalog.ReleaseID) State {
	return State{ID: id, base: view{result: Pending}}
}

// idle reports whether the release is to be left as it is, by its project's or a person's wish.
func (s *State) idle() bool { return !s.disposed() && (s.Suspended || s.Memory.Suspended != nil) }

// disposed reports whether the release is a preview's that is to be gone: nobody's wish keeps it.
func (s *State) disposed() bool {
	return s.Settings.Preview != plan.NoPreview && s.Newest != nil && s.Newest.Remove
}

// runs reports whether a run could begin now.
func (s *State) runs() bool { return s.due && s.Known && s.InForce != nil && !s.idle() }

// Observable reports whether the health of the state in force can be observed now: no operation is changing what it is read
// from, and no run is about to.
func (s *State) Observable() bool {
	return s.Mine && s.Op == Idle && !s.runs() && s.InForce != nil && !s.InForce.Remove
}

// Removed reports whether the release is to be deleted and nothing else was declared since.
func (s *State) Removed() bool {
	return s.InForce != nil && s.InForce.Remove && s.Newest.Same(s.InForce)
}

// Failing reports whether the last attempt failed and is to be made again.
func (s *State) Failing() bool { return !s.retry.at.IsZero() }

// Wanted returns the digest that the newest commit gives the release; empty if there is none that could be taken.
func (s *State) Wanted() string {
	if s.Newest == nil || s.Newest.Remove || s.RenderErr != "" || s.idle() {
		return ""
	}
	return s.Newest.Digest
}
