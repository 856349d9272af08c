// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"time"

	"trunkline.dev/trunkline/cost/usage"
)

const (
	// costDays is how many days are told of unless a question says otherwise, and maxCostDays how many at most.
	costDays, maxCostDays = 30, 3700
	// maxBill bounds the body of a bill, in bytes.
	maxBill = 16 << 20
)

// Costs is where actual costs come from.
type Costs interface {
	// Query returns what a filter asks for; the platform is the daemon's own.
	Query(ctx context.Context, f usage.Filter) (usage.Answer, error)
	// Outlook returns what this month is going to cost.
	Outlook() CostOutlook
	// Samples returns what the pods of a run used, in the order of time.
	Samples(ctx context.Context, project, environment, run string) ([]usage.Sample, error)
	// Histories returns where the history of a run of Spark is shown, the first time that it was tried first.
	Histories(ctx context.Context, project, environment, run string) ([]string, error)
	Bills
}

// Bills is where bills are kept.
type Bills interface {
	// Billed returns what was billed from a day on and before another, and in which currency.
	Billed(ctx context.Context, since, until time.Time) ([]usage.Item, string, error)
	// Import keeps a bill, and reports whether that changes anything.
	Import(ctx context.Context, b usage.Bill, by Attribution) (changed bool, err error)
}

// Costed is what something did cost. Amounts are texts with nine digits behind the point.
type Costed struct {
	usage.Row

	Amount  string `json:"amount"`
	Spot    string `json:"spotAmount,omitempty"`
	Storage string `json:"storageAmount,omitempty"`
}

// CostAnswer is what was asked for of actual costs.
type CostAnswer struct {
	// Currency is empty if nothing did cost anything.
	Currency string `json:"currency"`
	// Since is the first day, and Until the one that all are before.
	Since string            `json:"since"`
	Until string            `json:"until"`
	By    []usage.Dimension `json:"by"`
	Rows  []Costed          `json:"rows"`
	Total string            `json:"total"`
	// Idle is what nodes had beyond what pods of the platform took of them; it is not in the total.
	Idle []Costed    `json:"idle"`
	Gaps []usage.Gap `json:"gaps"`
}

// CostOutlook is what a month is going to cost, by what it did so far.
type CostOutlook struct {
	Month    string `json:"month"`
	Currency string `json:"currency"`
	// At is as of when; zero before there is anything.
	At    time.Time      `json:"at,omitzero"`
	Items []CostForecast `json:"items"`
	// Accuracy says how far off the estimates of the last whole months were; nil if that is not known.
	Accuracy *CostAccuracy `json:"accuracy,omitempty"`
}

// CostForecast is what an environment, or a project in it, is going to cost.
type CostForecast struct {
	Environment string `json:"environment"`
	Project     string `json:"project,omitempty"`
	Spent       string `json:"spent"`
	// ByRecent is what the month costs if it goes on like the last days, and ByDeclared if it does as is declared; empty if that is not known.
	ByRecent   string `json:"byRecent,omitempty"`
	ByDeclared string `json:"byDeclared,omitempty"`
	// Budget is empty if there is none.
	Budget string `json:"budget,omitempty"`
	// Exceeds reports whether one of them is above the budget.
	Exceeds bool `json:"exceeds"`
}

// CostAccuracy is how far off estimates were.
type CostAccuracy struct {
	Since string `json:"since"`
	Until string `json:"until"`
	// Percent is negative if they were too low.
	Percent float64 `json:"percent"`
}

// BillAnswer holds what was counted against what was billed.
type BillAnswer struct {
	Currency string     `json:"currency"`
	Items    []Compared `json:"items"`
}

// Compared is what was counted and billed on a day in a cluster.
type Compared struct {
	usage.Against

	Counted string `json:"counted"`
	Billed  string `json:"billed"`
	// Difference is what was billed beyond what was counted.
	Difference string            `json:"difference"`
	Services   map[string]string `json:"services"`
}

// BillImport is a request to keep a bill.
type BillImport struct {
	Why  string     `json:"why,omitempty"`
	Bill usage.Bill `json:"bill"`
}

// digits are those behind the point.
const digits = 9

func (c *console) costs(w http.ResponseWriter, r *http.Request) error {
	if err := c.counts(); err != nil {
		return err
	}
	q := newQuery(r)
	f := usage.Filter{
		Place: usage.Place{
			Project: q.one("project"), Environment: q.one("environment"), Owner: q.one("owner"), Workload: q.one("workload"), Run: q.one("run"), Lot: q.one("lot"),
		},
		Cluster: q.one("cluster"), Currency: q.one("currency"), By: choices(q, "by", usage.Dimensions()),
	}
	f.Since, f.Until = q.days()
	if err := q.done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	a, err := c.opts.Costs.Query(ctx, f)
	if err != nil {
		return c.uncounted(err)
	}
	out := CostAnswer{
		Currency: a.Currency, Since: f.Since.Format(time.DateOnly), Until: f.Until.Format(time.DateOnly), By: f.By,
		Rows: costed(a.Rows), Idle: costed(a.Idle), Total: usage.Decimal(a.Total, digits), Gaps: a.Gaps,
	}
	if out.By == nil {
		out.By = []usage.Dimension{}
	}
	if out.Gaps = c.sight(r).gaps(c.opts.Board.Snapshot(), out.Gaps); out.Gaps == nil {
		out.Gaps = []usage.Gap{}
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

func costed(rows []usage.Row) []Costed {
	out := make([]Costed, 0, len(rows))
	for _, r := range rows {
		one := Costed{Row: r, Amount: usage.Decimal(r.Nano, digits)}
		if r.SpotNano != 0 {
			one.Spot = usage.Decimal(r.SpotNano, digits)
		}
		if r.StorageNano != 0 {
			one.Storage = usage.Decimal(r.StorageNano, digits)
		}
		out = append(out, one)
	}
	return out
}

// counts returns an error where no costs are counted.
func (c *console) counts() error {
	if c.opts.Costs == nil {
		return problemf(http.StatusNotFound, "this daemon does not count costs: start it with --usage")
	}
	return nil
}

// uncounted is what a caller is told of an error.
func (c *console) uncounted(err error) error {
	var mixed *usage.MixedError
	var many *usage.TooManyError
	switch {
	case errors.As(err, &mixed):
		return problemf(http.StatusBadRequest, "%s", mixed)
	case errors.As(err, &many):
		return problemf(http.StatusBadRequest, "%s", many)
	}
	// Where the database is, and what is wrong with it, is for whoever runs the daemon.
	c.opts.Log.Warn("cannot query the costs", "err", err.Error())
	return problemf(http.StatusServiceUnavailable, "the costs cannot be read at the moment; see the daemon's log")
}

func (c *console) outlook(w http.ResponseWriter, r *http.Request) error {
	if err := c.counts(); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	out := c.opts.Costs.Outlook()
	if out.Items == nil {
		out.Items = []CostForecast{}
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

// RunUsage is what the pods of a run used.
type RunUsage struct {
	Samples []usage.Sample `json:"samples"`
}

// runUsage answers with what the pods of a run used; nothing, if that was not measured.
func (c *console) runUsage(w http.ResponseWriter, r *http.Request) error {
	if err := c.counts(); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	samples, err := c.opts.Costs.Samples(ctx, r.PathValue("project"), r.PathValue("environment"), r.PathValue("run"))
	if err != nil {
		return c.uncounted(err)
	}
	c.answer(w, http.StatusOK, RunUsage{Samples: samples})
	return nil
}

func (c *console) bills(w http.ResponseWriter, r *http.Request) error {
	if err := c.counts(); err != nil {
		return err
	}
	q := newQuery(r)
	since, until := q.days()
	if err := q.done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	items, currency, err := c.opts.Costs.Billed(ctx, since, until)
	if err != nil {
		return c.uncounted(err)
	}
	// What was counted is held against the bill in the currency of that.
	counted, err := c.opts.Costs.Query(ctx, usage.Filter{Since: since, Until: until, By: []usage.Dimension{usage.ByDay, usage.ByCluster}, Currency: currency})
	if err != nil {
		return c.uncounted(err)
	}
	out := BillAnswer{Currency: currency, Items: []Compared{}}
	if currency == "" {
		out.Currency = counted.Currency
	}
	for _, a := range usage.Reconcile(counted.Rows, items) {
		one := Compared{
			Against: a, Counted: usage.Decimal(a.Counted, digits), Billed: usage.Decimal(a.Billed, digits),
			Difference: usage.Decimal(a.Billed-a.Counted, digits), Services: map[string]string{},
		}
		for service, nano := range a.Services {
			one.Services[service] = usage.Decimal(nano, digits)
		}
		out.Items = append(out.Items, one)
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

func (c *console) importBill(w http.ResponseWriter, r *http.Request) error {
	if err := c.counts(); err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problemf(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	var body BillImport
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBill))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil {
		return problemf(http.StatusBadRequest, "the body must be a bill, at most %d MiB", maxBill>>20)
	}
	if err := body.Bill.Check(); err != nil {
		return problemf(http.StatusBadRequest, "the bill: %s", err)
	}
	by, err := attribution(r, body.Why)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	changed, err := c.opts.Costs.Import(ctx, body.Bill, by)
	if err != nil {
		return c.uncounted(err)
	}
	message := "the bill is kept"
	if !changed {
		message = "the bill was there already"
	}
	c.answer(w, http.StatusOK, Outcome{message})
	return nil
}

// days are those from since on and before until.
func (q *query) days() (since, until time.Time) {
	until = q.day("until")
	since = q.day("since")
	if since.IsZero() {
		q.wrong("since is missing: say the first day, such as 2026-11-01")
	}
	if until.IsZero() {
		until = since.AddDate(0, 0, costDays)
	}
	if !until.After(since) || until.Sub(since) > maxCostDays*24*time.Hour {
		q.wrong("until is not after since, or is more than %d days after it", maxCostDays)
	}
	return since, until
}

// day returns the value of a parameter that is a day.
func (q *query) day(name string) time.Time {
	value := q.one(name)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		q.wrong("%s is not a day: write 2026-01-31", name)
	}
	return t
}
