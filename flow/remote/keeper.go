// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/ledger"
)

const (
	// maxEach and maxAll bound the runs that are under way at once: of a person, and in a cluster.
	maxEach, maxAll = 3, 30
	// maxKept is how many of a person are kept that have ended: each has its files in the cluster.
	maxKept = 10
	// maxLife bounds how long a run may take, whatever the workload's timeout is.
	maxLife = 8 * time.Hour
	// goneAfter is how long a run goes on that nobody follows, unless it is detached.
	goneAfter = time.Minute
	// seenEvery is how often it is noted that a run is followed, and sweepEvery how often runs are looked for that nobody follows.
	seenEvery, sweepEvery = 20 * time.Second, 10 * time.Second
	// keptEnded is how long one that is detached is kept after its end, for its log.
	keptEnded = time.Hour
	// halfMade is how long it may take to write the files of a run that is made.
	halfMade = 2 * time.Minute
	// forgetTimeout bounds what is done after whoever followed a run has gone.
	forgetTimeout = 30 * time.Second
)

// Happened is what the history has of a run.
type Happened struct {
	Run Run
	// Ended is false for its start.
	Ended bool
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
	Stores  bucket.Options
	// Cluster returns a cluster that is reached from here; nil if it is not.
	Cluster func(name string) *jobs.Cluster
	// Happened is told what happens, for the history.
	Happened func(Happened)
	Log      *slog.Logger
	Now      func() time.Time
	// Gone is [goneAfter] outside of tests.
	Gone time.Duration
}

// Keeper starts runs, and sees to their end.
type Keeper struct {
	opts   Options
	stores *ledger.Ledger
	// starting has this replica start runs one after the other, so that they are counted.
	starting sync.Mutex
}

// New makes a keeper.
func New(opts Options) *Keeper {
	opts.Gone = cmp.Or(opts.Gone, goneAfter)
	return &Keeper{opts: opts, stores: ledger.New(opts.Stores)}
}

// Run is a run as people see it.
type Run struct {
	ID          string
	Environment string
	Cluster     string
	// Workload is "project/workload".
	Workload string
	Lot      string
	By       string
	Detached bool
	Started  time.Time
	// Ended is when it ended, with Outcome; the zero time while it is under way.
	Ended   time.Time
	Outcome string
	// Writes are where it writes, by role, and Notes what is to be known about it. Only the answer to a start has them.
	Writes map[string]string
	Notes  []string
}

func runOf(r jobs.Remote) Run {
	return Run{
		ID: r.Name, Environment: r.Environment, Cluster: r.Cluster, Workload: r.Workload, Lot: r.Lot, By: r.By, Detached: r.Detached, Started: r.Created, Ended: r.Ended,
		Outcome: r.Outcome,
	}
}

// Project is the name of the project.
func (r Run) Project() string { project, _, _ := strings.Cut(r.Workload, "/"); return project }

// clusters are those of the environments that are declared and reached from here.
func (k *Keeper) clusters(c *catalog.Catalog) (all []*jobs.Cluster) {
	for _, name := range slices.Sorted(maps.Keys(c.Clusters)) {
		if cluster := k.opts.Cluster(name); cluster != nil {
			all = append(all, cluster)
		}
	}
	return all
}

// Runs lists those that are there, the newest first. A cluster that does not answer is left out, unless none does.
func (k *Keeper) Runs(ctx context.Context) (all []Run, failed error) {
	c := k.opts.Accepted()
	if c == nil {
		return nil, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	answered := false
	for _, cluster := range k.clusters(c) {
		found, err := cluster.Remotes(ctx)
		if err != nil {
			k.opts.Log.Warn("remote runs are not listed", "cluster", cluster.Name(), "err", err.Error())
		}
		answered, failed = answered || err == nil, errors.Join(failed, err)
		for _, r := range found {
			if _, ours := k.ours(c, r); ours {
				all = append(all, runOf(r))
			}
		}
	}
	slices.SortFunc(all, func(a, b Run) int { return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.ID, b.ID)) })
	if answered {
		failed = nil
	}
	return all, failed
}

// jobName is that of a Job; nothing else is looked for.
var jobName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// found is a run, and how its cluster is reached for it.
type found struct {
	jobs.Remote

	cluster *jobs.Cluster
	as      jobs.As
}

// find finds a run of a project in an environment.
func (k *Keeper) find(ctx context.Context, environment, project, id string) (found, error) {
	c := k.opts.Accepted()
	if c == nil {
		return found{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	p, ok := c.Project(project)
	if !ok || !jobName.MatchString(id) {
		return found{}, asking.Errorf(asking.ErrNotFound, "there is no run %.100q of %.100q in %.100q", id, project, environment)
	}
	for _, release := range c.ReleasesOf(p) {
		if release.Environment != environment {
			continue
		}
		cluster := k.opts.Cluster(release.Cluster)
		if cluster == nil {
			continue
		}
		as := k.as(c, release, c.Release(p, release).Namespace)
		r, there, err := cluster.Remote(ctx, as, id)
		if err != nil {
			return found{}, err
		}
		if there && r.Environment == environment && runOf(r).Project() == project {
			return found{r, cluster, as}, nil
		}
	}
	return found{}, asking.Errorf(asking.ErrNotFound, "there is no run %q of %s in %s: it was removed, or never there", id, project, environment)
}

// as is as whom something is done in the namespace of a release.
func (k *Keeper) as(c *catalog.Catalog, id catalog.ReleaseID, namespace string) jobs.As {
	access, _ := c.Access(id)
	return jobs.As{Namespace: namespace, Account: cmp.Or(access.Account, k.opts.Account)}
}

// ours is as whom something is done about a run; false if it is none of a release that is declared, such as one of another platform's.
func (k *Keeper) ours(c *catalog.Catalog, r jobs.Remote) (jobs.As, bool) {
	id := catalog.ReleaseID{Project: runOf(r).Project(), Environment: r.Environment, Cluster: r.Cluster}
	if !asking.Declared(c, id, r.Namespace) {
		return jobs.As{}, false
	}
	return k.as(c, id, r.Namespace), true
}

// Cancel ends a run and removes it.
func (k *Keeper) Cancel(ctx context.Context, environment, project, id string, by asking.By) (string, error) {
	f, err := k.find(ctx, environment, project, id)
	if err != nil {
		return "", err
	}
	said := "cancelled by " + by.Name
	if !f.Ended.IsZero() {
		said = "it had ended, and is removed"
	}
	if err := k.remove(ctx, f, by, said); err != nil {
		return "", err
	}
	return id + ": " + said, nil
}

// remove notes what came of a run, tells the history of it once, and removes it.
func (k *Keeper) remove(ctx context.Context, f found, by asking.By, said string) error {
	if err := k.conclude(ctx, f, by, said); err != nil {
		return err
	}
	return f.cluster.Forget(ctx, f.as, f.Remote)
}

func (k *Keeper) conclude(ctx context.Context, f found, by asking.By, said string) error {
	if f.Outcome != "" {
		return nil
	}
	first, err := f.cluster.Conclude(ctx, f.as, f.Remote, said)
	if err == nil && first {
		k.opts.Happened(Happened{Run: runOf(f.Remote), Ended: true, By: by, Said: said})
	}
	return err
}

// Following says how a run is followed.
type Following struct {
	// After is when the last line was written that is known.
	After time.Time
	// Waits is set by who waits for the run: it is removed at its end, and a while after nobody waits any more.
	Waits bool
	// Once has what there is told, and no more waited for.
	Once bool
}

// Follow tells of a run until it ends.
func (k *Keeper) Follow(ctx context.Context, environment, project, id string, how Following, tell func(jobs.Said) error) (jobs.Exit, error) {
	f, err := k.find(ctx, environment, project, id)
	if err != nil {
		return jobs.Exit{}, err
	}
	if how.Waits {
		seeing, stop := context.WithCancel(ctx)
		var done sync.WaitGroup
		done.Go(func() { k.see(seeing, f) })
		defer func() { stop(); done.Wait() }()
	}
	exit, err := f.cluster.Follow(ctx, f.as, id, how.After, how.Once, tell)
	if err != nil || !how.Waits || exit.Gone {
		return exit, err
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTimeout)
	defer cancel()
	if err := k.remove(ending, f, asking.By{}, exit.Why); err != nil {
		k.opts.Log.Warn("a remote run that has ended is not removed yet", "run", id, "environment", environment, "err", err.Error())
	}
	return exit, nil
}

// see notes that a run is followed, as long as it is.
func (k *Keeper) see(ctx context.Context, f found) {
	every := time.NewTicker(min(seenEvery, k.opts.Gone/3))
	defer every.Stop()
	for {
		if err := f.cluster.See(ctx, f.as, f.Remote, k.opts.Now()); err != nil && ctx.Err() == nil {
			k.opts.Log.Warn("it cannot be noted that a remote run is followed", "run", f.Name, "err", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// Run removes what is over until ctx ends: runs that nobody follows any more, and those that have ended a while ago.
func (k *Keeper) Run(ctx context.Context) {
	every := time.NewTicker(min(sweepEvery, k.opts.Gone/2))
	defer every.Stop()
	since := k.opts.Now()
	for {
		if c := k.opts.Accepted(); c != nil {
			for _, cluster := range k.clusters(c) {
				if err := k.sweep(ctx, c, cluster, since); err != nil && ctx.Err() == nil {
					k.opts.Log.Warn("remote runs that are over may be left", "cluster", cluster.Name(), "err", err.Error())
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// sweep removes what is over in a cluster. Before since, there was nobody who could have noted that a run is followed.
func (k *Keeper) sweep(ctx context.Context, c *catalog.Catalog, cluster *jobs.Cluster, since time.Time) error {
	all, err := cluster.Remotes(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		as, ours := k.ours(c, r)
		if !ours {
			continue // its namespace goes, or its Job does by itself
		}
		f := found{r, cluster, as}
		if r.Seen.Before(since) {
			r.Seen = since // nobody could follow it before
		}
		switch said, over := over(r, k.opts.Now(), k.opts.Gone); {
		case over:
			err = errors.Join(err, k.remove(ctx, f, asking.By{}, said))
		case said != "":
			err = errors.Join(err, k.conclude(ctx, f, asking.By{}, said))
		}
	}
	return err
}

// over decides whether a run is to be removed, and what came of it; empty if it is under way.
func over(r jobs.Remote, now time.Time, gone time.Duration) (said string, remove bool) {
	ended := "its program ended well"
	if r.Failed {
		ended = "its program failed"
	}
	switch {
	case r.Half && now.Sub(r.Created) > max(gone, halfMade):
		return "it did not come to start: its files were not written", true
	case r.Ended.IsZero() && now.Sub(r.Created) > maxLife+gone:
		return "it took too long", true
	case !r.Detached && now.Sub(r.Seen) > gone && r.Ended.IsZero():
		return fmt.Sprintf("nobody has followed it for %s, and it was not detached", gone), true
	case !r.Detached && now.Sub(r.Seen) > gone, r.Detached && !r.Ended.IsZero() && now.Sub(r.Ended) > keptEnded:
		return ended, true
	case r.Detached && !r.Ended.IsZero():
		return ended, false
	}
	return "", false
}
