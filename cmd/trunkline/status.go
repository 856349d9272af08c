// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/status"
)

func newStatus() *cobra.Command {
	var daemon remote
	var output string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every release is doing",
		Long: `Status asks a running daemon how everything is doing: the newest commit, and for each release
the commit it is at, how applying it went, its health, since when, and what blocks it.

Releases that need attention come first. A release whose cluster does not answer is unknown.

Exit codes: 0 everything is fine; 1 something needs attention; 2 the daemon does not answer.`,
		Example: `  trunkline status
  trunkline status --watch
  trunkline status -o json | jq '.releases[] | select(.health != "healthy")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printer, err := formatNamed(output, func(w io.Writer, p status.Platform) error { return printTable(w, p, width(w)) })
			if err != nil {
				return err
			}
			client, err := daemon.client("")
			if err != nil {
				return err
			}
			if watch {
				return watchStatus(cmd.Context(), client, cmd.OutOrStdout(), printer)
			}
			p, err := client.Status(cmd.Context())
			if err != nil {
				return refused(err)
			}
			if err := printer(cmd.OutOrStdout(), p); err != nil {
				return err
			}
			if !p.Fine() {
				return errFindings
			}
			return nil
		},
	}
	daemon.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print again whenever something changes, until interrupted")
	return cmd
}

// watchPace is the least time between two states that are printed.
const watchPace = 500 * time.Millisecond

// watchStatus prints the state whenever it changes, until ctx ends.
func watchStatus(ctx context.Context, c *client.Client, w io.Writer, printer format[status.Platform]) error {
	printing := false
	_, err := c.Follow(ctx, watchPace, func(p status.Platform) (bool, error) {
		printing = true
		if isTerminal(w) {
			if _, err := io.WriteString(w, "\x1b[H\x1b[2J"); err != nil {
				return true, err
			}
		}
		err := printer(w, p)
		printing = err != nil
		return false, err
	})
	if printing {
		return err
	}
	if ctx.Err() != nil {
		err = nil // interrupted, which is how watching ends
	}
	if err != nil {
		return refused(err)
	}
	return nil
}
