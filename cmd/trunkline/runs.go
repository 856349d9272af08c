// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
)

func newRuns() *cobra.Command {
	var r remote
	env, output := "", ""
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List the remote runs that are there",
		Long: `Runs lists what "trunkline run" has started and is still there, in the projects and
environments that you may see: what is under way, and what was detached and ended
in the last hour.

Exit codes: 0 listed; 2 usage error, or the daemon does not answer.`,
		Example: `  trunkline runs
  trunkline runs -e dev -o json
  trunkline runs logs report-run-k3v9x2ab -f
  trunkline runs cancel report-run-k3v9x2ab`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := rowsNamed(output, runTable(time.Now()))
			if err != nil {
				return err
			}
			c, err := r.client(claimed())
			if err != nil {
				return err
			}
			all, err := c.Runs(cmd.Context(), env)
			if err != nil {
				return refused(err)
			}
			return print(cmd.OutOrStdout(), all)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&env, "env", "e", "", "only those in this environment")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json, yaml, csv or tsv")
	cmd.AddCommand(newRunsLogs(), newRunsCancel())
	return cmd
}

// runTable prints remote runs.
func runTable(now time.Time) columns[console.RemoteRun] {
	how := func(r console.RemoteRun) string {
		switch {
		case r.Ended.IsZero():
			return "running"
		case r.Outcome == "":
			return "ended"
		}
		return r.Outcome
	}
	return columns[console.RemoteRun]{
		names:  []string{"Run", "Workload", "Environment", "Lot", "By", "Started", "State"},
		fields: []string{"run", "project", "workload", "environment", "cluster", "lot", "by", "detached", "started", "ended", "outcome"},
		row: func(r console.RemoteRun, paint paintFunc) []string {
			state := cell(how(r))
			if r.Ended.IsZero() {
				state = paint(text.FgYellow, state)
			}
			return []string{cell(r.Run), cell(r.Project + "/" + r.Workload), cell(r.Environment), cell(r.Lot), cell(r.By), age(now, r.Started) + " ago", state}
		},
		values: func(r console.RemoteRun) []string {
			ended := ""
			if !r.Ended.IsZero() {
				ended = r.Ended.UTC().Format(time.RFC3339)
			}
			return []string{
				r.Run, r.Project, r.Workload, r.Environment, r.Cluster, r.Lot, cell(r.By), strconv.FormatBool(r.Detached), r.Started.UTC().Format(time.RFC3339), ended, cell(r.Outcome),
			}
		},
		none: "no remote run is there",
	}
}

func newRunsLogs() *cobra.Command {
	var a asking
	follow := false
	cmd := &cobra.Command{
		Use:   "logs RUN",
		Short: "Show the log of a remote run",
		Long: `Logs shows the log of a remote run from its first line, and with --follow until it
ends. It does not wait for the run: Ctrl-C ends this command only, and a run that is not detached is
removed a minute after the command that started it is gone.

Exit codes: 0 shown; 1 refused; 2 no such run, or the daemon does not
answer.`,
		Example: "  trunkline runs logs report-run-k3v9x2ab --follow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			ref, err := runNamed(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			end, err := showRun(cmd.Context(), cmd, c, ref, console.Following{Once: !follow})
			if cmd.Context().Err() != nil {
				return &exitError{exitInterrupted}
			}
			if err != nil {
				return err
			}
			return println(cmd.ErrOrStderr(), plain(oneLine(end.Why)))
		},
	}
	a.flags(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until it ends")
	return cmd
}

func newRunsCancel() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a remote run and remove it",
		Long: `Cancel ends a remote run, whoever started it, and removes what is left of it. The
history says who did it.

Exit codes: 0 done; 1 refused; 2 no such run, or the daemon does not answer.`,
		Example: "  trunkline runs cancel report-run-k3v9x2ab",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			ref, err := runNamed(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			done, err := c.CancelRun(cmd.Context(), ref, a.why)
			if err != nil {
				return refused(err)
			}
			return println(cmd.OutOrStdout(), plain(done.Message))
		},
	}
	a.flags(cmd)
	return cmd
}
