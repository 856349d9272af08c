// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
)

func newDags() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dags",
		Short: "Look into the DAGs that the Airflow of an environment runs",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: log or commit")
		},
	}
	cmd.AddCommand(newDagsLog(), newDagsCommit())
	return cmd
}

func newDagsLog() *cobra.Command {
	var r remote
	of := console.TaskRef{}
	output := ""
	cmd := &cobra.Command{
		Use:   "log PROJECT/DAG [TASK] --env ENVIRONMENT",
		Short: "Show the log of a task that Airflow has run",
		Long: `Log shows what a task of a DAG has written, as the Airflow of the environment has it: the first
and the last part of it, without what is known to be secret. Of what is left out it takes the newest
run, the task that failed first in it, and the last try.

You need the right view-logs on the project in the environment; the daemon logs who read what. A
task that ran in a pod of its own has no log once the pod is gone, unless Airflow writes logs to a
store.

Exit codes: 0 shown; 1 Airflow does not answer, or what is secret is not known; 2 no such DAG, run,
task or log, you may not, or the daemon does not answer.`,
		Example: `  trunkline dags log sales/daily -e dev
  trunkline dags log sales/daily load -e dev --run manual__1 --try 1
  trunkline dags log sales/daily load -e prod --map-index 3`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 || !strings.Contains(args[0], "/") {
				return usagef("name the DAG as PROJECT/DAG, and a task if it is not the one that failed, such as: trunkline dags log sales/daily load -e dev")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of.Project, of.Dag, _ = strings.Cut(args[0], "/")
			if len(args) == 2 {
				of.Task = args[1]
			}
			switch {
			case of.Environment == "":
				return usagef("name the environment with --env")
			case of.Project == "" || of.Dag == "":
				return usagef("%q is not PROJECT/DAG", args[0])
			case of.Index >= 0 && of.Task == "":
				return usagef("--map-index is of a task: name it behind the DAG")
			case of.Try < 0:
				return usagef("--try %d: tries begin with 1", of.Try)
			}
			print, err := formatNamed(output, taskLogShown)
			if err != nil {
				return err
			}
			c, err := r.client(claimed())
			if err != nil {
				return err
			}
			log, err := c.TaskLog(cmd.Context(), of)
			if err != nil {
				return refused(err)
			}
			if output == "table" {
				if err := println(cmd.ErrOrStderr(), taskLogHead(log)); err != nil {
					return err
				}
			}
			return print(cmd.OutOrStdout(), log)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&of.Environment, "env", "e", "", "the environment")
	cmd.Flags().StringVar(&of.Cluster, "cluster", "", "the cluster (default the first of the environment in which the project is)")
	cmd.Flags().StringVar(&of.Run, "run", "", "the id of the run (default the newest one)")
	cmd.Flags().IntVar(&of.Index, "map-index", -1, "the index of a mapped task (default the one that failed first)")
	cmd.Flags().IntVar(&of.Try, "try", 0, "the try (default the last one)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, which is the text; json or yaml")
	return cmd
}

// taskLogHead says which log it is.
func taskLogHead(l console.TaskLog) string {
	task := cell(l.Task)
	if l.Index != nil {
		task += fmt.Sprintf("[%d]", *l.Index)
	}
	head := fmt.Sprintf("%s of the run %s of %s, try %d", task, cell(l.Run), cell(l.Dag), l.Try)
	if l.State != "" {
		head += ": " + cell(l.State)
	}
	return head
}

// taskLogShown writes the text of a log, without what a terminal would obey.
func taskLogShown(w io.Writer, l console.TaskLog) error {
	_, err := io.WriteString(w, readable(l.Text))
	return err
}
