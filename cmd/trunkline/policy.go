// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/policy/report"
)

func newPolicy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, explain and test the rules that declarations are judged by",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: list, explain or test")
		},
	}
	cmd.AddCommand(newPolicyList(), newPolicyExplain(), newPolicyTest())
	return cmd
}

func newPolicyList() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rules that come with Trunkline",
		Long: `List prints each rule with how severe it is where the platform does not say otherwise.
A fixed rule cannot be set: what breaks it cannot be read as what was meant.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			known, err := rules.All()
			if err != nil {
				return err
			}
			sorted := make([]rules.Rule, 0, len(known))
			for _, id := range slices.Sorted(maps.Keys(known)) {
				sorted = append(sorted, known[id])
			}
			switch format {
			case "text":
				return printRules(cmd.OutOrStdout(), sorted)
			case "json":
				out := make([]map[string]any, len(sorted))
				for i, r := range sorted {
					out[i] = map[string]any{"id": r.ID, "title": r.Title, "default": r.Default, "fixed": r.Fixed, "needs": r.Needs}
				}
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(out)
			default:
				return usagef("there is no output %q: choose text or json", format)
			}
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "how to print: text or json")
	return cmd
}

// printRules prints a table of rules.
func printRules(w io.Writer, all []rules.Rule) error {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Rule", "Severity", "Needs", "What breaks it"})
	for _, r := range all {
		severity := r.Default
		if r.Fixed {
			severity += ", fixed"
		}
		t.AppendRow(table.Row{r.ID, severity, r.Needs, r.Title})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

func newPolicyExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain RULE",
		Short:   "Print why there is a rule, what breaks it, and how to fix that",
		Example: "  trunkline policy explain dag-cycle",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("say which rule, one; trunkline policy list lists them")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			known, err := rules.All()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return slices.Sorted(maps.Keys(known)), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := rules.All()
			if err != nil {
				return err
			}
			rule, ok := known[args[0]]
			if !ok {
				return unknown("rule", args[0], slices.Collect(maps.Keys(known)))
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), rule.Page)
			return err
		},
	}
}

// knownRules are the rules as a report tells of them.
func knownRules() (map[string]report.Rule, error) {
	known, err := rules.All()
	if err != nil {
		return nil, err
	}
	out := make(map[string]report.Rule, len(known))
	for id, r := range known {
		out[id] = report.Rule{Title: r.Title, Help: r.Page, Severity: v1alpha1.Severity(r.Default)}
	}
	return out, nil
}
