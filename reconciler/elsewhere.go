// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// askTimeout bounds how long a cluster is asked for the inventory of a release that another replica keeps.
const askTimeout = 20 * time.Second

// askOthers finds out how far the releases are that one waits for and other replicas keep, and reports whether there are any.
// What the inventory says of them is that a state was healthy, not whether it still is.
func (r *Reconciler) askOthers(daemon, ctx context.Context, asking catalog.ReleaseID, ids []catalog.ReleaseID) (again bool) {
	for _, id := range ids {
		if r.opts.Sharing.Owned(id) {
			continue
		}
		again = true
		if current, since, err := r.progressElsewhere(daemon, ctx, id); err == nil {
			r.progress.set(id, current, since)
		} else if ctx.Err() == nil {
			r.opts.Log.Warn("cannot see how far a release is that another replica keeps", "release", id.String(), "for", asking.String(), "err", err.Error())
		}
	}
	return again
}

// progressElsewhere reads from its inventory how far a release is that another replica keeps.
func (r *Reconciler) progressElsewhere(daemon, ctx context.Context, id catalog.ReleaseID) (current bool, since time.Time, err error) {
	r.mu.Lock()
	other := r.actors[id]
	r.mu.Unlock()
	c := r.clusters.get(id.Cluster)
	if other == nil || c == nil {
		return false, time.Time{}, nil
	}
	newest := other.copied.Load().wanted
	if newest == "" {
		return false, time.Time{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	conn, err := c.Connect(daemon, ctx)
	if err != nil {
		return false, time.Time{}, err
	}
	inv, there, err := conn.Inventory(ctx, r.platformName(), id)
	if err != nil || !there || inv.Digest != newest || inv.Memory.Suspended != nil {
		return false, time.Time{}, err
	}
	if marks := inv.Memory.Healthy; len(marks) > 0 && marks[0].Digest == newest {
		since = marks[0].Since
	}
	return true, since, nil
}
