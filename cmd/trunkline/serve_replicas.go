// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	clientrest "k8s.io/client-go/rest"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/shard"
	"trunkline.dev/trunkline/reconciler/status"
)

// replicas holds the flags of the daemon about others like it.
type replicas struct {
	home, group string
	shards      bool
}

func (r *replicas) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.home, "home", "", "cluster in which the replicas of the daemon meet, by Leases in trunkline-system; one of --cluster; default: there is one replica")
	f.StringVar(&r.group, "group", "trunkline", "name of the replicas that belong together, the same for each of them; a DNS label")
	f.BoolVar(&r.shards, "shards", false, "spread the releases over the replicas; without it one of them, the leader, has all")
}

// sharing is a replica among others; its zero value is alone.
type sharing struct {
	coordinator *shard.Coordinator
	changed     chan struct{}
	// heard is told what other replicas say.
	heard atomic.Pointer[func([]string)]
	// board has how far this replica is; nil until it runs.
	board atomic.Pointer[status.Board]
}

// note says how far this replica is, to those who can read its Lease.
func (s *sharing) note() shard.Note {
	board := s.board.Load()
	if board == nil {
		return shard.Note{}
	}
	source := board.Source()
	n := shard.Note{Trouble: source.Trouble()}
	if source.Accepted != nil {
		n.Accepted = source.Accepted.Hash
	}
	return n
}

// hear passes on what another replica says.
func (s *sharing) hear(texts []string) {
	if heard := s.heard.Load(); heard != nil {
		(*heard)(texts)
	}
}

// say has the replica that leads hear something, if that is another one: soon as a rule, and maybe not at all.
func (s *sharing) say(texts []string) {
	if s.coordinator != nil && !s.coordinator.Leads() {
		s.coordinator.Say(texts)
	}
}

// coordinator returns what shares the releases with the other replicas; home is how the cluster is reached in which they meet.
func (r *replicas) coordinator(clusters []cluster.Config, home func() (*clientrest.Config, error), log *slog.Logger) (*sharing, error) {
	s := &sharing{changed: make(chan struct{}, 1)}
	if r.home == "" {
		if r.shards {
			return nil, usagef("--shards is for several replicas: say in which cluster they meet, with --home CLUSTER")
		}
		return s, nil
	}
	if !slices.ContainsFunc(clusters, func(c cluster.Config) bool { return c.Name == r.home }) {
		return nil, usagef("--home %q is not one of the clusters that --cluster names", r.home)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("finding a name for this replica: %w", err)
	}
	s.coordinator, err = shard.New(shard.Options{
		Leases: shard.NewLeases(home), Group: r.group, Identity: host, Shards: r.shards, Now: time.Now, Log: log,
		Heard: s.hear, Note: s.note,
		Changed: func() {
			select {
			case s.changed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return s, nil
}

// orNone returns what the reconciler asks; nil where there are no others.
func (s *sharing) orNone() reconciler.Sharing {
	if s.coordinator == nil {
		return nil
	}
	return s.coordinator
}

// lead does what one replica does for all, until ctx ends: from when this one is the leader, and until it is not any more.
func (s *sharing) lead(ctx context.Context, do func(context.Context)) {
	if s.coordinator == nil {
		do(ctx)
		return
	}
	whileLeading(ctx, s.coordinator.Leads, do)
}

// leadInterval is how often a replica asks itself whether it leads, which costs no request. What it does as the leader ends that
// much after it is not any more at most, long before another one is.
const leadInterval = time.Second

func whileLeading(ctx context.Context, leads func() bool, do func(context.Context)) {
	look := time.NewTicker(leadInterval)
	defer look.Stop()
	stop := func() {}
	defer func() { stop() }()
	for leading := false; ; {
		switch now := leads(); {
		case now && !leading:
			term, cancel := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() { defer close(ended); do(term) }()
			stop = func() { cancel(); <-ended }
			leading = true
		case !now && leading:
			stop()
			stop, leading = func() {}, false
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// run shares the releases with the other replicas until ctx ends.
func (s *sharing) run(ctx context.Context, rec *reconciler.Reconciler, board *status.Board) {
	if s.coordinator == nil {
		return
	}
	s.board.Store(board)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.coordinator.Run(ctx)
	}()
	look := time.NewTicker(shard.DefaultInterval)
	defer look.Stop()
	for {
		st := s.coordinator.Status()
		board.SetReplica(status.Replica{Name: st.Self, Leader: st.Leader, Sharing: st.Sharing, Message: st.Message})
		select {
		case <-ended:
			return
		case <-s.changed:
			rec.Shared()
		case <-look.C:
		}
	}
}
