// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// finish writes down what came of a run that has ended, or of one that is lost, and then notes it at its Job. Each step may be the last
// before a crash: the next keeper finds the Job without a note, and does all of it again.
func (w worker) finish(ctx context.Context, k work) (done, error) {
	d := done{work: k, lots: map[survey.At]survey.Lot{}}
	r, err := k.resolve()
	if err != nil {
		d.came, d.why = cameNeedless, err.Error() // nobody declares it any more
		return d, w.settle(ctx, d)
	}
	r = r.Tagged(k.job.Tag)
	out, err := w.conclude(ctx, &d, r)
	if err != nil {
		return d, err
	}
	if d.came == cameStarted {
		return d, nil
	}
	if err := w.publish(ctx, &d, r, out); err != nil {
		return d, err
	}
	if err := w.ended(ctx, r, d, out); err != nil {
		return d, err
	}
	return d, w.settle(ctx, d)
}

// conclude finds what came of a run, by what it left. What it read is compared first: that it failed says nothing, if that was not there
// any more.
func (w worker) conclude(ctx context.Context, d *done, r run.Run) (run.Outcome, error) {
	var ended run.Ended
	given, err := w.given(ctx, d, r)
	switch {
	case err != nil:
		return run.Outcome{}, err
	case given:
		ended.Failed, d.came = "see its partial manifest", cameFailed
	case d.lost:
		there, err := w.cluster.Await(ctx, d.target.as, d.job.Name)
		switch {
		case err != nil && (!w.lost.Load() || !over(*d.job, w.now())):
			return run.Outcome{}, err
		case there && d.job.UID == "": // it was written down to be there, and is
			d.came = cameStarted
			return run.Outcome{}, nil
		case err != nil:
			ended.Failed = fmt.Sprintf("its cluster %q does not answer, and it was to have ended", d.cluster)
		default:
			ended.Failed = whyLost
		}
		d.came = cameLost
	default:
		same, err := w.readsTheSame(ctx, d, r)
		if err != nil {
			return run.Outcome{}, err
		}
		switch {
		case !same:
			ended.Failed, d.came = "what it read was changed while it ran", cameLost
		case d.job.Failed:
			why, err := w.cluster.Why(ctx, d.target.as, *d.job)
			switch {
			case err != nil && !w.lost.Load():
				return run.Outcome{}, err
			case err != nil:
				why = "its Job failed, and why cannot be seen: " + err.Error()
			}
			ended.Failed, d.came = why, cameFailed
		case d.overtaken:
			ended.Failed, d.came = "a replay began while it ran, by an older program", cameLost
		}
	}
	left, err := w.ledger.Left(ctx, r)
	if err != nil {
		return run.Outcome{}, err
	}
	out := r.Conclude(ended, left)
	switch d.why = out.Failed; {
	case out.Failed == "":
		d.came = cameMade
	case d.came == "":
		d.came = cameFailed
	}
	return out, nil
}

// given reports whether it is written down already that nothing came of a run, as of one whose cluster was lost, where there are several.
func (w worker) given(ctx context.Context, d *done, r run.Run) (is bool, err error) {
	if len(d.declared.clusters) < 2 {
		return false, nil
	}
	written := func(s run.Sink) bool {
		_, is := d.now(d.lots)(survey.At{Series: s.ID, Lot: r.Lot}).Partial[r.Attempt]
		return is
	}
	sinks, err := w.ledger.Sinks(ctx, r, func(s run.Sink) bool { return d.supposed || written(s) })
	d.saw(r, sinks)
	return slices.ContainsFunc(r.Sinks, written), err
}

// readsTheSame reports whether what a run read is what it would read by now. If it is not, what there is now is noted in the work.
func (w worker) readsTheSame(ctx context.Context, d *done, r run.Run) (bool, error) {
	now := map[survey.At]survey.Lot{}
	for _, in := range r.Inputs {
		entries, err := w.ledger.Entries(ctx, in)
		if err != nil {
			return false, err
		}
		for _, l := range in.Lots {
			now[survey.At{Series: in.ID, Lot: l}] = survey.Fold(entries[l])
		}
	}
	same := digestOf(r, func(at survey.At) survey.Lot { return now[at] }) == d.job.Inputs
	if !same {
		maps.Copy(d.lots, now)
	}
	return same, nil
}

// publish writes the manifests of a run, in place of those that it was started to replace. What there is of its lot then is noted in the
// work. Of a manifest that was written meanwhile it is looked what it is: one that is damaged does not count, and is replaced.
func (w worker) publish(ctx context.Context, d *done, r run.Run, out run.Outcome) error {
	for again := range 2 {
		var there map[string][]store.Entry
		if d.came == cameMade {
			var err error
			if there, err = w.replaced(ctx, d, r, out, again > 0); err != nil || d.came != cameMade {
				return err
			}
		}
		sinks, err := w.ledger.Publish(ctx, out, there, "replaced by the attempt "+r.Attempt)
		d.saw(r, sinks)
		if _, taken := errors.AsType[*store.ConflictError](err); !taken {
			return err
		}
		if again > 0 || d.came != cameMade {
			d.came, d.why = cameNeedless, err.Error()
			break
		}
	}
	return w.relook(ctx, d, r)
}

// relook lists those sinks of a run of which nothing was written.
func (w worker) relook(ctx context.Context, d *done, r run.Run) error {
	sinks, err := w.ledger.Sinks(ctx, r, func(s run.Sink) bool { _, seen := d.lots[survey.At{Series: s.ID, Lot: r.Lot}]; return !seen })
	d.saw(r, sinks)
	return err
}

// replaced finds the manifests that a run is to replace, and looks only if it has to, if there are any, or if something that counts is known of
// that it was not started to replace. The run is needless if a sink has such a one, unless that is what it has written itself.
func (w worker) replaced(ctx context.Context, d *done, r run.Run, out run.Outcome, look bool) (map[string][]store.Entry, error) {
	var replaces map[string][]string
	if err := json.Unmarshal([]byte(d.job.Replaces), &replaces); err != nil {
		d.came, d.why = cameNeedless, "its Job does not say what it replaces" // a person has changed it
		return nil, nil                                                       //nolint:nilerr // it is said in the work
	}
	sinks, err := w.ledger.Sinks(ctx, r, func(s run.Sink) bool {
		return look || len(replaces[s.Role]) > 0 || d.known[survey.At{Series: s.ID, Lot: r.Lot}].State.There()
	})
	if err != nil {
		return nil, err
	}
	there := map[string][]store.Entry{}
	for _, made := range out.Sinks {
		for _, e := range ledger.Counting(sinks[made.Role]) {
			if slices.Contains(replaces[made.Role], nameOf(e)) {
				there[made.Role] = append(there[made.Role], e)
				continue
			}
			m, err := w.stores.read(ctx, made.Store, e.Key, made.Location)
			if _, damaged := errors.AsType[*store.DamagedError](err); damaged {
				there[made.Role] = append(there[made.Role], e) // it does not count, and is replaced
				continue
			}
			if err != nil {
				return nil, err
			}
			if !m.Same(*made.Manifest) {
				d.saw(r, sinks)
				d.came, d.why = cameNeedless, "someone else has made "+made.ID+" meanwhile"
				return nil, w.relook(ctx, d, r)
			}
		}
	}
	return there, nil
}

// ended says what came of a run where Clusterless sees it: by what it wrote of each sink, or what counts there anyway. What earlier attempts
// left says nothing of this one, which left its lot missing if it failed and left nothing itself.
func (w worker) ended(ctx context.Context, r run.Run, d done, out run.Outcome) error {
	if r.States == "" {
		return nil
	}
	if err := w.relook(ctx, &d, r); err != nil {
		return err
	}
	failed := ""
	if d.came == cameFailed || d.came == cameLost {
		failed = d.why
	}
	var sinks []manifest.State
	for _, made := range out.Sinks {
		state := made.Key.State
		if now := d.lots[survey.At{Series: made.ID, Lot: r.Lot}]; now.State.There() {
			state = stateNames[now.State]
		} else if state.Counts() {
			state = "" // it was taken back
		}
		sinks = append(sinks, state)
	}
	return w.ledger.End(ctx, r, sinks, failed)
}
