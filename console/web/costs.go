// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

const (
	// costTimeout bounds the questions of a page.
	costTimeout = 10 * time.Second
	// costDays is how many days a page shows unless it is asked for others, and maxCostDays how many at most.
	costDays, maxCostDays = 30, 400
	// costEvery is after how many seconds the page is loaded again.
	costEvery = 60
	// maxCostRows bounds the rows of a table.
	maxCostRows = 100
)

// costsQuery is what the costs are asked for.
type costsQuery struct {
	Project, Environment, Owner, Cluster string
	By                                   string
	Since, Until                         time.Time
}

// costsPage is what the page shows.
type costsPage struct {
	Query costsQuery
	Bys   []string
	// None reports that this daemon counts no costs, and Choose are the projects whose costs the viewer may see who may not see all.
	None   bool
	Choose []link
	// Trouble says why nothing can be shown.
	Trouble  string
	Currency string
	Total    string
	Picture  template.HTML
	Legend   []costLegend
	Rows     []costRow
	More     int
	// Idle is what nodes had beyond what the platform took of them.
	Idle string
	Gaps []string
	// Outlook is what the month is going to cost.
	Month    string
	At       moment
	Outlook  []outlookRow
	Accuracy string
	Bills    []billRow
	Billed   string
	Unpriced int64
	Since    string
	Until    string
}

type costLegend struct {
	Name  string
	Class int
}

// costRow is what a part of the platform did cost.
type costRow struct {
	Name, Path    string
	Amount, Share string
	Spot          string
	Cores, Memory string
	Unpriced      int64
}

// outlookRow is what a month costs, of an environment or a project in it.
type outlookRow struct {
	Environment, Project, Path string
	Spent, Recent, Declared    string
	Budget                     string
	Badge                      *badge
}

// billRow is what was counted and billed on a day in a cluster.
type billRow struct{ Day, Cluster, Counted, Billed, Difference string }

// costBys are what costs can be told apart by.
func costBys() []string {
	return []string{"environment", "project", "owner", "cluster", "workload", "kind"}
}

func showCosts(a *ask) (shown, error) {
	q := costsQuery{Project: a.one("project"), Environment: a.one("environment"), Owner: a.one("owner"), Cluster: a.one("cluster"), By: a.choice("by", costBys()...)}
	today := usage.DayOf(a.now)
	q.Until = a.date("until", today.AddDate(0, 0, 1))
	q.Since = a.date("since", q.Until.AddDate(0, 0, -costDays))
	if !q.Until.After(q.Since) || q.Until.Sub(q.Since) > maxCostDays*24*time.Hour {
		a.fail("until is not after since, or is more than %d days after it", maxCostDays)
	}
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	v := costsPage{Query: q, Bys: costBys(), None: a.Costs == nil, Since: q.Since.Format(time.DateOnly), Until: q.Until.AddDate(0, 0, -1).Format(time.DateOnly)}
	out := shown{Title: "Costs", Still: true, Every: costEvery}
	scope := access.Scope{Project: q.Project, Environment: q.Environment}
	if err := a.sight.Allow(access.ViewCost, scope); err != nil && scope != (access.Scope{}) {
		return shown{}, err
	} else if err != nil {
		v.Choose = a.costProjects()
		if len(v.Choose) == 0 {
			return shown{}, err
		}
	}
	if v.None || len(v.Choose) > 0 {
		out.View = v
		return out, nil
	}
	if err := v.read(a); err != nil {
		return shown{}, err
	}
	out.View = v
	return out, nil
}

// costProjects are the projects whose costs the caller may see.
func (a *ask) costProjects() (out []link) {
	for _, name := range projectNames(a) {
		if a.sight.May(access.ViewCost, access.Scope{Project: name}).Allowed && len(out) < maxCostRows {
			out = append(out, link{name, costPath("project", name)})
		}
	}
	return out
}

func costPath(pairs ...string) string { return withQuery("/costs", nil, pairs...) }

// read asks for what the page shows.
func (v *costsPage) read(a *ask) error {
	ctx, cancel := context.WithTimeout(a.request.Context(), costTimeout)
	defer cancel()
	f := usage.Filter{
		Place: usage.Place{Project: v.Query.Project, Environment: v.Query.Environment, Owner: v.Query.Owner}, Cluster: v.Query.Cluster,
		Since: v.Query.Since, Until: v.Query.Until, By: []usage.Dimension{usage.ByDay, usage.Dimension(v.Query.By)},
	}
	answer, err := a.Costs.Query(ctx, f)
	if mixed, is := errors.AsType[*usage.MixedError](err); is {
		v.Trouble = "Costs are in " + strings.Join(mixed.Currencies, " and ") + ", which are not added up: choose a cluster."
		return nil
	}
	if many, is := errors.AsType[*usage.TooManyError](err); is {
		v.Trouble = many.Error()
		return nil
	}
	if err != nil {
		a.Log.Warn("cannot query the costs", "err", err.Error())
		return problemf(http.StatusServiceUnavailable, "the costs cannot be read at the moment; see the daemon's log")
	}
	v.fill(answer)
	v.outlook(a.Costs.Outlook(), a.now)
	if f.Place != (usage.Place{}) {
		return nil // bills are of clusters
	}
	items, currency, err := a.Costs.Billed(ctx, f.Since, f.Until)
	if err != nil || len(items) == 0 {
		return nil // what was counted is shown all the same
	}
	counted, err := a.Costs.Query(ctx, usage.Filter{Since: f.Since, Until: f.Until, By: []usage.Dimension{usage.ByDay, usage.ByCluster}, Currency: currency})
	if err == nil {
		v.bills(usage.Reconcile(counted.Rows, items), currency)
	}
	return nil
}

// fill puts what it did cost into the page.
func (v *costsPage) fill(answer usage.Answer) {
	v.Currency, v.Total = answer.Currency, money(answer.Total, answer.Currency)
	by := usage.Dimension(v.Query.By)
	total := map[string]*usage.Row{}
	for i := range answer.Rows {
		r := &answer.Rows[i]
		name := partOf(r, by)
		if total[name] == nil {
			total[name] = &usage.Row{Place: r.Place}
		}
		sum := total[name]
		sum.Nano, sum.SpotNano, sum.Unpriced = sum.Nano+r.Nano, sum.SpotNano+r.SpotNano, sum.Unpriced+r.Unpriced
		sum.CoreHours, sum.GiBHours = sum.CoreHours+r.CoreHours, sum.GiBHours+r.GiBHours
		sum.UsedCoreHours, sum.UsedGiBHours = sum.UsedCoreHours+r.UsedCoreHours, sum.UsedGiBHours+r.UsedGiBHours
		v.Unpriced += r.Unpriced
	}
	names := make([]string, 0, len(total))
	for name := range total {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(total[b].Nano, total[a].Nano), strings.Compare(a, b)) })
	v.More = max(0, len(names)-maxCostRows)
	for _, name := range names[:len(names)-v.More] {
		r := total[name]
		row := costRow{
			Name: cmp.Or(name, "nothing in particular"), Path: v.narrower(name), Amount: money(r.Nano, answer.Currency), Cores: used(r.CoreHours, r.UsedCoreHours, "core-hours"),
			Memory: used(r.GiBHours, r.UsedGiBHours, "GiB-hours"), Unpriced: r.Unpriced,
		}
		if answer.Total > 0 {
			row.Share = strconv.FormatFloat(100*float64(r.Nano)/float64(answer.Total), 'f', 1, 64) + " %"
		}
		if r.SpotNano > 0 {
			row.Spot = money(r.SpotNano, answer.Currency)
		}
		v.Rows = append(v.Rows, row)
	}
	var idleSum int64
	for i := range answer.Idle {
		idleSum += answer.Idle[i].Nano
	}
	if len(answer.Idle) > 0 {
		v.Idle = money(idleSum, answer.Currency)
	}
	for _, g := range answer.Gaps {
		text := "Nobody looked at " + g.Cluster + " from " + g.From.UTC().Format("2006-01-02 15:04") + " to " + g.Until.UTC().Format("2006-01-02 15:04 UTC")
		if g.Lost > 0 {
			text += "; of " + number.Count(int(g.Lost), "pod") + " that ended meanwhile it is not known when"
		}
		v.Gaps = append(v.Gaps, text+".")
	}
	v.draw(answer, names)
}

// narrower is the address of the costs of a part; empty if there is none.
func (v *costsPage) narrower(name string) string {
	if name == "" || v.Query.By == "workload" || v.Query.By == "kind" {
		return ""
	}
	next := map[string]string{"environment": "project", "project": "workload", "owner": "project", "cluster": "environment"}[v.Query.By]
	values := url.Values{}
	for key, value := range map[string]string{"project": v.Query.Project, "environment": v.Query.Environment, "owner": v.Query.Owner, "cluster": v.Query.Cluster, "since": v.Since} {
		if value != "" {
			values.Set(key, value)
		}
	}
	return withQuery("/costs", values, v.Query.By, name, "by", next, "until", v.Query.Until.Format(time.DateOnly))
}

// draw draws a stack of the largest parts for each day, with what was idle.
func (v *costsPage) draw(answer usage.Answer, names []string) {
	if len(answer.Rows)+len(answer.Idle) == 0 {
		return
	}
	days := int(v.Query.Until.Sub(v.Query.Since) / (24 * time.Hour))
	p := plot{Title: "Cost by day and " + v.Query.By + ", from " + v.Since + " to " + v.Until, Columns: make([]string, days), Names: make([]string, days), Unit: func(x float64) string { return short3(x) + " " + v.Currency }}
	every := max(1, days/8)
	at := map[string]int{}
	for i := range days {
		day := v.Query.Since.AddDate(0, 0, i)
		p.Names[i] = day.Format(time.DateOnly)
		at[p.Names[i]] = i
		if i%every == every/2 {
			p.Columns[i] = day.Format("2 Jan")
		}
	}
	largest := names[:min(len(names), plotColours-2)]
	of := map[string]int{}
	for i, name := range largest {
		of[name] = i
		p.Stacks = append(p.Stacks, series{Name: cmp.Or(name, "nothing in particular"), Values: make([]float64, days), Class: i})
	}
	rest := -1
	for i := range answer.Rows {
		r := &answer.Rows[i]
		day, known := at[r.Day]
		if !known {
			continue
		}
		n, large := of[partOf(r, usage.Dimension(v.Query.By))]
		if !large {
			if rest < 0 {
				rest = len(p.Stacks)
				p.Stacks = append(p.Stacks, series{Name: "others", Values: make([]float64, days), Class: plotColours - 2})
			}
			n = rest
		}
		p.Stacks[n].Values[day] += float64(r.Nano) / usage.Nano
	}
	if len(answer.Idle) > 0 {
		s := series{Name: "idle", Values: make([]float64, days), Class: plotColours - 1}
		for i := range answer.Idle {
			if day, known := at[answer.Idle[i].Day]; known {
				s.Values[day] += float64(answer.Idle[i].Nano) / usage.Nano
			}
		}
		p.Stacks = append(p.Stacks, s)
	}
	for _, s := range p.Stacks {
		v.Legend = append(v.Legend, costLegend{s.Name, s.Class})
	}
	v.Picture = p.svg()
}

// outlook puts what the month is going to cost into the page: of environments, and of the projects of one that is asked for.
func (v *costsPage) outlook(o console.CostOutlook, now time.Time) {
	v.Month, v.At = o.Month, at(now, o.At)
	if v.Query.Owner != "" || v.Query.Cluster != "" {
		return // it is of environments and projects
	}
	for _, i := range o.Items {
		wanted := i.Project == ""
		switch {
		case v.Query.Project != "":
			wanted = i.Project == v.Query.Project && equalOr(v.Query.Environment, i.Environment)
		case v.Query.Environment != "":
			wanted = i.Environment == v.Query.Environment
		}
		if !wanted {
			continue
		}
		row := outlookRow{
			Environment: i.Environment, Project: i.Project, Spent: coins(i.Spent, o.Currency), Recent: coins(i.ByRecent, o.Currency), Declared: coins(i.ByDeclared, o.Currency),
			Budget: coins(i.Budget, o.Currency), Path: costPath("environment", i.Environment, "project", i.Project),
		}
		switch {
		case i.Exceeds:
			row.Badge = &badge{bad, "above its budget"}
		case i.Budget != "":
			row.Badge = &badge{good, "within its budget"}
		}
		v.Outlook = append(v.Outlook, row)
	}
	v.Outlook = v.Outlook[:min(len(v.Outlook), maxCostRows)]
	if a := o.Accuracy; a != nil {
		way := "high"
		if a.Percent < 0 {
			way = "low"
		}
		v.Accuracy = "Estimates from " + a.Since + " to " + a.Until + " were " + strconv.FormatFloat(max(a.Percent, -a.Percent), 'f', 0, 64) + " % too " + way + "."
	}
}

// bills puts what was billed into the page, with the sum of the differences.
func (v *costsPage) bills(all []usage.Against, currency string) {
	var counted, billed int64
	for _, a := range all {
		counted, billed = counted+a.Counted, billed+a.Billed
		if len(v.Bills) < maxCostRows {
			v.Bills = append(v.Bills, billRow{a.Day, a.Cluster, money(a.Counted, currency), money(a.Billed, currency), signed(a.Billed-a.Counted, currency)})
		}
	}
	v.Billed = money(billed, currency) + " billed, " + money(counted, currency) + " counted: " + signed(billed-counted, currency)
}

// partOf is the part of the platform that a row is of.
func partOf(r *usage.Row, by usage.Dimension) string {
	return map[usage.Dimension]string{
		usage.ByCluster: r.Cluster, usage.ByProject: r.Project, usage.ByEnvironment: r.Environment, usage.ByOwner: r.Owner, usage.ByWorkload: r.Workload, usage.ByKind: string(r.Kind),
	}[by]
}

// money says an amount of billionths.
func money(nano int64, currency string) string {
	return strings.TrimSpace(grouped(usage.Decimal(nano, 2)) + " " + currency)
}

// signed says a difference.
func signed(nano int64, currency string) string {
	if nano > 0 {
		return "+" + money(nano, currency)
	}
	return money(nano, currency)
}

// coins says an amount that is a text of the API; empty if it is.
func coins(amount, currency string) string {
	whole, behind, _ := strings.Cut(amount, ".")
	if whole == "" {
		return ""
	}
	nano, err := strconv.ParseInt(whole+(behind + "000000000")[:9], 10, 64)
	if err != nil {
		return amount + " " + currency
	}
	return money(nano, currency)
}

// grouped puts commas between the thousands of a decimal number.
func grouped(text string) string {
	whole, behind, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(whole)
	if err != nil || n == 0 {
		return text // with its sign
	}
	return number.Of(n) + "." + behind
}

// used says how much was requested, and how much of it used where that was measured.
func used(requested, measured float64, unit string) string {
	text := short3(requested) + " " + unit
	if measured > 0 && requested > 0 {
		text += ", " + strconv.FormatFloat(100*measured/requested, 'f', 0, 64) + " % used"
	}
	return text
}

// short3 writes a number with about three digits.
func short3(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 1, 64) + "M"
	case v >= 100:
		return number.Of(int(v + 0.5))
	case v >= 1, v == 0:
		return strings.TrimSuffix(strings.TrimSuffix(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".0")
	default:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
}

// date returns the value of a parameter that is a day.
func (a *ask) date(name string, absent time.Time) time.Time {
	text := a.one(name)
	if text == "" {
		return absent
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		a.fail("%s is not a day: write 2026-01-31", name)
		return absent
	}
	return t
}
