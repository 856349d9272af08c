// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
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

// LotAct is what someone asks for.
type LotAct struct {
	// Act is retry, enable or disable, of a workload, or remove, of a lot of a dataset.
	Act         string
	Environment string
	// Of is the id of the workload, or of the dataset.
	Of  string
	Lot lot.Lot
	// From and Until bound what is tried again or removed by where lots start; Until does not belong to it. Lot is zero then.
	From, Until time.Time
	// Data has the data removed, too. DryRun removes nothing, and Lots is how many are to be removed: otherwise it is refused.
	Data, DryRun bool
	Lots         int
}

// Checked reports whether it is a removal of which it has to be said how many lots it is of.
func (a LotAct) Checked() bool { return a.Act == "remove" && (a.Lot.IsZero() || a.Data || a.DryRun) }

// RemoveAct is the body of a request to remove lots.
type RemoveAct struct {
	Why string `json:"why,omitempty"`
	// From and Until are for several lots: one that starts at Until does not belong to them.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Data has the data removed, too, that only these lots list.
	Data bool `json:"data,omitempty"`
	// DryRun only says what would be removed.
	DryRun bool `json:"dryRun,omitempty"`
	// Lots is how many lots are to be removed, as the dry run said.
	Lots int `json:"lots,omitempty"`
}

// RetryAct is the body of a request to act on the lots of a workload.
type RetryAct struct {
	Why string `json:"why,omitempty"`
	// From and Until are for retry only.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
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
	return list(c, w, q, all, lotsKey, func(d DatasetLots) bool {
		return passes(environments, d.Environment) && passes(projects, d.Project) && (late == nil || *late == (d.Late != nil)) &&
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
			return unknown("dataset with lots", id, v.Graph.Datasets())
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
		return v.Page(id, asked, limit, func(l report.Lot) bool { return passes(states, l.State) && passes(statuses, l.Status) })
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
	return looked(c, w, r, func(v report.View, id string) report.Page[report.Gap] { return v.GapsPage(id, asked, limit) })
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
			return unknown("dataset with lots", out.Dataset, v.Graph.Datasets())
		case s.Unit != l.Unit:
			return problemf(http.StatusNotFound, "%s is no lot of %s, whose lots are %s", l, out.Dataset, s.Unit)
		}
		out.Lot, out.Workload = v.Lot(out.Dataset, l), v.Graph.Producer(out.Dataset)
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

// log answers with the log of a run. It may say more of data than anything else does: as for an act, who asks has a name, which is logged.
func (c *console) log(w http.ResponseWriter, r *http.Request) error {
	by, err := attribution(r, "")
	if err == nil {
		err = c.noLots()
	}
	if err != nil {
		return err
	}
	q := newQuery(r)
	attempt := q.one("attempt")
	if err := q.done(); err != nil {
		return err
	}
	l, err := lotOf(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), logTimeout)
	defer cancel()
	environment, dataset := r.PathValue("environment"), datasetOf(r)
	found, err := c.opts.Lots.Log(ctx, environment, dataset, l, attempt)
	if err != nil {
		return c.refused(err)
	}
	c.opts.Log.Info("a log was read", "environment", environment, "dataset", dataset, "lot", l.ID(), "attempt", found.Attempt, "by", by.Principal.String())
	c.answer(w, http.StatusOK, found)
	return nil
}

const (
	// logTimeout bounds how long a request waits for a log, and removeTimeout for lots to be removed.
	logTimeout    = 75 * time.Second
	removeTimeout = 5 * time.Minute
)

func (c *console) removeLot(w http.ResponseWriter, r *http.Request) error {
	l, err := lotOf(r)
	if err != nil {
		return err
	}
	return c.remove(w, r, l)
}

func (c *console) removeLots(w http.ResponseWriter, r *http.Request) error {
	return c.remove(w, r, lot.Lot{})
}

// remove removes a lot, or those of a range.
func (c *console) remove(w http.ResponseWriter, r *http.Request, l lot.Lot) error {
	var body RemoveAct
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	act := LotAct{
		Act: "remove", Environment: r.PathValue("environment"), Of: datasetOf(r), Lot: l, From: body.From, Until: body.Until, Data: body.Data, DryRun: body.DryRun,
		Lots: body.Lots,
	}
	bounded := !body.From.IsZero() || !body.Until.IsZero()
	switch {
	case bounded != l.IsZero():
		return problemf(http.StatusBadRequest, "from and until are for several lots, and one of them has to be there")
	case !body.From.IsZero() && !body.Until.IsZero() && !body.From.Before(body.Until):
		return problemf(http.StatusBadRequest, "until is not after from")
	case act.Checked() && !act.DryRun && act.Lots <= 0:
		return problemf(http.StatusBadRequest, "say in lots how many there are, as a dry run has it")
	}
	return c.actOnLots(w, r, act, body.Why)
}

// workloadActs are what can be asked for about the lots of a workload.
func workloadActs() []string { return []string{"retry", "enable", "disable"} }

func (c *console) actOnWorkload(w http.ResponseWriter, r *http.Request) error {
	var body RetryAct
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	act := LotAct{
		Act: r.PathValue("act"), Environment: r.PathValue("environment"), Of: r.PathValue("project") + "/" + r.PathValue("workload"), From: body.From, Until: body.Until,
	}
	switch bounded := !body.From.IsZero() || !body.Until.IsZero(); {
	case !passes(workloadActs(), act.Act):
		return problemf(http.StatusNotFound, "there is no act %s on the lots of a workload: there are %s", shown(act.Act), strings.Join(workloadActs(), ", "))
	case bounded && act.Act != "retry":
		return problemf(http.StatusBadRequest, "from and until are for retry: a workload is enabled or disabled as a whole")
	case bounded && !body.Until.IsZero() && !body.From.Before(body.Until):
		return problemf(http.StatusBadRequest, "until is not after from")
	}
	return c.actOnLots(w, r, act, body.Why)
}

// actOnLots has done what someone asks for.
func (c *console) actOnLots(w http.ResponseWriter, r *http.Request, act LotAct, why string) error {
	by, err := attribution(r, why)
	if err == nil {
		err = c.noLots()
	}
	if err != nil {
		return err
	}
	most := actTimeout
	if act.Checked() {
		most = removeTimeout
	}
	ctx, cancel := context.WithTimeout(r.Context(), most)
	defer cancel()
	done, err := c.opts.Lots.Act(ctx, act, by)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusAccepted, done)
	return nil
}
