// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// DeploymentsOf implements [webhooks.Deployments].
func (r *Repository) DeploymentsOf(ctx context.Context, sha string) ([]webhooks.Deployment, error) {
	list, err := r.deployments(ctx, &github.DeploymentsListOptions{SHA: sha}, "reading the deployments of "+short(sha))
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].State, list[i].Said, err = r.deploymentState(ctx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// DeploymentsIn implements [webhooks.Deployments].
func (r *Repository) DeploymentsIn(ctx context.Context, environment string) ([]webhooks.Deployment, error) {
	list, err := r.deployments(ctx, &github.DeploymentsListOptions{Environment: environment}, "reading the deployments into "+environment)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	list[0].State, list[0].Said, err = r.deploymentState(ctx, list[0].ID)
	return list, err
}

// deployments lists those that we made, the newest first.
func (r *Repository) deployments(ctx context.Context, filter *github.DeploymentsListOptions, what string) ([]webhooks.Deployment, error) {
	me, err := r.me(ctx)
	if err != nil {
		return nil, err
	}
	var out []webhooks.Deployment
	err = r.call(ctx, what, func(api *github.Client) error {
		return pages(func(o github.ListOptions) (bool, *github.Response, error) {
			filter.ListOptions = o
			list, resp, err := api.Repositories.ListDeployments(ctx, r.owner, r.name, filter)
			for _, d := range list {
				if strings.EqualFold(d.GetCreator().GetLogin(), me) {
					out = append(out, webhooks.Deployment{ID: d.GetID(), SHA: d.GetSHA(), Environment: d.GetEnvironment(), Description: d.GetDescription(), Created: d.GetCreatedAt().Time})
				}
			}
			return true, resp, err
		})
	})
	return out, err
}

// deploymentState is what the newest status of a deployment says.
func (r *Repository) deploymentState(ctx context.Context, id int64) (state webhooks.DeploymentState, said string, err error) {
	state = webhooks.DeployQueued
	err = r.call(ctx, "reading the state of a deployment", func(api *github.Client) error {
		list, _, err := api.Repositories.ListDeploymentStatuses(ctx, r.owner, r.name, id, &github.ListOptions{PerPage: 1})
		if err != nil || len(list) == 0 {
			return err
		}
		said = list[0].GetDescription()
		switch list[0].GetState() {
		case "in_progress", "pending":
			state = webhooks.DeployInProgress
		case "success":
			state = webhooks.DeploySuccess
		case "failure", "error":
			state = webhooks.DeployFailure
		case "inactive":
			state = webhooks.DeployInactive
		}
		return nil
	})
	return state, said, err
}

// CreateDeployment implements [webhooks.Deployments]. GitHub merges nothing for it, and waits for no check: whether a
// commit may be rolled out was decided here.
func (r *Repository) CreateDeployment(ctx context.Context, d webhooks.Deployment) (webhooks.Deployment, error) {
	what := fmt.Sprintf("creating the deployment of %s into %s", short(d.SHA), d.Environment)
	err := r.call(ctx, what, func(api *github.Client) error {
		made, _, err := api.Repositories.CreateDeployment(ctx, r.owner, r.name, &github.DeploymentRequest{
			Ref: &d.SHA, Environment: &d.Environment, Description: optional(clip(oneLine(d.Description), maxDescription)), AutoMerge: new(false),
			RequiredContexts: &[]string{}, TransientEnvironment: &d.Transient, ProductionEnvironment: &d.Production,
		})
		d.ID, d.Created = made.GetID(), made.GetCreatedAt().Time
		return err
	})
	if !lost(err) {
		return d, err
	}
	there, failed := r.deployments(ctx, &github.DeploymentsListOptions{SHA: d.SHA, Environment: d.Environment}, what)
	if failed == nil && len(there) > 0 {
		d.ID, d.Created = there[0].ID, there[0].Created
		return d, nil
	}
	return d, err
}

// SetDeploymentStatus implements [webhooks.Deployments].
func (r *Repository) SetDeploymentStatus(ctx context.Context, id int64, s webhooks.DeploymentStatus) error {
	return r.call(ctx, "setting the state of a deployment", func(api *github.Client) error {
		_, _, err := api.Repositories.CreateDeploymentStatus(twice(ctx), r.owner, r.name, id, &github.DeploymentStatusRequest{
			State: new(string(s.State)), Description: optional(clip(oneLine(s.Description), maxDescription)),
			EnvironmentURL: optional(s.EnvironmentURL), LogURL: optional(s.LogURL), AutoInactive: new(true),
		})
		return err
	})
}

// RemoveEnvironment implements [webhooks.Deployments]. Our deployments of it are made inactive and deleted. The name of the
// environment goes too where we are allowed to delete it, which takes the right to administer the repository; without it, an
// empty name stays in GitHub's list.
func (r *Repository) RemoveEnvironment(ctx context.Context, environment string) error {
	what := "removing the environment " + environment
	list, err := r.deployments(ctx, &github.DeploymentsListOptions{Environment: environment}, what)
	if err != nil {
		return err
	}
	for _, d := range list {
		if err := r.removeDeployment(ctx, what, d.ID); err != nil {
			return err
		}
	}
	err = r.call(ctx, what, func(api *github.Client) error {
		_, err := api.Repositories.DeleteEnvironment(ctx, r.owner, r.name, url.PathEscape(environment))
		return err
	})
	var e *Error
	if errors.Is(err, webhooks.ErrNotFound) || errors.As(err, &e) && e.Class == Terminal && e.Status == http.StatusForbidden {
		return nil
	}
	return err
}

func (r *Repository) removeDeployment(ctx context.Context, what string, id int64) error {
	if err := r.SetDeploymentStatus(ctx, id, webhooks.DeploymentStatus{State: webhooks.DeployInactive}); err != nil && !errors.Is(err, webhooks.ErrNotFound) {
		return err
	}
	err := r.call(ctx, what, func(api *github.Client) error {
		_, err := api.Repositories.DeleteDeployment(ctx, r.owner, r.name, id)
		return err
	})
	if errors.Is(err, webhooks.ErrNotFound) {
		return nil
	}
	return err
}
