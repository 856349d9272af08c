// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/catalog"
)

const (
	// LookInterval is how often it is noted what is still there: what is lost of a cluster that vanishes with all that it had.
	LookInterval = 5 * time.Minute
	// flushInterval is how long an end waits to be noted together with others.
	flushInterval = 2 * time.Second
	// keepInterval is how often what is old is folded and deleted.
	keepInterval = time.Hour
	// again is the wait before a cluster is connected to again, or a database that is away is asked again.
	again = 5 * time.Second
	// endTimeout bounds what the end of the daemon waits for its last notes, and callTimeout a request.
	endTimeout, callTimeout = 3 * time.Second, 30 * time.Second
	// maxPending bounds the ends that wait to be noted, while the database is away.
	maxPending = 20_000
)

// Cluster is one to follow.
type Cluster struct {
	Name string
	// Key tells it from one of its name that is reached in another way; Config reads how it is reached.
	Key    any
	Config func() (*rest.Config, error)
}

// Options are what a meter is made of.
type Options struct {
	Ledger *Ledger
	// Platform returns the name of the platform, and Catalog what is accepted of it; nothing before there is any.
	Platform func() string
	Catalog  func() *catalog.Catalog
	Keep     Retention
	Log      *slog.Logger
	Now      func() time.Time
	// Interval is that of looks; default: [LookInterval].
	Interval time.Duration
}

// Meter follows clusters. Its methods may be called at once.
type Meter struct {
	opts Options

	mu       sync.Mutex
	clusters []Cluster
	changed  chan struct{}
}

// New returns a meter, which follows no cluster yet.
func New(opts Options) *Meter {
	if opts.Interval <= 0 {
		opts.Interval = LookInterval
	}
	return &Meter{opts: opts, changed: make(chan struct{}, 1)}
}

// SetClusters has other clusters followed from now on; those that are the same are not interrupted.
func (m *Meter) SetClusters(clusters []Cluster) {
	m.mu.Lock()
	m.clusters = clusters
	m.mu.Unlock()
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// Run follows the clusters until ctx ends.
func (m *Meter) Run(ctx context.Context) {
	running := map[any]func(){}
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { m.keep(ctx) })
	for {
		m.mu.Lock()
		wanted := map[any]Cluster{}
		for _, c := range m.clusters {
			wanted[c.Key] = c
		}
		m.mu.Unlock()
		for key, stop := range running {
			if _, ok := wanted[key]; !ok {
				stop()
				delete(running, key)
			}
		}
		for key, c := range wanted {
			if running[key] == nil {
				own, cancel := context.WithCancel(ctx)
				done := make(chan struct{})
				all.Go(func() { defer close(done); m.follow(own, c) })
				running[key] = func() { cancel(); <-done }
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
		}
	}
}

// keep folds and deletes what is old, from time to time.
func (m *Meter) keep(ctx context.Context) {
	for {
		wait := again
		if name := m.opts.Platform(); name != "" {
			bounded, cancel := context.WithTimeout(ctx, time.Minute)
			err := m.opts.Ledger.Fold(bounded, name, m.opts.Keep, m.opts.Now())
			cancel()
			if err == nil {
				wait = keepInterval
			} else if ctx.Err() == nil {
				m.opts.Log.Debug("cannot fold what was used; it is tried again", "err", err.Error())
			}
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// follow follows a cluster until ctx ends, and begins again when it cannot be reached, or credentials are refused.
func (m *Meter) follow(ctx context.Context, c Cluster) {
	told := ""
	for ctx.Err() == nil {
		err := m.connected(ctx, c)
		if err != nil && ctx.Err() == nil {
			if text := err.Error(); text != told {
				told = text
				m.opts.Log.Warn("cannot follow what is used; it is tried again", "cluster", c.Name, "err", text)
			}
		}
		pause(ctx, again)
	}
}

// pause waits, and reports false if ctx ends before.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
