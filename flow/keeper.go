// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"log/slog"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
)

// DefaultLimits are how much runs at a time in an environment that does not say it.
func DefaultLimits() plan.Limits { return plan.DefaultLimits() }

// Options are what a keeper is made of. All are required but Account, Handover, Told, Late, Teller, Airflow and Expired.
type Options struct {
	// Accepted returns the catalog that counts; nil before there is one.
	Accepted func() *catalog.Catalog
	// Clusters are those that there are until [Keeper.SetClusters] says otherwise.
	Clusters []Cluster
	// Account is the one, in a release's namespace, as which Jobs are made where the environment names none; empty: the daemon's own.
	Account string
	Stores  bucket.Options
	// Interval is how often the stores are listed.
	Interval time.Duration
	// Handover is how long a cluster may not answer before its lots are made in the next of their environment; 0 for [DefaultHandover].
	Handover time.Duration
	// Limits are those of environments that declare none.
	Limits plan.Limits
	Log    *slog.Logger
	Now    func() time.Time
	// Ended is called with each run that has ended.
	Ended func(Ended)
	// Told is called with what there is of all datasets whenever that has changed; nil once no lots are kept any more.
	Told func([]Dataset)
	// Late is called when a dataset becomes late or is not late any more, and once more for each that is late after a start. Neither may
	// wait.
	Late func(Lateness)
	// Teller is told what happens to lots, for others.
	Teller Teller
	// Airflow reaches the Airflows of environments; nil: nothing is read from them.
	Airflow assets.Airflow
	// Expired is called with lots that were removed since they are not kept any more; it may not wait.
	Expired func(Expired)
}

// Keeper keeps the lots of all environments that keep any.
type Keeper struct {
	opts    Options
	counts  atomic.Pointer[[]Count]
	listed  atomic.Pointer[map[string]time.Time]
	told    atomic.Pointer[[]Dataset]
	running atomic.Pointer[loop]
	hints   *hints
	// clusters are those that there are now.
	clusters atomic.Pointer[[]Cluster]
	// snapshotFrom is from how many lots on snapshots are written.
	snapshotFrom int
}

// New makes a keeper, which does nothing before it runs.
func New(opts Options) *Keeper {
	opts.Handover = cmp.Or(opts.Handover, DefaultHandover)
	k := &Keeper{opts: opts, hints: newHints(), snapshotFrom: snapshotFrom}
	k.SetClusters(opts.Clusters)
	return k
}

// Counts returns how many lots are in which state. Any goroutine may ask.
func (k *Keeper) Counts() []Count {
	if counts := k.counts.Load(); counts != nil {
		return *counts
	}
	return nil
}

// Listed returns when all stores of each environment were last listed; of one that was not yet there is nothing. Any goroutine may ask.
func (k *Keeper) Listed() map[string]time.Time {
	if listed := k.listed.Load(); listed != nil {
		return *listed
	}
	return nil
}

// stores reads what is in the stores, which is the same from wherever lots are made.
func (k *Keeper) stores() reader { return reader{k.opts.Stores} }
