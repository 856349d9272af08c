// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

// fleet are the clusters that are kept, and the one owner of which those are. Any goroutine may ask; whoever goes through all of them
// sees those of one moment.
type fleet struct {
	current atomic.Pointer[map[string]*clusterState]

	// mu is held while something is changed that is so of all clusters: one that comes later is told it as well.
	mu    sync.Mutex
	rules *health.Rules
	check func(context.Context, []cluster.Inventory) error
	// keep looks after a cluster until it is taken away; nil before [Reconciler.Run] and after.
	keep func(*clusterState)
}

// get returns a cluster; nil if nobody said how to reach it.
func (f *fleet) get(name string) *clusterState { return f.all()[name] }

// all returns the clusters by their names. The map must not be changed.
func (f *fleet) all() map[string]*clusterState {
	if all := f.current.Load(); all != nil {
		return *all
	}
	return nil
}

// change replaces the clusters. The caller holds the lock.
func (f *fleet) change(change func(map[string]*clusterState)) {
	next := maps.Clone(f.all())
	if next == nil {
		next = map[string]*clusterState{}
	}
	change(next)
	f.current.Store(&next)
}

// add has a cluster kept as the others are.
func (f *fleet) add(c *clusterState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rules != nil {
		c.SetHealthRules(f.rules)
	}
	if f.check != nil {
		c.inventories.Expect(context.Background(), f.check)
	}
	f.change(func(all map[string]*clusterState) { all[c.Name()] = c })
	if f.keep != nil {
		f.keep(c)
	}
}

// remove has a cluster kept no longer.
func (f *fleet) remove(c *clusterState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change(func(all map[string]*clusterState) { delete(all, c.Name()) })
	c.end()
}

// keepBy has all clusters looked after from now on; with nil, those that come later are not.
func (f *fleet) keepBy(keep func(*clusterState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep = keep
	if keep == nil {
		return
	}
	for _, c := range f.all() {
		keep(c)
	}
}

// judgeBy has all clusters judge health by some rules.
func (f *fleet) judgeBy(rules *health.Rules) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = rules
	for _, c := range f.all() {
		c.SetHealthRules(rules)
	}
}

// expect has the inventories of all clusters checked before anything is done by them; with nil, none is. It returns the clusters that
// were left as they are until now.
func (f *fleet) expect(ctx context.Context, check func(context.Context, []cluster.Inventory) error) (left []*clusterState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.check = check
	for _, c := range f.all() {
		if c.inventories.Expect(ctx, check) {
			left = append(left, c)
		}
	}
	return left
}

// ClusterChanges are the names of clusters that are kept from now on, that are not any more, and that are reached in another way; each
// sorted.
type ClusterChanges struct{ Added, Removed, Changed []string }

// SetClusters says which clusters are kept from now on, and how they are reached. Releases in one that is not any more stay in place as they
// are, and nothing is done about them. What is declared in one that is new is brought there; it may hold releases already, which
// are taken up. A cluster that is reached in another way keeps its connection until the new one works. With an error nothing has
// changed. Calls must not overlap.
func (r *Reconciler) SetClusters(configs []cluster.Config) (ClusterChanges, error) {
	var did ClusterChanges
	wanted := map[string]cluster.Config{}
	for _, cfg := range configs {
		if _, twice := wanted[cfg.Name]; twice {
			return did, fmt.Errorf("the cluster %q is configured twice", cfg.Name)
		}
		wanted[cfg.Name] = cfg
	}
	before := r.clusters.all()
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, kept := wanted[name]; !kept {
			r.forgetCluster(before[name])
			did.Removed = append(did.Removed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		switch c := before[name]; {
		case c != nil && (c.desk != nil) != wanted[name].Agent:
			r.forgetCluster(c) // whoever keeps it from now on begins with what it holds
			r.addCluster(wanted[name])
			did.Changed = append(did.Changed, name)
		case c == nil:
			r.addCluster(wanted[name])
			did.Added = append(did.Added, name)
		case c.Reconfigure(wanted[name]):
			c.wake() // which connects, if nothing could before
			did.Changed = append(did.Changed, name)
		}
	}
	return did, nil
}

// addCluster keeps a cluster from now on. Its releases begin as they do when the daemon is started: by what the cluster remembers
// of them.
func (r *Reconciler) addCluster(cfg cluster.Config) {
	c := r.newCluster(cfg)
	message := "not connected yet"
	if c.desk != nil {
		message = c.State().Message
	}
	r.opts.Board.SetCluster(status.Cluster{Name: cfg.Name, Message: message})
	r.clusters.add(c)
	r.restart(cfg.Name)
	r.briefed(c)
}

// forgetCluster keeps a cluster no longer.
func (r *Reconciler) forgetCluster(c *clusterState) {
	r.clusters.remove(c)
	r.restart(c.Name())
	c.Close()
	c.reporting.Lock() // whoever puts it on the board has done so before, or does not any more
	defer c.reporting.Unlock()
	c.gone = true
	r.opts.Board.RemoveCluster(c.Name())
}

// restart has the releases of a cluster begin with nothing known of them, and end what is under way.
func (r *Reconciler) restart(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.actors {
		if id.Cluster != name {
			continue
		}
		mine := a.ownership()
		a.box.put(release.Lost{Owner: cmp.Or(r.opts.Sharing.Owner(id), "")})
		if gained, ok := mine.(release.Gained); ok {
			a.box.put(gained)
		}
	}
}
