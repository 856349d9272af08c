// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"html/template"
	"math"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

const (
	// costMonths is how many months the page of a project shows.
	costMonths = 12
	// maxRunDays is of how many days single runs are looked for.
	maxRunDays = 62
)

// monthsView is what a project did cost, by month.
type monthsView struct {
	// Month is what this one did cost so far, Ahead what it is going to, and Path where there is more.
	Month, Ahead, Path string
	Picture            template.HTML
}

// months returns what a project did cost; nil if that is not counted, or not the caller's to see.
func (a *ask) months(project string) *monthsView {
	if a.Costs == nil || !a.sight.May(access.ViewCost, access.Scope{Project: project}).Allowed {
		return nil
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), costTimeout)
	defer cancel()
	first := time.Date(a.now.Year(), a.now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1-costMonths, 0)
	answer, err := a.Costs.Query(ctx, usage.Filter{
		Place: usage.Place{Project: project}, Since: first, Until: usage.DayOf(a.now).AddDate(0, 0, 1), By: []usage.Dimension{usage.ByDay},
	})
	if err != nil {
		a.Log.Debug("cannot query the costs of a project", "project", project, "err", err.Error())
		return nil
	}
	v := monthsOf(answer, first)
	v.Path = costPath("project", project)
	v.Ahead = aheadOf(a.Costs.Outlook(), project)
	return &v
}

// monthsOf adds up days to months.
func monthsOf(answer usage.Answer, first time.Time) monthsView {
	p := plot{Title: "Cost by month", Unit: func(x float64) string { return short3(x) + " " + answer.Currency }, Stacks: []series{{Name: "cost", Values: make([]float64, costMonths)}}}
	at := map[string]int{}
	for i := range costMonths {
		month := first.AddDate(0, i, 0)
		at[month.Format("2006-01")] = i
		p.Columns, p.Names = append(p.Columns, month.Format("Jan")), append(p.Names, month.Format("January 2006"))
	}
	var now int64
	for i := range answer.Rows {
		r := &answer.Rows[i]
		month, known := at[r.Day[:min(7, len(r.Day))]]
		if !known {
			continue
		}
		p.Stacks[0].Values[month] += float64(r.Nano) / usage.Nano
		if month == costMonths-1 {
			now += r.Nano
		}
	}
	v := monthsView{Month: money(now, answer.Currency)}
	if len(answer.Rows) > 0 {
		v.Picture = p.svg()
	}
	return v
}

// aheadOf says what a project is going to cost in each environment that is known.
func aheadOf(o console.CostOutlook, project string) string {
	var parts []string
	for _, i := range o.Items {
		if i.Project == project && i.ByRecent != "" {
			parts = append(parts, i.Environment+" comes to "+coins(i.ByRecent, o.Currency)+" if it goes on like the last days")
		}
	}
	return strings.Join(parts, "; ")
}

// costs puts into the cells of the page what each costs, as far as that is the caller's to see.
func (v *platformPage) costs(a *ask) {
	if a.Costs == nil {
		return
	}
	o := a.Costs.Outlook()
	spent := map[[2]string]string{}
	for _, i := range o.Items {
		if i.Project != "" {
			spent[[2]string{i.Project, i.Environment}] = i.Spent
		}
	}
	all := a.sight.May(access.ViewCost, access.Scope{}).Allowed
	for _, row := range v.Rows {
		for i := range row.Cells {
			c := &row.Cells[i]
			amount, known := spent[[2]string{row.Project, c.Environment}]
			if known && (all || a.sight.May(access.ViewCost, access.Scope{Project: row.Project, Environment: c.Environment}).Allowed) {
				c.Cost, v.Costed = coins(amount, o.Currency), true
			}
		}
	}
}

// lotCosts are what the runs of a lot did cost, by the names of their Jobs, and together; empty if that is not counted, or not the
// caller's to see. Single runs are known of the last two months.
func (a *ask) lotCosts(ctx context.Context, project, environment, lot string) (by map[string]string, together string) {
	if a.Costs == nil || !a.sight.May(access.ViewCost, access.Scope{Project: project, Environment: environment}).Allowed {
		return nil, ""
	}
	until := usage.DayOf(a.now).AddDate(0, 0, 1)
	answer, err := a.Costs.Query(ctx, usage.Filter{
		Place: usage.Place{Project: project, Environment: environment, Lot: lot}, Since: until.AddDate(0, 0, -maxRunDays), Until: until, By: []usage.Dimension{usage.ByRun},
	})
	if err != nil || len(answer.Rows) == 0 {
		return nil, ""
	}
	sums := map[string]int64{}
	for i := range answer.Rows {
		sums[answer.Rows[i].Run] += answer.Rows[i].Nano
	}
	by = map[string]string{}
	for run, nano := range sums {
		by[run] = small(nano, answer.Currency)
	}
	return by, small(answer.Total, answer.Currency)
}

// maxPlotPoints is how many columns a plot of a run has.
const maxPlotPoints = 240

// runPlots draws the CPU and memory that a run used, all of its pods together, with what was requested as a line across; nil: it was not
// measured.
func runPlots(samples []usage.Sample) (out []template.HTML) {
	if len(samples) == 0 {
		return nil
	}
	first, last := samples[0].At, samples[len(samples)-1].At
	points := min(maxPlotPoints, max(2, len(samples)))
	width := max(last.Sub(first)/time.Duration(points-1), time.Second)
	columns, names := make([]string, points), make([]string, points)
	for i := range points {
		at := first.Add(time.Duration(i) * width)
		names[i] = at.UTC().Format("15:04:05")
		if i%max(1, points/6) == 0 && points-i > points/12 {
			columns[i] = names[i]
		}
	}
	for _, one := range []struct {
		title, unit   string
		used, request func(usage.Sample) float64
	}{
		{"CPU", "cores", func(s usage.Sample) float64 { return s.Cores }, func(s usage.Sample) float64 { return s.RequestedCores }},
		{"Memory", "MiB", func(s usage.Sample) float64 { return s.MiB }, func(s usage.Sample) float64 { return s.RequestedMiB }},
	} {
		// What a pod used in a column is the most that was measured; of several pods that is added up.
		most := make([]map[string]float64, points)
		requests := map[string]float64{}
		for _, s := range samples {
			i := min(points-1, int(s.At.Sub(first)/width))
			if most[i] == nil {
				most[i] = map[string]float64{}
			}
			most[i][s.Pod], requests[s.Pod] = max(most[i][s.Pod], one.used(s)), one.request(s)
		}
		values, limit := make([]float64, points), 0.0
		for i := range values {
			values[i] = math.NaN()
			for _, v := range most[i] {
				if math.IsNaN(values[i]) {
					values[i] = 0
				}
				values[i] += v
			}
		}
		for _, v := range requests {
			limit = max(limit, v)
		}
		p := plot{
			Title: one.title + " used, in " + one.unit + "; the line across is what was requested", Columns: columns, Names: names, Line: true, Limit: limit,
			Unit: func(v float64) string { return short3(v) + " " + one.unit }, Stacks: []series{{Name: one.title, Values: joined(values)}},
		}
		out = append(out, p.svg())
	}
	return out
}

// joined fills gaps of a column or two, which come from when it is measured, with the value before.
func joined(values []float64) []float64 {
	gap := 0
	for i, v := range values {
		if !math.IsNaN(v) {
			gap = 0
			continue
		}
		if gap++; i > 0 && gap <= 2 {
			values[i] = values[i-1]
		}
	}
	return values
}

// small says an amount that may be less than a cent.
func small(nano int64, currency string) string {
	if nano >= usage.Nano/10 || nano <= 0 {
		return money(nano, currency)
	}
	return usage.Decimal(nano, 5) + " " + currency
}
