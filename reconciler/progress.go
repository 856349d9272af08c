package reconciler

import (
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/gate"
)

// progress is how far each release has come, for those that are promoted from it. Its lock is taken last, whatever
// else is held.
type progress struct {
	mu     sync.Mutex
	states map[catalog.ReleaseID]gate.Source
	// followers are woken when a release has come further.
	followers map[catalog.ReleaseID]map[*worker]bool
}

// follow has the worker woken when one of the releases comes further.
func (p *progress) follow(w *worker, sources []catalog.ReleaseID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range p.followers {
		delete(all, w)
	}
	for _, id := range sources {
		if p.followers == nil {
			p.followers = map[catalog.ReleaseID]map[*worker]bool{}
		}
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

func (p *progress) source(id catalog.ReleaseID) gate.Source {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.states[id]; ok {
		return s
	}
	return gate.Source{Release: id.String()}
}

// removals count what the accepted commit removes from each environment. Its lock is taken last.
type removals struct {
	mu       sync.Mutex
	declared map[string]int
	gone     map[string]map[catalog.ReleaseID]bool
	approved map[string]bool
}

// begin takes in what a commit declares; what was approved for the last one counts for it only.
func (r *removals) begin(declared map[catalog.ReleaseID]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.declared, r.gone, r.approved = map[string]int{}, map[string]map[catalog.ReleaseID]bool{}, map[string]bool{}
	for id := range declared {
		r.declared[id.Environment]++
	}
}

// add takes in a release that is there and not declared.
func (r *removals) add(id catalog.ReleaseID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone[id.Environment] == nil {
		r.gone[id.Environment] = map[catalog.ReleaseID]bool{}
	}
	r.gone[id.Environment][id] = true
}

// approve confirms the removals of an environment, and says how many there are.
func (r *removals) approve(environment string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.gone[environment]); n > 0 {
		r.approved[environment] = true
		return n
	}
	return 0
}

func (r *removals) of(environment string, share int) *gate.Removals {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := len(r.gone[environment])
	return &gate.Removals{
		Environment: environment, Removed: gone, Of: gone + r.declared[environment], Max: share, Approved: r.approved[environment],
	}
}
