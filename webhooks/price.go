// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"fmt"
	"math/big"
	"strings"

	"trunkline.dev/trunkline/cost"
	costs "trunkline.dev/trunkline/cost/report"
	"trunkline.dev/trunkline/evaluate"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxParts is how many parts of the costs are told, and of what is not estimated.
	maxParts = 20
	// A change that makes the platform dearer by a jumpShare of what it costs, and at least by jumpLeast, is told first.
	jumpShare, jumpLeast = 5, 10
)

// costOf says what a change makes of the costs; nil if it changes none, or if they are not known. What comes to less than is
// written of an amount is left out: a job that costs a tenth of a cent is nothing that a reviewer weighs.
func costOf(c *change, merged lots.Merged) *report.Cost {
	d, known := evaluate.Costs(c.base, c.head, merged)
	if !known || d.IsZero() {
		return nil
	}
	out := &report.Cost{
		Before: d.Before.Text(d.Currency), After: d.After.Text(d.Currency), Change: signed(d.Difference(), d.Currency), Jumps: jumps(d),
	}
	for _, p := range d.By(cost.ByProject) {
		if len(out.Parts) == maxParts {
			break
		}
		if negligible(p.Difference(), d.Currency) {
			continue
		}
		out.Parts = append(out.Parts, report.CostPart{What: p.Name, Change: signed(p.Difference(), d.Currency)})
	}
	for _, o := range d.Once {
		if len(out.Once) == maxParts {
			break
		}
		if (o.Known || o.Bounded) && negligible(o.Amount, d.Currency) {
			continue
		}
		amount, what, _ := strings.Cut(costs.Once(o, d.Currency), ": ")
		out.Once = append(out.Once, report.CostPart{What: what, Change: amount})
	}
	for _, u := range d.Appeared {
		if len(out.Unknown) == maxParts {
			out.Unknown = append(out.Unknown, fmt.Sprintf("%d more", len(d.Appeared)-maxParts))
			break
		}
		out.Unknown = append(out.Unknown, unestimated(u))
	}
	if negligible(d.Difference(), d.Currency) && len(out.Parts)+len(out.Once)+len(out.Unknown) == 0 {
		return nil
	}
	return out
}

// negligible reports whether an amount is written as nothing.
func negligible(s cost.Sum, currency string) bool {
	return strings.TrimPrefix(s.Text(currency), "-") == cost.Sum{}.Text(currency)
}

// unestimated says what is not estimated, and why.
func unestimated(u cost.Unestimated) string {
	what := u.Release.String()
	if u.Workload != "" {
		what += ", workload " + u.Workload
	}
	if u.Object != "" {
		what += ", " + u.Object
	}
	return what + ": " + u.Reason
}

// signed writes a difference with its sign.
func signed(s cost.Sum, currency string) string {
	if s.In(currency).Amount().Sign() > 0 {
		return "+" + s.Text(currency)
	}
	return s.Text(currency)
}

// jumps reports whether a change makes the platform much dearer, in its own currency.
func jumps(d cost.Diff) bool {
	more := d.Difference().In(d.Currency).Amount()
	share := new(big.Rat).Mul(more, big.NewRat(jumpShare, 1))
	return more.Cmp(big.NewRat(jumpLeast, 1)) >= 0 && share.Cmp(d.Before.In(d.Currency).Amount()) >= 0
}
