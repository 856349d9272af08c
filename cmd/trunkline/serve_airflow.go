// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/apps"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// airflowLooks is how often it is asked how DAGs are doing, and airflowTimeout how long one Airflow may take to say it.
	airflowLooks, airflowTimeout = 15 * time.Second, time.Minute
	// airflowKind is the kind of application that an Airflow is.
	airflowKind = "airflow"
)

// makeAirflow lets people in to the Airflows of environments, and has their tasks counted.
func (d *daemon) makeAirflow() {
	d.dagTasks = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_dag_failures_total", Help: "Runs of DAGs that failed, by the reason of the task that did.",
	}, []string{"environment", "project", "reason"})
	d.metrics.registry.MustRegister(d.dagTasks)
	if d.appsDoor != nil {
		d.appsDoor.finders[airflowKind] = airflowFinder{d}
	}
}

// keepAirflow follows what becomes of the DAGs of all environments, until ctx ends.
func (d *daemon) keepAirflow(ctx context.Context) {
	followed := map[catalog.AirflowPlace]*airflow.Follower{}
	ticker := time.NewTicker(airflowLooks)
	defer ticker.Stop()
	for {
		d.lookAtAirflow(ctx, followed)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// lookAtAirflow asks each Airflow once, and says what it says.
func (d *daemon) lookAtAirflow(ctx context.Context, followed map[catalog.AirflowPlace]*airflow.Follower) {
	all := map[catalog.ReleaseID]status.Dags{}
	there := map[catalog.AirflowPlace]bool{}
	for _, at := range d.airflows.all() {
		there[at.AirflowPlace] = true
		d.lookAtOne(ctx, at, followed, all)
	}
	for place := range followed {
		if !there[place] {
			delete(followed, place)
		}
	}
	d.board.SetDags(all)
}

func (d *daemon) lookAtOne(ctx context.Context, at catalog.DeployedAirflow, followed map[catalog.AirflowPlace]*airflow.Follower, all map[catalog.ReleaseID]status.Dags) {
	ctx, cancel := context.WithTimeout(ctx, airflowTimeout)
	defer cancel()
	place := at.AirflowPlace
	if followed[place] == nil {
		followed[place] = airflow.Follow(d.airflows.client(at))
	}
	projects, failures, err := followed[place].Look(ctx, time.Now())
	if err != nil {
		d.log.Debug("Airflow cannot be asked", "environment", place.Environment, "cluster", place.Cluster, "err", err.Error())
	}
	for _, b := range at.Bundles {
		all[catalog.ReleaseID{Project: b.Name, Environment: place.Environment, Cluster: place.Cluster}] = shownDags(place, projects[b.Name], err)
	}
	for _, f := range failures {
		d.dagTasks.WithLabelValues(place.Environment, f.Bundle, string(f.Code)).Inc()
		id := catalog.ReleaseID{Project: f.Bundle, Environment: place.Environment, Cluster: place.Cluster}
		d.past.record(history.Event{Kind: history.TaskFailed, Release: id, Object: f.Dag + "/" + cmp.Or(f.Name(), f.Run), Message: f.Run, Why: fmt.Sprintf("%s: %s", f.Code, f.Summary)})
	}
}

// shownDags is what the status says of the DAGs of a project.
func shownDags(place catalog.AirflowPlace, p airflow.Project, err error) status.Dags {
	out := status.Dags{Dags: p.Dags, Paused: p.Paused, Running: p.Running, Failed: len(p.Failed), Broken: len(p.Broken)}
	switch {
	case err != nil:
		out.Unknown = true
	case len(p.Failed) > 0:
		out.Message, out.Log = p.Failed[0].String(), taskPath(place, p.Failed[0])
	case len(p.Broken) > 0:
		out.Message = fmt.Sprintf("Airflow cannot load the file %.200q", p.Broken[0])
	}
	return out
}

// taskPath is where the console leads to the log of a task.
func taskPath(place catalog.AirflowPlace, f airflow.Failure) string {
	to := "dags/" + url.PathEscape(f.Dag) + "/runs/" + url.PathEscape(f.Run)
	if f.Task.Task != "" {
		to += "/tasks/" + url.PathEscape(f.Task.Task)
	}
	return console.AppPath(console.AppRef{Kind: airflowKind, Environment: place.Environment, Project: place.Project, Name: place.Workload}) + "?to=" + url.QueryEscape(to)
}

// airflowFinder finds the Airflow of an environment for whoever may see it.
type airflowFinder struct{ d *daemon }

// airflowRole is what someone may do in the Airflow of an environment, by what they may do with the project that runs it; false for nothing. Whoever sees
// anything there sees logs.
func airflowRole(rules *access.Rules, who access.Principal, place catalog.AirflowPlace) (airflow.Role, bool) {
	scope := access.Scope{Project: place.Project, Environment: place.Environment}
	for _, of := range []struct {
		right access.Right
		role  airflow.Role
	}{{access.Admin, airflow.Admin}, {access.Approve, airflow.Op}, {access.RetryLots, airflow.User}, {access.ViewLogs, airflow.Viewer}} {
		if rules.May(who, of.right, scope).Allowed {
			return of.role, true
		}
	}
	return "", false
}

// Find implements [apps.Finder].
func (f airflowFinder) Find(ctx context.Context, ref apps.Ref, who access.Principal) (apps.Target, error) {
	for _, at := range f.d.airflows.in(ref.Environment) {
		place := at.AirflowPlace
		if place.Project != ref.Project || place.Workload != ref.Name {
			continue
		}
		role, may := airflowRole(f.d.access(), who, place)
		if !may {
			return apps.Target{}, apps.ErrNotFound
		}
		way := f.d.airflows.way(at)
		if err := way.there(); err != nil {
			return apps.Target{}, &actError{err, apps.ErrNotReady}
		}
		token, err := way.token(ctx, who.String(), role)
		if err != nil {
			return apps.Target{}, &actError{err, apps.ErrNotReady}
		}
		return apps.Target{
			Key: place.Cluster, Base: place.Base + "/", Dial: way.dial,
			Authorize: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		}, nil
	}
	return apps.Target{}, apps.ErrNotFound
}
