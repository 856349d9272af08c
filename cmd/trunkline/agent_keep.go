// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/afar"
	"trunkline.dev/trunkline/flow/jobs"
	spaces "trunkline.dev/trunkline/flow/workspaces"
	spacesafar "trunkline.dev/trunkline/flow/workspaces/afar"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/shard"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// keptCluster is an agent among others that may be there: it keeps the cluster while it leads, and waits otherwise.
type keptCluster struct {
	*agentProgram

	config      cluster.Config
	decrypter   *secrets.Decrypter
	client      *http.Client
	book        *agent.Book
	coordinator *shard.Coordinator
	// changed is sent to whenever the agent may lead or not.
	changed chan struct{}
	log     *slog.Logger
	// now is what there is while the agent keeps the cluster; nil while it does not.
	now atomic.Pointer[tenure]
}

// tenure is what keeps the cluster for as long as no other agent does.
type tenure struct {
	link    *agent.Link
	metrics *metrics
}

// meet returns what says which of the agents of the cluster keeps it.
func (k *keptCluster) meet() (*shard.Coordinator, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding a name for this agent: %w", err)
	}
	host, _, _ = strings.Cut(host, ".")
	again, err := sameMachine(filepath.Join(k.data, "machine"))
	if err != nil {
		return nil, err
	}
	c, err := shard.New(shard.Options{
		Leases: shard.NewLeases(k.config.REST), Group: k.group, Identity: host + "-" + k.book.ID(), Sole: again, Now: time.Now, Log: k.log,
		Untouched: func(ctx context.Context) (bool, error) { return cluster.Untouched(ctx, k.config.REST) },
		Changed: func() {
			select {
			case k.changed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return c, nil
}

// bootFile is another one each time the machine is started, on Linux.
const bootFile = "/proc/sys/kernel/random/boot_id"

// sameMachine reports whether who had the data folder before was a process on this machine, as it is running now: then the lock of the
// folder shows that it has ended. It notes the machine for the next one.
func sameMachine(file string) (bool, error) {
	boot, err := os.ReadFile(bootFile)
	if err != nil {
		return false, nil //nolint:nilerr // it is not known, and the Lease of the one before is waited for
	}
	before, err := os.ReadFile(file)
	if err == nil && string(before) == string(boot) {
		return true, nil
	}
	if err := durable.Replace(file, boot, file+".*.tmp"); err != nil {
		return false, fmt.Errorf("noting the machine of the agent: %w", err)
	}
	return false, nil
}

// run keeps the cluster whenever the agent leads, until ctx ends.
func (k *keptCluster) run(ctx context.Context) error {
	for {
		term, ok := k.await(ctx)
		if !ok {
			return nil
		}
		if err := k.keep(ctx, term); err != nil {
			return err
		}
	}
}

// await waits until the agent leads, and returns in which term; false if ctx has ended.
func (k *keptCluster) await(ctx context.Context) (shard.Term, bool) {
	look := time.NewTicker(leadInterval)
	defer look.Stop()
	said := ""
	for ctx.Err() == nil {
		if term := k.coordinator.Term(); k.coordinator.Leads() && k.coordinator.Term() == term {
			return term, true
		}
		if leader := k.coordinator.Status().Leader; leader != said && leader != "" {
			k.log.Info("another agent keeps the cluster, or did lately: this one waits", "lease", leader)
			said = leader
		}
		select {
		case <-ctx.Done():
		case <-k.changed:
		case <-look.C:
		}
	}
	return shard.Term{}, false
}

// keep keeps the cluster until another agent leads, or ctx ends. What the daemon has said counts if this agent was the last that it was
// said to.
func (k *keptCluster) keep(ctx context.Context, term shard.Term) error {
	if !k.coordinator.Heir() {
		if err := k.book.Clear(); err != nil {
			return err
		}
	}
	sharing := ofTerm{k.coordinator, term}
	runs := afar.NewHands(jobs.New(k.cluster, k.config.REST, k.log), func(ctx context.Context) (context.Context, func(), bool) {
		return sharing.Begin(ctx, catalog.ReleaseID{}) // an agent has all releases of its cluster, or none
	})
	options := agent.LinkOptions{
		Cluster: k.cluster, URL: k.daemon, Client: k.client, Token: k.bearer(), Version: programVersion(), Book: k.book, Log: k.log, Now: time.Now,
		Term: agent.Term{Of: term.Of, Epoch: term.Epoch}, Runs: runs,
	}
	if k.reach {
		options.Reach = k.gate(func(ctx context.Context) (context.Context, func(), bool) {
			return sharing.Begin(ctx, catalog.ReleaseID{})
		})
	}
	link := agent.NewLink(options)
	board := status.NewBoard(time.Now)
	metrics := newMetrics(board)
	rec, err := reconciler.New(reconciler.Options{
		Clusters: []cluster.Config{k.config}, Secrets: k.decrypter, Board: board, Log: k.log, Now: time.Now, Principal: link,
		Sharing: sharing, Tell: link.Happened,
		Observe: func(run reconciler.Run) {
			metrics.observe(run)
			link.Ran(agentRun(run))
		},
	})
	if err != nil {
		return &usageError{err}
	}
	metrics.registry.MustRegister(&linkCollector{link})
	k.now.Store(&tenure{link, metrics})
	defer k.now.Store(nil)
	k.log.Info("keeping the cluster", "cluster", k.cluster, "lease", k.coordinator.Status().Self)
	group, ctx := errgroup.WithContext(ctx)
	ctx, end := context.WithCancel(ctx)
	defer end()
	group.Go(func() error { rec.Run(ctx); return nil })
	group.Go(func() error { runs.Run(ctx, link.Wake); return nil })
	group.Go(func() error { link.Run(ctx, rec.Assigned()); return nil })
	look := time.NewTicker(leadInterval)
	defer look.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-k.changed:
			rec.Shared()
		case <-look.C:
		}
		if k.coordinator.Term() != term {
			k.log.Warn("another agent keeps the cluster now: this one waits", "lease", k.coordinator.Status().Leader)
			end()
		}
	}
	return group.Wait()
}

// gate is what lets the daemon through to what runs in the cluster.
func (k *keptCluster) gate(begin func(context.Context) (context.Context, func(), bool)) *reach.Gate {
	to := tunnel.New(k.cluster, k.config.REST, agent.MaxReached)
	gate := reach.NewGate(to, k.released, k.log, time.Now)
	places := func() map[tunnel.As]bool {
		out := map[tunnel.As]bool{}
		for p := range k.book.Places() {
			out[tunnel.As(p)] = true
		}
		return out
	}
	spacesafar.NewHands(spaces.Reached{API: to}, places, begin, k.log).Register(gate)
	return gate
}

// released returns a release that the agent was told to keep.
func (k *keptCluster) released(id catalog.ReleaseID) (reach.Kept, error) {
	target, account, err := k.book.Kept(id)
	if err != nil {
		return reach.Kept{}, err
	}
	objects, err := target.Objects.Unpack()
	return reach.Kept{Namespace: target.Namespace, Account: account, Objects: objects}, err
}

// ofTerm has the releases be the agent's while it leads without another one in between: after that it knows nothing that counts.
type ofTerm struct {
	*shard.Coordinator

	term shard.Term
}

// Owned implements [reconciler.Sharing].
func (o ofTerm) Owned(id catalog.ReleaseID) bool {
	return o.Term() == o.term && o.Coordinator.Owned(id)
}

// Begin implements [reconciler.Sharing].
func (o ofTerm) Begin(ctx context.Context, id catalog.ReleaseID) (context.Context, func(), bool) {
	running, done, ok := o.Coordinator.Begin(ctx, id)
	if ok && o.Term() != o.term {
		done()
		return ctx, func() {}, false
	}
	return running, done, ok
}
