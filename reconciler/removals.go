package reconciler

import (
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
)

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
