// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
)

// document is what [JSON] holds. Amounts are mappings from currencies to decimal texts.
type document struct {
	Platform string        `json:"platform"`
	Revision string        `json:"revision"`
	Base     string        `json:"base,omitempty"`
	Month    cost.Month    `json:"month"`
	Hours    int64         `json:"hours"`
	Currency string        `json:"currency"`
	Total    cost.Sum      `json:"total"`
	By       cost.Group    `json:"by"`
	Parts    []partJSON    `json:"parts"`
	Change   *changeJSON   `json:"change,omitempty"`
	Releases []releaseJSON `json:"releases"`
	Missing  []missingJSON `json:"notEstimated"`
	// ListPrices maps built-in prices that count to the clusters that they count on.
	ListPrices map[string][]string `json:"listPrices,omitempty"`
	Exceeded   []string            `json:"exceededBudgets"`
}

type partJSON struct {
	Name         string   `json:"name"`
	Monthly      cost.Sum `json:"monthly"`
	NotEstimated int      `json:"notEstimated"`
}

type changeJSON struct {
	Before     cost.Sum          `json:"before"`
	After      cost.Sum          `json:"after"`
	Difference cost.Sum          `json:"difference"`
	Parts      []changedPartJSON `json:"parts"`
	Once       []onceJSON        `json:"once"`
	OnceTotal  cost.Sum          `json:"onceTotal"`
	Appeared   []missingJSON     `json:"notEstimatedAnyMore"`
	Gone       []missingJSON     `json:"notEstimatedBefore"`
}

type changedPartJSON struct {
	Name       string   `json:"name"`
	Before     cost.Sum `json:"before"`
	After      cost.Sum `json:"after"`
	Difference cost.Sum `json:"difference"`
}

type onceJSON struct {
	catalog.ReleaseID

	Workload  string    `json:"workload"`
	Object    string    `json:"object"`
	Dataset   string    `json:"dataset,omitempty"`
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Runs      int64     `json:"runs"`
	CoreHours string    `json:"coreHours"`
	Amount    cost.Sum  `json:"amount"`
	// Known says that the amount is an estimate, and AtMost that it is a bound.
	Known  bool `json:"known"`
	AtMost bool `json:"atMost,omitempty"`
}

type releaseJSON struct {
	catalog.ReleaseID

	Owner     string         `json:"owner"`
	Monthly   cost.Sum       `json:"monthly"`
	Failed    bool           `json:"failed,omitempty"`
	Workloads []workloadJSON `json:"workloads"`
}

type workloadJSON struct {
	Name    string     `json:"name"`
	Monthly cost.Sum   `json:"monthly"`
	Lines   []lineJSON `json:"lines,omitempty"`
	Runs    []runJSON  `json:"runs,omitempty"`
}

type lineJSON struct {
	Object   string `json:"object"`
	What     string `json:"what"`
	Quantity string `json:"quantity"`
	Unit     string `json:"unit"`
	Rate     string `json:"rate"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	Spot     bool   `json:"spot,omitempty"`
	From     string `json:"from"`
}

type runJSON struct {
	Object string     `json:"object"`
	By     cost.Basis `json:"by"`
	Count  int64      `json:"count"`
	// Takes is how long a run usually takes, as in "12m0s"; empty if that is not known.
	Takes   string   `json:"takes,omitempty"`
	From    string   `json:"from,omitempty"`
	Each    cost.Sum `json:"each"`
	AtMost  bool     `json:"atMost,omitempty"`
	Dataset string   `json:"dataset,omitempty"`
}

type missingJSON struct {
	catalog.ReleaseID

	Workload string    `json:"workload,omitempty"`
	Object   string    `json:"object,omitempty"`
	Reason   string    `json:"reason"`
	AtMost   *cost.Sum `json:"atMost,omitempty"`
}

func writeJSON(out *bytes.Buffer, r Report) error {
	e := r.Estimate
	doc := document{
		Platform: r.Platform, Revision: r.Revision, Base: r.Base, Month: e.Month(), Hours: e.Month().Hours(), Currency: e.Currency(),
		Total: e.Total(), By: r.By, Parts: []partJSON{}, Releases: []releaseJSON{}, Missing: missingOf(all(e)),
		ListPrices: e.ListPrices(), Exceeded: append([]string{}, r.Exceeded...),
	}
	for _, p := range e.By(r.By) {
		doc.Parts = append(doc.Parts, partJSON{p.Name, p.Monthly, p.Missing})
	}
	for _, rel := range e.Releases() {
		doc.Releases = append(doc.Releases, releaseOf(rel))
	}
	if r.Diff != nil {
		doc.Change = changeOf(*r.Diff, r.By)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doc)
}

func releaseOf(rel *cost.Release) releaseJSON {
	out := releaseJSON{ReleaseID: rel.ID, Owner: rel.Owner, Monthly: rel.Monthly, Failed: rel.Failed, Workloads: []workloadJSON{}}
	for _, w := range rel.Workloads {
		one := workloadJSON{Name: w.Name, Monthly: w.Monthly}
		for _, l := range w.Lines {
			one.Lines = append(one.Lines, lineJSON{
				Object: l.Object, What: l.What, Quantity: decimal(l.Quantity), Unit: l.Unit, Rate: decimal(l.Rate.Price.Amount()),
				Amount: l.Amount.Decimal(cost.Digits), Currency: l.Amount.Currency(), Spot: l.Rate.Spot, From: l.Rate.From,
			})
		}
		for _, run := range w.Runs {
			r := runJSON{Object: run.Object, By: run.By, Count: run.Count, From: run.From, Each: run.Each, AtMost: run.Bounded, Dataset: run.Series.Dataset}
			if run.Known() {
				r.Takes = run.Takes.String()
			}
			one.Runs = append(one.Runs, r)
		}
		out.Workloads = append(out.Workloads, one)
	}
	return out
}

func changeOf(d cost.Diff, by cost.Group) *changeJSON {
	out := &changeJSON{
		Before: d.Before, After: d.After, Difference: d.Difference(), Parts: []changedPartJSON{}, Once: []onceJSON{}, OnceTotal: d.OnceTotal(),
		Appeared: missingOf(d.Appeared), Gone: missingOf(d.Gone),
	}
	for _, c := range d.By(by) {
		out.Parts = append(out.Parts, changedPartJSON{c.Name, c.Before, c.After, c.Difference()})
	}
	for _, o := range d.Once {
		out.Once = append(out.Once, onceJSON{
			ReleaseID: o.Release, Workload: o.Workload, Object: o.Object, Dataset: strings.Join(o.Lots.Datasets, ", "), From: o.Lots.From, Until: o.Lots.Until, Runs: o.Runs,
			CoreHours: decimal(o.CoreHours), Amount: o.Amount, Known: o.Known, AtMost: o.Bounded,
		})
	}
	return out
}

func missingOf(list []cost.Unestimated) []missingJSON {
	out := []missingJSON{}
	for _, m := range list {
		one := missingJSON{ReleaseID: m.Release, Workload: m.Workload, Object: m.Object, Reason: m.Reason}
		if !m.AtMost.IsZero() {
			one.AtMost = &m.AtMost
		}
		out = append(out, one)
	}
	return out
}

// decimal writes a number without zeros at its end; one that has no end is rounded.
func decimal(r *big.Rat) string {
	digits, exact := r.FloatPrec()
	if !exact {
		digits = cost.Digits
	}
	text := r.FloatString(min(digits, 18))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
