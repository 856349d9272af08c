// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"sync"
	"time"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// inventoryRetry is how long to wait before a cluster's inventories are asked for again after a failure. A cluster that
	// comes back is asked at once.
	inventoryRetry = 10 * time.Second
	// sweepTimeout bounds how long a cluster is asked for them.
	sweepTimeout = 20 * time.Second
)

// site is a cluster as the reconciler looks at it as a whole: one that it reaches, which is a [cluster.Cluster], or one that an agent
// keeps.
type site interface { //nolint:interfacebloat // it is all that is asked of a cluster as a whole
	Name() string
	State() cluster.State
	SetHealthRules(*health.Rules)
	Reconfigure(cluster.Config) bool
	// Connected returns the connection that there is; nil: there is none, as of a cluster that an agent keeps.
	Connected() *cluster.Conn
	// Connect fails for a cluster that an agent keeps.
	Connect(daemon, ctx context.Context) (*cluster.Conn, error)
	Close()
}

// clusterState is a cluster together with what the reconciler knows of it.
type clusterState struct {
	site

	// desk is that of the agent; nil if the daemon reaches the cluster itself.
	desk *agent.Desk
	// showing is held while what the agent says of releases is put on the board.
	showing sync.Mutex

	inventories *apply.Cluster
	writing     *writing
	// reporting is held while the state is put on the board; warning is a part of it.
	reporting sync.Mutex
	warning   string
	// doubtful has one while it is to be looked at again whether it is as declared.
	doubtful chan struct{}
	// end ends what looks after it. It is guarded by the lock of its fleet. gone is set once it is not kept any more, under reporting.
	end  context.CancelFunc
	gone bool
	// woken has one while the inventories are to be looked at again.
	woken chan struct{}
}

func bareCluster() *clusterState {
	return &clusterState{woken: make(chan struct{}, 1), doubtful: make(chan struct{}, 1), writing: newWriting(), end: func() {}}
}

func newClusterState(cfg cluster.Config, happened func(*clusterState, cluster.Event)) *clusterState {
	c := bareCluster()
	reached := cluster.New(cfg, func(e cluster.Event) { happened(c, e) })
	c.site = reached
	c.inventories = apply.NewCluster(cfg.Name, func(daemon, ctx context.Context) (apply.Conn, error) {
		conn, err := reached.Connect(daemon, ctx)
		if err != nil {
			return nil, err
		}
		return apply.Live(conn), nil
	})
	return c
}

// wake has the inventories looked at again.
func (c *clusterState) wake() {
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

// happened hands an event in a cluster to whom it concerns.
func (r *Reconciler) happened(c *clusterState, e cluster.Event) {
	switch {
	case e.Dropped:
		c.wake() // which connects again
	case e.Listed:
		r.nudge(c)
	case e.ApplySet == "":
		r.clusterChanged(c)
	default:
		c.inventories.Happened(e)
	}
}

// clusterChanged puts the state of a cluster on the board, and has everybody try again once it answers.
func (r *Reconciler) clusterChanged(c *clusterState) {
	if p := r.opts.Principal; p != nil {
		p.State(c.State())
	}
	if !r.report(c, nil) {
		return
	}
	c.wake()
	c.doubt()
	r.nudge(c)
}

// report puts a cluster on the board, with another warning unless that is nil. It reports whether the cluster answers.
func (r *Reconciler) report(c *clusterState, warning *string) (reachable bool) {
	c.reporting.Lock() // of two that read the state, the later one writes last
	defer c.reporting.Unlock()
	if c.gone {
		return false
	}
	switch {
	case c.desk != nil:
		c.warning = c.desk.Warning()
	case warning != nil:
		c.warning = *warning
	}
	state := c.State()
	r.opts.Board.SetCluster(status.Cluster{Name: c.Name(), Reachable: state.Reachable, Message: state.Message, Warning: c.warning})
	return state.Reachable
}

// nudge has every release of a cluster run.
func (r *Reconciler) nudge(c *clusterState) {
	if c.desk != nil {
		c.desk.Kick()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.actors {
		if id.Cluster == c.Name() {
			a.box.put(release.Nudged{})
		}
	}
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
		case <-c.woken:
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
	call, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	conn, err := c.inventories.Load(ctx, call, platform)
	if err != nil || platform == "" {
		return err
	}
	r.recall(c.inventories.Inventories())
	if !ready || r.opts.Principal != nil { // an agent removes what it is told to
		return conn.Watch(call, c.inventories.Kinds())
	}
	var dealt sync.WaitGroup
	r.sweep(c, &dealt)
	r.await(&dealt) // who sees that a cluster was looked at sees what was found
	return nil
}

// sweep asks for the removal of what a cluster holds and the repository does not declare.
func (r *Reconciler) sweep(c *clusterState, dealt *sync.WaitGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handing.underWay() {
		return // what is not declared may have objects of releases that are not rendered yet; it is done again then
	}
	undeclared := map[string][]cluster.Inventory{}
	for _, i := range c.inventories.Inventories() {
		if i.Preview != plan.NoPreview {
			r.sweepPreview(i, dealt)
		} else if why := r.waitsFor(i.Release); why != "" && !r.declared[i.Release] {
			r.leave(i, why, dealt)
		} else if !r.declared[i.Release] {
			if len(r.catalog.MovedTo(i.Release)) == 0 {
				r.removals.add(i.Release) // all of them before the first: how many there are may hold them
			}
			undeclared[i.Release.Environment] = append(undeclared[i.Release.Environment], i)
		}
	}
	for environment, inventories := range undeclared {
		for _, i := range inventories {
			if r.actors[i.Release] == nil && r.opts.Sharing.Owned(i.Release) {
				r.remove(r.actor(i.Release), release.Target{Commit: i.Commit, Namespace: i.Namespace, Remove: true}, dealt)
			}
		}
		r.recount(environment)
	}
}

// remove asks for a release to be deleted that is not declared any more. The caller holds the lock.
func (r *Reconciler) remove(a *actor, t release.Target, dealt *sync.WaitGroup) {
	s := release.Settings{Terms: terms.Undeclared()}
	if r.catalog != nil {
		var err error
		if s, err = r.settingsOf(r.catalog, a.id); err != nil {
			a.box.putAndTell(release.NotRendered{Why: err.Error(), Namespace: t.Namespace, Owner: t.Owner, Access: s.Access}, dealt)
			return
		}
	}
	count := r.removals.of(a.id)
	var waits follows // a removal waits for nobody, unless the release moves
	if s.Moved {
		waits.needs = s.Needs
	}
	r.progress.follow(a, waits, func(_, needs []gate.Source) {
		a.box.putAndTell(release.Declared{Target: t, Settings: s, Needs: needs, Removals: &count}, dealt)
	})
}

// Swept waits until every cluster was looked at for releases that are not declared any more, so that all of
// them are on the board; for commands that do one pass. A cluster that cannot be reached is an error.
func (r *Reconciler) Swept(ctx context.Context) error {
	var errs []error
	for _, c := range r.clusters.all() {
		if err := r.removeUndeclared(ctx, c); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
