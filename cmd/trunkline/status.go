package main

import (
	"context"
	"errors"
	"io"

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
the commit it is at, how applying it went, its health, since when, and what is in the way.

It ends with 0 if everything is fine, and with 1 if there is something to look at.`,
		Example: `  trunkline status
  trunkline status --watch
  trunkline status -o json | jq '.releases[] | select(.health != "healthy")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printer, err := formatNamed(output, func(w io.Writer, p status.Platform) error { return printTable(w, p, width(w)) })
			if err != nil {
				return err
			}
			client, err := daemon.client()
			if err != nil {
				return err
			}
			if watch {
				return watchStatus(cmd.Context(), client, cmd.OutOrStdout(), printer)
			}
			p, err := client.Status(cmd.Context(), -1)
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
	cmd.Flags().StringVarP(&output, "output", "o", "table", "how to print: table, json or yaml")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print again whenever something changes, until interrupted")
	return cmd
}

// watchStatus prints the state whenever it changes, until ctx ends.
func watchStatus(ctx context.Context, c *client.Client, w io.Writer, printer format[status.Platform]) error {
	after := int64(-1)
	for {
		p, err := c.Status(ctx, after)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // interrupted, which is how watching ends
		}
		if err != nil {
			return refused(err)
		}
		if p.Revision == after {
			continue
		}
		after = p.Revision
		if isTerminal(w) {
			if _, err := io.WriteString(w, "\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := printer(w, p); err != nil {
			return err
		}
	}
}
