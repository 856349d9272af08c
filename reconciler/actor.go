// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// longestWait is when the clock is looked at again at the latest, if a time is waited for: it may have been set, or have gone
// on while the machine was asleep, and a timer knows of neither.
const longestWait = time.Minute

// actor keeps one release. Its goroutine owns the state and is alone in changing it; what others have to say goes into its
// mailbox, which never blocks them, and what they may know is in copies.
type actor struct {
	r   *Reconciler
	id  catalog.ReleaseID
	box mailbox
	// preview is set if the release is a preview's: no commit of the trunk declares or removes it.
	preview bool
	// end ends the actor; nil unless it runs. It is guarded by the reconciler's lock. ended is closed once it has ended.
	end   context.CancelFunc
	ended chan struct{}
	// copied is what others may know.
	copied atomic.Pointer[snapshot]

	// The following belong to the actor's goroutine.

	state    release.State
	executor *apply.Executor
	wakeAt   time.Time
	// cancel ends the operation under way.
	cancel context.CancelFunc
	// operations counts what runs beside the goroutine.
	operations sync.WaitGroup
	retired    bool
	// passed is what the agent is told that keeps the release, if one does. gone is set once that has removed it; any goroutine
	// may set it.
	passed *agent.Brief
	gone   atomic.Bool
	// stood is what the daemon was told last, if this is an agent, and stands what it is to be told.
	stood, stands agent.Standing
}

// snapshot is a copy of what others may know of a release.
type snapshot struct {
	// wanted is the digest that the newest commit gives the release; empty if there is none that could be taken.
	wanted string
	hold   gate.Rule
	// failing is set while it is to be tried again.
	failing bool
	// inForce is the state that the release is kept in; nil if it is in none.
	inForce *release.Target
}

func newActor(r *Reconciler, id catalog.ReleaseID, preview bool) *actor {
	a := &actor{r: r, id: id, preview: preview, ended: make(chan struct{}), box: newMailbox(), state: release.New(id), cancel: func() {}}
	a.copied.Store(&snapshot{})
	opts := apply.Options{
		ID: id, Platform: r.platformName, DefaultAccount: r.opts.DefaultServiceAccount,
		Parts: r.opts.Parts, Secrets: r.opts.Secrets, Slots: slots{&r.planning, r, id.Cluster}, Moves: moves{r, id}, Listen: a.happened, Now: r.opts.Now,
		Cluster: func() *apply.Cluster {
			if c := r.clusters.get(id.Cluster); c != nil {
				return c.inventories
			}
			return nil
		},
	}
	a.executor = apply.New(opts)
	a.box.put(a.ownership())
	return a
}

// run is the loop: it takes what is in the mailbox, observes, and waits for more or for the time that was asked for. It returns
// when ctx ends, or there is nothing left of the release.
func (a *actor) run(ctx context.Context) {
	defer close(a.ended)
	defer a.operations.Wait()
	defer a.discard()
	for !a.retired {
		for _, m := range a.box.take() {
			if m.key != nil {
				a.stands.Key = *m.key
			}
			a.deal(ctx, m.event)
			m.done()
		}
		if a.retired {
			return
		}
		a.observe(ctx)
		if now := a.r.opts.Now(); !a.wakeAt.IsZero() && !now.Before(a.wakeAt) {
			a.step(ctx, release.Timer{})
		}
		if a.retired {
			return
		}
		if a.stand(); !a.wait(ctx) {
			return
		}
	}
}

// deal steps by an event. Once the release is gone there is nothing to keep, and what is published would stay on the board.
func (a *actor) deal(ctx context.Context, e release.Event) {
	if a.retired {
		if act, ok := e.(release.Act); ok {
			a.reply(act.ID, ErrNotFound)
		}
		return
	}
	if c := a.r.clusters.get(a.id.Cluster); c != nil && c.desk != nil {
		a.pass(c, e)
		return
	}
	a.back(ctx)
	a.step(ctx, a.complete(e))
}

// wait for mail, or until the time has come; false if ctx has ended.
func (a *actor) wait(ctx context.Context) bool {
	var alarm <-chan time.Time
	if !a.wakeAt.IsZero() {
		timer := time.NewTimer(min(a.wakeAt.Sub(a.r.opts.Now()), longestWait))
		defer timer.Stop()
		alarm = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.box.wake:
	case <-alarm:
	}
	return true
}

// step changes the state by an event, and does what that asks for.
func (a *actor) step(ctx context.Context, e release.Event) {
	next, effects := release.Step(a.state, e, a.r.opts.Now())
	a.state = next
	a.copied.Store(&snapshot{wanted: next.Wanted(), hold: next.Verdict.Hold, failing: next.Failing(), inForce: next.InForce})
	for _, effect := range effects {
		a.do(ctx, effect)
	}
}

// observe reports the health of the release to the state, if it can be read now.
func (a *actor) observe(ctx context.Context) {
	if !a.state.Observable() {
		return
	}
	if o, ok := a.executor.Observe(a.state.InForce, a.r.opts.Now()); ok {
		a.step(ctx, release.Observed{Observation: o})
	}
}

// complete adds the health to the answer of a run: both are published together, so that nobody reads the one with the other of
// before.
func (a *actor) complete(e release.Event) release.Event {
	ended, ok := e.(release.Ended)
	if t := a.state.InForce; ok && !ended.Canceled && t != nil && !t.Remove {
		if o, ok := a.executor.Observe(t, a.r.opts.Now()); ok {
			ended.Observation = &o
		}
		return ended
	}
	return e
}

// happened records an event about an object of the release.
func (a *actor) happened(e cluster.Event) {
	o := e.Object
	if e.Deleted {
		a.box.put(release.MemberGone{Ref: o.Ref, UID: o.UID, Digest: o.Digest, Ending: o.Ending, Missed: e.Missed})
	} else {
		a.box.put(release.MemberChanged{
			Ref: o.Ref, Sight: apply.SightOf(o.Digest, o.Owners), Leaving: o.Deleting || o.Prune == plan.PruneDisabled,
			Digest: o.Digest, Ending: o.Ending,
		})
	}
	a.executor.Changed()
}
