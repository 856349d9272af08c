// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/logs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// RunOf names a run of a workload: an attempt at a lot, or a Job that was made for none, such as one of a CronJob.
type RunOf struct {
	// Environment is the name, and Workload is "project/workload".
	Environment, Workload string
	Lot                   lot.Lot
	Attempt               string
	// Job is its name; empty for an attempt.
	Job string
}

// Ran is all that is known of one run.
type Ran struct {
	Run

	// Cluster is the one that has its Job; empty if that is not there.
	Cluster string
	// There reports whether its Job is there, and Doing says what becomes of it just now, or why it failed.
	There bool
	Doing string
	// Manifest is that of its Job, as YAML, without what is secret: as its cluster has it, or as it was kept, which Kept reports. NoManifest is why
	// there is none.
	Manifest, NoManifest string
	Kept                 bool
	// Logged is set if its log is kept.
	Logged bool
	// Wrote are the manifests of the lot that it makes.
	Wrote []Wrote
	// Troubles say what could not be found out, and why.
	Troubles []string
}

// Wrote is the manifest of a lot.
type Wrote struct {
	Dataset, Path string
	Manifest      manifest.Manifest
	Written       time.Time
	// Own is set if this run wrote it: one that failed has its name, and one that counts lists its data.
	Own bool
	// Damaged is why it does not count; empty if it does.
	Damaged string
}

// jobForm is what a Job is called.
var jobForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$`)

// ranOf finds the environment of a run, and what it is called.
func (k *Keeper) ranOf(of *RunOf) (asked, error) {
	a, err := k.about(of.Environment)
	if err != nil {
		return a, err
	}
	project, workload, _ := strings.Cut(of.Workload, "/")
	p, ok := a.catalog.Project(project)
	if !ok || !slices.ContainsFunc(p.Spec.Workloads, func(w v1alpha1.Workload) bool { return w.Name == workload }) {
		return a, asking.Errorf(asking.ErrNotFound, "there is no workload %.80q in the accepted commit", of.Workload)
	}
	if of.Job == "" {
		if _, made := a.graph.Arc(of.Workload); !made || of.Lot.IsZero() || run.CheckAttempt(of.Attempt) != nil {
			return a, asking.Errorf(asking.ErrNotFound, "there is no run of %s for a lot in %s that is called so", of.Workload, of.Environment)
		}
		return a, nil
	}
	if !jobForm.MatchString(of.Job) {
		return a, asking.Errorf(asking.ErrNotFound, "%.80q is no name of a Job", of.Job)
	}
	if l, attempt, made := run.ParseJobName(workload, of.Job); made {
		if _, made := a.graph.Arc(of.Workload); made {
			of.Lot, of.Attempt, of.Job = l, attempt, ""
		}
	}
	return a, nil
}

// Ran returns what is known of a run. What cannot be found out is said; it is an error if there is no such run.
func (k *Keeper) Ran(ctx context.Context, of RunOf) (Ran, error) {
	a, err := k.ranOf(&of)
	if err != nil {
		return Ran{}, err
	}
	_, workload, _ := strings.Cut(of.Workload, "/")
	out := Ran{Run: Run{Attempt: of.Attempt, Job: of.Job}}
	if of.Job == "" {
		out.Job = run.JobName(workload, of.Lot, of.Attempt) // as long as it is there, and then, too
	}
	known := k.remembered(ctx, of, &out)
	known = k.seek(ctx, of, &out) || known
	known = a.kept(ctx, of, &out) || known
	if of.Job == "" {
		known = a.wrote(ctx, of, &out) || known
	}
	if !known && len(out.Troubles) == 0 {
		return Ran{}, asking.Errorf(asking.ErrNotFound, "nothing is known of this run of %s: its Job is gone, and neither its log nor a manifest of it is kept", of.Workload)
	}
	if out.Manifest == "" && out.NoManifest == "" {
		out.NoManifest = "its Job is gone, and its manifest is kept beside its log only"
	}
	return out, nil
}

// remembered takes what the keeper knows of an attempt.
func (k *Keeper) remembered(ctx context.Context, of RunOf, out *Ran) (known bool) {
	if of.Job != "" {
		return false
	}
	err := k.ask(ctx, func(l *loop) error {
		s, err := l.kept(of.Environment)
		if err != nil {
			return err
		}
		arc, _ := s.graph.Arc(of.Workload)
		for _, series := range arc.Writes {
			for _, r := range s.runsOf(series, of.Lot) {
				if r.Attempt == of.Attempt {
					r.Job = out.Job
					out.Run, known = r, true
				}
			}
		}
		return nil
	})
	if err != nil {
		out.Troubles = append(out.Troubles, "how it goes is known to the replica that keeps the lots: "+err.Error())
	}
	return known
}

// runHome is where a run may be.
type runHome struct {
	as      jobs.As
	cluster Cluster
}

// homesOf are the clusters in which a workload may run.
func (k *Keeper) homesOf(ctx context.Context, of RunOf) (all []runHome, err error) {
	err = k.ask(ctx, func(l *loop) error {
		s, err := l.kept(of.Environment)
		if err != nil {
			return err
		}
		for _, f := range s.fleets {
			if as, ok := s.accounts[f.name][of.Workload]; ok {
				all = append(all, runHome{as, l.workers.get(f.name).cluster})
			}
		}
		return nil
	})
	return all, err
}

// seek asks the clusters for the Job of a run.
func (k *Keeper) seek(ctx context.Context, of RunOf, out *Ran) (known bool) {
	homes, err := k.homesOf(ctx, of)
	if err != nil {
		if of.Job != "" {
			out.Troubles = append(out.Troubles, "what runs is known to the replica that keeps the lots: "+err.Error())
		}
		return false
	}
	for _, h := range homes {
		found, err := h.cluster.Look(ctx, h.as, out.Job)
		switch j := found.Job; {
		case errors.Is(err, jobs.ErrNoJob):
		case err != nil:
			out.Troubles = append(out.Troubles, fmt.Sprintf("its Job in cluster %s cannot be seen: %v", h.cluster.Name(), err))
		case j.Workload != of.Workload || j.Environment != of.Environment || j.Attempt != of.Attempt:
			// It has the name, and is another's.
		default:
			out.There, out.Cluster, out.Namespace, out.Doing = true, j.Cluster, j.Namespace, found.Doing
			out.Started, out.Ended, out.Failed = j.Created.UTC(), j.Ended.UTC(), out.Failed || j.Failed
			out.Manifest, out.NoManifest, out.Outcome = found.Manifest, found.NoManifest, cmp.Or(out.Outcome, j.Outcome)
			return true
		}
	}
	return false
}

// kept takes what the store has of a run: its log, and the manifest of its Job.
func (a asked) kept(ctx context.Context, of RunOf, out *Ran) (known bool) {
	err := bucket.With(ctx, a.records, a.stores.opts, func(f bucket.Folder) error {
		all, err := logs.Of(ctx, f, logs.Run{Workload: of.Workload, Lot: of.Lot, Attempt: of.Attempt, Job: of.Job})
		if err != nil || len(all) == 0 {
			return err
		}
		last := all[len(all)-1]
		known, out.Logged = true, true
		if !out.There {
			if out.Outcome == "" {
				out.Outcome, out.Failed = last.Outcome, last.Outcome == string(cameFailed)
			}
			if out.Ended.IsZero() {
				out.Ended = last.Written
			}
		}
		if out.Manifest == "" {
			out.Manifest, err = logs.ReadManifest(ctx, f, last.Run)
			out.Kept = out.Manifest != ""
		}
		return err
	})
	if err != nil {
		out.Troubles = append(out.Troubles, "what is kept of it cannot be read: "+err.Error())
	}
	return known
}

// wrote finds the manifests of the lot that an attempt makes: its own, and the one that counts.
func (a asked) wrote(ctx context.Context, of RunOf, out *Ran) (known bool) {
	arc, _ := a.graph.Arc(of.Workload)
	for _, id := range arc.Writes {
		location, kept := a.catalog.Manifests(id, of.Environment, catalog.Reads)
		data, placed := a.catalog.Location(id, of.Environment, catalog.Reads)
		_, dataset, there := a.catalog.Dataset(id)
		if !kept || !placed || !there {
			continue
		}
		entries, err := a.stores.one(ctx, location, store.Of{Dataset: manifest.Dataset{Name: dataset.Name, Version: dataset.Version}, Lot: of.Lot})
		if err != nil {
			out.Troubles = append(out.Troubles, "the manifests of "+id+" cannot be listed: "+err.Error())
			continue
		}
		for _, e := range entries {
			if e.Stray != nil || e.Key.State.Attempted() && e.Key.Attempt != of.Attempt {
				continue
			}
			w := Wrote{Dataset: id, Path: e.Path, Written: e.Written.UTC(), Own: e.Key.State.Attempted()}
			w.Manifest, err = a.stores.read(ctx, location, e.Key, strings.TrimSuffix(data, "/")+"/")
			if damaged, is := errors.AsType[*store.DamagedError](err); is {
				w.Damaged, w.Manifest.State = damaged.Error(), e.Key.State
			} else if err != nil {
				out.Troubles = append(out.Troubles, "the manifest "+e.Path+" cannot be read: "+err.Error())
				continue
			}
			w.Own = w.Own || slices.ContainsFunc(w.Manifest.URIs, func(uri string) bool { return strings.Contains(uri, of.Attempt) })
			known = known || w.Own
			if w.Own && !out.There && out.Ended.IsZero() {
				out.Ended, out.Outcome, out.Failed = w.Written, string(w.Manifest.State), w.Manifest.State == manifest.Partial
			}
			out.Wrote = append(out.Wrote, w)
		}
	}
	return known
}

// RunLog returns the log of a run: what is kept in the store, or else what its cluster has.
func (k *Keeper) RunLog(ctx context.Context, of RunOf) (Log, error) {
	a, err := k.ranOf(&of)
	if err != nil {
		return Log{}, err
	}
	if of.Job == "" {
		return k.logOf(ctx, a, of.Workload, of.Workload, of.Lot, of.Attempt)
	}
	there := false
	out := Log{Attempt: of.Job}
	err = bucket.With(ctx, a.records, a.stores.opts, func(f bucket.Folder) error {
		all, err := logs.Of(ctx, f, logs.Run{Workload: of.Workload, Job: of.Job})
		if err != nil || len(all) == 0 {
			return err
		}
		there, out.Kept, out.Outcome = true, true, all[len(all)-1].Outcome
		out.Text, err = logs.Read(ctx, f, all[len(all)-1].Run)
		return err
	})
	if err != nil || there {
		return out, err
	}
	homes, err := k.homesOf(ctx, of)
	if err != nil {
		return Log{}, asking.Errorf(asking.ErrNotYet, "no log of %s is kept, and what runs is known to the replica that leads: %s", of.Job, err.Error())
	}
	for _, h := range homes {
		found, err := h.cluster.Look(ctx, h.as, of.Job)
		if errors.Is(err, jobs.ErrNoJob) || err == nil && (found.Job.Workload != of.Workload || found.Job.Environment != of.Environment) {
			continue
		}
		if err == nil {
			out.Text, err = h.cluster.Log(ctx, h.as, found.Job)
		}
		if err != nil {
			return Log{}, asking.Errorf(asking.ErrCannot, "the log of %s cannot be read: %s", of.Job, err.Error())
		}
		return out, nil
	}
	return Log{}, asking.Errorf(asking.ErrNotFound, "there is no log of %s: none is kept, and there is no such Job of %s", of.Job, of.Workload)
}
