// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
)

// TaskLogs are those of the tasks that the Airflows of environments have run. An error of it is for people if it is one of those of an [Actor], or
// [ErrNotKnown].
type TaskLogs interface {
	// TaskLog returns the log of a try of a task.
	TaskLog(ctx context.Context, of TaskRef) (TaskLog, error)
}

// TaskRef names a try of a task in a run of a DAG. What is left out is found: the cluster, the newest run, the task that failed first, and the last try.
type TaskRef struct {
	Environment, Project, Cluster, Dag, Run, Task string
	// Index is that of a mapped task; -1: it is left out, or the task is none.
	Index int
	// Try is 0 if it is left out.
	Try int
}

// TaskLog is the log of a try of a task, and which one that is.
type TaskLog struct {
	Cluster string `json:"cluster"`
	Dag     string `json:"dag"`
	Run     string `json:"run"`
	Task    string `json:"task"`
	// Index is that of a mapped task; nil: it is none.
	Index *int `json:"index,omitempty"`
	Try   int  `json:"try"`
	// State is that of the task in Airflow, such as "failed"; empty for a try before the last one.
	State string `json:"state,omitempty"`
	// Text is its first and its last part, without what is known to be secret.
	Text string `json:"text"`
}

const (
	// maxMapIndex and maxTry bound what is asked for.
	maxMapIndex, maxTry = 1_000_000, 10_000
)

// taskLog answers with the log of a task. As for that of a run, who asks has a name, which is logged.
func (c *console) taskLog(w http.ResponseWriter, r *http.Request) error {
	by, err := attribution(r, "")
	if err != nil {
		return err
	}
	q := newQuery(r)
	of := TaskRef{
		Environment: r.PathValue("environment"), Project: r.PathValue("project"), Dag: r.PathValue("dag"), Cluster: q.one("cluster"), Run: q.one("run"), Task: q.one("task"),
		Index: q.number("index", 0, maxMapIndex, -1), Try: q.number("try", 1, maxTry, 0),
	}
	if of.Index >= 0 && of.Task == "" {
		q.wrong("index is of a task: name it")
	}
	if err := q.done(); err != nil {
		return err
	}
	if c.opts.TaskLogs == nil {
		return problemf(http.StatusNotFound, "this daemon follows no Airflow")
	}
	ctx, cancel := context.WithTimeout(r.Context(), logTimeout)
	defer cancel()
	found, err := c.opts.TaskLogs.TaskLog(ctx, of)
	if err != nil {
		return c.refused(err)
	}
	c.opts.Log.Info("a log was read", "environment", of.Environment, "project", of.Project, "dag", found.Dag, "run", found.Run, "task", found.Task, "try", found.Try, "by", by.Principal.String())
	c.answer(w, http.StatusOK, found)
	return nil
}
