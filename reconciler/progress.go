// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// progress is how far each release is, for those that are promoted from it or depend on it. Its lock is taken last, whatever
// else is held.
type progress struct {
	mu     sync.Mutex
	states map[catalog.ReleaseID]gate.Source
	// followers are told when a release has come further, and following is the same the other way round.
	followers map[catalog.ReleaseID]map[*actor]bool
	following map[*actor]follows
	// While a commit is handed out, ahead are the releases that have it, and level their followers that do, too; nil otherwise.
	ahead map[catalog.ReleaseID]bool
	level map[*actor]bool
}

// follows are the releases that one is promoted from, and depends on.
type follows struct{ sources, needs []catalog.ReleaseID }

// follow has the actor told when one of the releases comes further. It calls tell with how far they are now, before anything
// else is told of them.
func (p *progress) follow(a *actor, f follows, tell func(sources, needs []gate.Source)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unfollow(a)
	if p.followers == nil {
		p.followers, p.following = map[catalog.ReleaseID]map[*actor]bool{}, map[*actor]follows{}
	}
	ids := slices.Concat(f.sources, f.needs)
	if len(ids) > 0 {
		p.following[a] = f
	}
	for _, id := range ids {
		if p.followers[id] == nil {
			p.followers[id] = map[*actor]bool{}
		}
		p.followers[id][a] = true
	}
	if p.ahead != nil {
		p.level[a] = true
	}
	tell(p.of(f.sources), p.of(f.needs))
}

// now calls tell with what an actor follows.
func (p *progress) now(a *actor, tell func(follows)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	tell(p.following[a])
}

// begin records that a commit is handed out. Until a follower has it, a release that has it is not up to date for the follower:
// that it is healthy with the new commit says nothing of the older one, which is all that the follower could take.
func (p *progress) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead == nil {
		p.ahead, p.level = map[catalog.ReleaseID]bool{}, map[*actor]bool{}
	}
}

// handed records that a release is about to be told of the commit.
func (p *progress) handed(id catalog.ReleaseID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead != nil {
		p.ahead[id] = true
	}
}

// settle records that all have the commit, or are not changed by it, and tells those who were kept from knowing how far others are.
func (p *progress) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	behind := map[*actor]bool{}
	for id := range p.ahead {
		for a := range p.followers[id] {
			if !p.level[a] {
				behind[a] = true
			}
		}
	}
	p.ahead, p.level = nil, nil
	for a := range behind {
		f := p.following[a]
		a.box.put(release.Progressed{Sources: p.of(f.sources), Needs: p.of(f.needs)})
	}
}

// forget ends following.
func (p *progress) forget(a *actor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unfollow(a)
	delete(p.states, a.id)
}

func (p *progress) unfollow(a *actor) {
	f := p.following[a]
	for _, id := range slices.Concat(f.sources, f.needs) {
		delete(p.followers[id], a)
	}
	delete(p.following, a)
}

// set says how far a release is.
func (p *progress) set(id catalog.ReleaseID, current bool, healthySince time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := gate.Source{Release: id.String(), Current: current, HealthySince: healthySince}
	if p.states[id] == next {
		return
	}
	if p.states == nil {
		p.states = map[catalog.ReleaseID]gate.Source{}
	}
	p.states[id] = next
	for a := range p.followers[id] {
		f := p.following[a]
		a.box.put(release.Progressed{Sources: p.seenBy(a, f.sources), Needs: p.seenBy(a, f.needs)})
	}
}

// seenBy returns how far releases are for a follower.
func (p *progress) seenBy(a *actor, ids []catalog.ReleaseID) []gate.Source {
	sources := p.of(ids)
	for i, id := range ids {
		if p.ahead[id] && !p.level[a] {
			sources[i].Current, sources[i].HealthySince = false, time.Time{}
		}
	}
	return sources
}

// of returns how far releases are. One of which nothing is known has not begun.
func (p *progress) of(ids []catalog.ReleaseID) []gate.Source {
	sources := make([]gate.Source, len(ids))
	for i, id := range ids {
		s, ok := p.states[id]
		if !ok {
			s.Release = id.String()
		}
		sources[i] = s
	}
	return sources
}

// inOrder puts releases into levels: each behind those that it waits for. Nobody may take another for being up to date that has
// not been told of the commit yet.
func inOrder(c *catalog.Catalog, releases []catalog.Release) [][]catalog.Release {
	before := map[catalog.ReleaseID]int{}
	var needed func(id catalog.ReleaseID) int
	needed = func(id catalog.ReleaseID) int {
		n, known := before[id]
		if known {
			return n
		}
		for _, other := range c.Dependencies(id) {
			n = max(n, needed(other)+1) // they make no circle: the commit would have been refused
		}
		before[id] = n
		return n
	}
	type level struct{ promotions, needed int }
	levels := map[level][]catalog.Release{}
	for _, rel := range releases {
		at := level{promotions(c, rel.ID.Environment), needed(rel.ID)}
		levels[at] = append(levels[at], rel)
	}
	keys := make([]level, 0, len(levels))
	for at := range levels {
		keys = append(keys, at)
	}
	slices.SortFunc(keys, func(a, b level) int {
		return cmp.Or(cmp.Compare(a.promotions, b.promotions), cmp.Compare(a.needed, b.needed))
	})
	out := make([][]catalog.Release, len(keys))
	for i, at := range keys {
		out[i] = levels[at]
	}
	return out
}

// promotions counts the environments that come before one.
func promotions(c *catalog.Catalog, environment string) int {
	n := 0
	for env := c.Environments[environment]; env != nil && env.Spec.PromotesFrom != "" && n < len(c.Environments); n++ {
		env = c.Environments[env.Spec.PromotesFrom]
	}
	return n
}
