// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/run"
)

// Runs are those of workloads. An error of it is for people if it is one of those of an [Actor], or [ErrNotKnown].
type Runs interface {
	// Run returns what is known of a run.
	Run(ctx context.Context, id RunID) (RunFound, error)
	// RunLog returns its log: what is kept in the store, or else what its cluster has.
	RunLog(ctx context.Context, id RunID) (LotLog, error)
}

// RunID names a run of a workload: an attempt at a lot, or a Job that was made for none, such as one of a CronJob.
type RunID struct {
	Environment, Project, Workload string
	Lot                            lot.Lot
	Attempt                        string
	// Job is the name of the Job, of an attempt, too.
	Job string
}

// ParseRunID reads what a run of a workload is called in addresses: its lot and its attempt, as in "20260101PT1H004.r1aaaaabbbbbbb", or its Job.
func ParseRunID(environment, project, workload, name string) RunID {
	id := RunID{Environment: environment, Project: project, Workload: workload}
	if l, attempt, cut := strings.Cut(name, "."); cut && run.CheckAttempt(attempt) == nil {
		if of, err := lot.ParseID(l); err == nil {
			id.Lot, id.Attempt, id.Job = of, attempt, run.JobName(workload, of, attempt)
			return id
		}
	}
	id.Job = name
	if l, attempt, is := run.ParseJobName(workload, name); is {
		id.Lot, id.Attempt = l, attempt
	}
	return id
}

// Name is what the run is called in addresses.
func (id RunID) Name() string {
	if id.Attempt == "" {
		return id.Job
	}
	return id.Lot.ID() + "." + id.Attempt
}

// Of is the id of the workload, "project/workload".
func (id RunID) Of() string { return id.Project + "/" + id.Workload }

// RunFound is what is known of a run where it ran, and of what it left.
type RunFound struct {
	// Cluster and Namespace are where its Job is; empty if it is gone.
	Cluster   string    `json:"cluster,omitempty"`
	Namespace string    `json:"namespace,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	// Ended is when it ended, or when something of it was written down; zero while it is under way.
	Ended  time.Time `json:"ended,omitzero"`
	Failed bool      `json:"failed"`
	// There reports whether its Job is there.
	There bool `json:"there"`
	// Outcome says what came of it, and Doing what becomes of it just now, or why its Job failed.
	Outcome string `json:"outcome,omitempty"`
	Doing   string `json:"doing,omitempty"`
	// Logged is set if its log is kept, and NoLog says why it is not, although it was to be.
	Logged bool   `json:"logged"`
	NoLog  string `json:"noLog,omitempty"`
	// Manifest is that of its Job, as YAML, without what is secret; Kept is set if it is what was kept, and not read from the cluster just now.
	// NoManifest says why there is none.
	Manifest   string `json:"manifest,omitempty"`
	Kept       bool   `json:"kept,omitempty"`
	NoManifest string `json:"noManifest,omitempty"`
	// Wrote are the manifests of the lot that it makes: its own, and those that count.
	Wrote []RunManifest `json:"wrote,omitempty"`
	// Troubles say what could not be found out, and why.
	Troubles []string `json:"troubles,omitempty"`
}

// RunManifest is the manifest of a lot.
type RunManifest struct {
	Dataset string    `json:"dataset"`
	State   string    `json:"state"`
	Path    string    `json:"path"`
	Written time.Time `json:"written"`
	// Own is set if this run wrote it.
	Own     bool   `json:"own"`
	Comment string `json:"comment,omitempty"`
	// URIs are what the lot has, the first of them; Count is how many there are.
	URIs  []string `json:"uris,omitempty"`
	Count int      `json:"count"`
	// Damaged is why it does not count.
	Damaged string `json:"damaged,omitempty"`
}

// RunShown is all that is told of a run.
type RunShown struct {
	Environment string `json:"environment"`
	Project     string `json:"project"`
	Workload    string `json:"workload"`
	// Name is what the run is called in addresses.
	Name    string `json:"name"`
	Lot     string `json:"lot,omitempty"`
	Attempt string `json:"attempt,omitempty"`
	Job     string `json:"job"`

	RunFound

	// Reads and Writes are the datasets of the workload, as it is declared.
	Reads  []RunData `json:"reads"`
	Writes []RunData `json:"writes"`
	// Histories are where Spark's history server shows it, one for each time that it was tried, the last one last.
	Histories []string `json:"histories,omitempty"`
	// Cost is what it did cost; nil if that is not known, or not the caller's to see.
	Cost *RunCost `json:"cost,omitempty"`
}

// RunData is a dataset that a run reads or writes.
type RunData struct {
	Role    string `json:"role"`
	Dataset string `json:"dataset"`
	// Lots are those of it, the last of them; Count is how many there are. A dataset that does not come in lots has none.
	Lots  []string `json:"lots,omitempty"`
	Count int      `json:"count,omitempty"`
}

// RunCost is an amount, with nine digits behind the point.
type RunCost struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// RunSources are what a run is told of from. All may be nil but Now.
type RunSources struct {
	Runs    Runs
	Lots    LotKeeper
	Catalog func() *catalog.Catalog
	Costs   Costs
	Objects Objects
	Board   Board
	Now     func() time.Time
}

// noRuns is why a run is not looked for where it ran.
func noRuns(from Runs) error {
	if from == nil {
		return problemf(http.StatusNotFound, "this daemon knows of no runs")
	}
	return nil
}

// run is all that there is to tell of a run, as far as a caller sees it.
func (s *sight) run(ctx context.Context, from RunSources, id RunID) (RunShown, error) {
	out := RunShown{
		Environment: id.Environment, Project: id.Project, Workload: id.Workload, Name: id.Name(), Attempt: id.Attempt, Job: id.Job, Reads: []RunData{}, Writes: []RunData{},
	}
	if id.Attempt != "" {
		out.Lot = id.Lot.ID()
	}
	err := noRuns(from.Runs)
	if err == nil {
		out.RunFound, err = from.Runs.Run(ctx, id)
	}
	counted := s.counted(ctx, from, id, &out)
	seen := s.inCluster(ctx, from, id, &out)
	if err != nil {
		if !counted && !seen {
			return RunShown{}, err
		}
		trouble, ok := told(err)
		if !ok {
			return RunShown{}, err
		}
		out.Troubles = append(out.Troubles, trouble)
	}
	s.lineage(ctx, from, id, &out)
	return out, nil
}

// told is the text of an error, if it is for people.
func told(err error) (string, bool) {
	if p, is := errors.AsType[*Problem](err); is {
		return p.Detail, true
	}
	for _, kind := range []error{ErrNotFound, ErrConflict, ErrUnsaved, ErrNotKnown} {
		if errors.Is(err, kind) {
			return err.Error(), true
		}
	}
	return "", false
}

// sources are those of the console.
func (c *console) runSources() RunSources {
	return RunSources{Runs: c.opts.Runs, Lots: c.opts.Lots, Catalog: c.opts.Catalog, Costs: c.opts.Costs, Objects: c.opts.Objects, Board: c.opts.Board, Now: c.opts.Now}
}

// runOf is the run that the path of a request names.
func runOf(r *http.Request) RunID {
	return ParseRunID(r.PathValue("environment"), r.PathValue("project"), r.PathValue("workload"), r.PathValue("run"))
}

// runTimeout bounds how long it may take to find out what is known of a run.
const runTimeout = 30 * time.Second

// run answers with what is known of a run.
func (c *console) run(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), runTimeout)
	defer cancel()
	out, err := c.sight(r).run(ctx, c.runSources(), runOf(r))
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

// runLog answers with the log of a run. As for that of a lot, who asks has a name, which is logged.
func (c *console) runLog(w http.ResponseWriter, r *http.Request) error {
	by, err := attribution(r, "")
	if err == nil {
		err = noRuns(c.opts.Runs)
	}
	if err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), logTimeout)
	defer cancel()
	id := runOf(r)
	found, err := c.opts.Runs.RunLog(ctx, id)
	if err != nil {
		return c.refused(err)
	}
	c.opts.Log.Info("a log was read", "environment", id.Environment, "workload", id.Of(), "run", id.Name(), "by", by.Principal.String())
	c.answer(w, http.StatusOK, found)
	return nil
}

// Run is all that there is to tell of a run, as far as the caller sees it.
func (s Sight) Run(ctx context.Context, from RunSources, id RunID) (RunShown, error) {
	if s.s == nil {
		return RunShown{}, unseen()
	}
	return s.s.run(ctx, from, id)
}
