package reconciler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// inventoryRetry is how long to wait before a cluster's inventories are asked for again after a failure. A
// cluster that comes back is asked at once.
const inventoryRetry = 10 * time.Second

// clusterState is a cluster together with what the reconciler knows of it.
type clusterState struct {
	*cluster.Cluster

	// loading holds one while the inventories are listed, so that they are listed once a connection.
	loading chan struct{}
	// reporting is held while the state is put on the board.
	reporting sync.Mutex

	mu          sync.Mutex
	conn        *cluster.Conn // the one that inventories was listed with
	platform    string        // the one that inventories are those of
	inventories map[catalog.ReleaseID]cluster.Inventory
	owners      map[string]*worker
	wakeup      chan struct{}
}

// register makes the worker the one that is told about members of its ApplySet.
func (c *clusterState) register(applySet string, w *worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owners == nil {
		c.owners = map[string]*worker{}
	}
	c.owners[applySet] = w
}

func (c *clusterState) owner(applySet string) *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[applySet]
}

// load lists the inventories, unless this was done with the connection already.
func (c *clusterState) load(ctx context.Context, conn *cluster.Conn, platform string) error {
	select {
	case c.loading <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the inventories of cluster %q to be listed: %w", c.Name(), ctx.Err())
	}
	defer func() { <-c.loading }()
	c.mu.Lock()
	known := c.conn == conn && c.platform == platform
	c.mu.Unlock()
	if known {
		return nil
	}
	list, err := conn.Inventories(ctx, platform)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.platform, c.inventories = conn, platform, map[catalog.ReleaseID]cluster.Inventory{}
	for _, i := range list {
		c.inventories[i.Release] = i
	}
	return nil
}

// refresh reads the inventory of one release anew: another replica may have written it.
func (c *clusterState) refresh(ctx context.Context, conn *cluster.Conn, platform string, id catalog.ReleaseID) error {
	i, there, err := conn.Inventory(ctx, platform, id)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.inventories, id); there {
		c.inventories[id] = i
	}
	return nil
}

// outdated has the inventories listed again: other replicas may have written them.
func (c *clusterState) outdated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
}

func (c *clusterState) inventory(id catalog.ReleaseID) (cluster.Inventory, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.inventories[id]
	return i, ok
}

func (c *clusterState) setInventory(i cluster.Inventory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inventories[i.Release] = i
}

func (c *clusterState) dropInventory(i cluster.Inventory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inventories, i.Release)
	delete(c.owners, i.ApplySet())
}

func (c *clusterState) all() []cluster.Inventory {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]cluster.Inventory, 0, len(c.inventories))
	for _, i := range c.inventories {
		list = append(list, i)
	}
	return list
}

// kinds lists those that the releases may have objects of.
func (c *clusterState) kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, i := range c.all() {
		kinds = append(kinds, i.Kinds...)
	}
	return cluster.KindsOf(kinds...)
}

// wake has the inventories looked at again.
func (c *clusterState) wake() {
	select {
	case c.waker() <- struct{}{}:
	default:
	}
}

func (c *clusterState) waker() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wakeup == nil {
		c.wakeup = make(chan struct{}, 1)
	}
	return c.wakeup
}

// keepInventories finds releases that a cluster holds and the repository does not declare, and has them
// removed. Nothing is removed before a revision was accepted: knowing nothing is not the same as declaring
// nothing.
func (r *Reconciler) keepInventories(ctx context.Context, c *clusterState) {
	for {
		var retry <-chan time.Time
		if err := r.removeUndeclared(ctx, c); err != nil && ctx.Err() == nil {
			r.opts.Log.Warn("cannot look for undeclared releases", "cluster", c.Name(), "err", err.Error())
			retry = time.After(inventoryRetry)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.waker():
		case <-retry:
		}
	}
}

// removeUndeclared does so once. Before a revision was accepted it only gets ready for one, as far as the platform is
// known: it connects, and has seen what the cluster holds.
func (r *Reconciler) removeUndeclared(ctx context.Context, c *clusterState) error {
	r.mu.Lock()
	platform, ready := r.platform, r.declared != nil
	r.mu.Unlock()
	call, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	conn, err := c.Connect(ctx, call)
	if err != nil {
		return err
	}
	if platform == "" {
		return nil
	}
	if err := c.load(call, conn, platform); err != nil {
		return err
	}
	if !ready {
		return conn.Watch(call, c.kinds())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var undeclared []cluster.Inventory
	for _, i := range c.all() {
		if !r.declared[i.Release] {
			r.removals.add(i.Release) // all of them before the first: how many there are may hold them
			undeclared = append(undeclared, i)
		}
	}
	for _, i := range undeclared {
		if r.workers[i.Release] == nil && r.opts.Sharing.Owned(i.Release) {
			r.remove(r.catalog, r.worker(i.Release), desired{commit: i.Commit, namespace: i.Namespace, remove: true})
		}
	}
	return nil
}

// Swept waits until every cluster was looked at for releases that are not declared any more, so that all of
// them are on the board; for commands that do one pass. A cluster that cannot be reached is an error.
func (r *Reconciler) Swept(ctx context.Context) error {
	var errs []error
	for _, c := range r.clusters {
		if err := r.removeUndeclared(ctx, c); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
