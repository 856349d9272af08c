// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/jobs"
	remoteflow "trunkline.dev/trunkline/flow/remote"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
)

// remoteRuns has people's own code run.
type remoteRuns struct{ keeper *remoteflow.Keeper }

// makeRemote makes what starts remote runs, and sees to their end.
func (d *daemon) makeRemote() {
	reached := newReached(d, func(c cluster.Config) *jobs.Cluster { return jobs.New(c.Name, c.REST, d.log) })
	d.remoteRuns = remoteRuns{remoteflow.New(remoteflow.Options{
		Accepted: d.rec.Catalog, Account: d.flags.account, Stores: d.flags.stores, Cluster: reached.named, Log: d.log, Now: time.Now,
		Happened: func(h remoteflow.Happened) {
			d.log.Info("a remote run", "run", h.Run.ID, "workload", h.Run.Workload, "environment", h.Run.Environment, "ended", h.Ended, "by", h.By.Name, "said", h.Said)
			d.past.record(remoteEvent(h))
		},
	})}
}

// remoteEvent is what the history has of a remote run.
func remoteEvent(h remoteflow.Happened) history.Event {
	e := history.Event{
		Kind: history.RemoteRun, Release: catalog.ReleaseID{Project: h.Run.Project(), Environment: h.Run.Environment, Cluster: h.Run.Cluster}, By: h.By.Name, SignOn: h.By.SignOn,
		Object: h.Run.Workload, Message: h.Said,
	}
	if h.Ended {
		e.Kind, e.Message = history.RemoteEnded, h.Run.ID+": "+h.Said
	}
	if h.Run.Lot != "" {
		e.Object += " " + h.Run.Lot
	}
	return e
}

// Start implements [console.RunKeeper].
func (r remoteRuns) Start(ctx context.Context, environment, project string, run console.RunRequest, by console.Attribution) (console.RemoteRun, error) {
	ask := remoteflow.Ask{
		Environment: environment, Project: project, Workload: run.Workload, Cluster: run.Cluster, Lot: run.Lot, Command: run.Command, Args: run.Args, Files: run.Files,
		Detached: run.Detached, Person: by.Principal.String(), By: askedBy(by), Code: map[string]jobs.CodeFile{},
	}
	for name, file := range run.Code {
		ask.Code[name] = jobs.CodeFile(file)
	}
	if run.Layer != nil {
		ask.Layer = &remoteflow.Layer{Image: run.Layer.Image, Papers: run.Layer.Papers}
	}
	made, err := r.keeper.Start(ctx, ask)
	return shownRun(made), ofAsked(err)
}

// Base implements [console.RunKeeper].
func (r remoteRuns) Base(ctx context.Context, environment, project string, of console.BaseQuery) (console.RunBase, error) {
	found, err := r.keeper.Deployed(ctx, remoteflow.Ask{Environment: environment, Project: project, Workload: of.Workload, Cluster: of.Cluster, Lot: of.Lot})
	return console.RunBase{Image: found.Image, Registry: found.Registry}, ofAsked(err)
}

// Runs implements [console.RunKeeper].
func (r remoteRuns) Runs(ctx context.Context) ([]console.RemoteRun, error) {
	all, err := r.keeper.Runs(ctx)
	out := make([]console.RemoteRun, len(all))
	for i, run := range all {
		out[i] = shownRun(run)
	}
	return out, ofAsked(err)
}

// Follow implements [console.RunKeeper].
func (r remoteRuns) Follow(ctx context.Context, of console.RunRef, how console.Following, tell func(console.RunEvent) error) error {
	exit, err := r.keeper.Follow(ctx, of.Environment, of.Project, of.Run, remoteflow.Following(how), func(s jobs.Said) error {
		if s.Note != "" {
			return tell(console.RunEvent{Note: s.Note})
		}
		return tell(console.RunEvent{At: s.At, Line: &s.Line})
	})
	if err != nil {
		return ofAsked(err)
	}
	return tell(console.RunEvent{End: &console.RunEnd{Code: exit.Code, Why: exit.Why, Gone: exit.Gone}})
}

// Cancel implements [console.RunKeeper].
func (r remoteRuns) Cancel(ctx context.Context, of console.RunRef, by console.Attribution) (console.Outcome, error) {
	said, err := r.keeper.Cancel(ctx, of.Environment, of.Project, of.Run, askedBy(by))
	return console.Outcome{Message: said}, ofAsked(err)
}

func shownRun(r remoteflow.Run) console.RemoteRun {
	project := r.Project()
	workload := ""
	if len(r.Workload) > len(project) {
		workload = r.Workload[len(project)+1:]
	}
	return console.RemoteRun{
		Run: r.ID, Environment: r.Environment, Project: project, Workload: workload, Cluster: r.Cluster, Lot: r.Lot, By: r.By, Detached: r.Detached, Started: r.Started,
		Ended: r.Ended, Outcome: r.Outcome, Writes: r.Writes, Notes: r.Notes,
	}
}
