// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/console"
)

// remoteRuns are the remote runs of a daemon.
type remoteRuns struct{ d *Daemon }

// Start implements [console.RunKeeper].
func (r remoteRuns) Start(_ context.Context, environment, project string, run console.RunRequest, by console.Attribution) (console.RemoteRun, error) {
	asked := fmt.Sprintf("run %s/%s in %s by %s: %q %q", project, run.Workload, environment, by.Principal, run.Args, run.Files)
	if len(run.Code) > 0 {
		asked += fmt.Sprintf(" code %q", slices.Sorted(maps.Keys(run.Code)))
	}
	if run.Layer != nil {
		asked += fmt.Sprintf(" layer %s with %d papers", run.Layer.Image, len(run.Layer.Papers))
		r.d.Layers = append(r.d.Layers, *run.Layer)
	}
	r.d.record(asked)
	return console.RemoteRun{
		Run: run.Workload + "-run-1", Environment: environment, Project: project, Workload: run.Workload, Cluster: "c", By: by.Principal.String(),
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Writes: map[string]string{"out": "s3://x/"},
	}, r.d.Err
}

// Base implements [console.RunKeeper].
func (r remoteRuns) Base(_ context.Context, environment, project string, of console.BaseQuery) (console.RunBase, error) {
	r.d.record(fmt.Sprintf("base of %s/%s in %s, on %q for lot %q", project, of.Workload, environment, of.Cluster, of.Lot))
	return r.d.RunBase, r.d.Err
}

// Runs implements [console.RunKeeper].
func (r remoteRuns) Runs(context.Context) ([]console.RemoteRun, error) {
	return append([]console.RemoteRun{}, r.d.RemoteRuns...), r.d.Err
}

// Follow implements [console.RunKeeper].
func (r remoteRuns) Follow(_ context.Context, of console.RunRef, how console.Following, tell func(console.RunEvent) error) error {
	r.d.record(fmt.Sprintf("follow %s of %s in %s: waits %t, once %t, after %q", of.Run, of.Project, of.Environment, how.Waits, how.Once, how.After.Format(time.RFC3339)))
	for _, e := range r.d.RunEvents {
		if err := tell(e); err != nil {
			return err
		}
	}
	return r.d.Err
}

// Cancel implements [console.RunKeeper].
func (r remoteRuns) Cancel(_ context.Context, of console.RunRef, by console.Attribution) (console.Outcome, error) {
	r.d.record(fmt.Sprintf("cancel %s of %s in %s by %s", of.Run, of.Project, of.Environment, by.Principal))
	return console.Outcome{Message: "cancelled"}, r.d.Err
}
