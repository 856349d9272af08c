package reconciler

import "trunkline.dev/trunkline/catalog"

// EventKind is what kind of thing happened.
type EventKind string

// The kinds of event.
const (
	Accepted    EventKind = "accepted"  // a commit was taken in
	Refused     EventKind = "refused"   // a commit was not
	Held        EventKind = "held"      // a release may not take its newest state yet
	BecameWell  EventKind = "healthy"   // a state is healthy for the first time
	BecameIll   EventKind = "unhealthy" // a state has failed, or was not healthy in time
	DriftSeen   EventKind = "drift"     // somebody has changed what was applied
	DriftMended EventKind = "corrected" // what somebody had changed was taken back
	RolledBack  EventKind = "rollback"  // a release went back to an older state
	WasStopped  EventKind = "suspended" // a person has suspended a release
	WasResumed  EventKind = "resumed"   // a person has resumed it
	WasAsked    EventKind = "reconcile" // a person has asked for everything to be applied again
	WasApproved EventKind = "approved"  // a person has confirmed what a commit removes
)

// Event is something that happened to a release, or to the platform, and is worth remembering.
type Event struct {
	// Release is the one it is about; empty if it is about the platform.
	Release catalog.ReleaseID
	Kind    EventKind
	Commit  string
	// By is who did it, and Why what they said; empty if Trunkline did it by itself.
	By, Why string
	// Message says it to people.
	Message string
	// Object and Fields are what drifted.
	Object string
	Fields []string
}

func (r *Reconciler) tell(e Event) {
	r.opts.Tell(e)
}
