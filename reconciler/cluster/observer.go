// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
)

// Object is what is remembered of a member: enough to plan and to report, a small part of the whole.
type Object struct {
	plan.Observed
	// Health and Message say how it is doing, as far as that can be told without a clock; see [Object.At].
	Health  health.State
	Message string
	// Changed is when it was last seen to change: what changes is on its way, and slow.
	Changed time.Time
	// Deletion is how far its deletion is; nil if it is not being deleted.
	Deletion *health.Deletion
}

// At returns how the object is doing at a time: one whose deletion does not end is stalled.
func (o Object) At(now time.Time) health.Verdict {
	if o.Deletion != nil && o.Deletion.Stuck(now) && o.Health != health.Healthy {
		return o.Deletion.Of(now)
	}
	return health.Verdict{State: o.Health, Message: o.Message}
}

// observer watches the members of all ApplySets, one watch a kind, and remembers them by ApplySet.
type observer struct {
	conn *Conn
	// spawn runs something for as long as the connection is there.
	spawn func(func(context.Context))
	// closed is closed when the connection is given up.
	closed <-chan struct{}

	mu      sync.Mutex
	kinds   map[schema.GroupKind]*kindWatch
	members map[string]map[plan.Ref]Object
	owners  map[plan.Ref]string
	// listed says up to which version what is remembered of a kind is complete, as of the last list.
	listed map[schema.GroupKind]plan.Version
}

func newObserver(ctx context.Context, conn *Conn) *observer {
	return &observer{
		conn:    conn,
		spawn:   func(f func(context.Context)) { go f(ctx) },
		closed:  ctx.Done(),
		kinds:   map[schema.GroupKind]*kindWatch{},
		members: map[string]map[plan.Ref]Object{},
		owners:  map[plan.Ref]string{},
		listed:  map[schema.GroupKind]plan.Version{},
	}
}

// Members lists what the watched kinds hold of an ApplySet.
func (conn *Conn) Members(applySet string) []Object {
	o := conn.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Object, 0, len(o.members[applySet]))
	for _, m := range o.members[applySet] {
		list = append(list, m)
	}
	return list
}

// Gone reports whether a list of the kind, which came after an object had a version, did not have the object: it was deleted
// while nobody was watching, perhaps without ever having been seen.
func (conn *Conn) Gone(ref plan.Ref, version plan.Version) bool {
	o := conn.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	_, there := o.owners[ref]
	return !there && version.Before(o.listed[ref.GroupKind])
}

// Owner returns the id of the ApplySet that an object is a member of, as far as its kind is watched.
func (conn *Conn) Owner(ref plan.Ref) (string, bool) {
	conn.observer.mu.Lock()
	defer conn.observer.mu.Unlock()
	id, ok := conn.observer.owners[ref]
	return id, ok
}

// set remembers a member, and returns the ApplySet that it was of before, if that is another one.
func (o *observer) set(t *tracked) (moved string) {
	ref := t.object.Ref
	t.object.Changed = time.Now()
	if before, ok := o.members[t.applySet][ref]; ok && before.UID == t.object.UID && before.Version == t.object.Version {
		t.object.Changed = before.Changed // it was listed again
	}
	if before, ok := o.owners[ref]; ok && before != t.applySet {
		moved = before
		o.unset(ref)
	}
	if o.members[t.applySet] == nil {
		o.members[t.applySet] = map[plan.Ref]Object{}
	}
	o.members[t.applySet][ref] = t.object
	o.owners[ref] = t.applySet
	return moved
}

func (o *observer) unset(ref plan.Ref) {
	id := o.owners[ref]
	delete(o.owners, ref)
	delete(o.members[id], ref)
	if len(o.members[id]) == 0 {
		delete(o.members, id)
	}
}

// unsetKind forgets the members of a kind, but for those to keep, and returns the events that report it. The
// caller holds the lock.
func (o *observer) unsetKind(kind schema.GroupKind, keep map[plan.Ref]bool) []Event {
	var events []Event
	for ref, id := range o.owners {
		if ref.GroupKind == kind && !keep[ref] {
			events = append(events, Event{ApplySet: id, Object: o.members[id][ref], Deleted: true, Missed: true})
			o.unset(ref)
		}
	}
	return events
}
