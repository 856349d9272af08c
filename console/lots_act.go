// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

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
