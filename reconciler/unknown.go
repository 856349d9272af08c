// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// waitsFor says why a release that is not declared is left as it is: a repository that may declare it is not known, as after the loss of
// the store. It is empty if the release is gone from what is declared. The caller holds the lock.
func (r *Reconciler) waitsFor(id catalog.ReleaseID) string {
	if r.catalog == nil {
		return ""
	}
	unknown := r.catalog.Unknown()
	c := r.clusters.get(id.Cluster)
	if len(unknown) == 0 || c == nil {
		return ""
	}
	inv, recorded := c.inventories.Inventory(id)
	switch {
	case recorded && slices.Contains(unknown, inv.Repository):
		return fmt.Sprintf("the source %q, which declares it, is not known: it is left as it is", inv.Repository)
	case recorded && inv.Repository == "": // it was written before the platform included any
		return fmt.Sprintf("not all sources are known, and one of them may declare it: it is left as it is until they are, or are taken out of the platform: %s",
			strings.Join(unknown, ", "))
	}
	return ""
}

// leave tells of a release that it is left as it is. The caller holds the lock.
func (r *Reconciler) leave(i cluster.Inventory, why string, dealt *sync.WaitGroup) {
	if r.actors[i.Release] == nil && r.opts.Sharing.Owned(i.Release) {
		s, _ := r.settingsOf(r.catalog, i.Release) // of what is not declared there may be nothing
		r.actor(i.Release).box.putAndTell(release.NotRendered{Why: why, Namespace: i.Namespace, Access: s.Access}, dealt)
	}
}

// recall passes on what inventories have recorded of commits that join several repositories.
func (r *Reconciler) recall(list []cluster.Inventory) {
	for _, i := range list {
		for commit, parts := range i.Parts {
			r.opts.Recall(commit, parts)
		}
	}
}
