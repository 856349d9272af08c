// SPDX-License-Identifier: Apache-2.0

package console

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// runDays is of how many days single runs are looked for.
	runDays = 62
	// recentDays is of how many days the last runs are looked for, and maxRecentRuns how many are told of.
	recentDays, maxRecentRuns = 3, 12
	// maxRunLots bounds the lots of a dataset that are told of.
	maxRunLots = 24
)

// counted takes what the meter has of a run, and reports whether that is anything. What it did cost is for who may see that.
func (s *sight) counted(ctx context.Context, from RunSources, id RunID, out *RunShown) bool {
	if from.Costs == nil {
		return false
	}
	until := usage.DayOf(from.Now()).AddDate(0, 0, 1)
	answer, err := from.Costs.Query(ctx, usage.Filter{
		Place: usage.Place{Project: id.Project, Environment: id.Environment, Workload: id.Workload, Run: id.Job}, Since: until.AddDate(0, 0, -runDays), Until: until,
		By: []usage.Dimension{usage.ByCluster, usage.ByRun, usage.ByLot},
	})
	if err != nil {
		out.Troubles = append(out.Troubles, "what it did cost cannot be read at the moment")
		return false
	}
	if len(answer.Rows) == 0 {
		return false
	}
	out.Cluster = cmp.Or(out.Cluster, answer.Rows[0].Cluster)
	if out.Histories, err = from.Costs.Histories(ctx, id.Project, id.Environment, id.Job); err != nil {
		out.Troubles = append(out.Troubles, "where its history is shown cannot be read at the moment")
	}
	if s.rules.May(s.who, access.ViewCost, access.Scope{Project: id.Project, Environment: id.Environment}).Allowed {
		out.Cost = &RunCost{usage.Decimal(answer.Total, digits), answer.Currency}
	}
	return true
}

// inCluster takes what the release of a run has of its Job, where nothing else is known of that, and reports whether it is there.
func (s *sight) inCluster(ctx context.Context, from RunSources, id RunID, out *RunShown) bool {
	if out.There || from.Objects == nil || from.Board == nil {
		return false
	}
	for _, r := range from.Board.Snapshot().Releases {
		if r.Project != id.Project || r.Environment != id.Environment || out.Cluster != "" && r.Cluster != out.Cluster || workloadOf(from.declared(), r.ReleaseID, id.Job) != id.Workload {
			continue
		}
		all, err := s.objects(ctx, from.Objects, r.ReleaseID)
		if err != nil {
			continue // it is not seen from here
		}
		for _, o := range all {
			if o.Kind == "Job" && o.Name == id.Job {
				out.There, out.Cluster, out.Namespace = true, r.Cluster, o.Namespace
				out.Doing = cmp.Or(out.Doing, o.Message)
				if o.Health == status.Healthy || o.Health == status.Unhealthy {
					out.Failed, out.Ended = o.Health == status.Unhealthy, cmp.Or(out.Ended, o.Changed)
					out.Outcome = cmp.Or(out.Outcome, map[bool]string{true: "failed", false: "complete"}[out.Failed])
				}
				return true
			}
		}
	}
	return false
}

// declared is what the accepted commit declares; nil before there is one.
func (f RunSources) declared() *catalog.Catalog {
	if f.Catalog == nil {
		return nil
	}
	return f.Catalog()
}

// workloadOf is the workload of a release that a Job is of by its name, which begins with that of the workload; empty if it is of none.
func workloadOf(c *catalog.Catalog, id catalog.ReleaseID, job string) (found string) {
	if c == nil {
		return ""
	}
	p, ok := c.Project(id.Project)
	if !ok {
		return ""
	}
	for i := range p.Spec.Workloads {
		if name := p.Spec.Workloads[i].Name; (job == name || strings.HasPrefix(job, name+"-")) && len(name) > len(found) {
			found = name
		}
	}
	return found
}

// lineage tells what a run reads and writes, by the declaration of its workload, as far as a caller sees it.
func (s *sight) lineage(ctx context.Context, from RunSources, id RunID, out *RunShown) {
	c := from.declared()
	if c == nil {
		return
	}
	p, ok := c.Project(id.Project)
	if !ok {
		return
	}
	data := func(role, ref string) (RunData, bool) {
		project, name, ok := catalog.ParseDataset(id.Project, ref)
		if !ok || !s.sees(project, id.Environment) {
			return RunData{}, false
		}
		return RunData{Role: role, Dataset: project + "/" + name}, true
	}
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if w.Name != id.Workload {
			continue
		}
		for _, role := range slices.Sorted(maps.Keys(w.Reads)) {
			if d, seen := data(role, w.Reads[role].Dataset); seen {
				out.Reads = append(out.Reads, d)
			}
		}
		for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
			if d, seen := data(role, w.Writes[role]); seen {
				out.Writes = append(out.Writes, d)
			}
		}
	}
	if id.Attempt == "" || from.Lots == nil {
		return
	}
	err := from.Lots.View(ctx, id.Environment, func(v report.View) error {
		inputs := v.Graph.Inputs(id.Of(), id.Lot)
		for i := range out.Reads {
			out.Reads[i].of(inputs[out.Reads[i].Role])
		}
		arc, _ := v.Graph.Arc(id.Of())
		for i := range out.Writes {
			if slices.Contains(arc.Writes, out.Writes[i].Dataset) {
				out.Writes[i].of([]lot.Lot{id.Lot})
			}
		}
		return nil
	})
	if err != nil {
		if trouble, ok := told(err); ok {
			out.Troubles = append(out.Troubles, "which lots it reads is not known: "+trouble)
		}
	}
}

// of takes the lots of a dataset, the last of them.
func (d *RunData) of(lots []lot.Lot) {
	d.Count = len(lots)
	for _, l := range lots[max(0, len(lots)-maxRunLots):] {
		d.Lots = append(d.Lots, l.ID())
	}
}

// RecentRun is a run of which the meter knows.
type RecentRun struct {
	RunID

	Cluster string
	// Day is the last on which it ran.
	Day time.Time
}

// RecentRuns are the last runs of a project's workloads, in an environment if one is named, of which the meter knows; none where nothing is
// counted. They name no amounts.
func (s Sight) RecentRuns(ctx context.Context, from RunSources, project, environment string) []RecentRun {
	if s.s == nil || from.Costs == nil {
		return nil
	}
	until := usage.DayOf(from.Now()).AddDate(0, 0, 1)
	answer, err := from.Costs.Query(ctx, usage.Filter{
		Place: usage.Place{Project: project, Environment: environment}, Since: until.AddDate(0, 0, -recentDays), Until: until,
		By: []usage.Dimension{usage.ByDay, usage.ByCluster, usage.ByEnvironment, usage.ByWorkload, usage.ByRun},
	})
	if err != nil {
		return nil
	}
	newest := map[RunID]RecentRun{}
	for i := range answer.Rows {
		r := &answer.Rows[i]
		env := cmp.Or(r.Environment, environment)
		day, err := time.Parse(time.DateOnly, r.Day)
		if r.Run == "" || r.Workload == "" || err != nil || !s.s.sees(project, env) {
			continue
		}
		id := ParseRunID(env, project, r.Workload, r.Run)
		if known, is := newest[id]; !is || known.Day.Before(day) {
			newest[id] = RecentRun{id, r.Cluster, day}
		}
	}
	out := slices.SortedFunc(maps.Values(newest), func(a, b RecentRun) int {
		return cmp.Or(b.Day.Compare(a.Day), b.Lot.Start.Compare(a.Lot.Start), cmp.Compare(b.Job, a.Job), cmp.Compare(a.Environment, b.Environment))
	})
	return out[:min(len(out), maxRecentRuns)]
}

// WorkloadOf is the workload of a release that a Job is of by its name; empty if it is of none.
func WorkloadOf(c *catalog.Catalog, id catalog.ReleaseID, job string) string {
	return workloadOf(c, id, job)
}
