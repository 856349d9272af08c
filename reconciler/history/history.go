// SPDX-License-Identifier: Apache-2.0

// Package history keeps what happened: which commits were accepted and refused, what was applied and when, what
// drifted, was rolled back, suspended, and by whom. It is for people who look back; nothing decides by it, so that losing
// it loses history only.
//
// Events are written to SQLite in a file, or to PostgreSQL, by a [Recorder] that never makes whoever records wait.
//
// Of Trunkline it may import catalog.
package history

import (
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Kind says what happened. Kinds that are not among the constants are kept and shown like the others, so that an older
// program can show what a newer daemon wrote.
type Kind string

// The kinds.
const (
	Accepted    Kind = "accepted"         // a commit became what the clusters are kept at
	Refused     Kind = "refused"          // a commit was not accepted; what runs was left as it was
	Ran         Kind = "run"              // a release was brought towards its declared state, and something was written
	Failed      Kind = "failed"           // a run of a release failed; Message says why
	Healthy     Kind = "healthy"          // a release became healthy
	Unhealthy   Kind = "unhealthy"        // a release failed its health
	Drift       Kind = "drift"            // someone else changed Fields of Object
	Corrected   Kind = "corrected"        // a drift was reverted
	Rollback    Kind = "rollback"         // a release went back to Commit
	Quarantined Kind = "quarantined"      // Commit is not applied to a release any more
	Suspended   Kind = "suspended"        // a release is left as it is
	Resumed     Kind = "resumed"          // a release is kept in its declared state again
	Reconcile   Kind = "reconcile"        // someone asked for a release to be applied again
	Approved    Kind = "approved"         // someone confirmed what a commit removes from an environment
	Widened     Kind = "widened"          // a commit lets projects do more than the one before; Why is its subject
	Held        Kind = "held"             // a release waits for a window, a gate or an answer
	Pruned      Kind = "pruned"           // objects that are not declared any more were deleted
	Previewed   Kind = "preview"          // the preview of a pull request was made, changed, put asleep, woken or removed
	LotMade     Kind = "lot-made"         // a run made a lot of what the workload Object writes; there are many
	LotFailed   Kind = "lot-failed"       // a run for a lot failed; Message says of which lot, and Why why
	Retried     Kind = "retried"          // someone had failed lots of Object, a workload, tried again
	Removed     Kind = "removed"          // someone had lots count no longer, or they are not kept any more; Object is the dataset, with the lot if it is one
	Disabled    Kind = "disabled"         // someone had Object, a workload, make no lots
	Enabled     Kind = "enabled"          // someone had Object, a workload, make lots again
	RemoteRun   Kind = "remote-run"       // someone had code of their own run in place of Object, a workload
	RemoteEnded Kind = "remote-run-ended" // such a run ended, was cancelled or removed; Message says how
	TaskFailed  Kind = "task-failed"      // a run of a DAG failed by the task Object; Message is the run, and Why says why
	Workspace   Kind = "workspace"        // a notebook or an editor was opened, woken, stopped or deleted; Object is its workload
	// What a project has made in the cloud, such as the bucket Object.
	ResourceMade      Kind = "resource-made"      // it was made, or taken over
	ResourceChanged   Kind = "resource-changed"   // Fields of it were changed, as Commit declares them
	ResourceCorrected Kind = "resource-corrected" // Fields of it that someone else had changed were changed back
	ResourceRemoved   Kind = "resource-removed"   // it was removed, since Commit does not declare it any more
	TokenMade         Kind = "token-made"         // someone made the token Object
	TokenRevoked      Kind = "token-revoked"      // someone revoked the token Object
	SessionsEnded     Kind = "sessions-ended"     // someone ended all sessions of the person Object
	AppMade           Kind = "app-made"           // someone had GitHub make the App Object for the daemon
)

// Kinds lists the kinds that this program writes.
func Kinds() []Kind {
	return []Kind{
		Accepted, Refused, Ran, Failed, Healthy, Unhealthy, Drift, Corrected, Rollback, Quarantined, Suspended, Resumed, Reconcile, Approved,
		Widened, Held, Pruned, Previewed, LotMade, LotFailed, Retried, Removed, Disabled, Enabled,
		ResourceMade, ResourceChanged, ResourceCorrected, ResourceRemoved, TaskFailed,
		TokenMade, TokenRevoked, SessionsEnded, AppMade, RemoteRun, RemoteEnded, Workspace,
	}
}

// Daemon is who did what no person asked for.
const Daemon = "trunkline"

// Event is one thing that happened. All but Kind may be empty.
type Event struct {
	// ID is given when the event is written, and never given again.
	ID int64
	// Time is kept to the microsecond; default: when the event was recorded.
	Time time.Time
	// Platform is the name of the platform, and Release what the event is about; it is empty for what concerns the
	// whole platform, such as a commit.
	Platform string
	Release  catalog.ReleaseID
	Kind     Kind
	// Commit is the full hash.
	Commit string
	// By is a person's name, or [Daemon]; default: [Daemon].
	By string
	// SignOn is how By signed on, such as "session"; empty if nobody did, as for a commit.
	SignOn string
	// Why is the reason that was given, and Message what came of it.
	Why, Message string
	// Took is kept to the microsecond.
	Took time.Duration
	// Applied and Pruned count the objects that were written and deleted.
	Applied, Pruned int
	// Fields are the fields of Object that the event is about.
	Fields []string
	Object string
}

// Filter says which events are asked for. Its zero value asks for the newest [DefaultLimit] of all.
type Filter struct {
	// Platform and the parts of Release must be equal to those of an event where they are not empty.
	Platform string
	Release  catalog.ReleaseID
	// Kinds are those that are asked for; empty: all but [LotMade], among which the others would not be seen.
	Kinds []Kind
	// Since is the earliest time, and Until the time that all events are before; zero: no bound.
	Since, Until time.Time
	// Limit bounds the events of a page, from 1 to [MaxLimit]; default: [DefaultLimit].
	Limit int
	// Before is [Page.Next] of the page before this one; 0: the first page.
	Before int64
}

const (
	// DefaultLimit is what fits on a screen or two.
	DefaultLimit = 50
	// MaxLimit is what an answer of a few hundred kilobytes holds.
	MaxLimit = 1000
)

// Page is an answer: events, the newest first.
type Page struct {
	Events []Event `json:"events"`
	// Next asks for the events that come after these, as [Filter.Before]; 0: there are none.
	Next int64 `json:"next,omitempty"`
}
