// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
)

// lotsRemove is what the command that removes lots is asked for.
type lotsRemove struct {
	lotsAct

	data, dry bool
	yes       int
	output    string
}

func newLotsRemove() *cobra.Command {
	var a lotsRemove
	cmd := &cobra.Command{
		Use:   "remove PROJECT/DATASET[@VERSION] [LOT]",
		Short: "Have lots count no longer",
		Long: `Remove has a running daemon retire the manifests of lots, of one or of a range:
readers find them no more, and a record stays of who removed them and why. Their
data stay where they are, unless --data is said: then those go, too, that no other
lot of the dataset lists.

Lots are then made again by the workload that makes them, unless that is disabled
or suspended: disable it first if they are to stay away.

Of a range, and with --data, it only says what would go, until --yes says how many
lots that is: if there are others by then, nothing is removed. No more than 1000 are
removed at once.

Exit codes: 0 removed, or a dry run; 1 refused, such as for lots that are not there,
or not confirmed; 2 no such dataset or lot, or the daemon does not answer.`,
		Example: `  trunkline lots remove orders/clean 20260101PT1H005 -e prod --why "wrong sums"
  trunkline lots remove orders/clean -e prod --earliest 2026-01-01 \
    --latest 2026-01-08 --data --dry-run
  trunkline lots remove orders/clean -e prod --earliest 2026-01-01 \
    --latest 2026-01-08 --data --yes 168`,
		Args: func(_ *cobra.Command, args []string) error {
			switch ranged := a.earliest != "" || a.latest != ""; {
			case len(args) < 1 || len(args) > 2:
				return usagef("name a dataset and a lot, or a range: trunkline lots remove PROJECT/DATASET [LOT]")
			case len(args) == 1 && !ranged:
				return usagef("name a lot, or a range with --earliest and --latest")
			}
			return idArg(args[0])
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.remove(cmd, args, time.Now()) },
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&a.earliest, "earliest", "", "first lot: a time, how long ago (12h, 7d) or a lot's id (default the first that there is)")
	cmd.Flags().StringVar(&a.latest, "latest", "", "where to end: a time, how long ago or a lot's id; that lot does not belong to it (default the last that there is)")
	cmd.Flags().BoolVar(&a.data, "data", false, "remove the data, too, that no other lot of the dataset lists")
	cmd.Flags().BoolVar(&a.dry, "dry-run", false, "only say what would be removed")
	cmd.Flags().IntVar(&a.yes, "yes", 0, "how many lots are to be removed, as the dry run says")
	cmd.Flags().StringVarP(&a.output, "output", "o", "text", "output format: text, json or yaml")
	return cmd
}

// remove removes lots, or says which that would be.
func (a *lotsRemove) remove(cmd *cobra.Command, args []string, now time.Time) error {
	print, err := a.format()
	if err != nil {
		return err
	}
	r, err := a.bounds(args[1:], now)
	if err != nil {
		return err
	}
	body := console.RemoveAct{Why: a.why, Data: a.data, DryRun: a.dry, Lots: a.yes}
	one := ""
	if len(args) == 2 {
		one = args[1]
	} else {
		body.From, body.Until = r.From, r.Until
	}
	c, err := a.connect(cmd.Context())
	if err != nil {
		return err
	}
	id, err := versioned(cmd.Context(), c, args[0])
	if err != nil {
		return err
	}
	asks := (one == "" || a.data) && a.yes == 0 && !a.dry
	body.DryRun = body.DryRun || asks
	done, err := c.RemoveLots(cmd.Context(), a.env, id, one, body)
	if err != nil {
		return refused(err)
	}
	if err := print(cmd.OutOrStdout(), done); err != nil {
		return err
	}
	if asks {
		return fmt.Errorf("nothing is removed yet: say --yes %d if that is what is meant", done.Lots)
	}
	return nil
}

func sayOutcome(w io.Writer, done console.LotOutcome) error { return println(w, plain(done.Message)) }

// format is how it is said what comes of it.
func (a *lotsRemove) format() (format[console.LotOutcome], error) {
	switch a.output {
	case "text":
		return sayOutcome, nil
	case "json":
		return writeJSON[console.LotOutcome], nil
	case "yaml":
		return writeYAML[console.LotOutcome], nil
	}
	return nil, usagef("-o %s: choose text, json or yaml", a.output)
}
