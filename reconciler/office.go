// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
)

// noTime is none.
var noTime time.Time

// newCluster returns what keeps a cluster: this process, or an agent there.
func (r *Reconciler) newCluster(cfg cluster.Config) *clusterState {
	if !cfg.Agent {
		c := newClusterState(cfg, r.happened)
		if r.opts.Principal != nil {
			c.inventories.Witness(r.opts.Principal)
		}
		return c
	}
	c := bareCluster()
	c.desk = agent.NewDesk(cfg.Name, &office{r, c}, r.opts.Now)
	c.site = afar{c.desk}
	c.inventories = apply.NewCluster(cfg.Name, func(_, _ context.Context) (apply.Conn, error) { return ledger{c.desk}, nil })
	return c
}

// Desk returns that of a cluster that an agent keeps; nil for others.
func (r *Reconciler) Desk(name string) *agent.Desk {
	if c := r.clusters.get(name); c != nil {
		return c.desk
	}
	return nil
}

// Desks returns those of all clusters that agents keep.
func (r *Reconciler) Desks() (desks []*agent.Desk) {
	for _, c := range r.clusters.all() {
		if c.desk != nil {
			desks = append(desks, c.desk)
		}
	}
	return desks
}

// brief has the agents know what is so of the whole platform. Until [Reconciler.settle] they delete nothing that may be another
// release's.
func (r *Reconciler) brief(c *catalog.Catalog) {
	for _, d := range r.Desks() {
		d.Settle(false)
		d.Set(r.platformOf(c))
	}
}

func (r *Reconciler) platformOf(c *catalog.Catalog) agent.Platform {
	return agent.Platform{Name: c.Name(), Health: c.Platform.Spec.Health, Account: r.opts.DefaultServiceAccount}
}

// briefed has an agent know what is so of the platform that came to a cluster later than the commit. Whatever the releases are to
// be is on the desk before it is said that all is.
func (r *Reconciler) briefed(c *clusterState) {
	if c.desk == nil {
		return
	}
	var dealt sync.WaitGroup
	r.mu.Lock()
	cat := r.catalog
	for id, a := range r.actors {
		if id.Cluster == c.Name() {
			a.box.putAndTell(release.Resharded{}, &dealt)
		}
	}
	r.mu.Unlock()
	if cat == nil {
		return
	}
	c.desk.Set(r.platformOf(cat))
	go func() {
		r.await(&dealt)
		if !r.handing.underWay() {
			c.desk.Settle(true)
		}
	}()
}

// office is the reconciler as the desk of a cluster needs it.
type office struct {
	r *Reconciler
	c *clusterState
}

// Ready implements [agent.Office]: the cluster is brought behind what it holds no more than one that is reached.
func (o *office) Ready(ctx context.Context) error {
	_, err := o.c.inventories.Load(ctx, ctx, o.r.platformName())
	return err
}

// Keeps implements [agent.Office].
func (o *office) Keeps(id catalog.ReleaseID) bool {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	if _, preview := catalog.PreviewPull(id.Environment); preview && o.r.previews.wanted(id) {
		return true
	}
	return o.r.declares(id) || o.r.actors[id] != nil
}

// Stands implements [agent.Office].
func (o *office) Stands(id catalog.ReleaseID) {
	if a := o.actor(id); a != nil {
		o.r.showPassed(o.c, a)
	}
}

// Retired implements [agent.Office].
func (o *office) Retired(id catalog.ReleaseID) {
	if a := o.actor(id); a != nil {
		a.gone.Store(true)
		a.box.put(release.Timer{})
	}
}

func (o *office) actor(id catalog.ReleaseID) *actor {
	o.r.mu.Lock()
	defer o.r.mu.Unlock()
	return o.r.actors[id]
}

// Recorded implements [agent.Office].
func (o *office) Recorded(all bool) {
	if o.c.inventories.Outdated(); all {
		o.c.wake()
	}
}

// Changed implements [agent.Office].
func (o *office) Changed() { o.r.clusterChanged(o.c) }

// Happened implements [agent.Office].
func (o *office) Happened(e history.Event) { o.r.opts.Tell(e) }

// Missed implements [agent.Office].
func (o *office) Missed(events int) {
	o.r.opts.Log.Warn("the history lacks events of an agent, which had no room for more of them", "cluster", o.c.Name(), "events", events)
}

// Ran implements [agent.Office].
func (o *office) Ran(run agent.Run) {
	out := Run{Release: run.Release, Commit: run.Commit, Applied: run.Applied, Pruned: run.Pruned, Took: run.Took}
	if run.Why != "" {
		out.Err = errors.New(run.Why)
	}
	o.r.opts.Observe(out)
}

// Reply implements [agent.Office].
func (o *office) Reply(ticket int64, err error) { o.r.replies.answer(ticket, err) }

// Restore implements [agent.Office].
func (o *office) Restore(ctx context.Context, id catalog.ReleaseID, commit string) (release.Target, error) {
	return o.r.past.restore(ctx, id, commit)
}

// afar is a cluster that an agent keeps.
type afar struct{ desk *agent.Desk }

func (a afar) Name() string                  { return a.desk.Name() }
func (a afar) State() cluster.State          { return a.desk.State() }
func (afar) SetHealthRules(*health.Rules)    {} // the agent has them with the platform
func (afar) Reconfigure(cluster.Config) bool { return false }
func (a afar) Close()                        { a.desk.Hang(errors.New("this daemon does not keep the cluster any more")) }

func (afar) Connected() *cluster.Conn { return nil }

func (a afar) Connect(_, _ context.Context) (*cluster.Conn, error) {
	return nil, a.err()
}

func (a afar) err() error {
	return fmt.Errorf("cluster %q is kept by an agent: the daemon does not reach its API server", a.desk.Name())
}

// ledger are the inventories that an agent has told of. Everything else of a connection is the agent's.
type ledger struct{ desk *agent.Desk }

// Inventories implements [apply.Ledger].
func (l ledger) Inventories(_ context.Context, platform string) ([]cluster.Inventory, error) {
	all, err := l.desk.Inventories()
	return slices.DeleteFunc(all, func(i cluster.Inventory) bool { return i.Platform != platform }), err
}

// Inventory implements [apply.Ledger].
func (l ledger) Inventory(ctx context.Context, platform string, id catalog.ReleaseID) (cluster.Inventory, bool, error) {
	all, err := l.Inventories(ctx, platform)
	i := slices.IndexFunc(all, func(i cluster.Inventory) bool { return i.Release == id })
	if i < 0 {
		return cluster.Inventory{}, false, err
	}
	return all[i], true, nil
}

func (l ledger) err() error { return afar(l).err() }

// Watch implements [apply.View]: the agent watches.
func (ledger) Watch(context.Context, []schema.GroupKind) error          { return nil }
func (ledger) Members(string) []cluster.Object                          { return nil }
func (ledger) Gone(plan.Ref, plan.Version) bool                         { return false }
func (ledger) Owner(plan.Ref) (string, bool)                            { return "", false }
func (l ledger) InUse(context.Context, plan.Ref) (string, error)        { return "", l.err() }
func (l ledger) Record(context.Context, cluster.Inventory) error        { return l.err() }
func (l ledger) Empty(context.Context, cluster.Inventory) (bool, error) { return false, l.err() }
func (l ledger) Forget(context.Context, cluster.Inventory) error        { return l.err() }
func (l ledger) As(cluster.Identity, plan.Scope) (apply.Writer, error)  { return nil, l.err() }

var _ apply.Conn = ledger{}
