// SPDX-License-Identifier: Apache-2.0

// Package report puts what is known of lots into what people ask for: how many there are of a dataset, each of them with why it is or is
// not there, and what is missing with its first cause. The columns of a summary are those of Clusterless' "datasets status".
//
// It is pure. Of Trunkline it imports api/lot and flow/plan.
package report

import (
	"iter"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// View is what is asked: what is declared, what is known of it, and when.
type View struct {
	Graph   *plan.Graph
	Planner *plan.Planner
	Now     time.Time
	// Refused is what tasks of Airflow say in vain that they have made.
	Refused Refused
}

// Range bounds lots by where they start: From belongs to it, and Until does not. What is zero does not bound. Lots that have not ended
// are never in it.
type Range struct{ From, Until time.Time }

// Last is the range of the newest lots of a dataset that have ended, at most so many.
func (v View) Last(id string, lots int) Range {
	s, ok := v.Graph.Series(id)
	if !ok {
		return Range{}
	}
	newest := s.Unit.At(v.Now)
	for range lots {
		newest = newest.Prev()
	}
	return Range{From: newest.Start}
}

// lots are those of a dataset that are due, from the first that is declared on.
func (v View) lots(s plan.Series, r Range) iter.Seq[lot.Lot] {
	from, until := v.bounds(s, r)
	return lot.Range(s.Unit, from, until)
}

func (v View) bounds(s plan.Series, r Range) (from, until time.Time) {
	from, until = s.Since, s.Unit.At(v.Now).Start
	if r.From.After(from) {
		from = r.From
	}
	if !r.Until.IsZero() && r.Until.Before(until) {
		until = r.Until
	}
	return from, until
}

// Summary counts the lots of a dataset.
type Summary struct {
	// Dataset is the id, "project/name@version".
	Dataset      string `json:"dataset"`
	TemporalUnit string `json:"temporalUnit"`
	// Earliest and Latest are the first and the last lot that are asked for, and EarliestFound and LatestFound those of them that are
	// there; empty if there is none. The gaps are how many lots are missing before the one and after the other.
	Earliest      string `json:"earliest"`
	EarliestFound string `json:"earliestFound"`
	EarliestGap   int64  `json:"earliestGap"`
	Latest        string `json:"latest"`
	LatestFound   string `json:"latestFound"`
	LatestGap     int64  `json:"latestGap"`
	// Removed, Partial, Empty and Complete count lots by what their manifests say.
	Removed  int64 `json:"removed"`
	Partial  int64 `json:"partial"`
	Empty    int64 `json:"empty"`
	Complete int64 `json:"complete"`
	// TotalFound counts those that are there, Range all that are asked for, and RangeGap those of them that are missing.
	TotalFound int64 `json:"totalFound"`
	Range      int64 `json:"range"`
	RangeGap   int64 `json:"rangeGap"`
	// Known is false if the manifests could not be listed: then nothing is counted.
	Known bool `json:"known"`
}

// Summarize counts the lots of a dataset.
func (v View) Summarize(id string, r Range) Summary {
	s, ok := v.Graph.Series(id)
	if !ok {
		return Summary{Dataset: id}
	}
	out := Summary{Dataset: id, TemporalUnit: s.Unit.String(), Known: true}
	from, until := v.bounds(s, r)
	out.Range = lot.Count(s.Unit, from, until)
	var at int64
	for l := range lot.Range(s.Unit, from, until) {
		if at == 0 {
			out.Earliest = l.ID()
		}
		if at++; at == out.Range {
			out.Latest = l.ID()
		}
		state := v.Planner.Mark(id, l).State
		switch state {
		case plan.Complete:
			out.Complete++
		case plan.Empty:
			out.Empty++
		case plan.Partial:
			out.Partial++
		case plan.Removed:
			out.Removed++
		case plan.None:
		}
		if state.There() {
			if out.TotalFound++; out.TotalFound == 1 {
				out.EarliestFound, out.EarliestGap = l.ID(), at-1
			}
			out.LatestFound, out.LatestGap = l.ID(), out.Range-at
		}
	}
	if out.RangeGap = out.Range - out.TotalFound; out.TotalFound == 0 {
		out.EarliestGap, out.LatestGap = out.Range, out.Range
	}
	return out
}

// Lot is one lot of a dataset.
type Lot struct {
	Lot   string    `json:"lot"`
	Start time.Time `json:"start"`
	// State is what its manifests say: complete, empty, partial, removed or none.
	State string `json:"state"`
	// Written is when the manifest was written; nil if there is none.
	Written *time.Time `json:"written,omitempty"`
	// Status is what becomes of it, and Why says that in words.
	Status plan.Status `json:"status"`
	Why    string      `json:"why"`
	// Refused are the claims of tasks of Airflow that they have made it, of which nothing came.
	Refused []Claim `json:"refused,omitempty"`
}

// Lots are the lots of a dataset, each with why it is there or not.
func (v View) Lots(id string, r Range) []Lot {
	out := []Lot{}
	s, ok := v.Graph.Series(id)
	if !ok {
		return out
	}
	for l := range v.lots(s, r) {
		out = append(out, v.Lot(id, l))
	}
	return out
}

// Lot is one lot of a dataset, with why it is there or not.
func (v View) Lot(id string, l lot.Lot) Lot {
	why := v.Planner.Why(id, l)
	one := Lot{Lot: l.ID(), Start: l.Start, State: why.State.String(), Status: why.Status, Why: why.String(), Refused: v.Refused.Lot(id, l.ID())}
	if !why.Written.IsZero() {
		written := why.Written.UTC()
		one.Written = &written
	}
	return one
}
