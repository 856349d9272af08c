// SPDX-License-Identifier: Apache-2.0

package report

import (
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// Gap is some lots of a dataset in a row that are missing, for one reason.
type Gap struct {
	Dataset string `json:"dataset"`
	// First and Last are the lots at its ends, and Lots is how many there are.
	First string `json:"first"`
	Last  string `json:"last"`
	Lots  int64  `json:"lots"`
	// Status and Why are those of the first lot.
	Status plan.Status `json:"status"`
	Why    string      `json:"why"`
	// Cause is the first cause, upstream; nil if it is the reason itself.
	Cause *Cause `json:"cause,omitempty"`
}

// Cause is why lots upstream are not there.
type Cause struct {
	// Of is the id of the dataset or workload, and Lot the first of the lots.
	Of     string      `json:"of"`
	Lot    string      `json:"lot"`
	Status plan.Status `json:"status"`
	Why    string      `json:"why"`
}

// Gaps are the lots of a dataset that are due and not there, those in a row with one first cause together.
func (v View) Gaps(id string, r Range) []Gap {
	return v.gaps(id, r, func([]Gap, lot.Lot) bool { return true })
}

// gaps finds gaps for as long as more are wanted, which is asked of what was found and of each lot that is missing.
func (v View) gaps(id string, r Range, more func([]Gap, lot.Lot) bool) []Gap {
	out := []Gap{}
	var before lot.Lot
	var kind gapKind
	for l := range v.missing(id, r) {
		if !more(out, l) {
			break
		}
		chain := v.Planner.Cause(id, l)
		now := kindOf(chain)
		if len(out) > 0 && now == kind && before.Next() == l {
			out[len(out)-1].Last = l.ID()
			out[len(out)-1].Lots++
		} else {
			out = append(out, gapOf(id, l, chain))
		}
		before, kind = l, now
	}
	return out
}

// gapKind is what lots of one gap have in common.
type gapKind struct {
	status, last plan.Status
	of, by       string
	attempt      int
}

func kindOf(chain []plan.Reason) gapKind {
	last := chain[len(chain)-1]
	return gapKind{chain[0].Status, last.Status, ofWhat(last), last.By, last.Attempt}
}

// ofWhat is what a reason is about: the workload that has to run, or else the dataset.
func ofWhat(r plan.Reason) string {
	if r.Series != "" {
		return r.Series
	}
	return r.Arc
}

func gapOf(id string, l lot.Lot, chain []plan.Reason) Gap {
	first, last := chain[0], chain[len(chain)-1]
	out := Gap{Dataset: id, First: l.ID(), Last: l.ID(), Lots: 1, Status: first.Status, Why: first.String()}
	if len(chain) > 1 {
		out.Cause = &Cause{Of: ofWhat(last), Lot: last.Lot.ID(), Status: last.Status, Why: last.String()}
	}
	return out
}
