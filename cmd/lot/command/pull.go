// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	params "trunkline.dev/trunkline/api/pull"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/pull"
)

func newPull(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "pull",
		Short: "Fetch data from outside to where it is written, as the params say",
		Long: `Fetches the data of the lot over HTTP or from PostgreSQL, and writes them to the
folder of this attempt, with a manifest. It is what workloads of the blueprint
"pull" run, and reads its params: http or database, filename, maxMiB, retries, to.

What is not whole is not written. A lot of which there are no data is empty.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(func(run given.Run, stores *data.Stores) error { return p.pull(cmd, run, stores) })
		},
	}
}

func (p *program) pull(cmd *cobra.Command, run given.Run, stores *data.Stores) error {
	var values map[string]any
	if err := json.Unmarshal(run.Params, &values); err != nil {
		return fmt.Errorf("the params of the workload: %w", err)
	}
	spec, err := params.Parse(values)
	if err != nil {
		return fmt.Errorf("the params of the workload: %w", err)
	}
	puller, err := pull.New(run, stores, spec, pull.Options{Env: p.env, Log: func(text string) { _, _ = fmt.Fprintln(cmd.ErrOrStderr(), text) }})
	if err != nil {
		return err
	}
	pulled, err := puller.Pull(cmd.Context())
	if err != nil {
		return err
	}
	told := pulled.Told
	if pulled.State != "" {
		told = fmt.Sprintf("%s is %s: %s", run.Lot, pulled.State, told)
	}
	_, err = fmt.Fprintln(cmd.ErrOrStderr(), told)
	return err
}
