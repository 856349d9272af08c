// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// DagTask is a workload that the Airflow of its environment starts.
type DagTask struct {
	Workload string `json:"workload"`
	Schedule string `json:"schedule"`
	TimeZone string `json:"timeZone,omitempty"`
	// After are the workloads of the same DAG that come first.
	After []string `json:"after,omitempty"`
	// Inlets are the datasets that it reads, and Outlets those that it writes and that have no lots: of lots, what is there is told by itself.
	Inlets  []string `json:"inlets,omitempty"`
	Outlets []string `json:"outlets,omitempty"`
	// AtOnce has several runs of its DAG go on at a time.
	AtOnce bool `json:"atOnce,omitempty"`
}

// scheduleIn is when a workload runs by the clock in an environment; empty if it does not.
func (p *Project) scheduleIn(w *v1alpha1.Workload, env string) string {
	return cmp.Or(p.Spec.Environments[env].Workloads[w.Name].Schedule, w.Schedule)
}

// isTask reports whether a workload is a task of a DAG in an environment: it has a schedule, and asks for that. One that is suspended is a task that
// is left out.
func (c *Catalog) isTask(p *Project, w *v1alpha1.Workload, env string) bool {
	return cmp.Or(w.Orchestrator, p.Spec.Orchestrator) == v1alpha1.Airflow && c.orchestrated(env) && p.scheduleIn(w, env) != "" && !p.Excludes(env, w.Name)
}

// startsElsewhere reports whether a workload is kept from starting by its schedule, since the Airflow of its environment starts it.
func (c *Catalog) startsElsewhere(p *Project, w *v1alpha1.Workload, id ReleaseID) bool {
	_, there := c.AirflowOf(id.Environment, id.Cluster)
	return there && c.isTask(p, w, id.Environment)
}

// hasTasks reports whether any workload of a project is a task in an environment.
func (c *Catalog) hasTasks(p *Project, env string) bool {
	return slices.ContainsFunc(p.Spec.Workloads, func(w v1alpha1.Workload) bool { return c.isTask(p, &w, env) })
}

// tasks are the workloads of a release that Airflow starts, by name.
func (c *Catalog) tasks(p *Project, id ReleaseID) (out []DagTask) {
	for _, name := range sortedKeys(p.workloads) {
		w, _, _ := p.Workload(name)
		if !c.isTask(p, w, id.Environment) || p.Suspends(w, id.Environment) || !c.IsOn(p, name, id) {
			continue
		}
		t := DagTask{Workload: name, Schedule: p.scheduleIn(w, id.Environment), TimeZone: w.TimeZone}
		t.AtOnce = c.paramsIn(p, w, id.Environment)["concurrencyPolicy"] == "Allow"
		for _, after := range w.After {
			if other, _, ok := p.Workload(after); ok && c.isTask(p, other, id.Environment) && !p.Suspends(other, id.Environment) && c.IsOn(p, after, id) && !slices.Contains(t.After, after) {
				t.After = append(t.After, after)
			}
		}
		slices.Sort(t.After)
		for _, ref := range c.refs(p, w, id.Environment, Reads) {
			t.Inlets = append(t.Inlets, ref.ID)
		}
		for _, ref := range c.refs(p, w, id.Environment, Writes) {
			if _, d, ok := c.Dataset(ref.ID); ok && d.Lots == nil {
				t.Outlets = append(t.Outlets, ref.ID)
			}
		}
		t.Inlets, t.Outlets = distinct(t.Inlets), distinct(t.Outlets)
		out = append(out, t)
	}
	return out
}

// orchestrators checks which workloads Airflow is to start.
func (k *checker) orchestrators(p *Project) {
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if w.Orchestrator != v1alpha1.Airflow || w.Schedule != "" {
			continue
		}
		scheduled := false
		for _, over := range p.Spec.Environments {
			scheduled = scheduled || over.Workloads[w.Name].Schedule != ""
		}
		if !scheduled {
			k.at(RuleOrchestrator, []any{"spec", "workloads", i, "orchestrator"}, fmt.Sprintf("%s has no schedule, by which Airflow could start it", w.Name),
				"give it a schedule; a workload that makes lots is started when they are due, and a DAG may be scheduled on what it writes")
		}
	}
}

// sameSchedule wants the workloads to have one schedule of which one comes after the other as a task of the same DAG.
func (k *checker) sameSchedule(p *Project, env string) {
	if !k.c.orchestrated(env) {
		return
	}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.workloads[w.Name] != i || !k.c.isTask(p, w, env) {
			continue
		}
		for j, after := range w.After {
			other, _, ok := p.Workload(after)
			if !ok || !k.c.isTask(p, other, env) {
				continue
			}
			if a, b := p.scheduleIn(w, env)+" "+w.TimeZone, p.scheduleIn(other, env)+" "+other.TimeZone; a != b {
				k.at(RuleOrchestrator, []any{"spec", "workloads", i, "after", j}, fmt.Sprintf("%s runs after %s in one DAG, and their schedules in %q are %q and %q",
					w.Name, after, env, strings.TrimSpace(a), strings.TrimSpace(b)), "give both one schedule and time zone")
			}
		}
	}
}
