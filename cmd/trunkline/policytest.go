// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/policy/custom"
	"trunkline.dev/trunkline/policy/fixture"
)

func newPolicyTest() *cobra.Command {
	var from source
	var verbose bool
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests of the platform's own policies",
		Long: `Test runs the cases of all declared tests (kind: PolicyTest), and the tests in the Rego files of
the platform's policy folders. The exit code is 1 if a test fails or a policy cannot be compiled.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, cat, err := from.load(cmd)
			if err != nil {
				return err
			}
			own, err := custom.Load(cat)
			if err != nil {
				return err
			}
			if err := printProblems(cmd, own.Problems()); err != nil {
				return err
			}
			results, problems := own.Test(cmd.Context(), cat)
			if err := printProblems(cmd, problems); err != nil {
				return err
			}
			return printTests(cmd.OutOrStdout(), results, verbose)
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the cases that pass, too")
	return cmd
}

// printTests prints what came of the cases; errFindings if one has failed.
func printTests(w io.Writer, results []fixture.Result, verbose bool) error {
	passed, failed, skipped := 0, 0, 0
	for _, r := range results {
		word := "pass"
		switch {
		case r.Skipped:
			skipped++
			word = "skip"
		case r.Passed():
			passed++
		default:
			failed++
			word = "FAIL"
		}
		if word == "pass" && !verbose {
			continue
		}
		name := r.Test
		if r.Case != "" {
			name += "/" + r.Case
		}
		if _, err := fmt.Fprintf(w, "%s  %s  %s\n", word, plain(name), r.Position); err != nil {
			return err
		}
		for _, f := range r.Failures {
			if _, err := fmt.Fprintf(w, "      %s\n", plain(f)); err != nil {
				return err
			}
		}
	}
	if _, err := fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped); err != nil {
		return err
	}
	if failed > 0 {
		return errFindings
	}
	return nil
}
