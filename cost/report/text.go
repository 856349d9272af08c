// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline.dev/trunkline/cost"
)

const (
	defaultColumns = 80
	// minColumns is what every terminal has: amounts are not cut.
	minColumns = 80
	// perReason is how many things that are not estimated are named for each reason.
	perReason = 12
)

// text writes a report for people.
type text struct {
	out     *bytes.Buffer
	columns int
	Report
}

func writeText(out *bytes.Buffer, r Report, columns int) {
	t := text{out, max(cmp.Or(columns, defaultColumns), minColumns), r}
	m := r.Estimate.Month()
	t.line(0, fmt.Sprintf("%s in %s (%d hours), by %s", clean(r.Platform), m.Name(), m.Hours(), r.By))
	if r.Diff != nil {
		t.line(0, fmt.Sprintf("from %s to %s", clean(r.Base), clean(r.Revision)))
	}
	t.out.WriteByte('\n')
	if r.Diff != nil {
		t.difference()
		t.once()
		t.missing(r.Diff.Appeared, "not estimated any more, or for the first time")
		t.missing(r.Diff.Gone, "not estimated before")
	} else {
		t.parts()
		t.byChange()
		t.missing(all(r.Estimate), "not estimated")
	}
	t.prices()
	for i, exceeded := range r.Exceeded {
		if i == 0 {
			t.out.WriteByte('\n')
		}
		t.line(0, "over budget: "+clean(exceeded))
	}
}

// line writes a text in as many lines as it takes; all but the first are indented further.
func (t *text) line(indent int, s string) {
	begin, rest := strings.Repeat(" ", indent), strings.Repeat(" ", indent+2)
	line := begin
	for i, word := range strings.Fields(s) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > t.columns:
			t.out.WriteString(line + "\n")
			line = rest + word
		default:
			line += " " + word
		}
	}
	t.out.WriteString(line + "\n")
}

// table writes a name and columns of amounts, which are aligned to the right. A name that does not fit is cut.
func (t *text) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	taken := 0
	for _, w := range widths[1:] {
		taken += w + 2
	}
	widths[0] = min(widths[0], max(t.columns-taken, 16))
	for _, row := range rows {
		name := row[0]
		if utf8.RuneCountInString(name) > widths[0] {
			name = string([]rune(name)[:widths[0]-1]) + "…"
		}
		cells := []string{pad(name, widths[0], false)}
		for i, cell := range row[1:] {
			cells = append(cells, pad(cell, widths[i+1], true))
		}
		t.out.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
}

func pad(s string, width int, left bool) string {
	blanks := strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
	if left {
		return blanks + s
	}
	return s + blanks
}

// rows writes sums side by side, a row for each of their currencies.
func (t *text) rows(name string, last string, signed int, sums ...cost.Sum) (out [][]string) {
	currencies := map[string]bool{}
	for _, s := range sums {
		for _, m := range s.Parts() {
			currencies[m.Currency()] = true
		}
	}
	if len(currencies) == 0 {
		currencies[t.Estimate.Currency()] = true
	}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		row := []string{name}
		for i, s := range sums {
			amount := s.In(currency).String()
			if i == signed && !strings.HasPrefix(amount, "-") {
				amount = "+" + amount
			}
			row = append(row, amount)
		}
		out = append(out, append(row, last))
		name, last = "", ""
	}
	return out
}

// parts writes what each part costs, and what all cost together.
func (t *text) parts() {
	rows := [][]string{{strings.ToUpper(string(t.By)), "A MONTH", ""}}
	partial := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("+ %d not estimated", n)
	}
	for _, p := range t.Estimate.By(t.By) {
		rows = append(rows, t.rows(clean(p.Name), partial(p.Missing), -1, p.Monthly)...)
	}
	t.table(append(rows, t.rows("total", partial(t.Estimate.Missing()), -1, t.Estimate.Total())...))
}

// byChange says how many objects cost nothing, since they run only when they change.
func (t *text) byChange() {
	n := int64(0)
	for _, r := range t.Estimate.Releases() {
		for _, w := range r.Workloads {
			for _, run := range w.Runs {
				if run.By == cost.ByChange {
					n++
				}
			}
		}
	}
	if n > 0 {
		t.out.WriteByte('\n')
		t.line(0, fmt.Sprintf("run once, when they change, and are no cost of a month: %d %s", n, plural("object", n)))
	}
}

// difference writes what costs more or less than before.
func (t *text) difference() {
	rows := [][]string{{strings.ToUpper(string(t.By)), "BEFORE", "AFTER", "CHANGE", ""}}
	for _, c := range t.Diff.By(t.By) {
		rows = append(rows, t.rows(clean(c.Name), "", 2, c.Before, c.After, c.Difference())...)
	}
	if len(rows) == 1 {
		t.line(0, "nothing costs more or less in a month than before")
		rows = nil
	}
	rows = append(rows, t.rows("total", "", 2, t.Diff.Before, t.Diff.After, t.Diff.Difference())...)
	t.table(rows)
}

// once writes what the change costs once.
func (t *text) once() {
	if len(t.Diff.Once) == 0 {
		return
	}
	t.out.WriteByte('\n')
	t.line(0, "once: "+t.Diff.OnceTotal().Text(t.Diff.Currency))
	for _, o := range t.Diff.Once {
		t.line(2, Once(o, t.Diff.Currency))
	}
}

// Once says in a sentence what a change costs once, as in "12.40 USD: 24 lots of orders/raw@1 …". It may hold names from the
// repository.
func Once(o cost.Once, currency string) string {
	amount := o.Amount.Text(currency)
	switch {
	case !o.Known && o.Bounded:
		amount = "at most " + amount
	case !o.Known:
		amount = "not known, since nobody says how long a run takes"
	}
	what := clean(o.Object) + " runs"
	if o.Lots.Count > 0 {
		what = fmt.Sprintf("%d %s of %s", o.Runs, plural("lot", o.Runs), clean(strings.Join(o.Lots.Datasets, ", ")))
	}
	out := fmt.Sprintf("%s: %s, by %s of %s", amount, what, clean(o.Workload), o.Release)
	if o.Known || o.Bounded {
		out += fmt.Sprintf(" (%s core-hours)", strings.TrimSuffix(o.CoreHours.FloatString(2), ".00"))
	}
	return out
}

func plural(word string, n int64) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// all is everything that is not estimated.
func all(e *cost.Estimate) (out []cost.Unestimated) {
	for _, r := range e.Releases() {
		for _, m := range r.Missing {
			out = append(out, cost.Unestimated{Release: r.ID, Missing: m})
		}
	}
	return out
}

// missing writes what is not estimated, put together by the reason.
func (t *text) missing(list []cost.Unestimated, title string) {
	if len(list) == 0 {
		return
	}
	t.out.WriteByte('\n')
	t.line(0, fmt.Sprintf("%s: %d", title, len(list)))
	var reasons []string
	of := map[string][]cost.Unestimated{}
	for _, m := range list {
		if reason := clean(m.Reason); of[reason] == nil {
			reasons = append(reasons, reason)
		}
		of[clean(m.Reason)] = append(of[clean(m.Reason)], m)
	}
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(len(of[b]), len(of[a])) })
	for _, reason := range reasons {
		t.line(2, reason)
		for i, m := range of[reason] {
			if i == perReason {
				t.line(4, fmt.Sprintf("… and %d more; -o json has all", len(of[reason])-i))
				break
			}
			name := strings.Join(strings.Fields(fmt.Sprint(m.Release, " ", clean(m.Workload), " ", clean(m.Object))), " ")
			if !m.AtMost.IsZero() {
				name += ": at most " + m.AtMost.Text(t.Estimate.Currency())
			}
			t.line(4, name)
		}
	}
}

// prices says which prices are not the platform's own.
func (t *text) prices() {
	prices := t.Estimate.ListPrices()
	for i, origin := range slices.Sorted(maps.Keys(prices)) {
		if i == 0 {
			t.out.WriteByte('\n')
		}
		clusters := prices[origin]
		if len(clusters) > perReason {
			clusters = append(slices.Clone(clusters[:perReason]), fmt.Sprintf("%d more", len(clusters)-perReason))
		}
		t.line(0, fmt.Sprintf("prices on %s: %s; set spec.rates to what you pay", strings.Join(clusters, ", "), origin))
	}
}
