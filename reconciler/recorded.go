// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/reconciler/cluster"
)

// recordedTimeout bounds how long a start waits for a cluster to list its inventories.
const recordedTimeout = 10 * time.Second

// Recorded returns the commits that the clusters' inventories name, sorted: those that were applied last. The error names
// the clusters that could not be asked; the commits of the others are returned with it. ctx is the daemon's: connections
// that are made live as long.
func (r *Reconciler) Recorded(ctx context.Context) ([]string, error) {
	return r.commits(ctx, func(i cluster.Inventory) []string { return []string{i.Commit} }, false)
}

// Needed returns the commits whose content may be asked for although no track is at them, sorted: those that releases
// are held at, and those that they may go back to. An error says that there may be more.
func (r *Reconciler) Needed(ctx context.Context) ([]string, error) {
	return r.commits(ctx, func(i cluster.Inventory) []string {
		needed := []string{i.Commit}
		for _, mark := range i.Memory.Healthy {
			needed = append(needed, mark.Commit)
		}
		if i.Memory.Failed != nil {
			needed = append(needed, i.Memory.Failed.Commit)
		}
		return needed
	}, true)
}

// commits collects those of all inventories; with known set, what a cluster said before it was lost will do.
func (r *Reconciler) commits(ctx context.Context, of func(cluster.Inventory) []string, known bool) ([]string, error) {
	platform := r.platformName()
	if platform == "" {
		return nil, errors.New("no commit was accepted yet")
	}
	var mu sync.Mutex
	var all []string
	var errs []error
	var asking sync.WaitGroup
	for _, c := range r.clusters {
		asking.Go(func() {
			err := c.ask(ctx, platform)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && (!known || !c.inventories.Listed(platform)) {
				errs = append(errs, fmt.Errorf("listing the inventories of cluster %q: %w", c.Name(), err))
				return
			}
			for _, i := range c.inventories.Inventories() {
				all = append(all, of(i)...)
			}
		})
	}
	asking.Wait()
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(commit string) bool { return commit == "" })
	return all, errors.Join(errs...)
}

// ask lists the inventories if they are not known.
func (c *clusterState) ask(ctx context.Context, platform string) error {
	call, cancel := context.WithTimeout(ctx, recordedTimeout)
	defer cancel()
	_, err := c.inventories.Load(ctx, call, platform)
	return err
}
