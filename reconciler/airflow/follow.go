// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/plan/health"
)

const (
	// lookBack is how old runs are that are looked at first: what failed longer ago is nobody's news.
	lookBack = 7 * 24 * time.Hour
	// overlap is how far a look reaches back before the one before it: clocks differ, and what is written meanwhile is seen late.
	overlap = 2 * time.Minute
	// logLines are so many of a log as a reason is looked for in.
	logLines = 5000
)

// Failure is a task that failed, in a run that has ended.
type Failure struct {
	// Bundle is the project that deploys the DAG.
	Bundle string
	Task
	health.Reason
}

// String says what failed and why, such as "daily: the task load failed: out-of-memory: …".
func (f Failure) String() string {
	return fmt.Sprintf("%s: the task %s failed: %s: %s", f.Dag, f.Name(), f.Code, f.Summary)
}

// Name is that of a task, with the index of a mapped one.
func (t Task) Name() string {
	if t.Index >= 0 {
		return fmt.Sprintf("%s[%d]", t.Task, t.Index)
	}
	return t.Task
}

// Project is how the DAGs of a project are doing.
type Project struct {
	// Dags counts them, Paused those that are paused, and Running those with a run that has begun and not ended.
	Dags, Paused, Running int
	// Failed are the DAGs whose newest run that has ended has failed, with the first task that did, by their ids.
	Failed []Failure
	// Broken are the files that cannot be loaded, sorted.
	Broken []string
}

// Follower follows what becomes of the runs of one Airflow. Its methods are called by one goroutine.
type Follower struct {
	client *Client
	// began is since when what fails is news: when it was asked first, whether it answered or not.
	began time.Time
	// seen is when it was looked last; zero: not yet.
	seen time.Time
	// ended are the newest run of each DAG that has ended, and running the newest that has not.
	ended, running map[string]Run
	// failed are the failures of those in ended, and told what was told of.
	failed map[string]Failure
	told   map[string]bool
}

// Follow makes a follower.
func Follow(client *Client) *Follower {
	return &Follower{client: client, ended: map[string]Run{}, running: map[string]Run{}, failed: map[string]Failure{}, told: map[string]bool{}}
}

// Look asks how the DAGs are doing, by project, and returns the tasks by which runs failed since it was asked last, the oldest first. Runs that ended before
// it was asked first are not among them.
func (f *Follower) Look(ctx context.Context, now time.Time) (map[string]Project, []Failure, error) {
	if f.began.IsZero() {
		f.began = now
	}
	dags, err := f.client.Dags(ctx)
	if err != nil {
		return nil, nil, err
	}
	since := f.seen.Add(-overlap)
	if f.seen.IsZero() {
		since = now.Add(-lookBack)
	}
	runs, err := f.client.Runs(ctx, since)
	if err != nil {
		return nil, nil, err
	}
	bundles := make(map[string]string, len(dags))
	for _, d := range dags {
		bundles[d.ID] = d.Bundle
	}
	news := f.take(runs, bundles)
	var failures []Failure
	for _, run := range news {
		failure, err := f.explain(ctx, bundles[run.Dag], run)
		if err != nil {
			return nil, nil, err
		}
		if f.ended[run.Dag].ID == run.ID {
			f.failed[run.Dag] = failure
		}
		key := run.Dag + "\x00" + run.ID + "\x00" + run.Ended.String()
		if !f.told[key] && !run.Ended.Before(f.began) {
			failures = append(failures, failure)
		}
		f.told[key] = true
	}
	broken, err := f.client.ImportErrors(ctx)
	if err != nil {
		return nil, nil, err
	}
	f.seen = now
	slices.SortFunc(failures, func(a, b Failure) int { return cmp.Compare(ended(a.Task).UnixNano(), ended(b.Task).UnixNano()) })
	return f.sum(dags, broken), failures, nil
}

func ended(t Task) time.Time {
	if t.Ended == nil {
		return time.Time{}
	}
	return *t.Ended
}

// take notes runs, and returns those that have failed and were not looked at, the oldest first. What is no DAG any more is forgotten.
func (f *Follower) take(runs []Run, bundles map[string]string) (failed []Run) {
	for _, known := range []map[string]Run{f.ended, f.running} {
		for dag := range known {
			if _, there := bundles[dag]; !there {
				delete(known, dag)
				delete(f.failed, dag)
			}
		}
	}
	for _, run := range slices.Backward(runs) { // the newest comes first
		if _, there := bundles[run.Dag]; !there {
			continue
		}
		if run.Ended == nil {
			if run.State == "running" {
				f.running[run.Dag] = run
			}
			continue
		}
		if f.running[run.Dag].ID == run.ID {
			delete(f.running, run.Dag)
		}
		before, again := f.ended[run.Dag]
		if again && run.After.Before(before.After) {
			continue
		}
		changed := before.ID != run.ID || before.State != run.State || !run.Ended.Equal(*before.Ended)
		if f.ended[run.Dag] = run; run.State != "failed" {
			delete(f.failed, run.Dag)
		} else if changed {
			failed = append(failed, run)
		}
	}
	return failed
}

// explain finds the task by which a run failed: of several the one that failed first.
func (f *Follower) explain(ctx context.Context, bundle string, run Run) (Failure, error) {
	tasks, err := f.client.TasksOf(ctx, run.Dag, run.ID)
	if err != nil {
		return Failure{}, err
	}
	first := firstFailed(tasks)
	if first == nil {
		return Failure{
			Bundle: bundle, Task: Task{Dag: run.Dag, Run: run.ID, Index: -1, Ended: run.Ended},
			Reason: health.Reason{Code: health.Unknown, Summary: "the run has failed, and none of its tasks has"},
		}, nil
	}
	out := Failure{Bundle: bundle, Task: *first}
	var log []Line
	err = f.client.Log(ctx, *first, func(l Line) bool {
		log = append(log, l)
		return len(log) < logLines
	})
	if err != nil && ctx.Err() != nil {
		return Failure{}, err
	}
	out.Reason = Explain(log) // without a log that is said
	return out, nil
}

// sum is how the DAGs of each project are doing.
func (f *Follower) sum(dags []Dag, broken []ImportError) map[string]Project {
	out := map[string]Project{}
	for _, d := range dags {
		p := out[d.Bundle]
		p.Dags++
		if d.Paused {
			p.Paused++
		}
		if _, runs := f.running[d.ID]; runs {
			p.Running++
		}
		if failure, failed := f.failed[d.ID]; failed {
			p.Failed = append(p.Failed, failure)
		}
		out[d.Bundle] = p
	}
	for _, b := range broken {
		p := out[b.Bundle]
		p.Broken = append(p.Broken, b.File)
		out[b.Bundle] = p
	}
	for name, p := range out {
		slices.Sort(p.Broken)
		out[name] = p
	}
	return out
}
