// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/spf13/cobra"

// newLots is what is done with data that come in lots.
func newLots() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lots",
		Short: "Work with data that come in lots",
	}
	cmd.AddCommand(newLotsRun())
	return cmd
}
