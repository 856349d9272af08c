// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	askflow "trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/excerpt"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// maxTaskLogPart bounds the first and the last part of the log of a task that are shown, each, in bytes.
const maxTaskLogPart = 1 << 20

// taskLogs shows the logs of tasks that an Airflow has run.
type taskLogs struct {
	airflows *airflows
	reached  *reached[jobs.Cluster]
}

func newTaskLogs(d *daemon) taskLogs {
	return taskLogs{d.airflows, newReached(d, func(c cluster.Config) *jobs.Cluster { return jobs.New(c.Name, c.REST, d.log) })}
}

// TaskLog implements [console.TaskLogs]. What is secret is found out before anything is read.
func (l taskLogs) TaskLog(ctx context.Context, of console.TaskRef) (console.TaskLog, error) {
	c := l.airflows.d.rec.Catalog()
	if c == nil {
		return console.TaskLog{}, ofAsked(askflow.Errorf(askflow.ErrNotYet, "no commit is accepted yet"))
	}
	place, namespace, err := airflowFor(c, of)
	if err != nil {
		return console.TaskLog{}, ofAsked(err)
	}
	log, err := l.read(ctx, of, place, namespace)
	switch {
	case err == nil:
		return log, nil
	case errors.Is(err, airflow.ErrNotThere), errors.Is(err, airflow.ErrNoLog):
		return log, &actError{err, console.ErrNotFound}
	case ctx.Err() != nil:
		err = errors.New("it takes too long")
	}
	return log, &actError{fmt.Errorf("the log cannot be read from the Airflow of %s on the cluster %q: %w", place.Environment, place.Cluster, err), console.ErrNotKnown}
}

// airflowFor is the Airflow that runs the DAGs of a project, and the namespace of the project there.
func airflowFor(c *catalog.Catalog, of console.TaskRef) (place catalog.AirflowPlace, namespace string, err error) {
	p, id, err := askflow.Release(c, of.Project, of.Environment, of.Cluster)
	if err != nil {
		return place, "", err
	}
	place, there := c.AirflowOf(id.Environment, id.Cluster)
	switch {
	case p.Spec.Airflow != "" && !c.DagsIn(p, id.Environment):
		return place, "", askflow.Errorf(askflow.ErrNotFound, "the DAGs of %s are run by the Airflow of its owner, which is not reached from here", p.Name)
	case !there:
		return place, "", askflow.Errorf(askflow.ErrNotFound, "there is no Airflow in %q on the cluster %q: no project runs the blueprint %s there", id.Environment, id.Cluster, catalog.AirflowBlueprint)
	case !c.DagsIn(p, id.Environment):
		return place, "", askflow.Errorf(askflow.ErrNotFound, "%s deploys no DAGs to %q", p.Name, id.Environment)
	}
	return place, c.Release(p, id).Namespace, nil
}

func (l taskLogs) read(ctx context.Context, of console.TaskRef, place catalog.AirflowPlace, namespace string) (console.TaskLog, error) {
	client, err := l.airflows.client(place.Environment, place.Cluster)
	if err != nil {
		return console.TaskLog{}, err
	}
	reached := l.reached.named(place.Cluster)
	if reached == nil {
		return console.TaskLog{}, errors.New("the cluster is not reached from here, or an agent keeps it")
	}
	task, err := client.Find(ctx, airflow.Wanted{Project: of.Project, Dag: of.Dag, Run: of.Run, Task: of.Task, Index: of.Index, Try: of.Try})
	if err != nil {
		return console.TaskLog{}, err
	}
	namespaces := []string{namespace, place.Namespace}
	slices.Sort(namespaces)
	redact, err := reached.Redactor(ctx, slices.Compact(namespaces)...)
	if err != nil {
		return console.TaskLog{}, err
	}
	log, some := excerpt.New(maxTaskLogPart), false
	err = client.Log(ctx, task, func(line airflow.Line) bool {
		some = true
		_, _ = fmt.Fprintln(log, line.String())
		return true
	})
	if err != nil {
		return console.TaskLog{}, err
	}
	if !some {
		return console.TaskLog{}, fmt.Errorf("%w any more: the log of try %d of %s is gone with its pod; Airflow keeps logs where remote logging is set up (docs/airflow.md)", airflow.ErrNoLog, task.Try, task.Name())
	}
	out := console.TaskLog{
		Cluster: place.Cluster, Dag: task.Dag, Run: task.Run, Task: task.Task, Try: task.Try, State: task.State, Text: strings.ToValidUTF8(log.Text(redact), "�"),
	}
	if task.Index >= 0 {
		out.Index = &task.Index
	}
	return out, nil
}
