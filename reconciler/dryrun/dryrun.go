// SPDX-License-Identifier: Apache-2.0

// Package dryrun finds out what bringing live clusters into a declared state would do to them, and does nothing of it: it
// reads, and has the API servers try what would be applied as a dry run. The client refuses everything else.
//
// Of Trunkline it may import api, catalog, reconciler/apply, reconciler/cluster, plan/gate, plan, plan/preview,
// reconciler/secrets, plan/terms and render.
package dryrun

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/cluster"
)

const (
	// maxReleases bounds the releases that are looked at in one cluster at once.
	maxReleases = 8
	// maxObjects bounds the objects that are tried for one release at once.
	maxObjects = 4
)

// Input is what is compared with clusters.
type Input struct {
	// Head is the declared state. Of the releases on the clusters, only those that are picked need to be rendered.
	Head preview.Side
	// Picker chooses releases, also among those that are not declared any more.
	Picker preview.Picker
	// Clusters are how to reach them; they are only read, whatever is said here.
	Clusters []cluster.Config
	Now      time.Time
	// Timeout bounds the time for each cluster; 0 is none.
	Timeout time.Duration
}

// Look finds out what would happen to the picked releases on the clusters. What goes wrong with one cluster or release is
// said there, and does not keep the others from being looked at.
func Look(ctx context.Context, in Input) (releases []preview.Release, troubles []preview.Trouble) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, cfg := range in.Clusters {
		group.Go(func() {
			found, err := in.cluster(ctx, cfg)
			mu.Lock()
			defer mu.Unlock()
			releases = append(releases, found...)
			if err != nil {
				troubles = append(troubles, preview.Trouble{Cluster: cfg.Name, Err: err.Error()})
			}
		})
	}
	group.Wait()
	return releases, troubles
}

// cluster looks at all releases of one cluster.
func (in Input) cluster(ctx context.Context, cfg cluster.Config) ([]preview.Release, error) {
	if in.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, in.Timeout, &slowError{in.Timeout})
		defer cancel()
	}
	cfg.ReadOnly = true
	c := cluster.New(cfg, func(cluster.Event) {})
	defer c.Close()
	conn, err := c.Connect(ctx, ctx)
	if err != nil {
		return nil, in.cause(ctx, err)
	}
	platform := in.Head.Catalog.Name()
	inventories, err := conn.Inventories(ctx, platform)
	if err != nil {
		return nil, in.cause(ctx, err)
	}
	var all []release
	recorded := map[catalog.ReleaseID]cluster.Inventory{}
	for _, inv := range inventories {
		recorded[inv.Release] = inv
	}
	for _, inv := range inventories {
		if _, declared := in.Head.Releases[inv.Release]; !declared && in.Picker.Picks(inv.Release) {
			all = append(all, release{in: in, conn: conn, recordedAll: recorded, id: inv.Release, inventory: inv, recorded: true, removed: true})
		}
	}
	for id, rendered := range in.Head.Releases {
		if id.Cluster != cfg.Name || !in.Picker.Picks(id) {
			continue
		}
		inv, ok := recorded[id]
		if !ok {
			inv = cluster.Inventory{Platform: platform, Release: id}
		}
		all = append(all, release{in: in, conn: conn, recordedAll: recorded, id: id, inventory: inv, recorded: ok, rendered: rendered})
	}
	found := make([]preview.Release, len(all))
	var group errgroup.Group
	group.SetLimit(maxReleases)
	for i, r := range all {
		group.Go(func() error {
			found[i] = r.look(ctx)
			return nil
		})
	}
	_ = group.Wait()
	return found, nil
}

// cause returns the reason for which a context ended, where that is why something failed.
func (in Input) cause(ctx context.Context, err error) error {
	slow, ok := errors.AsType[*slowError](context.Cause(ctx))
	if ok && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return slow
	}
	return err
}

// slowError says that there was not enough time.
type slowError struct{ after time.Duration }

func (e *slowError) Error() string {
	return fmt.Sprintf("the cluster has not answered everything within %s; --timeout gives it longer", e.after)
}
