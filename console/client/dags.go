// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
	"strconv"

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
