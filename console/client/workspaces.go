// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"

	"trunkline.dev/trunkline/console"
)

// Workspaces lists the caller's notebooks and editors; those of all people, if whole is set.
func (c *Client) Workspaces(ctx context.Context, whole bool) ([]console.Workspace, error) {
	query := url.Values{}
	if whole {
		query.Set("all", "true")
	}
	return allOf[console.Workspace](ctx, c, "/api/v1/workspaces", query)
}

// OpenWorkspace makes a workspace in a project, or wakes the one that the caller has there.
func (c *Client) OpenWorkspace(ctx context.Context, environment, project string, ask console.WorkspaceRequest) (made console.Workspace, err error) {
	slow := *c
	slow.timeout = startTimeout
	return made, slow.post(ctx, path("workspaces", environment, project), ask, &made)
}

// Workspace returns how a workspace is.
func (c *Client) Workspace(ctx context.Context, of console.WorkspaceRef) (w console.Workspace, err error) {
	return w, c.get(ctx, path("workspaces", of.Environment, of.Project, of.Workspace), &w)
}

// ActOnWorkspace wakes, stops or deletes a workspace.
func (c *Client) ActOnWorkspace(ctx context.Context, of console.WorkspaceRef, act console.WorkspaceAct, why string) (done console.Outcome, err error) {
	return done, c.post(ctx, path("workspaces", of.Environment, of.Project, of.Workspace, string(act)), console.Act{Why: why}, &done)
}

// EnterApp returns the address by which a browser enters an application, once and within a minute.
func (c *Client) EnterApp(ctx context.Context, of console.AppRef) (made console.AppAddress, err error) {
	return made, c.post(ctx, path("apps", of.Kind, of.Environment, of.Project, of.Name, "enter"), console.AppEntry{}, &made)
}
