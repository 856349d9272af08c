// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/flow/report"
)

// remoteFlags are those of a daemon that is asked instead of the stores.
func (v *lotsView) remoteFlags(cmd *cobra.Command) {
	v.daemon.flags(cmd)
	server := cmd.Flags().Lookup("server")
	server.Usage = "address of a daemon to ask instead of the stores: it also knows what runs and what failed (default none)"
	server.DefValue, v.daemon.server = "", ""
}

// asksDaemon reports whether a daemon is asked, and not the stores.
func (v *lotsView) asksDaemon() bool { return v.daemon.server != "" }

// connect returns a client of the daemon. If a dataset or a lot is asked for, it finds which environment and dataset are meant.
func (v *lotsView) connect(cmd *cobra.Command, name string) (c *client.Client, id string, err error) {
	if v.from.rev != "" {
		return nil, "", usagef("--rev is for what the stores say: a daemon knows the commit that it has accepted")
	}
	if c, err = v.daemon.client(claimed()); err != nil || name == "" {
		return c, "", err
	}
	if v.env == "" {
		if v.env, err = onlyEnvironment(cmd.Context(), c); err != nil {
			return nil, "", err
		}
	}
	id, err = versioned(cmd.Context(), c, name)
	return c, id, err
}

// keptTable prints what there is of datasets as a daemon knows it.
func keptTable(now time.Time) columns[console.DatasetLots] {
	return columns[console.DatasetLots]{
		names: []string{"Dataset", "Environment", "There", "Missing", "Running", "Failed", "Newest", "Note"},
		fields: []string{
			"environment", "dataset", "workload", "unit", "known", "due", "there", "missing", "running", "failed", "oldest", "newest", "lateWith", "lateSince", "disabled",
			"trouble",
		},
		row: func(d console.DatasetLots, paint paintFunc) []string {
			if !d.Known {
				return []string{cell(d.Dataset), cell(d.Environment), paint(text.FgYellow, "unknown"), "", "", "", "", unlisted(d)}
			}
			count := func(n int64, c text.Color) string {
				if n == 0 {
					return "0"
				}
				return paint(c, strconv.FormatInt(n, 10))
			}
			newest := ""
			if d.Newest != "" {
				newest = d.Newest + ", " + age(now, d.NewestEnd) + " ago"
			}
			return []string{
				cell(d.Dataset), cell(d.Environment), fmt.Sprintf("%d of %d", d.There, d.Due), count(d.Missing, text.FgRed), count(int64(d.Running), text.FgYellow),
				count(int64(d.Failed), text.FgRed), newest, noteOf(d),
			}
		},
		values: func(d console.DatasetLots) []string {
			n := func(i int64) string { return strconv.FormatInt(i, 10) }
			out := []string{
				d.Environment, d.Dataset, d.Workload, d.Unit, strconv.FormatBool(d.Known), n(d.Due), n(d.There), n(d.Missing), n(int64(d.Running)), n(int64(d.Failed)),
				d.Oldest, d.Newest, "", "", cell(d.Disabled), cell(d.Trouble),
			}
			if d.Late != nil {
				out[12], out[13] = d.Late.Lot, d.Late.Since.UTC().Format(time.RFC3339)
			}
			return out
		},
		none: "no dataset has lots",
	}
}

// unlisted says why nothing is known of a dataset.
func unlisted(d console.DatasetLots) string {
	if d.Trouble != "" {
		return cell("its store cannot be listed: " + d.Trouble)
	}
	return "its store is still being listed"
}

// noteOf says what is to be seen to of a dataset.
func noteOf(d console.DatasetLots) string {
	var notes []string
	if d.Late != nil {
		notes = append(notes, fmt.Sprintf("late since %s with %s", d.Late.Since.UTC().Format(time.RFC3339), d.Late.Lot))
	}
	if d.Disabled != "" {
		notes = append(notes, d.Workload+" is disabled by "+d.Disabled)
	}
	if d.Refused > 0 {
		notes = append(notes, fmt.Sprintf("%d claimed in vain by tasks of Airflow, the last: %s", d.Refused, d.RefusedWhy))
	}
	if d.Trouble != "" {
		notes = append(notes, "this is from before: "+unlisted(d))
	}
	return cell(strings.Join(notes, "; "))
}

// keptSummaries prints what there is of all datasets, as a daemon knows it.
func (v *lotsView) keptSummaries(cmd *cobra.Command, output string) error {
	print, err := rowsNamed(output, keptTable(v.now))
	if err != nil {
		return err
	}
	if v.earliest != "" || v.latest != "" {
		return usagef("--earliest and --latest are for what the stores say, or for one dataset: a daemon counts all lots")
	}
	c, _, err := v.connect(cmd, "")
	if err != nil {
		return err
	}
	all, err := c.Lots(cmd.Context(), v.env)
	if err != nil {
		return refused(err)
	}
	return print(cmd.OutOrStdout(), all)
}

// keptList prints the lots of a dataset, as a daemon knows them.
func (v *lotsView) keptList(cmd *cobra.Command, name, output string) error {
	print, err := rowsNamed(output, lotTable)
	if err != nil {
		return err
	}
	r, err := v.bounds()
	if err != nil {
		return err
	}
	c, id, err := v.connect(cmd, name)
	if err != nil {
		return err
	}
	newest := ""
	if r.From.IsZero() {
		newest = strconv.Itoa(newestLots)
	}
	all, err := c.LotsOf(cmd.Context(), v.env, id, r, newest)
	if err != nil {
		return refused(err)
	}
	return print(cmd.OutOrStdout(), all)
}

// keptGaps prints what is missing of some datasets, or of all, as a daemon knows it.
func (v *lotsView) keptGaps(cmd *cobra.Command, args []string, output string) error {
	print, err := rowsNamed(output, gapTable)
	if err != nil {
		return err
	}
	r, err := v.bounds()
	if err != nil {
		return err
	}
	c, id, err := v.connect(cmd, strings.Join(args, ""))
	if err != nil {
		return err
	}
	asked := []console.DatasetLots{{Environment: v.env, Dataset: id, Known: true, Missing: 1}}
	if len(args) == 0 {
		if v.env == "" {
			v.env, err = onlyEnvironment(cmd.Context(), c)
			if err != nil {
				return err
			}
		}
		if asked, err = c.Lots(cmd.Context(), v.env); err != nil {
			return refused(err)
		}
	}
	all, unknown := []report.Gap{}, error(nil)
	for _, d := range asked {
		if !d.Known {
			unknown = errors.Join(unknown, fmt.Errorf("what there is of %s is not known yet: %s", d.Dataset, unlisted(d)))
		}
		if !d.Known || d.Missing == 0 {
			continue
		}
		gaps, err := c.Gaps(cmd.Context(), d.Environment, d.Dataset, r)
		if err != nil {
			return refused(err)
		}
		all = append(all, gaps...)
	}
	if unknown != nil {
		known := gapTable
		known.none = "nothing is known to be missing"
		if print, err = rowsNamed(output, known); err != nil {
			return err
		}
	}
	if err := errors.Join(print(cmd.OutOrStdout(), all), unknown); err != nil {
		return err
	}
	if len(all) > 0 {
		return errFindings
	}
	return nil
}

// keptLot prints one lot with its runs, as a daemon knows them.
func (v *lotsView) keptLot(cmd *cobra.Command, name, lotID, output string, log *wantsLog) error {
	print, err := formatNamed(output, printKept)
	if err != nil {
		return err
	}
	c, id, err := v.connect(cmd, name)
	if err != nil {
		return err
	}
	l, err := c.Lot(cmd.Context(), v.env, id, lotID)
	if err != nil {
		return refused(err)
	}
	shown := keptLot{LotShown: l, whole: log.whole}
	if len(l.Runs) > 0 || log.whole || log.attempt != "" {
		shown.shownLog = log.keptLog(cmd.Context(), c, v.env, id, lotID)
	}
	if err := print(cmd.OutOrStdout(), shown); err != nil {
		return err
	}
	if l.State != "complete" && l.State != "empty" {
		return errFindings
	}
	return nil
}

// keptLot is a lot as a daemon knows it, with the log of a run.
type keptLot struct {
	console.LotShown
	shownLog
	// whole is set if all of the log is shown.
	whole bool
}

// printKept prints a lot with its runs for people.
func printKept(w io.Writer, l keptLot) error {
	width := width(w)
	paint := painter(width > 0)
	lines := []string{
		fmt.Sprintf("%s %s in %s", cell(l.Dataset), l.Lot.Lot, cell(l.Environment)), paint(stateColour(l.Status), l.State) + when(l.Written, ", written "+time.RFC3339),
		fitting(width)(0, l.Why),
	}
	lines = append(lines, claimLines(l.Refused, width)...)
	if len(l.Runs) > 0 {
		lines = append(lines, "", "runs of "+cell(l.Workload))
	}
	for _, r := range l.Runs {
		lines = append(lines, runLines(r, width, paint)...)
	}
	lines = append(lines, l.lines(l.whole)...)
	for _, line := range lines {
		if err := println(w, line); err != nil {
			return err
		}
	}
	return nil
}

// runLines say what is known of a run, and where all of its log is while its Job is there.
func runLines(r console.LotRun, width int, paint paintFunc) []string {
	how := paint(text.FgYellow, "running")
	switch {
	case r.Failed:
		how = paint(text.FgRed, "failed")
	case !r.Ended.IsZero():
		how = paint(text.FgGreen, "ended")
	}
	line := cell(r.Attempt) + "  " + how
	if !r.Started.IsZero() {
		line += "  started " + r.Started.UTC().Format(time.RFC3339)
	}
	if !r.Ended.IsZero() {
		line += "  ended " + r.Ended.UTC().Format(time.RFC3339)
	}
	lines := []string{indent(line)}
	if r.Outcome != "" {
		lines = append(lines, "    "+fitting(width)(4, r.Outcome))
	}
	if r.NoLog != "" {
		lines = append(lines, "    "+fitting(width)(4, "its log is not kept: "+r.NoLog))
	}
	if r.Job != "" {
		lines = append(lines, fmt.Sprintf("    kubectl logs -n %s job/%s", cell(r.Namespace), cell(r.Job)))
	}
	return lines
}
