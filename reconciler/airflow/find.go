// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxNamed is how many things are named of which one may have been meant.
const maxNamed = 10

// ErrNoLog means that a try of a task has no log: it has not begun, or its log is gone.
var ErrNoLog = errors.New("it has no log")

// missingError says what is not there, to people; kind is [ErrNotThere] or [ErrNoLog].
type missingError struct {
	kind error
	text string
}

func (e *missingError) Error() string { return e.text }
func (e *missingError) Unwrap() error { return e.kind }

func missing(kind error, format string, args ...any) error {
	return &missingError{kind, fmt.Sprintf(format, args...)}
}

// Wanted is a task as people name it. What is left out is found: the newest run, the task that failed first, and the last try.
type Wanted struct {
	Project, Dag, Run, Task string
	// Index is that of a mapped task; -1: it is left out, or the task is none.
	Index int
	// Try is 0 if it is left out.
	Try int
}

// Find finds the try of a task that is meant, in a DAG that a project has deployed. The state is that of its last try, and empty for an older one. What is not
// there, or is another project's, is [ErrNotThere], and what has not begun [ErrNoLog], in words for people.
func (c *Client) Find(ctx context.Context, w Wanted) (Task, error) {
	dag, err := c.Dag(ctx, w.Dag)
	if errors.Is(err, ErrNotThere) || err == nil && dag.Bundle != w.Project {
		return Task{}, missing(ErrNotThere, "Airflow has no DAG %q of the project %s", w.Dag, w.Project)
	}
	if err != nil {
		return Task{}, err
	}
	run, err := c.runOf(ctx, w)
	if err != nil {
		return Task{}, err
	}
	tasks, err := c.TasksOf(ctx, w.Dag, run.ID)
	if err != nil {
		return Task{}, err
	}
	tasks = slices.DeleteFunc(tasks, func(t Task) bool { return t.Of != nil && t.Of.Bundle != w.Project }) // the DAG was another's then
	t, err := choose(tasks, run.ID, w)
	if err != nil {
		return Task{}, err
	}
	switch {
	case t.Try == 0:
		return Task{}, missing(ErrNoLog, "%s of the run %s has not begun, so that it has no log: it is %s", t.Name(), run.ID, cmp.Or(t.State, "not scheduled yet"))
	case w.Try > t.Try:
		return Task{}, missing(ErrNotThere, "%s of the run %s was tried %s", t.Name(), run.ID, times(t.Try))
	case w.Try != 0 && w.Try != t.Try:
		t.Try, t.State = w.Try, ""
	}
	return t, nil
}

// runOf is the run that is meant.
func (c *Client) runOf(ctx context.Context, w Wanted) (Run, error) {
	if w.Run != "" {
		run, err := c.Run(ctx, w.Dag, w.Run)
		if !errors.Is(err, ErrNotThere) {
			return run, err
		}
	}
	newest, err := c.Newest(ctx, w.Dag, maxNamed)
	switch {
	case err != nil:
		return Run{}, err
	case len(newest) == 0:
		return Run{}, missing(ErrNotThere, "the DAG %q has not run", w.Dag)
	case w.Run == "":
		return newest[0], nil
	}
	ids := make([]string, len(newest))
	for i, r := range newest {
		ids[i] = r.ID
	}
	return Run{}, missing(ErrNotThere, "the DAG %q has no run %q; its newest are %s", w.Dag, w.Run, strings.Join(ids, ", "))
}

// choose finds the task of a run that is meant.
func choose(tasks []Task, run string, w Wanted) (Task, error) {
	if len(tasks) == 0 {
		return Task{}, missing(ErrNotThere, "the run %s of %q has no tasks yet", run, w.Dag)
	}
	some := slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool {
		return w.Task != "" && t.Task != w.Task || w.Index >= 0 && t.Index != w.Index
	})
	failed := firstFailed(some)
	switch {
	case len(some) == 1:
		return some[0], nil
	case failed != nil:
		return *failed, nil
	case len(some) == 0 && w.Index >= 0:
		return Task{}, missing(ErrNotThere, "the run %s of %q has no task %s; it has %s", run, w.Dag, Task{Task: w.Task, Index: w.Index}.Name(), named(tasks))
	case len(some) == 0:
		return Task{}, missing(ErrNotThere, "the run %s of %q has no task %q; it has %s", run, w.Dag, w.Task, named(tasks))
	}
	return Task{}, missing(ErrNotThere, "none has failed of the tasks %s in the run %s of %q: name one of them", named(some), run, w.Dag)
}

// firstFailed is the task that failed first; nil if none has.
func firstFailed(tasks []Task) *Task {
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t Task) bool { return t.State != "failed" })
	slices.SortFunc(tasks, func(a, b Task) int { return cmp.Or(ended(a).Compare(ended(b)), strings.Compare(a.Task, b.Task)) })
	if len(tasks) == 0 {
		return nil
	}
	return &tasks[0]
}

// named are the names of tasks, some of them.
func named(tasks []Task) string {
	var names []string
	for _, t := range tasks[:min(len(tasks), maxNamed)] {
		names = append(names, t.Name())
	}
	if more := len(tasks) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
