package reconciler

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
)

// progress is how far each release has come, for those that are promoted from it or depend on it. Its lock is taken last, whatever
// else is held.
type progress struct {
	mu     sync.Mutex
	states map[catalog.ReleaseID]gate.Source
	// followers are woken when a release has come further.
	followers map[catalog.ReleaseID]map[*worker]bool
	// following is the same the other way round.
	following map[*worker][]catalog.ReleaseID
}

// follow has the worker woken when one of the releases comes further.
func (p *progress) follow(w *worker, sources []catalog.ReleaseID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.following[w] {
		delete(p.followers[id], w)
	}
	delete(p.following, w)
	if len(sources) == 0 {
		return
	}
	if p.followers == nil {
		p.followers, p.following = map[catalog.ReleaseID]map[*worker]bool{}, map[*worker][]catalog.ReleaseID{}
	}
	p.following[w] = sources
	for _, id := range sources {
		if p.followers[id] == nil {
			p.followers[id] = map[*worker]bool{}
		}
		p.followers[id][w] = true
	}
}

// set says how far a release has come.
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
	for w := range p.followers[id] {
		w.signal()
	}
}

// of tells how far releases have come. One of which nothing is known has not begun.
func (p *progress) of(ids []catalog.ReleaseID) []gate.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
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

// inOrder puts releases behind those that they wait for: nobody may take another for being up to date that has not been
// told of the commit yet.
func inOrder(c *catalog.Catalog, releases []catalog.Release) []catalog.Release {
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
	slices.SortStableFunc(releases, func(a, b catalog.Release) int {
		return cmp.Or(cmp.Compare(promotions(c, a.ID.Environment), promotions(c, b.ID.Environment)), cmp.Compare(needed(a.ID), needed(b.ID)))
	})
	return releases
}

// promotions counts the environments that come before one.
func promotions(c *catalog.Catalog, environment string) int {
	n := 0
	for env := c.Environments[environment]; env != nil && env.Spec.PromotesFrom != "" && n < len(c.Environments); n++ {
		env = c.Environments[env.Spec.PromotesFrom]
	}
	return n
}
