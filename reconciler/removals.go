package reconciler

import (
	"maps"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
)

// removals count what the accepted commit removes from each environment. Its lock is taken last.
type removals struct {
	mu       sync.Mutex
	declared map[string]int
	gone     map[string]map[catalog.ReleaseID]bool
	// approved are the releases whose removal was confirmed: an approval covers what its author saw and nothing that comes
	// to light later.
	approved map[string]map[catalog.ReleaseID]bool
}

// begin takes in what a commit declares; what was approved for the last one counts for it only.
func (r *removals) begin(declared map[catalog.ReleaseID]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.declared, r.gone, r.approved = map[string]int{}, map[string]map[catalog.ReleaseID]bool{}, map[string]map[catalog.ReleaseID]bool{}
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

// approve confirms the removals of an environment that are known by now, and returns how many these are.
func (r *removals) approve(environment string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.gone[environment]) == 0 {
		return 0
	}
	r.approved[environment] = maps.Clone(r.gone[environment])
	return len(r.gone[environment])
}

// of counts the removals of an environment.
func (r *removals) of(environment string) gate.Removals {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone, approved := r.gone[environment], true
	for id := range gone {
		approved = approved && r.approved[environment][id]
	}
	return gate.Removals{
		Environment: environment, Removed: len(gone), Of: len(gone) + r.declared[environment], Approved: approved && len(gone) > 0,
	}
}
