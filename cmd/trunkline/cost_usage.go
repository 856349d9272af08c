// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

// spending is what "trunkline cost --since" is asked for.
type spending struct {
	daemon                                                             remote
	since, until                                                       string
	project, environment, owner, cluster, workload, run, lot, currency string
}

func (s *spending) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.since, "since", "", "say what it did cost from that day on: 2026-11-01 or 7d; asks the daemon")
	f.StringVar(&s.until, "until", "", "with --since: and before that day; default: up to now")
	for _, part := range []struct {
		into       *string
		name, what string
	}{
		{&s.project, "project", "project"},
		{&s.environment, "environment", "environment"},
		{&s.owner, "owner", "owner"},
		{&s.cluster, "cluster", "cluster"},
		{&s.workload, "workload", "workload"},
		{&s.run, "run", "run, by the name of its Job"},
		{&s.lot, "lot", "lot"},
	} {
		f.StringVar(part.into, part.name, "", "with --since: only this "+part.what)
	}
	f.StringVar(&s.currency, "currency", "", "with --since: only what is in this currency")
	s.daemon.flags(cmd)
}

// days adds the days that are asked for to a question.
func daysAsked(question url.Values, since, until string, now time.Time) error {
	from, err := parseSince(since, now)
	if err != nil {
		return err
	}
	before := usage.DayOf(now).AddDate(0, 0, 1)
	if until != "" {
		if before, err = time.Parse(time.DateOnly, until); err != nil {
			return usagef("--until %q is not a day: write 2026-01-31", until)
		}
	}
	if !before.After(usage.DayOf(from)) {
		return usagef("--until %s is not after --since %s", before.Format(time.DateOnly), usage.DayOf(from).Format(time.DateOnly))
	}
	question.Set("since", usage.DayOf(from).Format(time.DateOnly))
	question.Set("until", before.Format(time.DateOnly))
	return nil
}

// ask asks the daemon what it did cost, and prints that.
func (s *spending) ask(cmd *cobra.Command, by, output string) error {
	printer, err := spendingFormat(output)
	if err != nil {
		return err
	}
	dimensions, err := usage.ParseDimensions(by)
	if err != nil {
		return usagef("--by: %w", err)
	}
	question := url.Values{}
	for _, d := range dimensions {
		question.Add("by", string(d))
	}
	if err := daysAsked(question, s.since, s.until, time.Now()); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"project": s.project, "environment": s.environment, "owner": s.owner, "cluster": s.cluster, "workload": s.workload, "run": s.run, "lot": s.lot,
		"currency": s.currency,
	} {
		if value != "" {
			question.Set(name, value)
		}
	}
	client, err := s.daemon.client("")
	if err != nil {
		return err
	}
	answer, err := client.Cost(cmd.Context(), question)
	if err != nil {
		return refused(err)
	}
	return printer(cmd.OutOrStdout(), answer)
}

// spendingFormat returns the format that -o asks for.
func spendingFormat(name string) (format[console.CostAnswer], error) {
	switch name {
	case "text", "table":
		return printSpending, nil
	case "json":
		return writeJSON[console.CostAnswer], nil
	case "csv":
		return writeSpending, nil
	}
	return nil, usagef("-o %s: choose table, json or csv", name)
}

// partsOf are what a row is added up by, in the order of the answer.
func partsOf(r console.Costed, by []usage.Dimension) (out []string) {
	for _, d := range by {
		out = append(out, map[usage.Dimension]string{
			usage.ByDay: r.Day, usage.ByCluster: r.Cluster, usage.ByProject: r.Project, usage.ByEnvironment: r.Environment, usage.ByOwner: r.Owner,
			usage.ByWorkload: r.Workload, usage.ByRun: r.Run, usage.ByLot: r.Lot, usage.ByKind: string(r.Kind),
		}[d])
	}
	return out
}

// printSpending prints what it did cost for people.
func printSpending(w io.Writer, a console.CostAnswer) error {
	if len(a.Rows)+len(a.Idle) == 0 {
		if err := println(w, "nothing was counted from "+a.Since+" on and before "+a.Until); err != nil {
			return err
		}
		return printGaps(w, a.Gaps)
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	var header table.Row
	for _, d := range a.By {
		header = append(header, strings.ToUpper(string(d)[:1])+string(d)[1:])
	}
	t.AppendHeader(append(header, "Amount", "Core-hours", "GiB-hours"))
	line := func(parts []string, r console.Costed) {
		var row table.Row
		for _, part := range parts {
			row = append(row, plain(cmp.Or(part, "-")))
		}
		note := ""
		if r.Unpriced > 0 {
			note = fmt.Sprintf(" (%d without a price)", r.Unpriced)
		}
		t.AppendRow(append(row, cents(r.Amount)+" "+a.Currency+note, hours(r.CoreHours, r.UsedCoreHours), hours(r.GiBHours, r.UsedGiBHours)))
	}
	for _, r := range a.Rows {
		line(partsOf(r, a.By), r)
	}
	if err := println(w, t.Render()); err != nil {
		return err
	}
	if err := println(w, fmt.Sprintf("total: %s %s", cents(a.Total), a.Currency)); err != nil {
		return err
	}
	for _, r := range a.Idle {
		on := ""
		if r.Day != "" {
			on = " on " + r.Day
		}
		if err := println(w, plain(fmt.Sprintf("not taken by the platform in %s%s: %s %s", r.Cluster, on, cents(r.Amount), a.Currency))); err != nil {
			return err
		}
	}
	return printGaps(w, a.Gaps)
}

func printGaps(w io.Writer, gaps []usage.Gap) error {
	for _, g := range gaps {
		lost := ""
		if g.Lost > 0 {
			lost = fmt.Sprintf("; %d pods ended meanwhile, nobody knows when", g.Lost)
		}
		if err := println(w, plain(fmt.Sprintf("nobody looked at %s from %s to %s%s", g.Cluster, g.From.Format(time.DateTime), g.Until.Format(time.DateTime), lost))); err != nil {
			return err
		}
	}
	return nil
}

// writeSpending writes a line for each row, with exact amounts.
func writeSpending(out io.Writer, a console.CostAnswer) error {
	w := csv.NewWriter(out)
	var head []string
	for _, d := range a.By {
		head = append(head, string(d))
	}
	lines := [][]string{append(head, "amount", "currency", "spotAmount", "storageAmount", "coreHours", "memoryGiBHours", "usedCoreHours", "usedMemoryGiBHours", "unpriced")}
	for _, r := range a.Rows {
		number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
		lines = append(lines, append(partsOf(r, a.By), r.Amount, a.Currency, cmp.Or(r.Spot, "0"), cmp.Or(r.Storage, "0"),
			number(r.CoreHours), number(r.GiBHours), number(r.UsedCoreHours), number(r.UsedGiBHours), strconv.FormatInt(r.Unpriced, 10)))
	}
	if err := w.WriteAll(lines); err != nil {
		return err
	}
	return w.Error()
}

// cents rounds an amount to two digits behind the point; what is no amount stays as it is.
func cents(amount string) string {
	r, ok := new(big.Rat).SetString(amount)
	if !ok || len(amount) > 40 {
		return plain(amount)
	}
	return strings.Replace(r.FloatString(2), "-0.00", "0.00", 1)
}

// hours says what was requested, and what of it was used where that was measured.
func hours(requested, used float64) string {
	if used == 0 {
		return fmt.Sprintf("%.2f", requested)
	}
	return fmt.Sprintf("%.2f (%.2f used)", requested, used)
}
