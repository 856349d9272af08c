// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// maxGaps is how many gaps are shown at a time.
const maxGaps = 12

// datasetQuery is what the page of a dataset's lots is asked for.
type datasetQuery struct {
	Environment, Dataset string
	// At is a time in the window that is shown; zero: the newest lot that has ended, or where the range begins.
	At time.Time
	// Chosen is the range that is looked at, and From and Until how it was asked for.
	Chosen      report.Range
	From, Until string
	// Why is the reason that is put into a declaration.
	Why string
}

// datasetPage is what the page shows.
type datasetPage struct {
	Query          datasetQuery
	Path           string
	Workload, Unit string
	// Summary is what is known of the dataset as a whole; nil if that is not known.
	Summary *lotsRow
	// Due and Missing count the lots that are kept.
	Due, Missing     int64
	First            lotLink
	Years            []yearRow
	Title            string
	Earlier, Later   string
	Grid             grid
	Chosen           *chosenRange
	Gaps             []gapView
	MoreGaps         bool
	Acts             []act
	Replay, NoReplay string
}

// lotLink is a lot, and where it is shown.
type lotLink struct{ ID, Path string }

// chosenRange is a range that is looked at.
type chosenRange struct {
	From, Until, Text string
	// Due counts its lots that have ended, and Missing those of them that are not there.
	Due, Missing int64
	// One is the lot, if it is one.
	One lotLink
}

// gapView is some lots in a row that are missing for one reason.
type gapView struct {
	First, Last lotLink
	Lots        int64
	Kind        lotKind
	Why         string
	// Cause is the first cause, upstream; nil: the reason is that itself.
	Cause *lotCause
}

type lotCause struct {
	Of, Why string
	Lot     lotLink
}

func showDataset(a *ask) (shown, error) {
	if a.Lots == nil {
		return shown{}, problemf(http.StatusNotFound, "this daemon keeps no lots")
	}
	q := datasetQuery{
		Environment: a.request.PathValue("environment"), Dataset: a.request.PathValue("project") + "/" + a.request.PathValue("dataset"),
		At: a.time("at"), From: a.one("from"), Until: a.one("until"), Why: a.one("why"),
	}
	q.Chosen = report.Range{From: a.parsed("from", q.From), Until: a.parsed("until", q.Until)}
	if !q.Chosen.From.IsZero() && !q.Chosen.Until.IsZero() && !q.Chosen.From.Before(q.Chosen.Until) {
		a.fail("until is not after from")
	}
	if a.err != nil {
		return shown{}, a.err
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), lotsTimeout)
	defer cancel()
	var out datasetPage
	err := a.Lots.View(ctx, q.Environment, func(v report.View) error {
		s, ok := v.Graph.Series(q.Dataset)
		if !ok {
			return unknown("dataset with lots", q.Dataset, a.seen(q.Environment, v.Graph.Datasets()))
		}
		out = datasetPageOf(v, s, q, a.nameless())
		out.Acts = a.may(out.Acts)
		out.hide(func(id string) bool { return a.sees(q.Environment, id) })
		return nil
	})
	if err != nil {
		return shown{}, asAnswer(err)
	}
	if all, err := a.Lots.Datasets(); err == nil {
		out.summary(all, a.now)
	}
	return shown{Title: q.Dataset + " in " + q.Environment, View: out, Style: lotsStyle}, nil
}

// time returns the value of a parameter that is a time.
func (a *ask) time(name string) time.Time { return a.parsed(name, a.one(name)) }

// parsed reads a time of a parameter: one of RFC 3339, a minute, a day, or the id of a lot, which stands for its start.
func (a *ask) parsed(name, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	if l, err := lot.ParseID(text); err == nil {
		return l.Start
	}
	a.fail("%s is no time: write one such as 2026-01-01, 2026-01-01T06:00:00Z or 20260101PT1H006", name)
	return time.Time{}
}

// datasetPageOf returns what the page shows of a dataset.
func datasetPageOf(v report.View, s plan.Series, q datasetQuery, nameless bool) datasetPage {
	newest := s.Unit.At(v.Now).Prev()
	shownAt := newest.Start
	switch {
	case !q.At.IsZero():
		shownAt = q.At
	case !q.Chosen.From.IsZero():
		shownAt = q.Chosen.From
	}
	w := windowOf(s.Unit, shownAt)
	path := datasetPath(q.Environment, q.Dataset)
	at := func(t time.Time) string { return path + "?at=" + t.Format(time.DateOnly) }
	out := datasetPage{Query: q, Path: path, Workload: v.Graph.Producer(s.ID), Unit: s.Unit.String(), Title: w.Title()}
	months := v.Months(s.ID)
	for _, m := range months {
		out.Due, out.Missing = out.Due+m.Due, out.Missing+m.Missing()
	}
	out.Years = yearsOf(months, w, at)
	if l, missing := v.FirstMissing(s.ID); missing {
		out.First = out.link(l.ID())
	}
	if w.From.After(s.Since) {
		out.Earlier = at(w.From.Add(-time.Hour))
	}
	if !w.Until.After(newest.Start) {
		out.Later = at(w.Until)
	}
	out.Grid = gridOf(v, s, w, q.Chosen)
	looked := report.Range{From: w.From, Until: w.Until}
	if !q.Chosen.From.IsZero() || !q.Chosen.Until.IsZero() {
		looked = q.Chosen
		out.chosen(v, s, nameless)
	}
	out.gaps(v.GapsPage(s.ID, looked, maxGaps))
	out.Acts = append(out.Acts, switchActs(q.Environment, out.Workload, nameless)...)
	return out
}

func (p *datasetPage) link(id string) lotLink {
	return lotLink{id, lotPath(p.Query.Environment, p.Query.Dataset, id)}
}

// chosen is the range that is looked at, and what can be done with it.
func (p *datasetPage) chosen(v report.View, s plan.Series, nameless bool) {
	r := p.Query.Chosen
	if kept := v.Kept(s.ID); r.From.Before(s.Since) {
		r.From = kept.From
	}
	if due := s.Unit.At(v.Now).Start; r.Until.IsZero() || r.Until.After(due) {
		r.Until = due
	}
	c := &chosenRange{From: stamp(r.From), Until: stamp(r.Until), Due: lot.Count(s.Unit, r.From, r.Until)}
	c.Missing = c.Due - v.Planner.There(s.ID, r.From, r.Until)
	c.Text = r.From.Format("2006-01-02 15:04") + " to " + r.Until.Format("2006-01-02 15:04 UTC")
	p.Chosen = c
	if c.Due == 0 {
		return
	}
	first := s.Unit.At(r.From)
	if first.Start.Before(r.From) {
		first = first.Next()
	}
	if c.Due == 1 {
		c.One = p.link(first.ID())
	}
	p.Acts = rangeActs(p.Query.Environment, s.ID, p.Workload, r, c.Due, nameless)
	if p.NoReplay = noReplay(v, s.ID); p.NoReplay == "" {
		end := s.Unit.At(r.Until)
		if end.Start.Before(r.Until) {
			end = end.Next()
		}
		p.Replay = replayText(s.ID, first, end.Start, p.Query.Why)
	}
}

func (p *datasetPage) gaps(found report.Page[report.Gap]) {
	p.MoreGaps = found.Next != ""
	for _, g := range found.Items {
		p.Gaps = append(p.Gaps, gapOf(p.Query.Environment, p.Query.Dataset, g))
	}
}

// hide leaves out causes in what the caller does not see.
func (p *datasetPage) hide(sees func(id string) bool) {
	for i, g := range p.Gaps {
		if g.Cause == nil {
			continue
		}
		p.Gaps[i].Why, g.Cause.Why = console.SeenReason(g.Why, sees), console.SeenReason(g.Cause.Why, sees)
		if !sees(g.Cause.Of) {
			p.Gaps[i].Cause = nil
		}
	}
}

func gapOf(environment, dataset string, g report.Gap) gapView {
	link := func(id string) lotLink { return lotLink{id, lotPath(environment, dataset, id)} }
	out := gapView{First: link(g.First), Last: link(g.Last), Lots: g.Lots, Why: line(g.Why, 2*maxMessage), Kind: kindOf(report.Lot{Status: g.Status})}
	if g.Cause != nil {
		out.Cause = &lotCause{Of: g.Cause.Of, Why: line(g.Cause.Why, 2*maxMessage), Lot: lotLink{ID: g.Cause.Lot}}
		if strings.Contains(g.Cause.Of, "@") {
			out.Cause.Lot.Path = lotPath(environment, g.Cause.Of, g.Cause.Lot)
		}
	}
	return out
}

func (p *datasetPage) summary(all []console.DatasetLots, now time.Time) {
	for _, d := range all {
		if d.Environment == p.Query.Environment && d.Dataset == p.Query.Dataset {
			row := lotsRowOf(d, now)
			p.Summary = &row
		}
	}
}

// rangeActs are what can be done about lots of a dataset.
func rangeActs(environment, dataset, workload string, r report.Range, lots int64, nameless bool) (out []act) {
	bounds := fmt.Sprintf(" -e %s --earliest %s --latest %s", environment, stamp(r.From), stamp(r.Until))
	if workload != "" {
		out = append(out, act{
			ID: "act-retry", Right: access.RetryLots, Scope: scopeIn(environment, workload), Label: "Retry", Nameless: nameless,
			Text: "Of " + number.Count(int(lots), "lot") + ", those that have failed are tried again at once, instead of when their pause is over. Lots that are there stay as they are.",
			Path: "/api/v1/workloads" + join(environment) + "/" + escaped(workload) + "/retry", Body: bodyOf(console.RetryAct{From: r.From, Until: r.Until}),
			Command: "trunkline lots retry " + workload + bounds,
		})
	}
	return append(out, act{
		ID: "act-remove", Right: access.RemoveLots, Scope: scopeIn(environment, dataset), Label: "Remove", Nameless: nameless, Grave: true, Rehearsed: true,
		Text: "The manifests of these lots do not count any more; their data stay. What makes them makes them again, unless it is disabled.",
		Path: "/api/v1/lots" + datasetPath(environment, dataset)[len("/lots"):] + "/remove", Body: bodyOf(console.RemoveAct{From: r.From, Until: r.Until}),
		Command: "trunkline lots remove " + dataset + bounds,
	})
}

// scopeIn is the project of a dataset or workload in an environment.
func scopeIn(environment, id string) access.Scope {
	project, _, _ := strings.Cut(id, "/")
	return access.Scope{Project: project, Environment: environment}
}

// escaped returns a path of what is named by a path already.
func escaped(name string) string {
	return strings.TrimPrefix(join(strings.Split(name, "/")...), "/")
}

// switchActs are those of a workload as a whole.
func switchActs(environment, workload string, nameless bool) []act {
	if workload == "" {
		return nil
	}
	at := func(act string) string {
		return "/api/v1/workloads" + join(environment) + "/" + escaped(workload) + "/" + act
	}
	return []act{
		{
			ID: "act-disable", Right: access.SwitchLots, Scope: scopeIn(environment, workload), Label: "Disable the workload", Nameless: nameless, Grave: true, Path: at("disable"), Body: bodyOf(console.RetryAct{}),
			Text:    "No more runs of " + workload + " are started for its lots until it is enabled. What runs just now ends as it does.",
			Command: "trunkline lots disable " + workload + " -e " + environment,
		},
		{
			ID: "act-enable", Right: access.SwitchLots, Scope: scopeIn(environment, workload), Label: "Enable the workload", Nameless: nameless, Path: at("enable"), Body: bodyOf(console.RetryAct{}),
			Text:    workload + " makes its lots again, those that are missing by now among them.",
			Command: "trunkline lots enable " + workload + " -e " + environment,
		},
	}
}
