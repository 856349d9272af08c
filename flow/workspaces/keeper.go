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
	// limit is [askTimeout] outside of tests.
	limit time.Duration

	mu sync.Mutex
	// opening has this replica make those of a person one after the other, so that they are counted.
	opening map[string]*sync.Mutex
	// seen is what was found for requests, by namespace and name.
	seen map[string]*kept
	// active is when workspaces were used last, by UID, as their servers say; and silent since when those do not answer whose servers do not.
	active, silent map[string]time.Time
}

// New makes a keeper.
func New(opts Options) *Keeper {
	return &Keeper{opts: opts, limit: askTimeout, opening: map[string]*sync.Mutex{}, seen: map[string]*kept{}, active: map[string]time.Time{}, silent: map[string]time.Time{}}
}

// turn waits until nobody else makes a workspace for a person, and returns what ends the turn.
func (k *Keeper) turn(owner string) func() {
	k.mu.Lock()
	mine := k.opening[owner]
	if mine == nil {
		mine = &sync.Mutex{}
		k.opening[owner] = mine
	}
	k.mu.Unlock()
	mine.Lock()
	return mine.Unlock
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

// setup is what the workload of a workspace declares now; false if it is not declared any more, and then the workspace goes with it.
func setup(c *catalog.Catalog, f found) (workspace.Setup, bool) {
	id := catalog.ReleaseID{Project: f.Project, Environment: f.Environment, Cluster: f.Cluster}
	if p, ok := c.Project(f.Project); ok {
		for _, w := range c.Release(p, id).Workloads {
			if w.Name != f.Workload {
				continue
			}
			if _, s, err := workspace.Parse(w.Params); err == nil {
				return s, true
			}
		}
	}
	_, s, _ := workspace.Parse(nil)
	return s, false
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
			missing = err // it may be there, unless another one has it
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
