// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

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
	// gone says that its cluster is lost, and that it must have ended.
	gone bool
	// why says why it was not started, failed, was lost, or is needless.
	why string
	// lots are those that were looked at, as they are now, and damaged are manifests that turned out to be, by their ETag.
	lots    map[survey.At]survey.Lot
	damaged map[survey.At]string
}

// Cluster has the runs of lots, and tells of them.
type Cluster interface {
	Runs
	Name() string
	Watch(ctx context.Context, tell func(jobs.Event))
}

// Runs are the Jobs of a cluster.
type Runs interface {
	Create(ctx context.Context, as jobs.As, o jobs.Order) error
	Settle(ctx context.Context, as jobs.As, j jobs.Job, outcome string) error
	Delete(ctx context.Context, as jobs.As, j jobs.Job) error
	Why(ctx context.Context, as jobs.As, j jobs.Job) string
	Await(ctx context.Context, as jobs.As, name string) (there bool, err error)
}

// worker does what takes time.
type worker struct {
	stores  reader
	ledger  *ledger.Ledger
	cluster Cluster
	now     func() time.Time
	// lost says that nothing is expected of the cluster any more, until it is back.
	lost *atomic.Bool
}

func newWorker(opts bucket.Options, c Cluster, now func() time.Time) worker {
	return worker{reader{opts}, ledger.New(opts), c, now, &atomic.Bool{}}
}

// resolve finds what the run of some work is.
func (w work) resolve() (run.Run, error) {
	return run.Of(w.declared.catalog, w.graph, w.target.release, w.target.workload, w.key.lot, w.attempt.String())
}

// start starts a run. What it finds in the stores may say that there is nothing to start.
func (w worker) start(ctx context.Context, k work) done {
	d := done{work: k, came: cameNot}
	r, err := k.resolve()
	if err != nil {
		d.why = err.Error()
		return d
	}
	if d.lots, err = w.look(ctx, r); err != nil {
		d.why = err.Error()
		return d
	}
	standing, err := w.ledger.Look(ctx, r)
	if err != nil {
		d.why = err.Error()
		return d
	}
	d.damaged = damaged(r, standing, d.lots)
	if k.start.Replaces.IsZero() && !k.doubted && made(r, d.lots) {
		d.came, d.why = cameNeedless, "it is there already"
		return d
	}
	if waits := r.Waits(standing.Seen, k.start.Short); len(waits) > 0 {
		d.why = "what it reads is not there: " + strings.Join(waits, "; ")
		return d
	}
	left, err := w.ledger.Left(ctx, r)
	if err != nil {
		d.why = err.Error()
		return d
	}
	for _, l := range left {
		if len(l.Objects)+len(l.Returned) > 0 {
			// There was such an attempt, of which nothing is known: its Job was deleted while nobody looked.
			return w.lose(ctx, d, r)
		}
	}
	order, err := k.order(r, standing, w.now())
	if err != nil {
		d.why = err.Error()
		return d
	}
	if why, err := w.ledger.Begin(ctx, r, !k.start.Replaces.IsZero() || removed(r, d.lots)); err != nil || why != "" {
		d.why = cmp.Or(why, text(err))
		return d
	}
	if err := w.remember(ctx, k, record.Start, k.template.Timeout); err != nil {
		d.why = err.Error()
		return d
	}
	if err := w.cluster.Create(ctx, k.target.as, order); err != nil {
		d.why = err.Error()
		return d
	}
	d.came = cameStarted
	return d
}

// lose writes down that an attempt was lost, unless its Job is there, and nobody has been told of it yet.
func (w worker) lose(ctx context.Context, d done, r run.Run) done {
	const why = "its Job was deleted while it ran"
	there, err := w.cluster.Await(ctx, d.target.as, run.JobName(r.Workload.Name, r.Lot, r.Attempt))
	if there {
		d.came = cameStarted
		return d
	}
	var left map[string]run.Left
	if err == nil {
		left, err = w.ledger.Left(ctx, r) // what its pods have written until they ended, too
	}
	if err != nil {
		d.why = err.Error()
		return d
	}
	if err := w.ledger.Publish(ctx, r.Conclude(run.Ended{Failed: why}, left), nil, why); err != nil {
		d.why = err.Error()
		return d
	}
	d.came, d.why = cameLost, why
	return d
}

// order says which Job is made of a run. The template says what is started: it is what the cluster has, whatever is declared by now.
func (w work) order(r run.Run, standing ledger.Standing, now time.Time) (jobs.Order, error) {
	t := w.template
	r.Workload.Env, r.Workload.Secrets = t.Env, map[string]v1alpha1.SecretRef{}
	for _, name := range t.Secrets {
		r.Workload.Secrets[name] = v1alpha1.SecretRef{}
	}
	if r.Workload.Command = t.Command; len(t.Command) == 0 {
		r.Workload.Command = []string{"of the image"} // it is not replaced
	}
	standing.Now = now
	process, err := r.Process(standing.Seen)
	if err != nil {
		return jobs.Order{}, err
	}
	o := jobs.Order{
		Template: t, Name: run.JobName(r.Workload.Name, r.Lot, r.Attempt), Lot: r.Lot, Attempt: r.Attempt,
		Inputs: digestOf(r, standing.Seen), Replaces: replaced(standing.There), Variables: process.Variables,
	}
	if len(t.Command) > 0 {
		o.Command = process.Command
	}
	return o, nil
}

// digestOf tells what a run reads from what it would read by now.
func digestOf(r run.Run, seen run.Seen) string {
	h := sha256.New()
	for _, in := range r.Inputs {
		for _, f := range seen.Inputs[in.Role] {
			fmt.Fprintf(h, "%s %s %s\n", in.Role, f.Lot.ID(), f.Encode())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// replaced names the manifests that a run is to replace, by role.
func replaced(there map[string][]store.Entry) string {
	names := map[string][]string{}
	for role, entries := range there {
		for _, e := range entries {
			names[role] = append(names[role], nameOf(e))
		}
	}
	data, err := json.Marshal(names)
	if err != nil {
		return "" // of texts it always can
	}
	return string(data)
}

func nameOf(e store.Entry) string { return string(e.Key.State) + " " + e.ETag }

// look lists what there is of the lots that a run reads and writes.
func (w worker) look(ctx context.Context, r run.Run) (map[survey.At]survey.Lot, error) {
	out := map[survey.At]survey.Lot{}
	one := func(p run.Place, key survey.At) error {
		entries, err := w.stores.one(ctx, p.Store, store.Of{Dataset: p.Name, Lot: key.Lot})
		out[key] = survey.Fold(entries)
		return err
	}
	for _, in := range r.Inputs {
		for _, l := range in.Lots {
			if in.Store == "" {
				continue
			}
			if err := one(in.Place, survey.At{Series: in.ID, Lot: l}); err != nil {
				return nil, err
			}
		}
	}
	return out, w.sinks(ctx, r, out)
}

// sinks lists what there is of the lot that a run writes.
func (w worker) sinks(ctx context.Context, r run.Run, out map[survey.At]survey.Lot) error {
	for _, s := range r.Sinks {
		if s.Store == "" {
			continue
		}
		entries, err := w.stores.one(ctx, s.Store, store.Of{Dataset: s.Name, Lot: r.Lot})
		if err != nil {
			return err
		}
		out[survey.At{Series: s.ID, Lot: r.Lot}] = survey.Fold(entries)
	}
	return nil
}

// damaged are the inputs that are there by their places, and are not by what they hold.
func damaged(r run.Run, standing ledger.Standing, lots map[survey.At]survey.Lot) map[survey.At]string {
	out := map[survey.At]string{}
	for _, in := range r.Inputs {
		for _, l := range in.Lots {
			key := survey.At{Series: in.ID, Lot: l}
			read := slices.ContainsFunc(standing.Inputs[in.Role], func(f run.Found) bool { return f.Lot == l })
			if f := lots[key]; f.State.There() && !read {
				out[key] = f.ETag
			}
		}
	}
	return out
}

// made reports whether each sink of a run has its lot.
func made(r run.Run, lots map[survey.At]survey.Lot) bool {
	for _, s := range r.Sinks {
		if s.Store != "" && !lots[survey.At{Series: s.ID, Lot: r.Lot}].State.There() {
			return false
		}
	}
	return true
}

// removed reports whether someone has removed what a run writes: then it is asked for once more, whoever made it.
func removed(r run.Run, lots map[survey.At]survey.Lot) bool {
	return slices.ContainsFunc(r.Sinks, func(s run.Sink) bool {
		return s.Store != "" && lots[survey.At{Series: s.ID, Lot: r.Lot}].State == plan.Removed
	})
}

// finish writes down what came of a run that has ended, or of one that is lost.
func (w worker) finish(ctx context.Context, k work) (done, error) {
	d := done{work: k}
	r, err := k.resolve()
	if err != nil {
		d.came, d.why = cameNeedless, err.Error() // nobody declares it any more
		return d, w.settle(ctx, d)
	}
	lots := map[survey.At]survey.Lot{}
	if err := w.sinks(ctx, r, lots); err != nil {
		return d, err
	}
	for _, f := range lots {
		if _, written := f.Partial[r.Attempt]; written {
			d.lots, d.came, d.why = lots, cameFailed, "see its partial manifest"
			if err := w.ended(ctx, r, d, lots); err != nil {
				return d, err
			}
			return d, w.settle(ctx, d)
		}
	}
	if k.lost {
		there, err := w.cluster.Await(ctx, k.target.as, k.job.Name)
		switch {
		case err != nil && !(w.lost.Load() && over(*k.job, w.now())):
			return d, err
		case there && k.job.UID == "": // it was written down to be there, and is
			d.came = cameStarted
			return d, nil
		case err != nil:
			d.gone = true
		}
	}
	if err := w.conclude(ctx, &d, r); err != nil {
		return d, err
	}
	d.lots = map[survey.At]survey.Lot{}
	if err := w.sinks(ctx, r, d.lots); err != nil {
		return d, err
	}
	if err := w.ended(ctx, r, d, d.lots); err != nil {
		return d, err
	}
	return d, w.settle(ctx, d)
}

// ended says what came of a run where Clusterless sees it.
func (w worker) ended(ctx context.Context, r run.Run, d done, lots map[survey.At]survey.Lot) error {
	failed := ""
	if d.came == cameFailed || d.came == cameLost {
		failed = d.why
	}
	var sinks []manifest.State
	for _, s := range r.Sinks {
		if s.Store != "" {
			sinks = append(sinks, manifest.State(lots[survey.At{Series: s.ID, Lot: r.Lot}].State.String()))
		}
	}
	return w.ledger.End(ctx, r, sinks, failed)
}

// text is what an error says; empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// conclude writes the manifests of a run.
func (w worker) conclude(ctx context.Context, d *done, r run.Run) error {
	standing, err := w.ledger.Look(ctx, r)
	if err != nil {
		return err
	}
	left, err := w.ledger.Left(ctx, r)
	if err != nil {
		return err
	}
	var ended run.Ended
	switch {
	case d.gone:
		ended.Failed, d.came = fmt.Sprintf("its cluster %q does not answer, and it was to have ended", d.cluster), cameLost
	case d.lost:
		ended.Failed, d.came = "its Job was deleted while it ran", cameLost
	case d.job.Failed:
		ended.Failed, d.came = w.cluster.Why(ctx, d.target.as, *d.job), cameFailed
	case digestOf(r, standing.Seen) != d.job.Inputs:
		ended.Failed, d.came = "what it read was changed while it ran", cameLost
	case d.overtaken:
		ended.Failed, d.came = "a replay began while it ran, by an older program", cameLost
	}
	out := r.Conclude(ended, left)
	if d.why = out.Failed; out.Failed != "" && d.came == "" {
		d.came = cameFailed
	}
	if out.Failed == "" {
		d.came = cameMade
		if d.why, err = w.settled(ctx, d.job.Replaces, &out, standing); err != nil {
			return err
		}
		if d.why != "" {
			d.came = cameNeedless
			return nil
		}
	}
	err = w.ledger.Publish(ctx, out, standing.There, "replaced by the attempt "+r.Attempt)
	if _, taken := errors.AsType[*store.ConflictError](err); taken {
		d.came, d.why = cameNeedless, err.Error()
		return nil
	}
	return err
}

// settled takes out of an outcome what has been written already. It returns why nothing is to be written: a sink has what the run was not
// started to replace.
func (w worker) settled(ctx context.Context, replaces string, out *run.Outcome, standing ledger.Standing) (why string, err error) {
	var replace map[string][]string
	if err := json.Unmarshal([]byte(replaces), &replace); err != nil {
		return "its Job does not say what it replaces", nil //nolint:nilerr // a person has changed it
	}
	var sinks []run.Made
	for _, made := range out.Sinks {
		written := false
		for _, e := range standing.There[made.Role] {
			if slices.Contains(replace[made.Role], nameOf(e)) {
				continue
			}
			m, err := w.stores.read(ctx, made.Store, e.Key, made.Location)
			if _, damaged := errors.AsType[*store.DamagedError](err); err != nil && !damaged {
				return "", err
			}
			if written = err == nil && m.Same(*made.Manifest); !written {
				return "someone else has made " + made.ID + " meanwhile", nil
			}
		}
		if !written {
			sinks = append(sinks, made)
		}
	}
	out.Sinks = sinks
	return "", nil
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
