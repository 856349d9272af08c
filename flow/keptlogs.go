// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/logs"
)

// Logs are those of the Jobs of a cluster, and the Jobs themselves as people see them.
type Logs interface {
	// Log returns what a Job has written until now, without what is secret; [jobs.ErrNoLog] if there is nothing any more.
	Log(ctx context.Context, as jobs.As, j jobs.Job) (string, error)
	// Look returns a Job as it is now; [jobs.ErrNoJob] if there is none.
	Look(ctx context.Context, as jobs.As, name string) (jobs.Looked, error)
}

const (
	// defaultLogsKept is how long a log is kept where nobody says it.
	defaultLogsKept = 30 * 24 * time.Hour
	// logsAtOnce bounds how many logs are read at a time: each takes some MiB of memory.
	logsAtOnce = 4
	// keepLogTimeout bounds how long it is tried to keep one.
	keepLogTimeout = 2 * time.Minute
	// sweepEvery is how often logs are deleted that are not kept any more.
	sweepEvery = 24 * time.Hour
)

// keeping says which logs are kept, and for how long.
type keeping struct {
	of   v1alpha1.LotLogs
	kept time.Duration
}

// keepingOf is how an environment keeps logs.
func keepingOf(of v1alpha1.LotLogs, days v1alpha1.Days) keeping {
	k := keeping{of, defaultLogsKept}
	if k.of == "" {
		k.of = v1alpha1.LogsFailed
	}
	if days > 0 {
		k.kept = time.Duration(days) * 24 * time.Hour
	}
	return k
}

// wants reports whether the log of a run is kept of which something came.
func (k keeping) wants(c came) bool {
	return k.of == v1alpha1.LogsAll || k.of == v1alpha1.LogsFailed && c == cameFailed
}

// logged is the event that it was tried to keep the log of a Job.
type logged struct {
	state *state
	job   types.UID
	err   error
}

// swept is the event that logs were deleted that are not kept any more.
type swept struct {
	state *state
	n     int
	err   error
}

// logging is what is known of the logs of an environment's Jobs that are there: of those that were tried to be kept, why one is not; and when
// those are swept that are old.
type logging struct {
	tried map[types.UID]string
	next  time.Time
	// others are the Jobs that were not made for a lot, and whose logs were seen to.
	others map[types.UID]bool
}

// keepLog keeps the log of a run that has ended, if it is to be. What became of the run is written down and told by then: nothing waits for
// it, and nothing comes of an error but that it is said.
func (l *loop) keepLog(d done) {
	if d.job == nil || d.lost || !d.declared.logs.wants(d.came) {
		return
	}
	if err := l.keep(d.state, d.declared, *d.job, d.target.as, string(d.came)); err != nil && l.ctx.Err() == nil {
		l.opts.Log.Warn("the log of a run is not kept", append(d.words(), "err", err.Error())...)
	}
}

// keep keeps the log of a Job, and tells the loop what came of that.
func (l *loop) keep(s *state, d *declared, j jobs.Job, as jobs.As, outcome string) error {
	err := l.read(func(ctx context.Context) error { return l.workers.get(j.Cluster).write(ctx, j, as, d.records, outcome) })
	l.tell(logged{s, j.UID, err})
	return err
}

// read does something about a log, once there is room for it, and not for long.
func (l *loop) read(do func(context.Context) error) error {
	if err := l.reading.Acquire(l.ctx, 1); err != nil {
		return err
	}
	defer l.reading.Release(1)
	ctx, cancel := context.WithTimeout(l.ctx, keepLogTimeout)
	defer cancel()
	return do(ctx)
}

// write writes the log of a Job to where it is kept.
func (w worker) write(ctx context.Context, j jobs.Job, as jobs.As, records, outcome string) error {
	text, err := w.cluster.Log(ctx, as, j)
	if err != nil {
		return err
	}
	return bucket.With(ctx, records, w.stores.opts, func(f bucket.Folder) error {
		return w.keepBoth(ctx, f, j, as, logs.Run{Workload: j.Workload, Lot: j.Lot, Attempt: j.Attempt, Outcome: outcome}, text)
	})
}

// keepBoth keeps the manifest of a Job and its log. Where the manifest cannot be seen, as through an agent that is too old to know of it, the log
// is kept all the same.
func (w worker) keepBoth(ctx context.Context, f bucket.Folder, j jobs.Job, as jobs.As, r logs.Run, text string) error {
	found, err := w.cluster.Look(ctx, as, j.Name)
	if err == nil && found.Job.UID == j.UID && found.Manifest != "" {
		if err := logs.KeepManifest(ctx, f, r, found.Manifest); err != nil {
			return err
		}
	}
	return logs.Keep(ctx, f, r, text)
}

// logged takes that it was tried to keep a log.
func (l *loop) logged(e logged) { e.state.logging.tried[e.job] = text(e.err) }

// other has the log kept of a Job that was not made for a lot, and that has ended, if it is to be.
func (l *loop) other(f *fleet, kind jobs.Kind, j jobs.Job) {
	s := l.stateOf(f, &j)
	if s == nil {
		return
	}
	if kind != jobs.Has {
		delete(s.logging.others, j.UID)
		return
	}
	of, run := cameMade, logs.Run{Workload: j.Workload, Job: j.Name, Outcome: "complete"}
	if j.Failed {
		of, run.Outcome = cameFailed, string(cameFailed)
	}
	// Everyone may give a Job in their own namespace the labels of another's: it is a workload's only where that is.
	as, ok := s.accounts[f.name][j.Workload]
	if !ok || as.Namespace != j.Namespace || s.logging.others[j.UID] || !s.logs.wants(of) {
		return
	}
	s.logging.others[j.UID] = true
	d := s.declared
	l.beside.Go(func() {
		err := l.read(func(ctx context.Context) error { return l.workers.get(f.name).writeOther(ctx, j, as, d.records, run) })
		if err != nil && l.ctx.Err() == nil {
			l.opts.Log.Warn("the log of a Job is not kept", "environment", d.name, "job", j.Namespace+"/"+j.Name, "err", err.Error())
		}
	})
}

// writeOther writes the log of a Job that was not made for a lot, unless it is there: after a start, all Jobs that have ended are told of.
func (w worker) writeOther(ctx context.Context, j jobs.Job, as jobs.As, records string, r logs.Run) error {
	return bucket.With(ctx, records, w.stores.opts, func(f bucket.Folder) error {
		if there, err := logs.Has(ctx, f, r); err != nil || there {
			return err
		}
		text, err := w.cluster.Log(ctx, as, j)
		if err != nil {
			return err
		}
		return w.keepBoth(ctx, f, j, as, r, text)
	})
}

// unlogged reports whether the log of a Job that is about to be removed is to be kept before, as far as is known: it was not tried by this
// replica, or in vain.
func (s *state) unlogged(j jobs.Job) (outcome string, ok bool) {
	outcome, _, _ = strings.Cut(j.Outcome, ":")
	why, tried := s.logging.tried[j.UID]
	return outcome, s.logs.wants(came(outcome)) && (!tried || why != "")
}

// sweep has logs deleted that are not kept any more.
func (l *loop) sweep(s *state, now time.Time) {
	if !s.heard || now.Before(s.logging.next) {
		return
	}
	s.logging.next = now.Add(sweepEvery)
	records, before := s.records, now.Add(-s.logs.kept)
	l.aside(s, func() {
		n := 0
		err := bucket.With(l.ctx, records, l.opts.Stores, func(f bucket.Folder) (err error) {
			n, err = logs.Sweep(l.ctx, f, before)
			return err
		})
		l.tell(swept{s, n, err})
	})
}

// swept takes that logs were deleted.
func (l *loop) swept(e swept) {
	if e.err != nil && l.ctx.Err() == nil {
		e.state.logging.next = l.opts.Now().Add(expireEvery)
		l.opts.Log.Warn("cannot remove all logs of runs that are not kept any more; it is tried again", "environment", e.state.name, "err", e.err.Error())
	}
	if e.n > 0 {
		l.opts.Log.Debug("logs of runs were removed that are not kept any more", "environment", e.state.name, "logs", e.n)
	}
}

// Log is what a run has written.
type Log struct {
	Attempt string
	// Outcome is what came of the run, such as "failed"; empty while it is under way.
	Outcome string
	// Kept is set if it is what the store has, and not read from the cluster just now.
	Kept bool
	// Text is its first and its last part.
	Text string
}

// Log returns the log of a run of a dataset's lot: of an attempt or, if that is empty, of the last one of which there is something. What is
// kept in the store is asked for first, then the cluster.
func (k *Keeper) Log(ctx context.Context, environment, dataset string, l lot.Lot, attempt string) (Log, error) {
	a, err := k.about(environment)
	if err != nil {
		return Log{}, err
	}
	arc, made := a.graph.Arc(a.graph.Producer(dataset))
	if !made {
		return Log{}, asking.Errorf(asking.ErrNotFound, "no workload of %s makes the lots of %q: there are no logs", environment, dataset)
	}
	return k.logOf(ctx, a, dataset, arc.ID, l, attempt)
}

// logOf returns the log of a run of a workload's lot; of is what people know that by.
func (k *Keeper) logOf(ctx context.Context, a asked, of, workload string, l lot.Lot, attempt string) (Log, error) {
	running, elsewhere := k.jobsOf(ctx, a.environment, workload, l)
	r := logReader{a, of, workload, l, elsewhere}
	if attempt == "" && len(running) > 0 {
		if out, err := r.read(ctx, running[0].job.Attempt, running[:1]); err == nil {
			return out, nil
		}
	}
	return r.read(ctx, attempt, running)
}

// logReader reads the logs of a lot's runs.
type logReader struct {
	asked

	dataset, workload string
	lot               lot.Lot
	// elsewhere is why it is not known here which Jobs there are; nil if it is.
	elsewhere error
}

// read reads the log of an attempt or, if that is empty, of the last one.
func (r logReader) read(ctx context.Context, attempt string, all []jobOf) (out Log, err error) {
	there := false
	err = bucket.With(ctx, r.records, r.stores.opts, func(f bucket.Folder) error {
		out, there, err = keptLog(ctx, f, r.workload, r.lot, attempt)
		return err
	})
	if err != nil || there {
		return out, err
	}
	var failed error
	for _, j := range all {
		if attempt != "" && attempt != j.job.Attempt {
			continue
		}
		text, err := j.cluster.Log(ctx, j.as, j.job)
		if err == nil {
			outcome, _, _ := strings.Cut(j.job.Outcome, ":")
			return Log{j.job.Attempt, outcome, false, text}, nil
		}
		failed = errors.Join(failed, fmt.Errorf("%s: %w", j.job.Attempt, err))
	}
	of := r.lot.ID() + " of " + r.dataset
	if attempt != "" {
		of = "the attempt " + attempt + " at " + of
	}
	switch {
	case failed != nil:
		return Log{}, asking.Errorf(asking.ErrCannot, "the log of %s cannot be read: %s", of, failed.Error())
	case r.elsewhere != nil:
		return Log{}, asking.Errorf(asking.ErrNotYet, "no log of %s is kept, and what runs is known to the replica that leads: %s", of, r.elsewhere.Error())
	}
	return Log{}, asking.Errorf(asking.ErrNotFound, "there is no log of %s: none is kept, and no Job of it is there", of)
}

// keptLog reads a log that the store has.
func keptLog(ctx context.Context, f logs.Folder, workload string, l lot.Lot, attempt string) (out Log, there bool, err error) {
	all, err := logs.List(ctx, f, workload, l)
	if err != nil {
		return Log{}, false, err
	}
	for _, k := range slices.Backward(all) {
		if attempt != "" && k.Attempt != attempt {
			continue
		}
		text, err := logs.Read(ctx, f, k.Run)
		return Log{k.Attempt, k.Outcome, true, text}, err == nil, err
	}
	return Log{}, false, nil
}

// jobOf is a Job with where it is.
type jobOf struct {
	job     jobs.Job
	as      jobs.As
	cluster Cluster
}

// jobsOf are the Jobs of a workload's lot that are there, the newest first. It is an error if this replica does not know them.
func (k *Keeper) jobsOf(ctx context.Context, environment, workload string, at lot.Lot) (all []jobOf, err error) {
	err = k.ask(ctx, func(l *loop) error {
		s, err := l.kept(environment)
		if err != nil {
			return err
		}
		for _, f := range s.fleets {
			for _, j := range f.jobs[s.name][arcLot{workload, at}] {
				if s.mine(j) {
					all = append(all, jobOf{j, s.targets[f.name][workload].as, l.workers.get(f.name).cluster})
				}
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b jobOf) int { return b.job.Created.Compare(a.job.Created) })
	return all, err
}
