// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/console"
)

// remoteRuns are the remote runs of a daemon.
type remoteRuns struct{ d *Daemon }

// Start implements [console.RunKeeper].
func (r remoteRuns) Start(_ context.Context, environment, project string, run console.RunRequest, by console.Attribution) (console.RemoteRun, error) {
	r.d.record(fmt.Sprintf("run %s/%s in %s by %s: %q %q", project, run.Workload, environment, by.Principal, run.Args, run.Files))
	return console.RemoteRun{
		Run: run.Workload + "-run-1", Environment: environment, Project: project, Workload: run.Workload, Cluster: "c", By: by.Principal.String(),
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Writes: map[string]string{"out": "s3://x/"},
	}, r.d.Err
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
