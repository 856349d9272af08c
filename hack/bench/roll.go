// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// rolled is how a roll-out went; all times are since the daemon was told of the push.
type rolled struct {
	// applied is when the last app was seen to be, give or take the pace of looking; healthy when the last one
	// came to be, by the daemon's own clock.
	applied, healthy time.Duration
	// ours and theirs are the processor time of the daemon and of the cluster meanwhile.
	ours, theirs time.Duration
}

// roll pushes apps to a platform that a daemon keeps, and waits until all are healthy on the given clusters.
func roll(ctx context.Context, h *home, d *daemon, apps int, clusters []string, cluster int) (rolled, error) {
	if err := ready(ctx, d, clusters); err != nil {
		return rolled{}, err
	}
	commit, err := h.repo.push(ctx, "apps", h.platform.apps(0, apps))
	if err != nil {
		return rolled{}, err
	}
	ours, theirs := processor(d.Pid()), processor(cluster)
	began, err := d.sync(ctx)
	if err != nil {
		return rolled{}, err
	}
	var r rolled
	w := wait{what: fmt.Sprintf("%d apps to be healthy on %v", apps, clusters), limit: rollLimit, interval: pace}
	p, err := d.await(ctx, w, func(p status.Platform) bool {
		there := on(p, clusters)
		if len(there) != apps*len(clusters) {
			return false
		}
		if r.applied == 0 && !slices.ContainsFunc(there, func(rel status.Release) bool { return rel.Commit != commit || rel.Result != status.Applied }) {
			r.applied = time.Since(began)
		}
		return !slices.ContainsFunc(there, func(rel status.Release) bool { return rel.Commit != commit || !rel.Fine() })
	})
	if err != nil {
		return r, err
	}
	r.healthy = latest(on(p, clusters)).Sub(began)
	r.applied = min(r.applied, r.healthy)
	r.ours, r.theirs = processor(d.Pid())-ours, processor(cluster)-theirs
	return r, nil
}

// ready waits until a daemon has accepted the platform and reaches the clusters.
func ready(ctx context.Context, d *daemon, clusters []string) error {
	_, err := d.await(ctx, wait{what: "the daemon to reach its clusters", limit: changeLimit}, func(p status.Platform) bool {
		reached := 0
		for _, c := range p.Clusters {
			if c.Reachable && slices.Contains(clusters, c.Name) {
				reached++
			}
		}
		return p.Source.Accepted != nil && reached == len(clusters)
	})
	return err
}

// on returns the releases on the clusters.
func on(p status.Platform, clusters []string) []status.Release {
	var out []status.Release
	for _, r := range p.Releases {
		if slices.Contains(clusters, r.Cluster) {
			out = append(out, r)
		}
	}
	return out
}

// latest is when the last of the releases came to be as it is.
func latest(releases []status.Release) time.Time {
	var last time.Time
	for _, r := range releases {
		if r.Since.After(last) {
			last = r.Since
		}
	}
	return last
}
