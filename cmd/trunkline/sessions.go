// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
)

func newSessions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "End the sessions of people in browsers",
		Long:  "Sessions ends those of people who have signed on in a browser, before they end by themselves.",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usagef("name a subcommand: end") },
	}
	cmd.AddCommand(newSessionsEnd())
	return cmd
}

func newSessionsEnd() *cobra.Command {
	a := &asking{}
	cmd := &cobra.Command{
		Use:   "end [NAME]",
		Short: "End all sessions of a person at once",
		Long: `End ends all sessions of a person in browsers, at all replicas of the daemon: your own, or those of
someone else if you administer the platform. Tokens are revoked by "trunkline tokens revoke", and
whoever may still sign on at the issuer can begin a new session.`,
		Example: `  trunkline sessions end
  trunkline sessions end eve@acme.example --why "left the company"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			of := console.SessionsEnd{Why: a.why}
			if len(args) > 0 {
				of.Name = args[0]
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			done, err := c.EndSessions(cmd.Context(), of)
			if err != nil {
				return refused(err)
			}
			return println(cmd.OutOrStdout(), plain(done.Message))
		},
	}
	a.flags(cmd)
	return cmd
}
