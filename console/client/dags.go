// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
	"strconv"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
)

// TaskLog returns the log of a try of a task of Airflow.
func (c *Client) TaskLog(ctx context.Context, of console.TaskRef) (console.TaskLog, error) {
	query := url.Values{}
	for name, value := range map[string]string{"cluster": of.Cluster, "run": of.Run, "task": of.Task} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if of.Index >= 0 {
		query.Set("index", strconv.Itoa(of.Index))
	}
	if of.Try > 0 {
		query.Set("try", strconv.Itoa(of.Try))
	}
	var found console.TaskLog
	err := c.within(logTimeout).get(ctx, path("dags", of.Environment, of.Project, of.Dag, "log")+"?"+query.Encode(), &found)
	return found, err
}

// Applied returns the commits that were applied to a release, the newest first.
func (c *Client) Applied(ctx context.Context, id catalog.ReleaseID) ([]console.AppliedCommit, error) {
	var found console.AppliedCommits
	err := c.get(ctx, path("releases", id.Project, id.Environment, id.Cluster, "commits"), &found)
	return found.Items, err
}

// CommitChange returns what a commit changed of a release, when it was applied after another one.
func (c *Client) CommitChange(ctx context.Context, id catalog.ReleaseID, commit, before string) (console.CommitChange, error) {
	at := path("releases", id.Project, id.Environment, id.Cluster, "commits", commit)
	if before != "" {
		at += "?" + url.Values{"before": {before}}.Encode()
	}
	var found console.CommitChange
	err := c.within(logTimeout).get(ctx, at, &found)
	return found, err
}
