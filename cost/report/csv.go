// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/csv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/cost"
)

// writeCSV writes a row for each line of the estimate and for what is not estimated, which has no amount and a note; or, of a
// change, a row for each part and currency, and for what the change costs once.
func writeCSV(out *bytes.Buffer, r Report) error {
	w := csv.NewWriter(out)
	rows := lineRows(r)
	if r.Diff != nil {
		rows = changeRows(r)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = cell(row[i])
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// cell keeps a spreadsheet from taking a text for a formula. Numbers stay what they are.
func cell(s string) string {
	s = clean(s)
	if _, err := strconv.ParseFloat(s, 64); err != nil && strings.ContainsAny(s[:min(1, len(s))], "=+-@") {
		return "'" + s
	}
	return s
}

func lineRows(r Report) [][]string {
	rows := [][]string{{
		"month", "project", "environment", "cluster", "owner", "workload", "object", "what", "quantity", "unit", "rate", "amount", "currency",
		"spot", "rate from", "note",
	}}
	month := r.Estimate.Month().String()
	for _, rel := range r.Estimate.Releases() {
		begin := []string{month, rel.ID.Project, rel.ID.Environment, rel.ID.Cluster, rel.Owner}
		for _, w := range rel.Workloads {
			for _, l := range w.Lines {
				rows = append(rows, slices.Concat(begin, []string{
					w.Name, l.Object, l.What, decimal(l.Quantity), l.Unit, decimal(l.Rate.Price.Amount()), l.Amount.Decimal(cost.Digits),
					l.Amount.Currency(), strconv.FormatBool(l.Rate.Spot), l.Rate.From, "",
				}))
			}
		}
		for _, m := range rel.Missing {
			note := "not estimated: " + m.Reason
			if !m.AtMost.IsZero() {
				note += "; at most " + m.AtMost.Text(r.Estimate.Currency())
			}
			rows = append(rows, slices.Concat(begin, []string{m.Workload, m.Object, "", "", "", "", "", "", "", "", note}))
		}
	}
	return rows
}

func changeRows(r Report) [][]string {
	rows := [][]string{{"month", string(r.By), "currency", "before", "after", "difference", "once", "note"}}
	month := r.Estimate.Month().String()
	for _, c := range r.Diff.By(r.By) {
		for _, currency := range currencies(c.Before, c.After) {
			rows = append(rows, []string{
				month, c.Name, currency, c.Before.In(currency).Decimal(cost.Digits), c.After.In(currency).Decimal(cost.Digits),
				c.Difference().In(currency).Decimal(cost.Digits), "", "",
			})
		}
	}
	for _, o := range r.Diff.Once {
		name := map[cost.Group]string{
			cost.ByProject: o.Release.Project, cost.ByEnvironment: o.Release.Environment, cost.ByCluster: o.Release.Cluster,
			cost.ByRelease: o.Release.String(), cost.ByWorkload: o.Release.String() + " " + o.Workload,
		}[r.By]
		if rel, ok := r.Estimate.Release(o.Release); ok && r.By == cost.ByOwner {
			name = rel.Owner
		}
		for _, currency := range currencies(o.Amount) {
			amount := ""
			if o.Known {
				amount = o.Amount.In(currency).Decimal(cost.Digits)
			}
			rows = append(rows, []string{month, name, currency, "", "", "", amount, Once(o, currency)})
		}
		if o.Amount.IsZero() {
			rows = append(rows, []string{month, name, "", "", "", "", "", Once(o, r.Diff.Currency)})
		}
	}
	for _, m := range r.Diff.Appeared {
		rows = append(rows, []string{month, "", "", "", "", "", "", "not estimated: " + m.Release.String() + " " + m.Workload + " " + m.Object + ": " + m.Reason})
	}
	return rows
}

// currencies are those of sums, in order.
func currencies(sums ...cost.Sum) []string {
	out := map[string]bool{}
	for _, s := range sums {
		for _, m := range s.Parts() {
			out[m.Currency()] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}
