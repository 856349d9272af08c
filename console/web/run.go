// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// runTimeout bounds how long a page waits for what is known of a run.
	runTimeout = 15 * time.Second
	// maxManifestShown bounds the manifest of a Job on a page, in bytes.
	maxManifestShown = 64 << 10
)

// runPage is what the page of a run shows.
type runPage struct {
	Environment, Project, Workload, Name string
	ProjectPath, GraphPath               string
	// Dataset and Lot are what it makes; empty: it was made for no lot.
	Dataset, DatasetPath string
	Lot                  lotLink
	Attempt              string
	Badge                badge
	// Why is in words how it is, and Do what a person can do about it.
	Why, Do        string
	Started, Ended moment
	Took           string
	Job, Where     string
	Releases       []link
	Cost           string
	// Histories are where Spark's history server shows it.
	Histories []link
	// Plots are the CPU and memory that it used, which was measured from First to Last, and NoPlots is why there are none.
	Plots       []template.HTML
	NoPlots     string
	First, Last moment
	// Reads and Writes are its lineage.
	Reads, Writes []nearLots
	Wrote         []wroteView
	// Manifest is that of its Job, and ManifestFrom says where it is from; Cut is set if not all of it is shown.
	Manifest, ManifestFrom string
	Cut                    bool
	LogFrom                string
	Log                    logBox
	Troubles               []string
	Command                string
}

// wroteView is the manifest of a lot.
type wroteView struct {
	Badge               badge
	Dataset, Path, Text string
	Written             moment
	URIs                []string
	More                int
}

func runPath(environment, workload, name string) string {
	project, w, _ := strings.Cut(workload, "/")
	return join("runs", environment, project, w, name)
}

// runSources are what runs are told of from.
func (a *ask) runSources() console.RunSources {
	return console.RunSources{
		Runs: a.Runs, Lots: a.Lots, Catalog: a.Catalog, Costs: a.Costs, Objects: a.Objects, Board: a.Board, Now: func() time.Time { return a.now },
	}
}

func showRun(a *ask) (shown, error) {
	r := a.request
	id := console.ParseRunID(r.PathValue("environment"), r.PathValue("project"), r.PathValue("workload"), r.PathValue("run"))
	ctx, cancel := context.WithTimeout(r.Context(), runTimeout)
	defer cancel()
	found, err := a.sight.Run(ctx, a.runSources(), id)
	if err != nil {
		return shown{}, asAnswer(err)
	}
	v := runPageOf(found, a.now)
	v.Log.Nameless = a.nameless()
	for i := range a.state.Releases {
		if rel := &a.state.Releases[i]; rel.Project == id.Project && rel.Environment == id.Environment {
			v.Releases = append(v.Releases, link{rel.Cluster, releasePath(rel.ReleaseID)})
		}
	}
	v.kinds(ctx, a, id)
	v.plots(ctx, a, id)
	return shown{
		Title: v.Name + " of " + id.Of(), View: v, Style: lotsStyle, Scope: url.Values{"project": {id.Project}, "environment": {id.Environment}},
	}, nil
}

// plots asks what the run used.
func (v *runPage) plots(ctx context.Context, a *ask, id console.RunID) {
	if a.Costs == nil {
		v.NoPlots = "It is not measured: the daemon was started without --usage."
		return
	}
	samples, err := a.Costs.Samples(ctx, id.Project, id.Environment, id.Job)
	switch {
	case err != nil:
		a.Log.Debug("cannot read what a run used", "run", id.Name(), "err", err.Error())
		v.NoPlots = "It cannot be read at the moment."
	case len(samples) == 0:
		v.NoPlots = "It was not measured: the cluster does not measure it, the run was too short, or it was too long ago."
	default:
		v.Plots, v.First, v.Last = runPlots(samples), a.moment(samples[0].At), a.moment(samples[len(samples)-1].At)
	}
}

// kinds finds how the lots are that the run reads and writes.
func (v *runPage) kinds(ctx context.Context, a *ask, id console.RunID) {
	if a.Lots == nil || id.Attempt == "" {
		return
	}
	err := a.Lots.View(ctx, id.Environment, func(view report.View) error {
		for _, all := range [][]nearLots{v.Reads, v.Writes} {
			for _, of := range all {
				for i := range of.Lots {
					if l, err := lot.ParseID(of.Lots[i].ID); err == nil {
						of.Lots[i].Kind = kindOf(view.Lot(of.Of, l))
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		a.Log.Debug("cannot look at the lots of a run", "run", id.Name(), "err", err.Error())
	}
}

// runPageOf returns what the page shows of a run.
func runPageOf(r console.RunShown, now time.Time) runPage {
	of := r.Project + "/" + r.Workload
	v := runPage{
		Environment: r.Environment, Project: r.Project, Workload: r.Workload, Name: cmp.Or(r.Attempt, r.Job), Attempt: r.Attempt, ProjectPath: projectPath(r.Project), GraphPath: nodePath(of),
		Badge: runBadge(r.Failed, r.Ended), Started: at(now, r.Started), Ended: at(now, r.Ended), Took: tookOf(r.Started, r.Ended), Job: r.Job,
		Where: strings.Trim(r.Cluster+" "+r.Namespace, " "), Command: "kubectl logs " + strings.TrimSpace("-n "+cmp.Or(r.Namespace, "NAMESPACE")) + " job/" + r.Job,
	}
	v.told(r)
	if r.Cost != nil {
		v.Cost = coins(r.Cost.Amount, r.Cost.Currency)
	}
	for _, one := range []struct {
		data []console.RunData
		near *[]nearLots
	}{{r.Reads, &v.Reads}, {r.Writes, &v.Writes}} {
		for _, d := range one.data {
			*one.near = append(*one.near, nearOf(r.Environment, d))
		}
	}
	for _, address := range r.Histories {
		v.Histories = append(v.Histories, link{path.Base(address), address})
	}
	if r.Lot != "" {
		v.Lot = lotLink{ID: r.Lot}
		for _, d := range r.Writes {
			if slices.Contains(d.Lots, r.Lot) {
				v.Dataset, v.DatasetPath, v.Lot.Path = d.Dataset, datasetPath(r.Environment, d.Dataset), lotPath(r.Environment, d.Dataset, r.Lot)
				v.Command = "trunkline lots log " + d.Dataset + " " + r.Lot + " -e " + r.Environment + " --attempt " + r.Attempt
				break
			}
		}
	}
	for _, w := range r.Wrote {
		v.Wrote = append(v.Wrote, wroteOf(w, now))
	}
	v.manifest(r)
	v.Log = logBox{Address: "/api/v1/workloads" + join(r.Environment, r.Project, r.Workload, "runs", r.Name) + "/log", Follows: r.There && r.Ended.IsZero()}
	v.LogFrom = logFrom(r)
	for _, t := range r.Troubles {
		v.Troubles = append(v.Troubles, line(t, 2*maxMessage))
	}
	return v
}

// told says in words how a run is, and what a person can do.
func (v *runPage) told(r console.RunShown) {
	what, why, _ := strings.Cut(r.Outcome, ": ")
	why = line(cmp.Or(why, r.Doing), 4*maxMessage)
	switch {
	case r.Failed:
		v.Why = cmp.Or(why, "It failed.")
		v.Do = "Read its log. "
		if r.Lot != "" {
			v.Do += "The lot is tried again by itself after a pause; once the reason is gone, retry it at once on the page of the lot."
		} else {
			v.Do += "Once the reason is gone, the next run of the workload starts by its schedule."
		}
	case !r.There && r.Ended.IsZero() && r.Started.IsZero():
		v.Badge = badge{unsure, "not known"}
		v.Why = "Its Job is gone, and nobody has written down what came of it here."
	case r.Ended.IsZero():
		v.Why = cmp.Or(why, "It is under way.")
		if r.Doing != "" {
			v.Do = "Nothing, if that passes by itself; otherwise look at the objects of the release."
		}
	default:
		v.Why = cmp.Or(why, outcomeText(what))
	}
}

// outcomeText says what came of a run that ended well, in words.
func outcomeText(outcome string) string {
	switch outcome {
	case "made", "complete":
		return "It ended well."
	case "empty":
		return "It ended well, and there were no data."
	case "needless":
		return "What it made is not needed: the lot was there already."
	case "lost":
		return "Its Job was deleted while it ran, or what it read was changed: what it wrote does not count."
	case "":
		return "It has ended."
	}
	return line(outcome, maxMessage)
}

// nearOf are the lots of a dataset that a run reads or writes.
func nearOf(environment string, d console.RunData) nearLots {
	out := nearLots{Role: d.Role, Of: d.Dataset, Path: nodePath(d.Dataset), More: max(0, d.Count-len(d.Lots))}
	if len(d.Lots) > 0 {
		out.Path = datasetPath(environment, d.Dataset)
	}
	for _, id := range d.Lots {
		out.Lots = append(out.Lots, nearLot{lotLink: lotLink{id, lotPath(environment, d.Dataset, id)}})
	}
	return out
}

func wroteOf(w console.RunManifest, now time.Time) wroteView {
	v := wroteView{Dataset: w.Dataset, Path: w.Path, Written: at(now, w.Written), URIs: w.URIs, More: max(0, w.Count-len(w.URIs)), Badge: badge{good, w.State}}
	var parts []string
	switch {
	case w.Damaged != "":
		v.Badge = badge{bad, "damaged"}
		parts = append(parts, line(w.Damaged, 2*maxMessage))
	case w.State == "partial":
		v.Badge = badge{bad, "partial"}
	case w.State == "removed":
		v.Badge = badge{idle, "removed"}
	}
	if !w.Own {
		parts = append(parts, "another run may have written it: it does not list data of this one by name")
	}
	if w.Comment != "" {
		parts = append(parts, line(w.Comment, 4*maxMessage))
	}
	v.Text = strings.Join(parts, "; ")
	return v
}

// manifest takes the manifest of the Job.
func (v *runPage) manifest(r console.RunShown) {
	v.Manifest = r.Manifest
	if len(v.Manifest) > maxManifestShown {
		v.Manifest, v.Cut = strings.ToValidUTF8(v.Manifest[:maxManifestShown], ""), true
	}
	switch {
	case r.Manifest == "":
		v.ManifestFrom = "None is shown: " + line(cmp.Or(r.NoManifest, "the Job is not seen from here"), 2*maxMessage) + "."
	case r.Kept:
		v.ManifestFrom = "As it was kept beside the log, without what is secret."
	default:
		v.ManifestFrom = "As the cluster has it just now, without what is secret."
	}
}

// logFrom says where the log of a run is.
func logFrom(r console.RunShown) string {
	switch {
	case r.Logged:
		return "It is kept in the store."
	case r.NoLog != "":
		return "It is not kept: " + line(r.NoLog, maxMessage)
	case r.There:
		return "It is read from the cluster, as long as the pods are there."
	}
	return "None is kept, as far as is known: spec.lots.logs of the environment says which are."
}

// recentRun is a run in a list.
type recentRun struct {
	Name, Path, Workload, Environment, Day string
	Lot                                    string
}

// recentRuns are the last runs of a project, in an environment if one is named, and on a cluster.
func (a *ask) recentRuns(project, environment, cluster string) (out []recentRun) {
	if a.Costs == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), costTimeout)
	defer cancel()
	for _, r := range a.sight.RecentRuns(ctx, a.runSources(), project, environment) {
		if cluster != "" && r.Cluster != "" && r.Cluster != cluster {
			continue
		}
		one := recentRun{Name: cmp.Or(r.Attempt, r.Job), Path: runPath(r.Environment, r.Of(), r.Name()), Workload: r.Workload, Environment: r.Environment, Day: r.Day.Format(time.DateOnly)}
		if r.Attempt != "" {
			one.Lot = r.Lot.ID()
		}
		out = append(out, one)
	}
	return out
}

// runOfJob is the address of the run that an object of a release is; empty: it is none.
func (a *ask) runOfJob(r *status.Release, o *status.Object) string {
	if o.Kind != "Job" {
		return ""
	}
	w := console.WorkloadOf(a.Catalog(), r.ReleaseID, o.Name)
	if w == "" {
		return ""
	}
	return runPath(r.Environment, r.Project+"/"+w, console.ParseRunID(r.Environment, r.Project, w, o.Name).Name())
}
