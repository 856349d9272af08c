// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"trunkline.dev/trunkline/console"
	askflow "trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/reach"
)

// reached are connections of a kind to the clusters that the daemon reaches, as they are configured now.
type reached[T any] struct {
	d    *daemon
	open func(cluster.Config) *T

	mu    sync.Mutex
	known map[cluster.Config]*T
}

func newReached[T any](d *daemon, open func(cluster.Config) *T) *reached[T] {
	return &reached[T]{d: d, open: open, known: map[cluster.Config]*T{}}
}

// named returns that to a cluster; nil if it is kept by an agent, or not configured.
func (r *reached[T]) named(name string) *T {
	for _, c := range r.d.live.Load().configs {
		if c.Name != name || c.Agent {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.known[c] == nil {
			r.known[c] = r.open(c)
		}
		return r.known[c]
	}
	return nil
}

// throughAgents has what leads to clusters that agents keep.
type throughAgents struct {
	d *daemon

	mu    sync.Mutex
	known map[*agent.Desk]*reach.Cluster
}

// named returns that to a cluster; nil if no agent keeps it.
func (a *throughAgents) named(name string) *reach.Cluster {
	desk := a.d.rec.Desk(name)
	if desk == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[desk] == nil {
		a.known[desk] = reach.New(name, atLeader{desk, a.d.sharing}, agent.MaxReached)
	}
	return a.known[desk]
}

// atLeader is the way through an agent, which only the replica has that leads.
type atLeader struct {
	*agent.Desk

	sharing *sharing
}

// Reachable implements [reach.Way].
func (a atLeader) Reachable() error {
	if c := a.sharing.coordinator; c != nil && !c.Leads() {
		return fmt.Errorf("its agent is connected to the replica of the daemon that leads: ask that one, %s", c.Status().Leader)
	}
	return a.Desk.Reachable()
}

// Reach implements [reach.Way].
func (a atLeader) Reach(ctx context.Context) (http.RoundTripper, error) {
	if err := a.Reachable(); err != nil {
		return nil, err
	}
	return a.Desk.Reach(ctx)
}

// notConfigured says that a cluster is not one of the daemon's.
func notConfigured(name string) error {
	return fmt.Errorf("the cluster %q is not configured at the daemon", name)
}

// askedBy is who asks through the console.
func askedBy(by console.Attribution) askflow.By {
	return askflow.By{Name: by.Principal.String(), SignOn: string(by.Principal.SignOn)}
}

// ofAsked returns an error of what was asked as one of the console, in the same words.
func ofAsked(err error) error {
	for kind, as := range map[error]error{
		askflow.ErrNotFound: console.ErrNotFound, askflow.ErrCannot: console.ErrConflict, askflow.ErrNotYet: console.ErrNotKnown,
	} {
		if errors.Is(err, kind) {
			return &actError{err, as}
		}
	}
	return err
}
