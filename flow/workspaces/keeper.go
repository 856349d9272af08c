// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	names "trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

const (
	// sweepEvery is how often it is looked which workspaces are over, and known how long what was found for a request counts.
	sweepEvery, known = 15 * time.Second, 10 * time.Second
	// noteEvery is how often it is noted at most that a workspace is used.
	noteEvery = time.Minute
)

// Happened is what the history has of a workspace.
type Happened struct {
	Workspace Workspace
	// By is who did it; empty if nobody asked for it.
	By asking.By
	// Said is what came of it.
	Said string
}

// Options are what a keeper is made of.
type Options struct {
	// Accepted returns what the accepted commit declares; nil before there is one.
	Accepted func() *catalog.Catalog
	// Account is the one as which releases are deployed whose environment names none.
	Account string
	// Cluster returns a cluster, or why it is not reached from here.
	Cluster func(name string) (Cluster, error)
	// Happened is told what happens, for the history.
	Happened func(Happened)
	Log      *slog.Logger
	Now      func() time.Time
}

// Keeper makes workspaces, and sees to their end.
type Keeper struct {
	opts Options
	// opening has this replica make them one after the other, so that they are counted.
	opening sync.Mutex

	mu sync.Mutex
	// seen is what was found for requests, by namespace and name, and active when workspaces were used last, by UID, as their servers say.
	seen   map[string]*kept
	active map[string]time.Time
}

// New makes a keeper.
func New(opts Options) *Keeper {
	return &Keeper{opts: opts, seen: map[string]*kept{}, active: map[string]time.Time{}}
}

// Workspace is one as people see it.
type Workspace struct {
	Name        string
	Kind        string
	Environment string
	Project     string
	Workload    string
	Cluster     string
	// By is whose it is, as the history names people.
	By string
	// Phase is how it is, and Why says why it does not run.
	Phase plans.Phase
	Why   string
	// Repository and Branch are what was cloned at its first start; empty if nothing was.
	Repository, Branch string
	// Size is the size class that was asked for; empty for that of the workload.
	Size    string
	Created time.Time
	// Used is when it was used last, and StopsAt when it is stopped if it is not used until then; the zero time if it does not run.
	Used, StopsAt time.Time

	git bool
}

// path is where the server of a workspace is.
func (w Workspace) path() string {
	return "/" + w.Kind + "/" + w.Environment + "/" + w.Project + "/" + w.Name + "/"
}

// clusters are those that are declared and reached from here.
func (k *Keeper) clusters(c *catalog.Catalog) (all []Cluster) {
	for _, name := range slices.Sorted(maps.Keys(c.Clusters)) {
		if cluster, err := k.opts.Cluster(name); err == nil {
			all = append(all, cluster)
		}
	}
	return all
}

// as is as whom something is done in the namespace of a release.
func (k *Keeper) as(c *catalog.Catalog, id catalog.ReleaseID, namespace string) tunnel.As {
	access, _ := c.Access(id)
	return tunnel.As{Namespace: namespace, Account: cmp.Or(access.Account, k.opts.Account)}
}

// ours reports whether a workspace is one of a release that is declared, and not another platform's, and says as whom it is reached.
func (k *Keeper) ours(c *catalog.Catalog, f *found) bool {
	id := catalog.ReleaseID{Project: f.Project, Environment: f.Environment, Cluster: f.Cluster}
	if !asking.Declared(c, id, f.namespace) {
		return false
	}
	f.as = k.as(c, id, f.namespace)
	return true
}

// setup is what the workload of a workspace declares now; what it declared last is not known if it is gone, and then the workspace goes with it.
func setup(c *catalog.Catalog, f found) workspace.Setup {
	id := catalog.ReleaseID{Project: f.Project, Environment: f.Environment, Cluster: f.Cluster}
	if p, ok := c.Project(f.Project); ok {
		for _, w := range c.Release(p, id).Workloads {
			if w.Name != f.Workload {
				continue
			}
			if _, s, err := workspace.Parse(w.Params); err == nil {
				return s
			}
		}
	}
	_, s, _ := workspace.Parse(nil)
	return s
}

// all lists the workspaces that are there. A cluster that does not answer is left out, unless none does.
func (k *Keeper) all(ctx context.Context) (c *catalog.Catalog, all []found, failed error) {
	if c = k.opts.Accepted(); c == nil {
		return nil, nil, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	answered := false
	for _, cluster := range k.clusters(c) {
		there, err := sets(ctx, cluster)
		if err != nil {
			k.opts.Log.Warn("workspaces are not listed", "cluster", cluster.Name(), "err", err.Error())
		}
		answered, failed = answered || err == nil, errors.Join(failed, err)
		for _, f := range there {
			if k.ours(c, &f) {
				all = append(all, f)
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
	})
	if answered {
		failed = nil
	}
	return c, all, failed
}

// List lists the workspaces of a person; of all people if it is empty.
func (k *Keeper) List(ctx context.Context, person string) ([]Workspace, error) {
	c, all, err := k.all(ctx)
	if err != nil {
		return nil, err
	}
	out := []Workspace{}
	for _, f := range all {
		if person != "" && f.owner != names.Slug(person) {
			continue
		}
		s, err := k.look(ctx, c, f, false)
		if err != nil {
			k.opts.Log.Warn("it is not known how a workspace is", "workspace", f.Name, "err", err.Error())
			s.Workspace = f.Workspace
		}
		out = append(out, s.Workspace)
	}
	return out, nil
}

// find finds a workspace by its name. That of another person is not found, unless anybody's is asked for.
func (k *Keeper) find(ctx context.Context, environment, project, name, person string) (*catalog.Catalog, found, error) {
	missing := asking.Errorf(asking.ErrNotFound, "there is no such workspace, or it is not yours")
	c := k.opts.Accepted()
	if c == nil {
		return nil, found{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	p, ok := c.Project(project)
	if !ok {
		return nil, found{}, missing
	}
	for _, id := range c.ReleasesOf(p) {
		if id.Environment != environment {
			continue
		}
		cluster, err := k.opts.Cluster(id.Cluster)
		if err != nil {
			missing = asking.Errorf(asking.ErrCannot, "%s", err) // it may be there
			continue
		}
		namespace := c.Release(p, id).Namespace
		set, err := cluster.Set(ctx, k.as(c, id, namespace), name)
		if err != nil {
			return nil, found{}, err
		}
		if set == nil {
			continue
		}
		f, is := readSet(cluster, set)
		if is && k.ours(c, &f) && f.Environment == environment && f.Project == project && (person == "" || f.owner == names.Slug(person)) {
			return c, f, nil
		}
	}
	return nil, found{}, missing
}

// sighting is what was found of a workspace, with what lets us in.
type sighting struct {
	found

	at     time.Time
	token  string
	podUID string
	// act is what is to be done about it.
	act plans.Act
}

// kept is the last sighting of a workspace for requests, which one at a time renews.
type kept struct {
	sighting

	once sync.Mutex
}

// look finds out how a workspace is. With server, one that starts is asked whether it answers.
func (k *Keeper) look(ctx context.Context, c *catalog.Catalog, f found, server bool) (sighting, error) {
	s := sighting{found: f, at: k.opts.Now()}
	p, err := f.pod(ctx)
	if err != nil {
		return s, err
	}
	s.podUID = p.uid
	facts := plans.Facts{Wanted: f.wanted, Woken: f.woken, Stopped: f.stopped, Pod: p.there, Active: k.lastUse(f)}
	if f.wanted && p.running {
		facts.Answers = true
		if server {
			if s.token, err = f.token(ctx); err != nil {
				return s, err
			}
			use, err := f.ask(ctx, s.token)
			if facts.Answers = err == nil; err != nil {
				s.Why = "its server does not answer yet"
				k.opts.Log.Debug("the server of a workspace does not answer", "workspace", f.Name, "err", err.Error())
			} else {
				facts.Busy = use.busy
				facts.Active = k.use(f, use.last)
			}
		}
	}
	set := setup(c, f)
	var act plans.Act
	var why string
	s.Phase, act, why = plans.Step(facts, set, k.opts.Now())
	if why != "" {
		s.Why = why
	} else if s.Phase == plans.Starting && p.why != "" {
		s.Why = p.why
	}
	if facts.Active.After(s.Used) {
		s.Used = facts.Active
	}
	if facts.Busy {
		s.Used = k.opts.Now()
	}
	if s.Phase == plans.Running || s.Phase == plans.Idle {
		s.StopsAt = s.Used.Add(set.Idle)
	}
	s.act = act
	return s, nil
}

// lastUse is when a workspace was used last, as far as it is known here.
func (k *Keeper) lastUse(f found) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at := k.active[string(f.uid)]; at.After(f.active) {
		return at
	}
	return f.active
}

// use keeps when a workspace was used last. What its server says is bounded by the time of day: it is code of others.
func (k *Keeper) use(f found, at time.Time) time.Time {
	if now := k.opts.Now(); at.After(now) {
		at = now
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if last := k.active[string(f.uid)]; at.Before(last) {
		at = last
	}
	k.active[string(f.uid)] = at
	return at
}

// Run stops and removes what is over until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		if err := k.sweep(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, asking.ErrNotYet) {
			k.opts.Log.Warn("workspaces that are not used may go on", "err", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// sweep looks at each workspace once.
func (k *Keeper) sweep(ctx context.Context) error {
	c, all, err := k.all(ctx)
	if err != nil {
		return err
	}
	for _, f := range all {
		s, looked := k.look(ctx, c, f, true)
		if looked != nil {
			err = errors.Join(err, looked)
			continue
		}
		switch s.act {
		case plans.Stop:
			err = errors.Join(err, k.stop(ctx, f, asking.By{}, s.Why))
		case plans.Remove:
			if looked = f.remove(ctx); looked == nil {
				k.opts.Happened(Happened{Workspace: f.Workspace, Said: "deleted: " + s.Why})
			}
			err = errors.Join(err, looked)
		case plans.Nothing:
			if used := k.lastUse(f); used.Sub(f.active) >= noteEvery {
				err = errors.Join(err, f.change(ctx, note(plans.AnnotationActive, used.UTC().Format(time.RFC3339))))
			}
		}
	}
	k.forget(all)
	return err
}

// forget drops what is known of workspaces that are gone.
func (k *Keeper) forget(all []found) {
	there := map[string]bool{}
	for _, f := range all {
		there[string(f.uid)] = true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.active, func(uid string, _ time.Time) bool { return !there[uid] })
	maps.DeleteFunc(k.seen, func(_ string, s *kept) bool { return !there[string(s.uid)] })
}
