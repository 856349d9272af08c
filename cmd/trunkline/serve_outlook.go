// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/evaluate"
)

const (
	// outlookInterval is how often it is looked ahead, and outlookRetry how long is waited while that is not possible.
	outlookInterval, outlookRetry = 10 * time.Minute, 5 * time.Second
	// accurateMonths is over how many whole months estimates are held against what was spent.
	accurateMonths = 3
)

// expected is what an environment, or a project in it, is going to cost in a month.
type expected struct {
	environment, project string
	usage.Outlook
	// budget is in billionths; nil if there is none.
	budget *int64
}

// exceeds reports whether the month is going to cost more than its budget.
func (e expected) exceeds() bool {
	return e.budget != nil && (e.Spent > *e.budget || e.Recent && e.ByRecent > *e.budget || e.Declared && e.ByDeclared > *e.budget)
}

// outlook is what this month is going to cost. It does not change.
type outlook struct {
	at       time.Time
	currency string
	items    []expected
	accuracy *console.CostAccuracy
}

// lookAhead says from time to time what the month is going to cost, until ctx ends.
func (d *daemon) lookAhead(ctx context.Context) {
	var declared declared
	for d.counting.ledger != nil && ctx.Err() == nil {
		wait := outlookRetry
		if _, e := d.rec.Accepted(); e != nil && d.board.Name() != "" {
			now := time.Now()
			if o, err := d.counting.ahead(ctx, e, declared.of(ctx, e, d.usual.durations(), now), now); err == nil {
				d.counting.outlook.Store(o)
				wait = outlookInterval
			} else if ctx.Err() == nil {
				d.log.Debug("cannot say what the month is going to cost; it is tried again", "err", err.Error())
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// declared is what the accepted commit costs by its estimate.
type declared struct {
	evaluation *evaluate.Evaluation
	day        time.Time
	estimate   *cost.Estimate
}

// of returns the estimate of the month; nil if there is none.
func (d *declared) of(ctx context.Context, e *evaluate.Evaluation, typical map[cost.WorkloadID]time.Duration, now time.Time) *cost.Estimate {
	if d.evaluation == e && d.day.Equal(usage.DayOf(now)) {
		return d.estimate
	}
	priced, err := e.Priced(ctx, cost.Terms{Now: now, Typical: typical}, nil)
	if err != nil {
		return nil
	}
	d.evaluation, d.day, d.estimate = e, usage.DayOf(now), priced.Cost()
	return d.estimate
}

// place is a project in an environment; all projects if it is empty.
type place struct{ environment, project string }

// ahead says what the month is going to cost.
func (c *counting) ahead(ctx context.Context, e *evaluate.Evaluation, estimate *cost.Estimate, now time.Time) (*outlook, error) {
	cat := e.Catalog()
	currency := cmp.Or(string(cat.Platform.Spec.Rates.Currency), cost.DefaultCurrency)
	began, known, err := c.ledger.Began(ctx, cat.Name())
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, errors.New("no cluster was looked at yet")
	}
	month := cost.MonthOf(now)
	first := time.Date(month.Year, month.Month, 1, 0, 0, 0, 0, time.UTC)
	since, until, days := usage.Recent(began, now)
	spent, err := c.places(ctx, cat.Name(), currency, first, usage.DayOf(now).AddDate(0, 0, 1))
	if err != nil {
		return nil, err
	}
	recent := map[place]int64{}
	if days > 0 {
		if recent, err = c.places(ctx, cat.Name(), currency, since, until); err != nil {
			return nil, err
		}
	}
	planned := plannedOf(cat, estimate, currency)
	out := &outlook{at: now, currency: currency}
	for _, at := range placesOf(cat, spent) {
		out.items = append(out.items, expected{
			at.environment, at.project, usage.Forecast(now, spent[at], recent[at], days, planned[at]), budgetOf(cat, at),
		})
	}
	out.accuracy, err = c.accuracy(ctx, cat.Name(), month, currency, planned)
	return out, err
}

// places returns what projects did cost in environments, and environments as a whole.
func (c *counting) places(ctx context.Context, platform, currency string, since, until time.Time) (map[place]int64, error) {
	out := map[place]int64{}
	if !until.After(since) {
		return out, nil
	}
	a, err := c.ledger.Query(ctx, usage.Filter{
		Platform: platform, Currency: currency, Since: since, Until: until, By: []usage.Dimension{usage.ByEnvironment, usage.ByProject},
	})
	for _, r := range a.Rows {
		out[place{r.Environment, r.Project}] += r.Nano
		if r.Project != "" {
			out[place{r.Environment, ""}] += r.Nano
		}
	}
	return out, err
}

// placesOf are the places of a platform, those that did cost something among them: the whole of an environment before its projects.
func placesOf(cat *catalog.Catalog, spent map[place]int64) (out []place) {
	for name := range cat.Environments {
		out = append(out, place{name, ""})
		for p := range cat.Projects() {
			if _, ok := p.Spec.Environments[name]; ok {
				out = append(out, place{name, p.Name})
			}
		}
	}
	for at := range spent {
		out = append(out, at)
	}
	slices.SortFunc(out, func(a, b place) int {
		return cmp.Or(strings.Compare(a.environment, b.environment), strings.Compare(a.project, b.project))
	})
	return slices.Compact(out)
}

// plannedOf is what places are estimated to cost in the month.
func plannedOf(cat *catalog.Catalog, estimate *cost.Estimate, currency string) map[place]*big.Rat {
	out := map[place]*big.Rat{}
	if estimate == nil {
		return out
	}
	for name := range cat.Environments {
		whole := new(big.Rat)
		for p := range cat.Projects() {
			if _, ok := p.Spec.Environments[name]; ok {
				amount := estimate.In(p.Name, name).Monthly.In(currency).Amount()
				out[place{name, p.Name}] = amount
				whole.Add(whole, amount)
			}
		}
		out[place{name, ""}] = whole
	}
	return out
}

// budgetOf is the budget of a place, in billionths; nil if it has none.
func budgetOf(cat *catalog.Catalog, at place) *int64 {
	e := cat.Environments[at.environment]
	if e == nil {
		return nil
	}
	limit := e.Spec.Budget.Monthly
	if at.project != "" {
		limit = e.Spec.Budget.PerProject
	}
	return nanoOf(limit)
}

// nanoOf returns an amount of a declaration in billionths; nil if none is given.
func nanoOf(a v1alpha1.Amount) *int64 {
	amount, ok := new(big.Rat).SetString(string(a))
	if !ok {
		return nil
	}
	nano := inNano(amount)
	return &nano
}

// inNano returns an amount in billionths; those of declarations have no more digits.
func inNano(amount *big.Rat) int64 {
	n := new(big.Rat).Mul(amount, big.NewRat(usage.Nano, 1))
	whole := new(big.Int).Quo(n.Num(), n.Denom())
	if !whole.IsInt64() {
		return 0
	}
	return whole.Int64()
}

// accuracy notes what is estimated for the month, and says how far off the estimates of the last whole ones were.
func (c *counting) accuracy(ctx context.Context, platform string, month cost.Month, currency string, planned map[place]*big.Rat) (*console.CostAccuracy, error) {
	estimates := map[[2]string]int64{}
	for at, amount := range planned {
		if at.project != "" {
			estimates[[2]string{at.project, at.environment}] = inNano(amount)
		}
	}
	if err := c.ledger.Estimate(ctx, platform, month, currency, estimates); err != nil {
		return nil, err
	}
	first := cost.MonthOf(time.Date(month.Year, month.Month-accurateMonths, 1, 0, 0, 0, 0, time.UTC))
	all, err := c.ledger.Estimated(ctx, platform, first, month)
	if err != nil {
		return nil, err
	}
	percent, known := usage.Accuracy(all)
	if !known {
		return nil, nil //nolint:nilnil // it is not known, which is no error
	}
	last := cost.MonthOf(time.Date(month.Year, month.Month-1, 1, 0, 0, 0, 0, time.UTC))
	return &console.CostAccuracy{Since: first.String(), Until: last.String(), Percent: percent}, nil
}

// told is what callers are told.
func (o *outlook) told() console.CostOutlook {
	out := console.CostOutlook{Month: cost.MonthOf(o.at).String(), Currency: o.currency, At: o.at.UTC(), Accuracy: o.accuracy}
	for _, i := range o.items {
		one := console.CostForecast{Environment: i.environment, Project: i.project, Spent: usage.Decimal(i.Spent, costDigits), Exceeds: i.exceeds()}
		if i.Recent {
			one.ByRecent = usage.Decimal(i.ByRecent, costDigits)
		}
		if i.Declared {
			one.ByDeclared = usage.Decimal(i.ByDeclared, costDigits)
		}
		if i.budget != nil {
			one.Budget = usage.Decimal(*i.budget, costDigits)
		}
		out.Items = append(out.Items, one)
	}
	return out
}

// accurate says in a sentence how far off estimates were; empty if that is not known.
func (c *counting) accurate() string {
	if o := c.outlook.Load(); o != nil && o.accuracy != nil {
		return accuracyText(*o.accuracy)
	}
	return ""
}

// costDigits are those of amounts behind the point.
const costDigits = 9

// costCollector reads the outlook when it is scraped. Projects are only counted: there may be many.
type costCollector struct{ of *counting }

// costDescribed are the metrics of costs.
type costDescribed struct{ spent, forecast, budget, over, accuracy *prometheus.Desc }

func costDescriptions() costDescribed {
	of := []string{"environment", "currency"}
	return costDescribed{
		spent: prometheus.NewDesc("trunkline_cost_spent", "What an environment did cost in this month so far.", of, nil),
		forecast: prometheus.NewDesc("trunkline_cost_forecast",
			"What an environment is going to cost in this month: if it goes on like the last seven days (recent), or as is declared (declared).", append(of, "by"), nil),
		budget: prometheus.NewDesc("trunkline_cost_budget", "What an environment may cost in a month.", of, nil),
		over:   prometheus.NewDesc("trunkline_cost_projects_over_budget", "Projects that are going to cost more in this month than each may in the environment.", []string{"environment"}, nil),
		accuracy: prometheus.NewDesc("trunkline_cost_estimate_error_percent",
			"How far off the estimates of the last three whole months were; negative if they were too low.", nil, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *costCollector) Describe(ch chan<- *prometheus.Desc) {
	d := costDescriptions()
	for _, desc := range []*prometheus.Desc{d.spent, d.forecast, d.budget, d.over, d.accuracy} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *costCollector) Collect(ch chan<- prometheus.Metric) {
	o := c.of.outlook.Load()
	if o == nil {
		return
	}
	d := costDescriptions()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	over := map[string]int{}
	for _, i := range o.items {
		switch {
		case i.project != "":
			if i.budget != nil {
				over[i.environment] += int(number(i.exceeds()))
			}
			continue
		case i.environment == "":
			continue
		}
		gauge(d.spent, float64(i.Spent)/usage.Nano, i.environment, o.currency)
		if i.Recent {
			gauge(d.forecast, float64(i.ByRecent)/usage.Nano, i.environment, o.currency, "recent")
		}
		if i.Declared {
			gauge(d.forecast, float64(i.ByDeclared)/usage.Nano, i.environment, o.currency, "declared")
		}
		if i.budget != nil {
			gauge(d.budget, float64(*i.budget)/usage.Nano, i.environment, o.currency)
		}
	}
	for environment, n := range over {
		gauge(d.over, float64(n), environment)
	}
	if o.accuracy != nil {
		gauge(d.accuracy, o.accuracy.Percent)
	}
}
