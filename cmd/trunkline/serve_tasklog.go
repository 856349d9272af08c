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
	at, namespace, err := l.find(of)
	if err != nil {
		return console.TaskLog{}, ofAsked(err)
	}
	log, err := l.read(ctx, of, at, namespace)
	switch {
	case err == nil:
		return log, nil
	case errors.Is(err, airflow.ErrNotThere), errors.Is(err, airflow.ErrNoLog):
		return log, &actError{err, console.ErrNotFound}
	case ctx.Err() != nil:
		err = errors.New("it takes too long")
	}
	return log, &actError{fmt.Errorf("the log cannot be read from the Airflow of %s on the cluster %q: %w", at.Environment, at.Cluster, err), console.ErrNotKnown}
}

// find finds the Airflow that runs the DAGs of a project, and the namespace of the project there.
func (l taskLogs) find(of console.TaskRef) (at catalog.DeployedAirflow, namespace string, err error) {
	all := l.airflows.in(of.Environment)
	for _, at := range all {
		if namespace, runs := at.NamespaceOf(of.Project); runs && (of.Cluster == "" || of.Cluster == at.Cluster) {
			return at, namespace, nil
		}
	}
	if _, is := catalog.PreviewPull(of.Environment); is {
		return at, "", askflow.Errorf(askflow.ErrNotFound, "no Airflow runs DAGs of %s in the preview %s: it has none, or is asleep", of.Project, of.Environment)
	}
	c := l.airflows.d.rec.Catalog()
	if c == nil {
		return at, "", askflow.Errorf(askflow.ErrNotYet, "no commit is accepted yet")
	}
	p, id, err := askflow.Release(c, of.Project, of.Environment, of.Cluster)
	switch {
	case err != nil:
		return at, "", err
	case p.Spec.Airflow != "":
		return at, "", askflow.Errorf(askflow.ErrNotFound, "the DAGs of %s are run by the Airflow of its owner, which is not reached from here", p.Name)
	case len(all) == 0:
		return at, "", askflow.Errorf(askflow.ErrNotFound, "there is no Airflow in %q: no project runs the blueprint %s there", id.Environment, catalog.AirflowBlueprint)
	}
	return at, "", askflow.Errorf(askflow.ErrNotFound, "%s deploys no DAGs to %q", p.Name, id.Environment)
}

func (l taskLogs) read(ctx context.Context, of console.TaskRef, at catalog.DeployedAirflow, namespace string) (console.TaskLog, error) {
	client, reached := l.airflows.client(at), l.reached.named(at.Cluster)
	if reached == nil {
		return console.TaskLog{}, errors.New("an agent keeps the cluster, so that it is not known here what is secret in a log: read it in Airflow")
	}
	task, err := client.Find(ctx, airflow.Wanted{Project: of.Project, Dag: of.Dag, Run: of.Run, Task: of.Task, Index: of.Index, Try: of.Try})
	if err != nil {
		return console.TaskLog{}, err
	}
	namespaces := []string{namespace, at.Namespace}
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
		Cluster: at.Cluster, Dag: task.Dag, Run: task.Run, Task: task.Task, Try: task.Try, State: task.State, Text: strings.ToValidUTF8(log.Text(redact), "�"),
	}
	if task.Index >= 0 {
		out.Index = &task.Index
	}
	return out, nil
}
