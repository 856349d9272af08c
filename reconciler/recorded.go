// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/plan"
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
	return r.commits(ctx, cluster.Inventory.Commits, true)
}

// commits collects those of all inventories but those of previews, whose commits are of no track that is kept; with known set,
// what a cluster said before it was lost will do.
func (r *Reconciler) commits(ctx context.Context, of func(cluster.Inventory) []string, known bool) ([]string, error) {
	list, err := r.inventories(ctx, known)
	var all []string
	for _, i := range list {
		if i.Preview == plan.NoPreview {
			all = append(all, of(i)...)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(commit string) bool { return commit == "" }), err
}

// inventories returns those that clusters hold. The error names the clusters that could not be asked; with known set, what a
// cluster said before it was lost will do.
func (r *Reconciler) inventories(ctx context.Context, known bool) ([]cluster.Inventory, error) {
	platform := r.platformName()
	if platform == "" {
		return nil, ErrNotReady
	}
	var mu sync.Mutex
	var all []cluster.Inventory
	var errs []error
	var asking sync.WaitGroup
	for _, c := range r.clusters.all() {
		asking.Go(func() {
			err := c.ask(ctx, platform)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && (!known || !c.inventories.Listed(platform)) {
				errs = append(errs, fmt.Errorf("listing the inventories of cluster %q: %w", c.Name(), err))
				return
			}
			list := c.inventories.Inventories()
			r.recall(list)
			all = append(all, list...)
		})
	}
	asking.Wait()
	return all, errors.Join(errs...)
}

// ask lists the inventories if they are not known.
func (c *clusterState) ask(ctx context.Context, platform string) error {
	call, cancel := context.WithTimeout(ctx, recordedTimeout)
	defer cancel()
	_, err := c.inventories.Load(ctx, call, platform)
	return err
}

// expect has clusters compared with a revision before anything is done in them; with nil, none is. It returns those that were
// left as they are until now.
func (r *Reconciler) expect(ctx context.Context, compare func(context.Context, []string) error) (left []*clusterState) {
	var check func(context.Context, []cluster.Inventory) error
	if compare != nil {
		check = func(ctx context.Context, list []cluster.Inventory) error {
			r.recall(list)
			commits := make([]string, 0, len(list))
			for _, i := range list {
				if i.Preview == plan.NoPreview {
					commits = append(commits, i.Commit)
				}
			}
			slices.Sort(commits)
			return compare(ctx, slices.Compact(commits))
		}
	}
	return r.clusters.expect(ctx, check)
}

// Confirm says that the repository is at the accepted revision: clusters are brought to it whatever they hold. It must not be
// called at the same time as [Reconciler.Accept].
func (r *Reconciler) Confirm() { r.nudgeAll(r.expect(context.Background(), nil)) }

// nudgeAll has clusters looked at again, and every release of them run.
func (r *Reconciler) nudgeAll(clusters []*clusterState) {
	for _, c := range clusters {
		c.wake()
		r.nudge(c)
	}
}
