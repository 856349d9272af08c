// SPDX-License-Identifier: Apache-2.0

package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
)

func newCopy(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "copy",
		Short: "Copy what is read to where it is written, as the params say",
		Long: `Copies the objects of the lots that are read to the folder of this attempt, by
their paths. It is what workloads of the blueprint "copy" run, and reads its
params: from, to, filter, failOnPartialPercent, parallel.

Within one bucket the store itself copies; else the data go through this
program, in parts.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(func(run given.Run, stores *data.Stores) error { return runCopy(cmd, run, stores) })
		},
	}
}

func runCopy(cmd *cobra.Command, run given.Run, stores *data.Stores) error {
	params, err := data.ParseCopy(run.Params)
	if err != nil {
		return err
	}
	in, err := run.Input(params.From)
	if err != nil {
		return err
	}
	to, err := run.Sink(params.To)
	if err != nil {
		return err
	}
	copied, err := stores.Copy(cmd.Context(), in, to.Folder, params)
	if err != nil {
		return err
	}
	partial := copied.Partial()
	told := fmt.Sprintf("%d objects were copied", copied.Objects)
	if to.Store != "" {
		m, err := stores.Tell(cmd.Context(), run, to, partial)
		if err != nil {
			return err
		}
		told = fmt.Sprintf("%s is %s: %s", run.Lot, m.State, told)
	}
	if partial != "" && (copied.Aborted || to.Store == "") {
		return errors.New(partial)
	}
	if partial != "" {
		told = fmt.Sprintf("%s is partial: %s", run.Lot, partial)
	}
	_, err = fmt.Fprintln(cmd.ErrOrStderr(), told)
	return err
}
