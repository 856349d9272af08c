// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// LotKeeper keeps the lots of environments, and does what people ask for about them. An error of it is for people if it is
// one of those of an [Actor], or [ErrNotKnown].
type LotKeeper interface {
	// Datasets returns what there is of all datasets that come in lots.
	Datasets() ([]DatasetLots, error)
	// View has a look at what is known of an environment's lots.
	View(ctx context.Context, environment string, look func(report.View) error) error
	// Runs returns what is known of the runs of a lot.
	Runs(ctx context.Context, environment, dataset string, l lot.Lot) ([]LotRun, error)
	// Log returns the log of a run of a lot; without an attempt, of the last one.
	Log(ctx context.Context, environment, dataset string, l lot.Lot, attempt string) (LotLog, error)
	// Act does what someone asks for, and returns what comes of it.
	Act(ctx context.Context, act LotAct, by Attribution) (LotOutcome, error)
}

// DatasetLots is what there is of a dataset in an environment.
type DatasetLots struct {
	Environment string `json:"environment"`
	// Dataset is the id, and Workload that of the one that makes its lots; empty if none does.
	Dataset  string `json:"dataset"`
	Project  string `json:"project"`
	Workload string `json:"workload,omitempty"`
	Unit     string `json:"unit"`
	// Known is false while the stores have not been listed: then nothing is counted.
	Known bool `json:"known"`
	// Trouble is why its store could not be listed last: what is counted is from before; empty if it could.
	Trouble string `json:"trouble,omitempty"`
	// Due counts the lots that have ended and are kept, There those of them that are there, and Missing those that are not.
	Due     int64 `json:"due"`
	There   int64 `json:"there"`
	Missing int64 `json:"missing"`
	// Running and Failed count the lots of the workload that are under way, and whose last run failed.
	Running int `json:"running"`
	Failed  int `json:"failed"`
	// Oldest and Newest are the first and the last lot that are there, and NewestEnd is when the newest ended; empty if none is.
	Oldest    string    `json:"oldest,omitempty"`
	Newest    string    `json:"newest,omitempty"`
	NewestEnd time.Time `json:"newestEnd,omitzero"`
	// Late is the lot that the dataset is late with; nil if it is not late.
	Late *Late `json:"late,omitempty"`
	// Refused counts the events in which tasks of Airflow say that they have made a lot, and of which nothing comes; RefusedWhy is why of the
	// last one.
	Refused    int    `json:"refused,omitempty"`
	RefusedWhy string `json:"refusedWhy,omitempty"`
	// Disabled says who has disabled the workload, and why; empty if it is not.
	Disabled string `json:"disabled,omitempty"`
}

// Late is the first lot that had to be there by now.
type Late struct {
	Lot   string    `json:"lot"`
	Since time.Time `json:"since"`
}

// LotRun is what is known of a run of a lot.
type LotRun struct {
	// Attempt is what the run is called.
	Attempt string `json:"attempt"`
	// Namespace and Job are where it is, as long as that is there.
	Namespace string    `json:"namespace,omitempty"`
	Job       string    `json:"job,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	// Ended is when it ended, or when it was written down that it failed; zero while it is under way.
	Ended  time.Time `json:"ended,omitzero"`
	Failed bool      `json:"failed"`
	// Outcome says what came of it.
	Outcome string `json:"outcome,omitempty"`
	// NoLog is why its log is not kept, although it was to be.
	NoLog string `json:"noLog,omitempty"`
}

// LotLog is what a run has written: its first and its last part, without what is known to be secret.
type LotLog struct {
	Attempt string `json:"attempt"`
	// Outcome is what came of the run; empty while it is under way.
	Outcome string `json:"outcome,omitempty"`
	// Kept is true if it is what the store has, and not read from the cluster just now.
	Kept bool   `json:"kept"`
	Text string `json:"text"`
}

// LotOutcome says what comes of an act on lots.
type LotOutcome struct {
	Outcome
	// Lots counts those that were removed, or would be, and First and Last bound them. Objects counts those of their data that would be.
	Lots    int    `json:"lots,omitempty"`
	First   string `json:"first,omitempty"`
	Last    string `json:"last,omitempty"`
	Objects int    `json:"objects,omitempty"`
}

// LotShown is all that is known of a lot.
type LotShown struct {
	Environment string `json:"environment"`
	Dataset     string `json:"dataset"`
	report.Lot
	// Workload makes it; empty if none does.
	Workload string   `json:"workload,omitempty"`
	Runs     []LotRun `json:"runs"`
}

// noLots is what a daemon says that keeps none.
func (c *console) noLots() error {
	if c.opts.Lots == nil {
		return problemf(http.StatusNotFound, "this daemon keeps no lots")
	}
	return nil
}

func lotsKey(d DatasetLots) string { return keyOf(d.Environment, d.Dataset) }

func (c *console) lots(w http.ResponseWriter, r *http.Request) error {
	if err := c.noLots(); err != nil {
		return err
	}
	q := newQuery(r)
	environments, projects, late, missing := q.many("environment"), q.many("project"), q.flag("late"), q.flag("missing")
	all, err := c.opts.Lots.Datasets()
	if err != nil {
		return c.refused(err)
	}
	s := c.sight(r)
	return list(c, w, q, all, lotsKey, func(d DatasetLots) bool {
		return s.sees(d.Project, d.Environment) && passes(environments, d.Environment) && passes(projects, d.Project) && (late == nil || *late == (d.Late != nil)) &&
			(missing == nil || *missing == (d.Missing > 0))
	})
}

// lotStates are what manifests say of a lot, and lotStatuses what becomes of one.
func lotStates() []string {
	return []string{"complete", "empty", "partial", "removed", "none"}
}

func lotStatuses() []plan.Status {
	return []plan.Status{
		plan.IsThere, plan.NotDeclared, plan.NoProducer, plan.IsExternal, plan.NotComputable, plan.NotKept, plan.TooMany, plan.IsExcluded, plan.IsSuspended,
		plan.IsDisabled, plan.IsScheduled, plan.IsSteady, plan.IsFailed, plan.IsHeld, plan.Waits, plan.IsLimited, plan.IsReady, plan.IsRunning, plan.NotDue,
	}
}

// lotRange reads which lots are asked for.
func (q *query) lotRange() (r report.Range, limit int) {
	r = report.Range{From: q.moment("from"), Until: q.moment("until")}
	part := q.window()
	if part.after != "" {
		after, err := lot.ParseID(part.after)
		if err != nil {
			q.wrong("cursor is not the next of a page")
		}
		r = r.After(after)
	}
	return r, part.limit
}

// datasetOf is the dataset that the path of a request names.
func datasetOf(r *http.Request) string { return r.PathValue("project") + "/" + r.PathValue("dataset") }

// looked answers with a page of what is known of a dataset's lots.
func looked[T any](c *console, w http.ResponseWriter, r *http.Request, page func(v report.View, id string) report.Page[T]) error {
	id := datasetOf(r)
	var found report.Page[T]
	err := c.opts.Lots.View(r.Context(), r.PathValue("environment"), func(v report.View) error {
		if _, ok := v.Graph.Series(id); !ok {
			return unknown("dataset with lots", id, c.sight(r).datasets(v.Graph.Datasets()))
		}
		found = page(v, id)
		return nil
	})
	if err != nil {
		return c.refused(err)
	}
	out := Page[T]{Items: found.Items}
	if found.Next != "" {
		out.Next = base64.RawURLEncoding.EncodeToString([]byte(found.Next))
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

func (c *console) lotsOf(w http.ResponseWriter, r *http.Request) error {
	if err := c.noLots(); err != nil {
		return err
	}
	q := newQuery(r)
	asked, limit := q.lotRange()
	states, statuses, newest := choices(q, "state", lotStates()), choices(q, "status", lotStatuses()), q.number("newest", 1, maxPage, 0)
	if err := q.done(); err != nil {
		return err
	}
	return looked(c, w, r, func(v report.View, id string) report.Page[report.Lot] {
		if from := v.Last(id, newest).From; newest > 0 && from.After(asked.From) {
			asked.From = from
		}
		page := v.Page(id, asked, limit, func(l report.Lot) bool { return passes(states, l.State) && passes(statuses, l.Status) })
		s := c.sight(r)
		for i, l := range page.Items {
			page.Items[i] = s.lot(l, r.PathValue("environment"))
		}
		return page
	})
}

func (c *console) gaps(w http.ResponseWriter, r *http.Request) error {
	if err := c.noLots(); err != nil {
		return err
	}
	q := newQuery(r)
	asked, limit := q.lotRange()
	if err := q.done(); err != nil {
		return err
	}
	s, environment := c.sight(r), r.PathValue("environment")
	return looked(c, w, r, func(v report.View, id string) report.Page[report.Gap] {
		page := v.GapsPage(id, asked, limit)
		for i, g := range page.Items {
			if g.Cause == nil {
				continue
			}
			sees := func(id string) bool { return s.in(id, environment) }
			page.Items[i].Why = SeenReason(g.Why, sees)
			if cause := *g.Cause; sees(cause.Of) {
				cause.Why = SeenReason(cause.Why, sees)
				page.Items[i].Cause = &cause
			} else {
				page.Items[i].Cause = nil
			}
		}
		return page
	})
}

// lotOf is the lot that the path of a request names.
func lotOf(r *http.Request) (lot.Lot, error) {
	l, err := lot.ParseID(r.PathValue("lot"))
	if err != nil {
		return l, problemf(http.StatusNotFound, "there is no lot %s: %s", shown(r.PathValue("lot")), err.Error())
	}
	return l, nil
}

func (c *console) lot(w http.ResponseWriter, r *http.Request) error {
	if err := c.noLots(); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	l, err := lotOf(r)
	if err != nil {
		return err
	}
	out := LotShown{Environment: r.PathValue("environment"), Dataset: datasetOf(r)}
	err = c.opts.Lots.View(r.Context(), out.Environment, func(v report.View) error {
		s, ok := v.Graph.Series(out.Dataset)
		switch {
		case !ok:
			return unknown("dataset with lots", out.Dataset, c.sight(r).datasets(v.Graph.Datasets()))
		case s.Unit != l.Unit:
			return problemf(http.StatusNotFound, "%s is no lot of %s, whose lots are %s", l, out.Dataset, s.Unit)
		}
		out.Lot, out.Workload = c.sight(r).lot(v.Lot(out.Dataset, l), out.Environment), v.Graph.Producer(out.Dataset)
		return nil
	})
	if err == nil {
		out.Runs, err = c.opts.Lots.Runs(r.Context(), out.Environment, out.Dataset, l)
	}
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusOK, out)
	return nil
}
