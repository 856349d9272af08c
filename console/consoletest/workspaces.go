// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/console"
)

// workspaces are the notebooks and editors of a daemon.
type workspaces struct{ d *Daemon }

// Open implements [console.Workspaces].
func (w workspaces) Open(_ context.Context, environment, project string, ask console.WorkspaceRequest, by console.Attribution) (console.Workspace, error) {
	w.d.record(fmt.Sprintf("open %s of %s in %s by %s, branch %q", ask.Kind, project, environment, by.Principal, ask.Branch))
	return console.Workspace{
		Name: "lab-1", Kind: "notebook", Environment: environment, Project: project, Workload: "lab", Cluster: "c", By: by.Principal.String(), Phase: "starting",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Used: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}, w.d.Err
}

// List implements [console.Workspaces].
func (w workspaces) List(_ context.Context, person string) ([]console.Workspace, error) {
	return slices.DeleteFunc(append([]console.Workspace{}, w.d.Workspaces...), func(o console.Workspace) bool { return person != "" && o.By != person }), w.d.Err
}

// Get implements [console.Workspaces].
func (w workspaces) Get(_ context.Context, of console.WorkspaceRef, who access.Principal) (console.Workspace, error) {
	for _, o := range w.d.Workspaces {
		if o.Name == of.Workspace && o.Environment == of.Environment && o.Project == of.Project && o.By == console.PersonOf(who) {
			return o, w.d.Err
		}
	}
	return console.Workspace{}, console.ErrNotFound
}

// Act implements [console.Workspaces].
func (w workspaces) Act(ctx context.Context, of console.WorkspaceRef, act console.WorkspaceAct, anybody bool, by console.Attribution) (console.Outcome, error) {
	if _, err := w.Get(ctx, of, by.Principal); err != nil && !anybody {
		return console.Outcome{}, err
	}
	w.d.record(fmt.Sprintf("%s %s of %s in %s by %s", act, of.Workspace, of.Project, of.Environment, by.Principal))
	return console.Outcome{Message: string(act)}, w.d.Err
}

// entrance lets people in to applications.
type entrance struct{ d *Daemon }

// Enter implements [console.Apps].
func (e entrance) Enter(_ context.Context, ref console.AppRef, to string, who access.Principal) (string, error) {
	e.d.record(fmt.Sprintf("enter %s %s of %s in %s at %q by %s", ref.Kind, ref.Name, ref.Project, ref.Environment, to, who))
	return "http://apps.example/enter?ticket=x", e.d.Err
}
