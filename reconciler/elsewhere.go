package reconciler

import (
	"context"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
)

// askEvery is how often the inventory of a release that another replica keeps is read while somebody waits for it.
const askEvery = 5 * time.Second

// askOthers finds out how far the releases are that hold this one and that other replicas keep. What the inventory
// says of them is that a state was healthy, not whether it still is.
func (w *worker) askOthers(daemon, ctx context.Context) {
	now := w.r.opts.Now()
	w.mu.Lock()
	held := w.verdict.Hold == gate.Promotion || w.verdict.Hold == gate.Depends
	due := held && !now.Before(w.askAt)
	var ids []catalog.ReleaseID
	for _, id := range slices.Concat(w.settings.Sources, w.settings.Needs) {
		if due && !w.r.opts.Sharing.Owned(id) {
			ids = append(ids, id)
		}
	}
	if !held || due && len(ids) == 0 {
		w.askAt = time.Time{} // a time that is over would be waited for again and again
	}
	w.mu.Unlock()
	if len(ids) == 0 {
		return
	}
	for _, id := range ids {
		if current, since, err := w.r.progressElsewhere(daemon, ctx, id); err == nil {
			w.r.progress.set(id, current, since)
		} else if ctx.Err() == nil {
			w.r.opts.Log.Warn("cannot see how far a release is that another replica keeps", "release", id.String(), "for", w.id.String(), "err", err.Error())
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.askAt = now.Add(askEvery)
	w.admit()
}

// progressElsewhere reads from its inventory how far a release is that another replica keeps.
func (r *Reconciler) progressElsewhere(daemon, ctx context.Context, id catalog.ReleaseID) (current bool, since time.Time, err error) {
	r.mu.Lock()
	other := r.workers[id]
	r.mu.Unlock()
	c := r.clusters[id.Cluster]
	if other == nil || c == nil {
		return false, time.Time{}, nil
	}
	newest := other.wantedDigest()
	if newest == "" {
		return false, time.Time{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
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

// wantedDigest identifies what the newest commit makes of the release; empty if there is nothing that could be taken.
func (w *worker) wantedDigest() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest == nil || w.newest.remove || w.renderErr != nil || w.idle() {
		return ""
	}
	return w.newest.digest
}
