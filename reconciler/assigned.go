// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"fmt"
	"reflect"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// Principal is the daemon that an agent keeps a cluster for. It is [agent.Link] outside of tests. No method but Restore may block.
type Principal interface { //nolint:interfacebloat // it is all that an agent tells the daemon
	apply.Witness

	Stands(s agent.Standing)
	Retired(id catalog.ReleaseID)
	State(s cluster.State)
	Reply(ticket int64, err error)
	Restore(ctx context.Context, id catalog.ReleaseID, commit, digest string) (release.Target, error)
}

// Assigned returns what accepts what the daemon says, for an agent. It is for one goroutine.
func (r *Reconciler) Assigned() agent.Keeper {
	return &assigned{Reconciler: r, changed: map[catalog.ReleaseID]*render.Packed{}, settled: true}
}

// assigned has a reconciler keep what it is told, as [Reconciler.Accept] has it keep what a commit declares.
type assigned struct {
	*Reconciler

	// changed is what releases declare since all had what the daemon said last, and settled is set while they have.
	changed map[catalog.ReleaseID]*render.Packed
	settled bool
}

// Platform implements [agent.Keeper].
func (k *assigned) Platform(p agent.Platform) error {
	rules, _, err := health.Compile(p.Health)
	if err != nil {
		return fmt.Errorf("reading how the health of custom kinds is judged: %w", err)
	}
	k.mu.Lock()
	k.platform, k.opts.DefaultServiceAccount = p.Name, p.Account
	if k.declared == nil {
		k.declared = map[catalog.ReleaseID]bool{}
	}
	k.mu.Unlock()
	k.clusters.judgeBy(rules)
	k.opts.Board.SetName(p.Name)
	k.wakeAll()
	return nil
}

// Assign implements [agent.Keeper].
func (k *assigned) Assign(b, before *agent.Brief) {
	if k.settled {
		k.Settle(false)
	}
	for _, o := range b.Beyond {
		k.progress.set(o.ID, o.Current, o.HealthySince)
	}
	k.changed[b.ID] = nil
	removed := b.Key() == agent.Removing
	if t := b.Target; t != nil && !removed {
		k.changed[b.ID] = t.Target().Objects
	}
	k.handing.add(b.ID)
	k.progress.handed(b.ID)
	k.mu.Lock()
	defer k.mu.Unlock()
	if delete(k.declared, b.ID); !removed {
		k.declared[b.ID] = true
	}
	a, known := k.actors[b.ID], true
	if a == nil {
		a, known = k.actorOf(b.ID, b.Preview()), false
	}
	if !known {
		before = nil // it has dealt with nothing
	}
	key := b.Key()
	k.progress.follow(a, follows{b.Settings.Sources, b.Settings.Needs}, func(sources, needs []gate.Source) {
		events := b.News(before, sources, needs)
		if len(events) == 0 {
			events = append(events, release.Timer{})
		}
		for _, e := range events {
			a.box.add(mail{event: e, key: &key})
		}
	})
}

// Settle implements [agent.Keeper].
func (k *assigned) Settle(settled bool) {
	if !settled {
		k.settled = false
		k.handing.begin()
		k.progress.begin()
		return
	}
	k.declarations.update(k.changed)
	k.changed, k.settled = map[catalog.ReleaseID]*render.Packed{}, true
	k.settle(k.handing.early())
}

// Drop implements [agent.Keeper]. It waits for what is under way: whoever is told of the release next begins after that.
func (k *assigned) Drop(id catalog.ReleaseID) {
	k.mu.Lock()
	a := k.actors[id]
	delete(k.actors, id)
	delete(k.declared, id)
	k.mu.Unlock()
	k.changed[id] = nil
	if a == nil {
		return
	}
	if a.end != nil {
		a.end()
		<-a.ended
	}
	k.progress.forget(a)
	k.opts.Board.RemoveRelease(id)
}

// Act implements [agent.Keeper].
func (k *assigned) Act(act agent.Act) {
	if !k.put(act.ID, act.Asked) {
		k.opts.Principal.Reply(act.Asked.ID, fmt.Errorf("%w: %s", ErrNotFound, act.ID))
	}
}

// stand tells the daemon how the release is, if this is an agent and it is not known there. One that may not be changed at the moment,
// since the Lease of the cluster cannot be renewed, is as it was.
func (a *actor) stand() {
	p := a.r.opts.Principal
	if p == nil {
		return
	}
	a.stands.ID = a.id
	if r := a.stands.Shown.Result; r == "" || r == status.Elsewhere || reflect.DeepEqual(a.stands, a.stood) {
		return
	}
	a.stood = a.stands
	p.Stands(a.stands)
}

// reply answers a request where it was made.
func (a *actor) reply(ticket int64, err error) {
	if p := a.r.opts.Principal; p != nil {
		p.Reply(ticket, err)
		return
	}
	a.r.replies.answer(ticket, err)
}
