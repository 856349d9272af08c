// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"maps"
	"slices"
	"sync"

	"trunkline.dev/trunkline/flow/jobs"
)

// SetClusters says which clusters there are from now on. What runs in one that there is not any more goes on, and is known again once
// there is that cluster again; lots that are not there are made in the next cluster of their environment, if it has one. A cluster of a name
// that there was is another one, unless it is the same value. Any goroutine may call.
func (k *Keeper) SetClusters(clusters []Cluster) {
	all := slices.Clone(clusters)
	k.clusters.Store(&all)
}

// workers do what takes time, by the names of clusters. Whoever works beside the loop asks too, so that of a cluster that there is not any
// more stays for what is under way.
type workers struct {
	mu sync.RWMutex
	of map[string]worker
}

func (w *workers) get(name string) worker {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.of[name]
}

func (w *workers) set(name string, one worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[string]worker{}
	}
	w.of[name] = one
}

// fromFleet is an event of a cluster, with what was known of it when it began to be watched.
type fromFleet struct {
	fleet *fleet
	event jobs.Event
}

// reach takes which clusters there are now, and begins with the environments that it is about.
func (l *loop) reach() {
	now := l.clusters.Load()
	if now == l.reached {
		return
	}
	l.reached = now
	next, changed := map[string]Cluster{}, map[string]bool{}
	for _, c := range *now {
		next[c.Name()] = c
		if l.there[c.Name()] != c {
			l.workers.set(c.Name(), newWorker(l.opts.Stores, c, l.opts.Now))
			changed[c.Name()] = true
		}
	}
	for name := range l.there {
		changed[name] = changed[name] || next[name] == nil
	}
	l.there = next
	for name := range changed {
		if f := l.fleets[name]; f != nil {
			f.leave()
			delete(l.fleets, name)
		}
	}
	if l.catalog == nil || len(changed) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(l.catalog.Environments)) {
		d := declare(l.catalog, name, l.opts.Account)
		if d != nil && slices.ContainsFunc(d.clusters, func(c string) bool { return changed[c] }) {
			l.drop(name)
			l.begin(d)
		}
	}
	l.watch()
}

// follow watches a cluster from now on.
func (l *loop) follow(name string) *fleet {
	w := l.workers.get(name)
	f := newFleet(name)
	f.lost, f.since = w.lost, l.opts.Now()
	watching, leave := context.WithCancel(l.ctx)
	f.leave = leave
	l.fleets[name] = f
	l.beside.Go(func() {
		defer leave()
		w.cluster.Watch(watching, func(e jobs.Event) { l.tell(fromFleet{f, e}) })
	})
	return f
}
