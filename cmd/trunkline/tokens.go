// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/console"
)

// decodePart decodes a part of a token.
func decodePart(part string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(part) }

func newTokens() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokens",
		Short: "Make, list and revoke tokens of your own and of projects",
		Long: `Tokens makes tokens for programs. One of your own may do what you may, or less; one of a project
works on that project, in the environments in which it is bound.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokensCreate(), newTokensList(), newTokensRevoke())
	return cmd
}

func newTokensCreate() *cobra.Command {
	r := &remote{}
	var q console.TokenRequest
	var rights []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token",
		Long: `Create makes a token, and prints it once: the daemon keeps only its hash. What it is for can be
bounded to rights, projects and environments.`,
		Example: `  trunkline tokens create laptop --right view --days 30
  trunkline tokens create ci --project orders`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Name = args[0]
			for _, right := range rights {
				q.Rights = append(q.Rights, access.Right(right))
			}
			c, err := r.client("")
			if err != nil {
				return err
			}
			made, err := c.CreateToken(cmd.Context(), q)
			if err != nil {
				return refused(err)
			}
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s acts as %s until %s; this is the only time that it is shown\n",
				plain(made.Name), plain(made.Owner), made.Expires.Format(time.DateOnly))
			return println(cmd.OutOrStdout(), made.Secret)
		},
	}
	r.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&q.Project, "project", "", "make it one of this project, and not your own")
	f.StringArrayVar(&rights, "right", nil, "a right that it is for; repeat for each; default: all of its owner's")
	f.StringArrayVar(&q.Projects, "only-project", nil, "a project that it is for; repeat for each; default: all")
	f.StringArrayVar(&q.Environments, "only-environment", nil, "an environment that it is for; repeat for each; default: all")
	f.IntVar(&q.Days, "days", int(tokens.DefaultLife.Hours()/24), "how many days it is good for, 366 at most")
	return cmd
}

func newTokensList() *cobra.Command {
	r := &remote{}
	output := ""
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens that you may revoke",
		Long:  "List shows your own tokens, those of projects that you administer, and of all for who administers the platform.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show, err := formatNamed(output, writeTokens)
			if err != nil {
				return err
			}
			c, err := r.client("")
			if err != nil {
				return err
			}
			all, err := c.Tokens(cmd.Context())
			if err != nil {
				return refused(err)
			}
			return show(cmd.OutOrStdout(), all)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}

func writeTokens(w io.Writer, all []tokens.Token) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "ID\tNAME\tACTS AS\tFOR\tEXPIRES\tLAST USED\tREVOKED")
	day := func(at time.Time) string {
		if at.IsZero() {
			return "-"
		}
		return at.Format(time.DateOnly)
	}
	for _, token := range all {
		var what []string
		for _, right := range token.Rights {
			what = append(what, string(right))
		}
		what = append(append(what, token.Projects...), token.Environments...)
		if len(what) == 0 {
			what = []string{"everything of its owner"}
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(token.ID), plain(token.Name), plain(token.Owner), plain(strings.Join(what, ",")),
			day(token.Expires), day(token.Used), day(token.Revoked))
	}
	return t.Flush()
}

func newTokensRevoke() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token at once",
		Long:  "Revoke ends a token at once, at all replicas of the daemon.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client("")
			if err != nil {
				return err
			}
			done, err := c.RevokeToken(cmd.Context(), args[0])
			if err != nil {
				return refused(err)
			}
			return println(cmd.OutOrStdout(), plain(done.Message))
		},
	}
	r.flags(cmd)
	return cmd
}
