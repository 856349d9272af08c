// SPDX-License-Identifier: Apache-2.0

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
	// approved are the releases whose removal was confirmed: an approval covers what its author saw and nothing that comes
	// to light later.
	approved map[string]map[catalog.ReleaseID]bool
}

// begin records what a commit declares; what was approved for the last one counts for it only.
func (r *removals) begin(declared map[catalog.ReleaseID]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.declared, r.gone, r.approved = map[string]int{}, map[string]map[catalog.ReleaseID]bool{}, map[string]map[catalog.ReleaseID]bool{}
	for id := range declared {
		r.declared[id.Environment]++
	}
}

// add records a release that is there and not declared.
func (r *removals) add(id catalog.ReleaseID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone[id.Environment] == nil {
		r.gone[id.Environment] = map[catalog.ReleaseID]bool{}
	}
	r.gone[id.Environment][id] = true
}

// approve confirms the removal of releases from an environment, and of no others.
func (r *removals) approve(environment string, ids []catalog.ReleaseID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.approved[environment] == nil {
		r.approved[environment] = map[catalog.ReleaseID]bool{}
	}
	for _, id := range ids {
		r.approved[environment][id] = true
	}
}

// of counts the removals of the environment of a release that is removed. It is approved for itself: others may be another
// replica's, whose status alone shows them, or have come to light since.
func (r *removals) of(id catalog.ReleaseID) gate.Removals {
	r.mu.Lock()
	defer r.mu.Unlock()
	env := id.Environment
	return gate.Removals{
		Environment: env, Removed: len(r.gone[env]), Of: len(r.gone[env]) + r.declared[env], Approved: r.approved[env][id],
	}
}
