// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/report"
)

func newGaps() *cobra.Command {
	v := &lotsView{}
	var output string
	cmd := &cobra.Command{
		Use:   "gaps [PROJECT/DATASET[@VERSION]]",
		Short: "List the lots that are missing, with the first cause of each gap",
		Long: `Gaps lists the lots that are due and not there: of one dataset, or of all that
come in lots. It reads the declarations on disk, or those of --rev, and asks the
stores of the environment which manifests there are. It changes nothing. With --server it asks a running daemon instead,
which also knows which lots are being made, and which could not be.

For each gap it walks upstream, from what a lot waits for to what that waits for,
and names the first cause: what nobody writes, a run that failed, or what is
suspended. Lots in a row with one first cause are one gap.

Exit codes: 0 nothing is missing; 1 something is, or a store does not answer:
what is known is printed all the same; 2 usage error.`,
		Example: `  trunkline gaps --env prod
  trunkline gaps revenue/daily --env prod --earliest 30d
  trunkline gaps -o json | jq -r '.[].cause.of'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one dataset, or none for all")
			}
			return datasetArg(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.now = time.Now()
			if v.asksDaemon() {
				return v.keptGaps(cmd, args, output)
			}
			return v.gaps(cmd, args, output)
		},
	}
	v.flags(cmd)
	v.remoteFlags(cmd)
	v.rangeFlags(cmd, "(default the first that is declared)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	return cmd
}

// gaps lists what is missing.
func (v *lotsView) gaps(cmd *cobra.Command, args []string, output string) error {
	print, r, cat, err := prepare(v, cmd, output, gapTable)
	if err != nil {
		return err
	}
	var asked []string
	if len(args) == 1 {
		id, err := v.dataset(cat, args[0])
		if err != nil {
			return err
		}
		asked = []string{id}
	}
	s, failed := v.open(cmd, cat, v.upstream(asked...))
	if len(s.found.Unknown) > 0 {
		known := gapTable
		known.none = "nothing is known to be missing"
		if print, err = rowsNamed(output, known); err != nil {
			return err
		}
	}
	if asked == nil {
		asked = s.Graph.Datasets()
	}
	all := []report.Gap{}
	for _, id := range asked {
		if !s.unknown(id) {
			all = append(all, s.Gaps(id, r)...)
		}
	}
	if err := errors.Join(print(cmd.OutOrStdout(), all), failed); err != nil {
		return err
	}
	if len(all) > 0 {
		return errFindings
	}
	return nil
}
