// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Dag is a DAG that Airflow has.
type Dag struct {
	ID string `json:"dag_id"`
	// Bundle is the project that deploys it, and Version that of its files.
	Bundle  string `json:"bundle_name"`
	Version string `json:"bundle_version"`
	File    string `json:"relative_fileloc"`
	Paused  bool   `json:"is_paused"`
	// Next is when it runs next by its schedule; nil: it has none, or is paused.
	Next *time.Time `json:"next_dagrun_run_after"`
}

// Run is a run of a DAG.
type Run struct {
	Dag string `json:"dag_id"`
	ID  string `json:"dag_run_id"`
	// State is "queued", "running", "success" or "failed".
	State   string     `json:"state"`
	Type    string     `json:"run_type"`
	Version string     `json:"bundle_version"`
	After   time.Time  `json:"run_after"`
	Started *time.Time `json:"start_date"`
	Ended   *time.Time `json:"end_date"`
}

// Task is a try of a task of a run.
type Task struct {
	Dag  string `json:"dag_id"`
	Run  string `json:"dag_run_id"`
	Task string `json:"task_id"`
	// Index is that of a mapped task; -1: it is none.
	Index int `json:"map_index"`
	// State is empty for one that is not scheduled yet.
	State    string     `json:"state"`
	Try      int        `json:"try_number"`
	MaxTries int        `json:"max_tries"`
	Operator string     `json:"operator"`
	Started  *time.Time `json:"start_date"`
	Ended    *time.Time `json:"end_date"`
	// Of is the version of the DAG that it is of; nil: it is not known.
	Of *DagVersion `json:"dag_version"`
}

// DagVersion is a version of a DAG: the project that deployed it, and the version of its files.
type DagVersion struct {
	Bundle  string `json:"bundle_name"`
	Version string `json:"bundle_version"`
}

// ImportError is a file that Airflow cannot load.
type ImportError struct {
	Bundle string    `json:"bundle_name"`
	File   string    `json:"filename"`
	At     time.Time `json:"timestamp"`
	Trace  string    `json:"stack_trace"`
}

// Dags lists the DAGs that are there.
func (c *Client) Dags(ctx context.Context) ([]Dag, error) {
	return list[Dag](ctx, c, "/dags", "dags", url.Values{"order_by": {"dag_id"}, "exclude_stale": {"true"}})
}

// Dag is one DAG, also one that is not deployed any more.
func (c *Client) Dag(ctx context.Context, id string) (d Dag, err error) {
	err = c.Do(ctx, http.MethodGet, "/dags/"+url.PathEscape(id), nil, nil, &d)
	return d, err
}

// Run is one run of a DAG.
func (c *Client) Run(ctx context.Context, dag, id string) (r Run, err error) {
	err = c.Do(ctx, http.MethodGet, "/dags/"+url.PathEscape(dag)+"/dagRuns/"+url.PathEscape(id), nil, nil, &r)
	return r, err
}

// Newest lists the newest runs of a DAG, so many at most.
func (c *Client) Newest(ctx context.Context, dag string, most int) ([]Run, error) {
	var answer struct {
		Runs []Run `json:"dag_runs"`
	}
	query := url.Values{"order_by": {"-run_after"}, "limit": {strconv.Itoa(most)}}
	err := c.Do(ctx, http.MethodGet, "/dags/"+url.PathEscape(dag)+"/dagRuns", query, nil, &answer)
	return answer.Runs, err
}

// Runs lists the runs of all DAGs whose state may have changed since a time, the newest first.
func (c *Client) Runs(ctx context.Context, since time.Time) ([]Run, error) {
	return list[Run](ctx, c, "/dags/~/dagRuns", "dag_runs", url.Values{"order_by": {"-run_after"}, "updated_at_gte": {since.UTC().Format(time.RFC3339Nano)}})
}

// TasksOf lists the tasks of a run.
func (c *Client) TasksOf(ctx context.Context, dag, run string) ([]Task, error) {
	return list[Task](ctx, c, "/dags/"+url.PathEscape(dag)+"/dagRuns/"+url.PathEscape(run)+"/taskInstances", "task_instances", url.Values{})
}

// ImportErrors lists the files that cannot be loaded.
func (c *Client) ImportErrors(ctx context.Context) ([]ImportError, error) {
	return list[ImportError](ctx, c, "/importErrors", "import_errors", url.Values{})
}
