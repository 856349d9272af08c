// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
)

// Sharing says which releases are this replica's, when there are several. It is [shard.Coordinator] where there are.
type Sharing interface {
	// Begin is called before something is done for a release; ok is false if it is not this replica's. Otherwise the context
	// ends when it is to be given up, and done must be called when nothing is under way any more.
	Begin(ctx context.Context, id catalog.ReleaseID) (running context.Context, done func(), ok bool)
	// Owned reports whether a release is this replica's at this moment.
	Owned(id catalog.ReleaseID) bool
	// Owner names the replica that has a release, as far as that is known.
	Owner(id catalog.ReleaseID) string
}

// single has everything: there is one replica.
type single struct{}

func (single) Begin(ctx context.Context, _ catalog.ReleaseID) (context.Context, func(), bool) {
	return ctx, func() {}, true
}
func (single) Owned(catalog.ReleaseID) bool   { return true }
func (single) Owner(catalog.ReleaseID) string { return "" }

// Shared has everybody look again whose releases are whose; to be called when that may have changed. It does not block.
func (r *Reconciler) Shared() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.actors {
		a.box.put(a.ownership())
		a.box.put(release.Resharded{})
	}
	for _, c := range r.clusters.all() {
		c.inventories.Outdated()
		c.wake()
	}
}
