// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/render"
)

// declarations say which release the newest commit declares each object in, so that one that moves from a release to another is
// handed over, and not deleted by the one and refused to the other.
type declarations struct {
	mu sync.Mutex
	// by maps clusters to their objects, and of is the same the other way round.
	by map[string]map[plan.Ref]catalog.ReleaseID
	of map[catalog.ReleaseID]*render.Packed
}

// update records what releases declare since; nil is one that is not declared any more. Of two that declare the same object, the
// one that did so before has it.
func (d *declarations) update(changed map[catalog.ReleaseID]*render.Packed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil {
		d.by, d.of = map[string]map[plan.Ref]catalog.ReleaseID{}, map[catalog.ReleaseID]*render.Packed{}
	}
	for id := range changed { // all that is given up before anything is taken
		for _, part := range d.of[id].Parts() {
			if ref := plan.Ref(part.Identity); d.by[id.Cluster][ref] == id {
				delete(d.by[id.Cluster], ref)
			}
		}
		delete(d.of, id)
	}
	for id, objects := range changed {
		if objects == nil {
			continue
		}
		d.of[id] = objects
		if d.by[id.Cluster] == nil {
			d.by[id.Cluster] = map[plan.Ref]catalog.ReleaseID{}
		}
		for _, part := range objects.Parts() {
			ref := plan.Ref(part.Identity)
			if _, taken := d.by[id.Cluster][ref]; !taken {
				d.by[id.Cluster][ref] = id
			}
		}
	}
}

// owner returns the release that declares an object.
func (d *declarations) owner(cluster string, ref plan.Ref) (catalog.ReleaseID, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, ok := d.by[cluster][ref]
	return id, ok
}

// moves is what a reconciler says of objects to one release.
type moves struct {
	*Reconciler

	// id is the release that asks.
	id catalog.ReleaseID
}

// Settled implements [apply.Moves].
func (m moves) Settled() bool { return m.handing.settledFor(m.id) }

// Fate implements [apply.Moves]. Commits may be accepted while it is asked: what is undecided is asked for first, and what was
// true before the last one is never taken for a leave to delete.
func (m moves) Fate(ref plan.Ref) (taker string, undecided bool) {
	undecided = !m.Settled()
	switch owner, declared := m.declarations.owner(m.id.Cluster, ref); {
	case !declared:
		return "", undecided
	case owner == m.id:
		return "", true // what runs is of an older commit
	default:
		m.handing.leaves(m.id)
		return owner.String(), undecided
	}
}

// Owner implements [apply.Moves]. A release has let go of an object if the newest commit does not declare it there, and it is not
// kept in an older state that does.
func (m moves) Owner(applySet string, ref plan.Ref) (string, bool) {
	c := m.clusters.get(m.id.Cluster)
	if c == nil {
		return "", false
	}
	for _, i := range c.inventories.Inventories() {
		if i.ApplySet() != applySet {
			continue
		}
		owner, declared := m.declarations.owner(m.id.Cluster, ref)
		m.mu.Lock()
		a, kept := m.actors[i.Release], m.declares(i.Release)
		m.mu.Unlock()
		switch {
		case declared && owner == i.Release:
			return i.Release.String(), false
		case a == nil:
			return i.Release.String(), !kept
		}
		inForce := a.copied.Load().inForce
		return i.Release.String(), inForce != nil && !inForce.Declares(ref)
	}
	return "", false
}
