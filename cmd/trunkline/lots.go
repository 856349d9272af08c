// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/report"
)

// newestLots is how many lots of a dataset are listed if nobody says which.
const newestLots = 24

// newLots is what is done with data that come in lots.
func newLots() *cobra.Command {
	v := &lotsView{}
	var output string
	cmd := &cobra.Command{
		Use:   "lots [PROJECT/DATASET[@VERSION]]",
		Short: "List the lots of datasets, and why one is not there",
		Long: `Lots lists what there is of data that come in lots. It reads the declarations on
disk, or those of --rev, and asks the stores of the environment which manifests
there are. It changes nothing. With --server it asks a running daemon instead,
which also knows which lots are being made, and which could not be.

Without an argument it counts the lots of each dataset, from the first that is
declared on. With a dataset it lists the newest of its lots that have ended, each
with what its manifests say, and why it is not there.

Exit codes: 0 success; 1 something failed, such as a store that does not answer:
what is known is printed all the same; 2 usage error.`,
		Example: `  trunkline lots --env prod
  trunkline lots orders/clean@1 --env prod --earliest 7d
  trunkline lots orders/clean@1 --earliest 2026-01-01 --latest 2026-02-01 -o csv
  trunkline lots --server http://127.0.0.1:8080`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one dataset, or none for all")
			}
			return datasetArg(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.now = time.Now()
			switch {
			case v.asksDaemon() && len(args) == 0:
				return v.keptSummaries(cmd, output)
			case v.asksDaemon():
				return v.keptList(cmd, args[0], output)
			case len(args) == 0:
				return v.summaries(cmd, output)
			}
			return v.list(cmd, args[0], output)
		},
	}
	v.flags(cmd)
	v.remoteFlags(cmd)
	v.rangeFlags(cmd, fmt.Sprintf("(default the first that is declared; of one dataset, the newest %d)", newestLots))
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	cmd.AddCommand(newLotsShow(), newLotsDupes(), newLotsExpired(), newLotsRun(), newLotsRetry(), newLotsRemove(), newLotsEnable(), newLotsDisable(), newLotsEvents())
	return cmd
}

// summaries counts the lots of each dataset.
func (v *lotsView) summaries(cmd *cobra.Command, output string) error {
	print, r, cat, err := prepare(v, cmd, output, summaryTable)
	if err != nil {
		return err
	}
	s, failed := v.open(cmd, cat, nil)
	all := []report.Summary{}
	for _, id := range s.Graph.Datasets() {
		if s.unknown(id) {
			all = append(all, report.Summary{Dataset: id})
			continue
		}
		all = append(all, s.Summarize(id, r))
	}
	return errors.Join(print(cmd.OutOrStdout(), all), s.strays(cmd.ErrOrStderr()), failed)
}

// list lists the lots of a dataset.
func (v *lotsView) list(cmd *cobra.Command, name, output string) error {
	print, r, cat, err := prepare(v, cmd, output, lotTable)
	if err != nil {
		return err
	}
	id, err := v.dataset(cat, name)
	if err != nil {
		return err
	}
	s, err := v.open(cmd, cat, v.upstream(id))
	if s.unknown(id) {
		return err
	}
	if r.From.IsZero() {
		r.From = s.Last(id, newestLots).From
	}
	return errors.Join(print(cmd.OutOrStdout(), s.Lots(id, r)), err)
}

// maxStrays is how many strays are named.
const maxStrays = 10

// strays names what lies among the manifests and counts for nothing.
func (s *seen) strays(w io.Writer) error {
	for i, stray := range s.found.Strays {
		if i == maxStrays {
			return println(w, fmt.Sprintf("warning: and %d more", len(s.found.Strays)-i))
		}
		if err := println(w, fmt.Sprintf("warning: %s does not count: %s", plain(stray.Path), plain(stray.Why.Error()))); err != nil {
			return err
		}
	}
	return nil
}
