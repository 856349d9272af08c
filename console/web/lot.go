// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/report"
)

// maxPlots is of how many attempts the page shows what they used.
const maxPlots = 3

// maxClaims is how many of the claims that were refused are shown: the last.
const maxClaims = 10

// maxNear is how many lots that a lot is made of, or that are made of it, are shown for each dataset.
const maxNear = 24

// lotPage is what the page of a lot shows.
type lotPage struct {
	Environment, Dataset, DatasetPath, ID string
	Start, End                            string
	Workload                              string
	Kind                                  lotKind
	Manifest                              string
	Written                               moment
	Why                                   string
	// Causes are the reasons upstream, the first cause last; empty: the reason is that itself.
	Causes []lotCause
	// Claims are what tasks of Airflow say in vain of it, and ClaimRemedy is what to do.
	Claims      []claimView
	ClaimRemedy string
	Inputs      []nearLots
	Outputs     []nearLots
	// Cost is what all runs did cost; empty: that is not known, or not the viewer's to see.
	Cost           string
	Runs           []runView
	RunsTrouble    string
	Acts           []act
	Earlier, Later lotLink
	Log            logBox
}

// logBox is where a log is shown.
type logBox struct {
	// Address is where the API has it, and Nameless whether who asks has to say who they are.
	Address  string
	Nameless bool
	// Follows has it read again while it is open: there may be more of it soon.
	Follows bool
}

// claimView is what a task of Airflow says in vain.
type claimView struct {
	ID, By, Run, Why string
	At               moment
}

// claimsView are claims, as far as there is room.
func claimsView(all []report.Claim, now time.Time) (out []claimView) {
	for _, c := range all[max(0, len(all)-maxClaims):] {
		out = append(out, claimView{line(c.ID, maxMessage), line(c.By(), maxMessage), line(c.Run, maxMessage), line(c.Why, 2*maxMessage), at(now, c.At)})
	}
	return out
}

// nearLots are lots of a dataset that the lot is made of, or that are made of it.
type nearLots struct {
	Role, Of, Path string
	Lots           []nearLot
	More           int
}

type nearLot struct {
	lotLink
	Kind lotKind
}

// runView is a run of a lot.
type runView struct {
	Attempt, Where, Path string
	Job, Cost            string
	// Plots are the CPU and memory that it used; empty: that was not measured.
	Plots          []template.HTML
	Badge          badge
	Started, Ended moment
	Took           string
	Outcome, NoLog string
}

func showLot(a *ask) (shown, error) {
	if a.Lots == nil {
		return shown{}, problemf(http.StatusNotFound, "this daemon keeps no lots")
	}
	environment, dataset := a.request.PathValue("environment"), a.request.PathValue("project")+"/"+a.request.PathValue("dataset")
	l, err := lot.ParseID(a.request.PathValue("lot"))
	if err != nil {
		return shown{}, problemf(http.StatusNotFound, "there is no lot %s: %s", quoted(a.request.PathValue("lot")), err.Error())
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), lotsTimeout)
	defer cancel()
	var out lotPage
	err = a.Lots.View(ctx, environment, func(v report.View) error {
		s, ok := v.Graph.Series(dataset)
		switch {
		case !ok:
			return unknown("dataset with lots", dataset, a.seen(environment, v.Graph.Datasets()))
		case s.Unit != l.Unit:
			return problemf(http.StatusNotFound, "%s is no lot of %s, whose lots are %s", l, dataset, s.Unit)
		}
		out = lotPageOf(v, environment, dataset, l, a.nameless())
		out.Acts = a.may(out.Acts)
		out.near(v, l, func(id string) bool { return a.sees(environment, id) })
		out.hide(func(id string) bool { return a.sees(environment, id) })
		return nil
	})
	if err != nil {
		return shown{}, asAnswer(err)
	}
	runs, err := a.Lots.Runs(ctx, environment, dataset, l)
	if err != nil {
		trouble, err := asProblem(err)
		if err != nil {
			return shown{}, err
		}
		out.RunsTrouble = trouble.Detail
	}
	out.Runs = runsView(runs, environment, out.Workload, l, a.now)
	by, together := a.lotCosts(ctx, a.request.PathValue("project"), environment, l.ID())
	out.Cost = together
	for i := range out.Runs {
		r := &out.Runs[i]
		r.Cost = by[r.Job]
		if a.Costs == nil || r.Job == "" || i >= maxPlots {
			continue
		}
		if samples, err := a.Costs.Samples(ctx, a.request.PathValue("project"), environment, r.Job); err == nil {
			r.Plots = runPlots(samples)
		}
	}
	return shown{Title: l.ID() + " of " + dataset, View: out, Style: lotsStyle}, nil
}

// lotPageOf returns what the page shows of a lot.
// hide leaves out what names something that the caller does not see.
func (p *lotPage) hide(sees func(id string) bool) {
	if len(p.Causes) > 0 {
		p.Why = console.SeenReason(p.Why, sees)
	}
	for i, c := range p.Causes {
		p.Causes[i].Why = console.SeenReason(c.Why, sees)
	}
	p.Causes = slices.DeleteFunc(p.Causes, func(c lotCause) bool { return !sees(c.Of) })
}

func lotPageOf(v report.View, environment, dataset string, l lot.Lot, nameless bool) lotPage {
	one, link := v.Lot(dataset, l), func(l lot.Lot) lotLink {
		if l.IsZero() {
			return lotLink{}
		}
		return lotLink{l.ID(), lotPath(environment, dataset, l.ID())}
	}
	out := lotPage{
		Environment: environment, Dataset: dataset, DatasetPath: datasetPath(environment, dataset), ID: l.ID(), Start: l.Start.Format("2006-01-02 15:04"),
		End: l.End().Format("2006-01-02 15:04 UTC"), Workload: v.Graph.Producer(dataset), Kind: kindOf(one), Manifest: one.State, Why: line(one.Why, 4*maxMessage),
		Log: logBox{Address: "/api/v1" + lotPath(environment, dataset, l.ID()) + "/log", Nameless: nameless}, Earlier: link(l.Prev()),
	}
	if l.Next().Start.Before(v.Now) {
		out.Later = link(l.Next())
	}
	out.Claims, out.ClaimRemedy = claimsView(one.Refused, v.Now), report.ClaimRemedy
	if one.Written != nil {
		out.Written = at(v.Now, *one.Written)
	}
	for _, r := range v.Planner.Cause(dataset, l)[1:] {
		c := lotCause{Of: r.Series, Why: line(r.String(), 2*maxMessage), Lot: lotLink{ID: r.Lot.ID()}}
		if r.Series != "" {
			c.Lot.Path = lotPath(environment, r.Series, r.Lot.ID())
		} else {
			c.Of = r.Arc
		}
		out.Causes = append(out.Causes, c)
	}
	r := report.Range{From: l.Start, Until: l.End()}
	out.Acts = rangeActs(environment, dataset, out.Workload, r, 1, nameless)
	return out
}

// near finds what the lot is made of, and what is made of it, of the datasets that the caller sees.
func (p *lotPage) near(v report.View, l lot.Lot, sees func(id string) bool) {
	some := func(role, id string, lots []lot.Lot) nearLots {
		out := nearLots{Role: role, Of: id, Path: datasetPath(p.Environment, id), More: max(0, len(lots)-maxNear)}
		for _, l := range lots[out.More:] {
			out.Lots = append(out.Lots, nearLot{lotLink{l.ID(), lotPath(p.Environment, id, l.ID())}, kindOf(v.Lot(id, l))})
		}
		return out
	}
	if arc, ok := v.Graph.Arc(p.Workload); ok {
		series := map[string]string{}
		for _, r := range arc.Reads {
			series[r.Role] = r.Series
		}
		inputs := v.Graph.Inputs(p.Workload, l)
		for _, role := range slices.Sorted(maps.Keys(inputs)) {
			if !sees(series[role]) {
				continue
			}
			p.Inputs = append(p.Inputs, some(role, series[role], inputs[role]))
		}
	}
	made := map[string][]lot.Lot{}
	for _, m := range v.Graph.Dependents(p.Dataset, l) {
		if arc, ok := v.Graph.Arc(m.Arc); ok {
			for _, id := range arc.Writes {
				made[id] = append(made[id], m.Lot)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(made)) {
		if !sees(id) {
			continue
		}
		p.Outputs = append(p.Outputs, some(v.Graph.Producer(id), id, made[id]))
	}
}

// runsView are the runs of a lot, the newest first.
func runsView(all []console.LotRun, environment, workload string, l lot.Lot, now time.Time) (out []runView) {
	for _, r := range slices.Backward(all) {
		v := runView{Attempt: r.Attempt, Job: r.Job, Started: at(now, r.Started), Ended: at(now, r.Ended), Outcome: line(r.Outcome, 4*maxMessage), NoLog: line(r.NoLog, maxMessage)}
		if workload != "" {
			v.Path = runPath(environment, workload, l.ID()+"."+r.Attempt)
		}
		if r.Job != "" {
			v.Where = strings.TrimPrefix(r.Namespace+"/"+r.Job, "/")
		}
		v.Badge, v.Took = runBadge(r.Failed, r.Ended), tookOf(r.Started, r.Ended)
		out = append(out, v)
	}
	return out
}

// runBadge says how a run is.
func runBadge(failed bool, ended time.Time) badge {
	switch {
	case failed:
		return badge{bad, "failed"}
	case ended.IsZero():
		return badge{busy, "running"}
	default:
		return badge{good, "done"}
	}
}

// tookOf says how long something took; empty if that is not known.
func tookOf(started, ended time.Time) string {
	if started.IsZero() || ended.IsZero() || ended.Before(started) {
		return ""
	}
	return span(ended.Sub(started))
}
