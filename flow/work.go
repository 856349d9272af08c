// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/survey"
)

// The life of a run: it is planned (state.go), started (start.go) by what is known of the lots that it reads and writes, has a Job in the
// cluster, and is finished (finish.go): what it left is looked at, what counts is written, and what came of it is noted at the Job. Each of these may be
// done again after a crash anywhere, by another keeper, and comes to the same end.

// came is what came of some work.
type came string

const (
	// cameStarted is a run that is under way.
	cameStarted came = "started"
	// cameMade is a lot that is there, and cameNeedless one that someone else has made meanwhile, or that nobody wants any more.
	cameMade     came = "made"
	cameNeedless came = "needless"
	// cameFailed is a run that failed, and cameLost one that says nothing of its workload: it is tried again at once.
	cameFailed came = "failed"
	cameLost   came = "lost"
	// cameNot is a run that could not be started.
	cameNot came = "not started"
)

// done is some work with what came of it.
type done struct {
	work

	came came
	// why says why it was not started, failed, was lost, or is needless.
	why string
	// lots are those that were looked at, as they are now, and damaged are manifests that turned out to be, by their ETag.
	lots    map[survey.At]survey.Lot
	damaged map[survey.At]string
	// failed is a run that was not started since there was such an attempt, which has failed.
	failed bool
	// passing is set if a store or an API server did not answer, which says nothing of the run.
	passing bool
}

// Cluster has the runs of lots, and tells of them.
type Cluster interface {
	Runs
	Logs
	Name() string
	Lingering(ctx context.Context, as jobs.As) (names map[string]bool, err error)
	Watch(ctx context.Context, tell func(jobs.Event))
}

// Runs are the Jobs of a cluster.
type Runs interface {
	Create(ctx context.Context, as jobs.As, o jobs.Order) error
	Settle(ctx context.Context, as jobs.As, j jobs.Job, outcome string) error
	Delete(ctx context.Context, as jobs.As, j jobs.Job) error
	// Why fails if it cannot be seen for now why a Job has failed.
	Why(ctx context.Context, as jobs.As, j jobs.Job) (string, error)
	Await(ctx context.Context, as jobs.As, name string) (there bool, err error)
}

// worker does what takes time.
type worker struct {
	stores    reader
	ledger    *ledger.Ledger
	cluster   Cluster
	now       func() time.Time
	lingering *lingering
	// lost says that nothing is expected of the cluster any more, until it is back.
	lost *atomic.Bool
}

func newWorker(opts bucket.Options, c Cluster, now func() time.Time) worker {
	return worker{reader{opts}, ledger.New(opts), c, now, &lingering{of: map[string]map[string]bool{}}, &atomic.Bool{}}
}

// lingering are the Jobs whose pods had not ended when this keeper began, by namespace: of one that was deleted while nobody looked, its
// pods tell. What is deleted since is told.
type lingering struct {
	mu sync.Mutex
	of map[string]map[string]bool
}

// lingers reports whether the pods of a Job had not ended when the first run of this keeper was started in its namespace.
func (w worker) lingers(ctx context.Context, as jobs.As, name string) (bool, error) {
	w.lingering.mu.Lock()
	defer w.lingering.mu.Unlock()
	names, asked := w.lingering.of[as.Namespace]
	if !asked {
		var err error
		if names, err = w.cluster.Lingering(ctx, as); err != nil {
			return false, err
		}
		w.lingering.of[as.Namespace] = names
	}
	return names[name], nil
}

// resolve finds what the run of some work is.
func (w work) resolve() (run.Run, error) {
	return run.Of(w.declared.catalog, w.graph, w.target.release, w.target.workload, w.key.lot, w.attempt.String())
}

// settle notes at the Job what came of it.
func (w worker) settle(ctx context.Context, d done) error {
	note := string(d.came)
	if d.why != "" {
		note += ": " + d.why
	}
	const most = 1000
	if len(note) > most {
		note = strings.ToValidUTF8(note[:most], "") + "…"
	}
	if err := w.remember(ctx, d.work, record.End, d.job.Timeout); err != nil {
		return err
	}
	err := w.cluster.Settle(ctx, d.target.as, *d.job, note)
	if err != nil && w.lost.Load() {
		return nil // it is noted once the cluster is back
	}
	return err
}

// remember writes down in which cluster a run is, or takes that out, where there are several: if one of them is lost, what is under way there
// is not known otherwise after a restart.
func (w worker) remember(ctx context.Context, k work, do func(context.Context, record.Removable, record.Run) error, timeout time.Duration) error {
	if len(k.declared.clusters) < 2 {
		return nil
	}
	return bucket.With(ctx, k.declared.records, w.stores.opts, func(f bucket.Folder) error {
		return do(ctx, f, record.Run{Cluster: k.cluster, Workload: k.key.arc, Lot: k.key.lot, Attempt: k.attempt.String(), Timeout: timeout})
	})
}

// text is what an error says; empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
