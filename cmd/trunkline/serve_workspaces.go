// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/apps"
	askflow "trunkline.dev/trunkline/flow/asking"
	spaces "trunkline.dev/trunkline/flow/workspaces"
	spacesafar "trunkline.dev/trunkline/flow/workspaces/afar"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/history"
)

// makeWorkspaces makes what keeps people's notebooks and editors, and lets them in there; nothing does without an address for applications.
func (d *daemon) makeWorkspaces() {
	if d.appsDoor == nil {
		return
	}
	d.workspaces = spaces.New(spaces.Options{
		Accepted: d.rec.Catalog, Account: d.flags.account, Cluster: d.workspacesIn, Log: d.log, Now: time.Now,
		Happened: func(h spaces.Happened) {
			w := h.Workspace
			d.log.Info("a workspace", "name", w.Name, "workload", w.Project+"/"+w.Workload, "environment", w.Environment, "of", w.By, "by", h.By.Name, "said", h.Said)
			d.past.record(history.Event{
				Kind: history.Workspace, Release: catalog.ReleaseID{Project: w.Project, Environment: w.Environment, Cluster: w.Cluster}, By: h.By.Name, SignOn: h.By.SignOn,
				Object: w.Workload, Message: w.Name + ": " + h.Said,
			})
		},
	})
	for _, kind := range []string{workspace.Notebook, workspace.IDE} {
		d.appsDoor.finders[kind] = workspaceFinder{d}
	}
}

// workspacesIn is a cluster with workspaces, or why it is not reached.
func (d *daemon) workspacesIn(name string) (spaces.Cluster, error) {
	if to := d.tunnels.named(name); to != nil {
		return spaces.Reached{API: to}, nil
	}
	to := d.afar.named(name)
	if to == nil {
		return nil, notConfigured(name)
	}
	return spacesafar.New(name, to), to.Reachable()
}

// workspaceFinder finds the server of a workspace for whoever has it and may.
type workspaceFinder struct{ d *daemon }

// Find implements [apps.Finder].
func (f workspaceFinder) Find(ctx context.Context, ref apps.Ref, who access.Principal) (apps.Target, error) {
	if !f.d.access().May(who, access.Workspace, access.Scope{Project: ref.Project, Environment: ref.Environment}).Allowed {
		return apps.Target{}, apps.ErrNotFound
	}
	server, err := f.d.workspaces.Server(ctx, ref.Kind, ref.Environment, ref.Project, ref.Name, console.PersonOf(who))
	switch {
	case errors.Is(err, askflow.ErrNotFound):
		return apps.Target{}, apps.ErrNotFound
	case errors.Is(err, askflow.ErrCannot):
		return apps.Target{}, &actError{err, apps.ErrNotReady}
	case err != nil:
		return apps.Target{}, err
	}
	t := apps.Target{Key: server.Key, Dial: server.Dial, Authorize: server.Authorize}
	if server.Root {
		t.Base = "/"
	}
	return t, nil
}

// workspaceDesk does by the keeper what people ask for through the console.
type workspaceDesk struct{ d *daemon }

// forConsole is the desk; nil if nothing keeps workspaces.
func (d *daemon) workspacesForConsole() console.Workspaces {
	if d.workspaces == nil {
		return nil
	}
	return workspaceDesk{d}
}

// Open implements [console.Workspaces].
func (w workspaceDesk) Open(ctx context.Context, environment, project string, ask console.WorkspaceRequest, by console.Attribution) (console.Workspace, error) {
	if ask.Repository == "" && (ask.Branch != "" || ask.GitPassword != "") {
		ask.Repository = w.d.cloned(project)
	}
	made, err := w.d.workspaces.Open(ctx, spaces.Ask{
		Environment: environment, Project: project, Workload: ask.Workload, Kind: ask.Kind, Cluster: ask.Cluster, Repository: ask.Repository, Branch: ask.Branch,
		GitUsername: ask.GitUsername, GitPassword: ask.GitPassword, Size: ask.Size, Person: console.PersonOf(by.Principal), By: askedBy(by),
	})
	return shownWorkspace(made), ofAsked(err)
}

// cloned is the address of the repository that declares a project, if people can clone it by it; empty if not.
func (d *daemon) cloned(project string) string {
	from := d.flags.remote.URL
	if c := d.rec.Catalog(); c != nil {
		if p, ok := c.Project(project); ok {
			for _, s := range c.Platform.Spec.Sources {
				if c.SourceOf(p.Document.File) == s.Name {
					from = s.URL
				}
			}
		}
	}
	u, err := url.Parse(git.Redact(from))
	if err != nil || u.Scheme != "https" {
		return ""
	}
	u.User = nil
	return u.String()
}

// List implements [console.Workspaces].
func (w workspaceDesk) List(ctx context.Context, person string) ([]console.Workspace, error) {
	all, err := w.d.workspaces.List(ctx, person)
	out := make([]console.Workspace, len(all))
	for i, one := range all {
		out[i] = shownWorkspace(one)
	}
	return out, ofAsked(err)
}

// Get implements [console.Workspaces].
func (w workspaceDesk) Get(ctx context.Context, of console.WorkspaceRef, who access.Principal) (console.Workspace, error) {
	got, err := w.d.workspaces.Get(ctx, of.Environment, of.Project, of.Workspace, console.PersonOf(who))
	return shownWorkspace(got), ofAsked(err)
}

// Act implements [console.Workspaces].
func (w workspaceDesk) Act(ctx context.Context, of console.WorkspaceRef, act console.WorkspaceAct, anybody bool, by console.Attribution) (out console.Outcome, err error) {
	person := console.PersonOf(by.Principal)
	if anybody {
		person = ""
	}
	switch k := w.d.workspaces; act {
	case console.WakeWorkspace:
		_, err = k.Wake(ctx, of.Environment, of.Project, of.Workspace, person, askedBy(by))
		out.Message = of.Workspace + " starts"
	case console.StopWorkspace:
		out.Message, err = k.Stop(ctx, of.Environment, of.Project, of.Workspace, person, askedBy(by))
	case console.DeleteWorkspace:
		out.Message, err = k.Delete(ctx, of.Environment, of.Project, of.Workspace, person, askedBy(by))
	}
	return out, ofAsked(err)
}

func shownWorkspace(w spaces.Workspace) console.Workspace {
	return console.Workspace{
		Name: w.Name, Kind: w.Kind, Environment: w.Environment, Project: w.Project, Workload: w.Workload, Cluster: w.Cluster, By: w.By, Phase: string(w.Phase), Why: w.Why,
		Repository: w.Repository, Branch: w.Branch, Size: w.Size, Created: w.Created, Used: w.Used, StopsAt: w.StopsAt,
	}
}
