// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/report"
)

const (
	// lotsStyle is the file of styles of the pages of lots.
	lotsStyle = "lots.css"
	// lotsRows is how many datasets a page has.
	lotsRows = 100
	// lotsTimeout bounds how long a page waits for what is known of lots.
	lotsTimeout = 10 * time.Second
)

// lotsQuery is what the page of datasets is asked for.
type lotsQuery struct {
	// Text is a part of the name of a dataset, and State one of [lotsStates].
	Text, Environment, State string
	// Skip is how many come before.
	Skip int
}

// lotsStates are what datasets can be filtered by.
func lotsStates() []string { return []string{"all", "missing", "late", "failed", "disabled"} }

// lotsPage is what the page of datasets shows.
type lotsPage struct {
	Query        lotsQuery
	States       []string
	Environments []string
	// NoKeeper says that the daemon keeps no lots, and Trouble why it is not known what there is.
	NoKeeper       bool
	Trouble        string
	Counts         lotsCounts
	Rows           []lotsRow
	Found          int
	Previous, Next string
}

type lotsCounts struct{ Datasets, Late, Missing, Failed, Disabled int }

// lotsRow is a dataset in an environment.
type lotsRow struct {
	Environment, Dataset, Path, Workload, Unit string
	Badge                                      badge
	Known                                      bool
	Due, There, Missing                        int64
	Running, Failed                            int
	// First is the first lot that is missing, and FirstPath where it is shown; empty: none is, or it is not known.
	First, FirstPath string
	Newest           string
	NewestEnd        moment
	// Note says what is wrong, or who has disabled the workload.
	Note string
	Late moment
}

// firstOf tells which lot of a dataset is the first that is missing, by environment and id.
type firsts map[[2]string]lot.Lot

func showLots(a *ask) (shown, error) {
	q := lotsQuery{Text: a.one("q"), Environment: a.one("environment"), State: a.choice("state", lotsStates()...), Skip: a.number("skip", 0, 1_000_000, 0)}
	out := shown{Title: "Lots", Style: lotsStyle}
	if a.Lots == nil {
		out.View = lotsPage{NoKeeper: true}
		return out, nil
	}
	all, err := a.Lots.Datasets()
	if err != nil {
		trouble, err := asProblem(err)
		if err != nil || trouble.Status != http.StatusServiceUnavailable {
			return out, cmp.Or(err, error(trouble))
		}
		out.View = lotsPage{Query: q, States: lotsStates(), Trouble: trouble.Detail}
		return out, nil
	}
	all = slices.DeleteFunc(all, func(d console.DatasetLots) bool { return !a.sight.Sees(d.Project, d.Environment) })
	v := lotsPageOf(all, q, a.now)
	v.firsts(a.firstMissing(v.Rows))
	if q.Skip > 0 {
		v.Previous = a.with("skip", strconv.Itoa(max(0, q.Skip-lotsRows)))
	}
	if q.Skip+lotsRows < v.Found {
		v.Next = a.with("skip", strconv.Itoa(q.Skip+lotsRows))
	}
	out.View = v
	return out, nil
}

// asProblem returns the answer to an error of the keeper of lots; or the error, if it is our own failure.
func asProblem(err error) (*console.Problem, error) {
	if p, is := errors.AsType[*console.Problem](err); is {
		return p, nil
	}
	for kind, code := range map[error]int{
		console.ErrNotFound: http.StatusNotFound, console.ErrConflict: http.StatusConflict, console.ErrNotKnown: http.StatusServiceUnavailable,
		context.DeadlineExceeded: http.StatusServiceUnavailable,
	} {
		if errors.Is(err, kind) {
			return problemf(code, "%s", err.Error()), nil
		}
	}
	return nil, err
}

// asAnswer is an error as a page answers with it.
func asAnswer(err error) error {
	if p, _ := asProblem(err); p != nil {
		return p
	}
	return err
}

// firstMissing finds the first lots that are missing of the datasets of a page. What is not known yet is left out.
func (a *ask) firstMissing(rows []lotsRow) firsts {
	ctx, cancel := context.WithTimeout(a.request.Context(), lotsTimeout)
	defer cancel()
	out := firsts{}
	asked := map[string][]string{}
	for _, r := range rows {
		if r.Known && r.Missing > 0 {
			asked[r.Environment] = append(asked[r.Environment], r.Dataset)
		}
	}
	for environment, ids := range asked {
		err := a.Lots.View(ctx, environment, func(v report.View) error {
			for _, id := range ids {
				if l, missing := v.FirstMissing(id); missing {
					out[[2]string{environment, id}] = l
				}
			}
			return nil
		})
		if err != nil {
			a.Log.Debug("cannot look at lots", "environment", environment, "err", err.Error())
		}
	}
	return out
}

// lotsPageOf returns what the page shows of the datasets that come in lots.
func lotsPageOf(all []console.DatasetLots, q lotsQuery, now time.Time) lotsPage {
	v := lotsPage{Query: q, States: lotsStates()}
	text := strings.ToLower(q.Text)
	var found []console.DatasetLots
	for _, d := range all {
		v.Environments = append(v.Environments, d.Environment)
		v.Counts.add(d)
		fits := (q.Environment == "" || d.Environment == q.Environment) && inState(d, q.State) &&
			(text == "" || strings.Contains(strings.ToLower(d.Dataset+" "+d.Workload), text))
		if fits {
			found = append(found, d)
		}
	}
	slices.Sort(v.Environments)
	v.Environments = slices.Compact(v.Environments)
	slices.SortFunc(found, func(a, b console.DatasetLots) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(a.Dataset, b.Dataset))
	})
	v.Found = len(found)
	found = found[min(q.Skip, len(found)):]
	for _, d := range found[:min(lotsRows, len(found))] {
		v.Rows = append(v.Rows, lotsRowOf(d, now))
	}
	return v
}

func inState(d console.DatasetLots, state string) bool {
	switch state {
	case "missing":
		return d.Missing > 0
	case "late":
		return d.Late != nil
	case "failed":
		return d.Failed > 0
	case "disabled":
		return d.Disabled != ""
	}
	return true
}

func (c *lotsCounts) add(d console.DatasetLots) {
	c.Datasets++
	for n, state := range map[*int]string{&c.Late: "late", &c.Missing: "missing", &c.Failed: "failed", &c.Disabled: "disabled"} {
		if inState(d, state) {
			*n++
		}
	}
}

func lotsRowOf(d console.DatasetLots, now time.Time) lotsRow {
	r := lotsRow{
		Environment: d.Environment, Dataset: d.Dataset, Path: datasetPath(d.Environment, d.Dataset), Workload: d.Workload, Unit: d.Unit, Known: d.Known,
		Due: d.Due, There: d.There, Missing: d.Missing, Running: d.Running, Failed: d.Failed, Newest: d.Newest, NewestEnd: at(now, d.NewestEnd), Badge: datasetBadge(d),
	}
	if d.Late != nil {
		r.Late = at(now, d.Late.Since)
	}
	switch {
	case d.Trouble != "":
		r.Note = line("its store cannot be listed: "+d.Trouble, maxMessage)
	case d.Refused > 0:
		r.Note = line(refusedText(d), maxMessage)
	case d.Disabled != "":
		r.Note = line("disabled by "+d.Disabled, maxMessage)
	}
	return r
}

// refusedText says what tasks of Airflow said in vain.
func refusedText(d console.DatasetLots) string {
	return number.Count(d.Refused, "event") + " of Airflow came to nothing; the last: " + d.RefusedWhy
}

// datasetBadge says how a dataset is, in a word.
func datasetBadge(d console.DatasetLots) badge {
	switch {
	case d.Trouble != "":
		return badge{bad, "not listed"}
	case !d.Known:
		return badge{unsure, "not known yet"}
	case d.Failed > 0:
		return badge{bad, "failed"}
	case d.Refused > 0:
		return badge{bad, "refused"}
	case d.Late != nil:
		return badge{warn, "late"}
	case d.Disabled != "":
		return badge{idle, "disabled"}
	case d.Running > 0:
		return badge{busy, "running"}
	case d.Missing > 0:
		return badge{waiting, "missing"}
	}
	return badge{good, "complete"}
}

func (v *lotsPage) firsts(of firsts) {
	for i, r := range v.Rows {
		if l, ok := of[[2]string{r.Environment, r.Dataset}]; ok {
			v.Rows[i].First, v.Rows[i].FirstPath = l.ID(), lotPath(r.Environment, r.Dataset, l.ID())
		}
	}
}

// seen are those of some datasets that the caller sees in an environment.
func (a *ask) seen(environment string, ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !a.sees(environment, id) })
}

// sees reports whether the caller sees a dataset or workload in an environment.
func (a *ask) sees(environment, id string) bool {
	project, _, _ := strings.Cut(id, "/")
	return a.sight.Sees(project, environment)
}

// datasetPath is where the lots of a dataset are shown.
func datasetPath(environment, dataset string) string {
	project, name, _ := strings.Cut(dataset, "/")
	return join("lots", environment, project, name)
}

func lotPath(environment, dataset, id string) string {
	return datasetPath(environment, dataset) + join(id)
}
