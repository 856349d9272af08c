// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/lot"
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

// start starts a run. What it finds may say that there is nothing to start.
//
// What the keeper knows of the lots is what it goes by: manifests that are read are read by their keys, those of which the content is known
// cost nothing, and the store is asked for a listing only where it is not as it was known to be, or where there was a manifest of the lot
// before. What has changed since is found when the run has ended: what it made of it does not count.
func (w worker) start(ctx context.Context, k work) done {
	d := done{work: k, came: cameNot, lots: map[survey.At]survey.Lot{}, damaged: map[survey.At]string{}}
	r, err := k.resolve()
	if err != nil {
		return d.cannot(err)
	}
	name := run.JobName(r.Workload.Name, r.Lot, r.Attempt)
	switch left, err := w.lingers(ctx, k.target.as, name); {
	case err != nil:
		return d.cannot(err)
	case left:
		return w.lose(ctx, d, r)
	}
	standing, err := w.stand(ctx, &d, r)
	if err != nil {
		return d.cannot(err)
	}
	k.doubted = still(k.doubted, d.lots)
	if k.start.Replaces.IsZero() && len(k.doubted) == 0 && k.made(r, d.lots) {
		d.came, d.why = cameNeedless, "it is there already"
		return d
	}
	switch changed, failed := k.outdated(r, k.now(d.lots)); {
	case changed:
		d.came, d.why = cameNeedless, "what there is of it has changed since that was decided"
		return d
	case failed:
		d.failed = true
		return d.not("there was such an attempt, which has failed")
	}
	if waits := r.Waits(standing.Seen, k.start.Short); len(waits) > 0 {
		return d.not("what it reads is not there: " + strings.Join(waits, "; "))
	}
	tag := newTag()
	order, err := k.order(r.Tagged(tag), standing, digestOf(r, k.now(d.lots)))
	if err != nil {
		return d.cannot(err)
	}
	order.Tag = tag
	switch why, err := w.ledger.Begin(ctx, r, !k.start.Replaces.IsZero() || removed(r, d.lots)); {
	case why != "":
		return d.not(why)
	case err != nil:
		return d.cannot(err)
	}
	if err := w.remember(ctx, k, record.Start, k.template.Timeout); err != nil {
		return d.cannot(err)
	}
	if err := w.cluster.Create(ctx, k.target.as, order); err != nil {
		return d.cannot(err)
	}
	d.came = cameStarted
	return d
}

// not is a run that could not be started.
func (d done) not(why string) done {
	d.came, d.why = cameNot, why
	return d
}

// cannot is a run that could not be started because of an error.
func (d done) cannot(err error) done {
	d.passing = bucket.ClassOf(err) == bucket.Transient || jobs.Transient(err)
	return d.not(err.Error())
}

// newTag tells the folder of a Job from that of another one of its name.
func newTag() string { return strings.ToLower(rand.Text()[:6]) }

// now returns what is known of a lot: what was seen just now, or else what was known when the work was planned.
func (w work) now(seen map[survey.At]survey.Lot) func(survey.At) survey.Lot {
	return func(at survey.At) survey.Lot {
		if f, ok := seen[at]; ok {
			return f
		}
		return w.known[at]
	}
}

// stand finds what the run reads, and what there is of the lot that it writes. What it had to look at is noted in the work.
func (w worker) stand(ctx context.Context, d *done, r run.Run) (ledger.Standing, error) {
	out := ledger.Standing{Seen: run.Seen{Inputs: map[string][]run.Found{}, Partial: map[string][]string{}, Now: w.now()}}
	for _, in := range r.Inputs {
		if in.Store == "" {
			continue
		}
		found, err := w.input(ctx, d, in)
		if err != nil {
			return out, err
		}
		if len(found) > 0 {
			out.Inputs[in.Role] = found
		}
	}
	sinks, err := w.ledger.Sinks(ctx, r, func(s run.Sink) bool {
		f := d.known[survey.At{Series: s.ID, Lot: r.Lot}]
		return len(d.doubted) > 0 || d.supposed || f.State != plan.None || len(f.Partial) > 0
	})
	if err != nil {
		return out, err
	}
	d.saw(r, sinks)
	out.There, out.Partial, err = ledger.Written(r, sinks)
	return out, err
}

// saw notes what was listed of the lot that a run writes.
func (d *done) saw(r run.Run, sinks map[string][]store.Entry) {
	for _, s := range r.Sinks {
		if entries, listed := sinks[s.Role]; listed {
			d.lots[survey.At{Series: s.ID, Lot: r.Lot}] = survey.Fold(entries)
		}
	}
}

// input finds the manifests of an input that count, in the order of the lots. If not all of its lots are known to be there, with the ETag that
// says of a manifest that it is the same, which a snapshot does not have, or if one is not what it is known to be, they are listed.
func (w worker) input(ctx context.Context, d *done, in run.Input) ([]run.Found, error) {
	known := d.now(d.lots)
	there := !slices.ContainsFunc(in.Lots, func(l lot.Lot) bool {
		f := known(survey.At{Series: in.ID, Lot: l})
		return !f.State.There() || f.ETag == ""
	})
	for again := range 2 {
		if again > 0 || !there {
			entries, err := w.ledger.Entries(ctx, in)
			if err != nil {
				return nil, err
			}
			for _, l := range in.Lots {
				d.lots[survey.At{Series: in.ID, Lot: l}] = survey.Fold(entries[l])
			}
		}
		var wanted []ledger.Wanted
		for _, l := range in.Lots {
			if f := known(survey.At{Series: in.ID, Lot: l}); f.State.There() && f.ETag != "" {
				wanted = append(wanted, ledger.Wanted{Key: manifest.Key{Dataset: in.Name, Lot: l, State: stateNames[f.State]}, ETag: f.ETag})
			}
		}
		got, err := w.ledger.Read(ctx, in, wanted)
		if err != nil {
			return nil, err
		}
		found, changed := d.take(in, wanted, got)
		if !changed {
			return found, nil
		}
	}
	return nil, fmt.Errorf("the manifests of %s are being changed just now: they are looked at again", in.ID)
}

// take takes what was read of an input. Damaged are those that are there by their places, and are not by what they hold.
func (d *done) take(in run.Input, wanted []ledger.Wanted, got []ledger.Got) (found []run.Found, changed bool) {
	for i, one := range got {
		switch {
		case one.Changed:
			return nil, true
		case one.Damaged != nil:
			d.damaged[survey.At{Series: in.ID, Lot: wanted[i].Key.Lot}] = wanted[i].ETag
		default:
			found = append(found, one.Found)
		}
	}
	return found, false
}

// still are the manifests that are damaged which are there still: others may have put whole ones in their place since these were read.
func still(damaged map[survey.At]string, lots map[survey.At]survey.Lot) map[survey.At]string {
	out := maps.Clone(damaged)
	maps.DeleteFunc(out, func(at survey.At, etag string) bool {
		f, seen := lots[at]
		return seen && f.State.There() && f.ETag != etag
	})
	return out
}

// made reports whether each sink of a run has its lot.
func (w work) made(r run.Run, seen map[survey.At]survey.Lot) bool {
	for _, s := range r.Sinks {
		if at := (survey.At{Series: s.ID, Lot: r.Lot}); s.Store != "" && !w.now(seen)(at).State.There() {
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

// outdated reports whether what there is of a lot is not what it was decided by that a run is to be started: the lot was made, made again, or
// removed since, or such an attempt is known to have failed.
func (w work) outdated(r run.Run, now func(survey.At) survey.Lot) (changed, failed bool) {
	arc, ok := w.graph.Arc(w.key.arc)
	if !ok || len(w.doubted) > 0 {
		return false, false
	}
	for _, s := range r.Sinks {
		_, is := now(survey.At{Series: s.ID, Lot: r.Lot}).Partial[r.Attempt]
		failed = failed || is
	}
	return epoch(arc, w.key.lot, now) != w.attempt.epoch, failed
}

// lose writes down that an attempt was lost whose Job was deleted while nobody looked, once its pods have ended.
func (w worker) lose(ctx context.Context, d done, r run.Run) done {
	there, err := w.cluster.Await(ctx, d.target.as, run.JobName(r.Workload.Name, r.Lot, r.Attempt))
	if there {
		d.came = cameStarted
		return d
	}
	if err != nil {
		return d.cannot(err)
	}
	left, err := w.ledger.Left(ctx, r) // in the folders of all Jobs of the attempt
	if err != nil {
		return d.cannot(err)
	}
	sinks, err := w.ledger.Publish(ctx, r.Conclude(run.Ended{Failed: whyLost}, left), nil, "")
	if err != nil {
		return d.cannot(err)
	}
	d.saw(r, sinks)
	d.came, d.why = cameLost, whyLost
	return d
}

// whyLost is why an attempt does not count whose Job is not there.
const whyLost = "its Job was deleted while it ran"

// order says which Job is made of a run. The template says what is started: it is what the cluster has, whatever is declared by now.
func (w work) order(r run.Run, standing ledger.Standing, inputs string) (jobs.Order, error) {
	t := w.template
	r.Workload.Env, r.Workload.Secrets = t.Env, map[string]v1alpha1.SecretRef{}
	for _, name := range t.Secrets {
		r.Workload.Secrets[name] = v1alpha1.SecretRef{}
	}
	if r.Workload.Command = t.Command; len(t.Command) == 0 {
		r.Workload.Command = []string{"of the image"} // it is not replaced
	}
	process, err := r.Process(standing.Seen)
	if err != nil {
		return jobs.Order{}, err
	}
	o := jobs.Order{
		Template: t, Name: run.JobName(r.Workload.Name, r.Lot, r.Attempt), Lot: r.Lot, Attempt: r.Attempt,
		Inputs: inputs, Replaces: replaced(standing.There), Variables: process.Variables,
	}
	if len(t.Command) > 0 {
		o.Command = process.Command
	}
	return o, nil
}

// digestOf tells what a run reads, by the tags of its manifests, from what it would read by now.
func digestOf(r run.Run, now func(survey.At) survey.Lot) string {
	h := sha256.New()
	for _, in := range r.Inputs {
		for _, l := range in.Lots {
			if f := now(survey.At{Series: in.ID, Lot: l}); f.ETag != "" {
				fmt.Fprintf(h, "%s %s %s\n", in.Role, l.ID(), f.ETag)
			}
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
