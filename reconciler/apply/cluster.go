// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// Cluster is one cluster with the inventories that it holds, which are listed once a connection and then kept up to date by
// those who write them.
type Cluster struct {
	name    string
	connect func(daemon, ctx context.Context) (Conn, error)

	// loading holds one while the inventories are listed.
	loading chan struct{}

	mu          sync.Mutex
	conn        Conn   // the one that inventories was listed with
	platform    string // the one that inventories are those of
	inventories map[catalog.ReleaseID]cluster.Inventory
	// check looks at inventories before anything is done by them; nil: nobody does. refused is the connection over which it has
	// refused them, and why.
	check     func(context.Context, []cluster.Inventory) error
	refused   Conn
	why       error
	listeners map[string]func(cluster.Event)
	// witness is told of inventories; nil: nobody is.
	witness Witness
}

// Witness is told what is known of inventories. Its methods must not block, nor call the cluster.
type Witness interface {
	// Listed has all that there are, and Recorded one that was written, or is gone.
	Listed(all []cluster.Inventory)
	Recorded(i cluster.Inventory, gone bool)
}

// Witness has someone told of inventories from now on. It is called before the first use.
func (c *Cluster) Witness(w Witness) { c.witness = w }

// recorded tells who wants to know. The caller holds the lock.
func (c *Cluster) recorded(i cluster.Inventory, gone bool) {
	if c.witness != nil {
		c.witness.Recorded(i, gone)
	}
}

// NewCluster returns a cluster that is not connected to yet. The watches of a connection live as long as the first context.
func NewCluster(name string, connect func(daemon, ctx context.Context) (Conn, error)) *Cluster {
	return &Cluster{name: name, connect: connect, loading: make(chan struct{}, 1), listeners: map[string]func(cluster.Event){}}
}

// Load connects, and lists the inventories of the platform unless that was done with the connection already. Without a
// platform it only connects.
func (c *Cluster) Load(daemon, ctx context.Context, platform string) (Conn, error) {
	conn, err := c.connect(daemon, ctx)
	if err != nil || platform == "" {
		return conn, err
	}
	select {
	case c.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the inventories of cluster %q to be listed: %w", c.name, ctx.Err())
	}
	defer func() { <-c.loading }()
	c.mu.Lock()
	known, check := c.conn == conn && c.platform == platform, c.check
	refused, why := c.refused == conn, c.why
	c.mu.Unlock()
	switch {
	case known:
		return conn, nil
	case refused:
		return nil, why
	}
	list, err := conn.Inventories(ctx, platform)
	if err == nil && check != nil {
		err = c.checked(ctx, conn, check, list)
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.platform, c.inventories = conn, platform, map[catalog.ReleaseID]cluster.Inventory{}
	for _, i := range list {
		c.inventories[i.Release] = i
	}
	if c.witness != nil {
		c.witness.Listed(list)
	}
	return conn, nil
}

// checked asks whether anything may be done by inventories. If not, they are not listed over the same connection again.
func (c *Cluster) checked(ctx context.Context, conn Conn, check func(context.Context, []cluster.Inventory) error, list []cluster.Inventory) error {
	err := check(ctx, list)
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("cluster %q is left as it is: %w", c.name, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.why = conn, err
	return err
}

// Expect has inventories looked at before anything is done by them: those that are known, and those that are listed from now on.
// An error of check is one of [Cluster.Load]. Nil ends that; it reports whether inventories were refused.
func (c *Cluster) Expect(ctx context.Context, check func(context.Context, []cluster.Inventory) error) (refused bool) {
	c.mu.Lock()
	refused = c.refused != nil
	c.check, c.refused, c.why = check, nil, nil
	known := c.conn != nil
	c.mu.Unlock()
	if check != nil && known && check(ctx, c.Inventories()) != nil {
		c.Outdated()
	}
	return refused
}

// refresh reads the inventory of one release from the API server: another replica may have written it.
func (c *Cluster) refresh(ctx context.Context, conn Conn, platform string, id catalog.ReleaseID) error {
	i, there, err := conn.Inventory(ctx, platform, id)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if delete(c.inventories, id); there {
		c.inventories[id] = i
	}
	i.Release = id
	c.recorded(i, !there)
	return nil
}

// Outdated has the inventories listed again when they are next needed: other replicas may have written them.
func (c *Cluster) Outdated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
}

// Inventory returns what is known to be recorded of a release.
func (c *Cluster) Inventory(id catalog.ReleaseID) (cluster.Inventory, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.inventories[id]
	return i, ok
}

func (c *Cluster) set(i cluster.Inventory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inventories == nil {
		c.inventories = map[catalog.ReleaseID]cluster.Inventory{}
	}
	c.inventories[i.Release] = i
	c.recorded(i, false)
}

func (c *Cluster) drop(i cluster.Inventory) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inventories, i.Release)
	delete(c.listeners, i.ApplySet())
	c.recorded(i, true)
}

// Listed reports whether the inventories of a platform were listed at some time, over this connection or one before.
func (c *Cluster) Listed(platform string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inventories != nil && c.platform == platform
}

// Inventories returns those of all releases.
func (c *Cluster) Inventories() []cluster.Inventory {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]cluster.Inventory, 0, len(c.inventories))
	for _, i := range c.inventories {
		list = append(list, i)
	}
	return list
}

// Kinds lists those that the releases may have objects of.
func (c *Cluster) Kinds() []schema.GroupKind {
	var kinds []schema.GroupKind
	for _, i := range c.Inventories() {
		kinds = append(kinds, i.Kinds...)
	}
	return cluster.KindsOf(kinds...)
}

// listen has events about members of an ApplySet handed to the function, which must not block.
func (c *Cluster) listen(applySet string, f func(cluster.Event)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners[applySet] = f
}

// Happened hands an event about a member to the release that it is of.
func (c *Cluster) Happened(e cluster.Event) {
	c.mu.Lock()
	f := c.listeners[e.ApplySet]
	c.mu.Unlock()
	if f != nil {
		f(e)
	}
}
