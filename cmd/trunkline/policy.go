// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/policy/report"
)

func newPolicy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, explain and test the rules that declarations must keep",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("name a subcommand: list, explain or test")
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
		Long: `List prints each rule with its default severity. The severity of a fixed rule cannot be changed:
a declaration that breaks one has no meaning.`,
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
				return printRules(cmd.OutOrStdout(), sorted, width(cmd.OutOrStdout()))
			case "json":
				out := make([]map[string]any, len(sorted))
				for i, r := range sorted {
					out[i] = map[string]any{"id": r.ID, "title": r.Title, "default": r.Default, "fixed": r.Fixed, "needs": r.Needs}
				}
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(out)
			default:
				return usagef("unknown output format %q: choose text or json", format)
			}
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "output format: text or json")
	return cmd
}

// printRules prints a table of rules. What breaks one stands below it where the rows do not fit the width; 0 fits all.
func printRules(w io.Writer, all []rules.Rule, width int) error {
	out := ruleTable(all, true)
	if width > 0 && text.LongestLineLen(out) > width {
		// The first line is the header, and every rule has one.
		lines := strings.Split(ruleTable(all, false), "\n")
		out = text.Trim(lines[0], width)
		for i, r := range all {
			out += "\n" + text.Trim(lines[i+1], width) + "\n" + indent(trimLines(text.WrapSoft(r.Title, max(width-2, 20))))
		}
	}
	_, err := fmt.Fprintln(w, out)
	return err
}

func ruleTable(all []rules.Rule, titles bool) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	header := table.Row{"Rule", "Severity", "Needs"}
	if titles {
		header = append(header, "What breaks it")
	}
	t.AppendHeader(header)
	for _, r := range all {
		severity := r.Default
		if r.Fixed {
			severity += ", fixed"
		}
		row := table.Row{r.ID, severity, r.Needs}
		if titles {
			row = append(row, r.Title)
		}
		t.AppendRow(row)
	}
	return t.Render()
}

func newPolicyExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain RULE",
		Short:   "Print what a rule is for, what breaks it, and how to fix it",
		Example: "  trunkline policy explain dag-cycle",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one rule; \"trunkline policy list\" lists them")
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
