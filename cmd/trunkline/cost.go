// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/cost"
	costs "trunkline.dev/trunkline/cost/report"
	"trunkline.dev/trunkline/evaluate"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/policy"
	findings "trunkline.dev/trunkline/policy/report"
)

// costing is what "trunkline cost" is asked for.
type costing struct {
	what, base, month string
	format            costs.Format
	by                cost.Group
}

func newCost() *cobra.Command {
	var c costing
	var format, by string
	var spent spending
	cmd := &cobra.Command{
		Use:   "cost [PATH|REVISION]",
		Short: "Estimate what a platform costs in a month, and what a change costs",
		Long: `Cost estimates what a platform costs in a month: what the pods of all releases
request, for as long as they run, at the rates of their clusters. It works
offline and changes nothing. What cannot be estimated is listed with the reason,
and counts as nothing in no sum without being counted beside it.

It takes a folder, by default the current one as it is on disk, or a revision of
the repository that the current folder is in. With --base it says what a change
makes of the costs, and what it costs once: lots that are computed, and runs.

Services run for all hours of the month, schedules as often as they fire in it,
and workloads that write lots for each of them, where the environment keeps lots,
for as long as their typicalDuration says. Prices that nobody declares are list
prices; the output says which.

With --since it asks a running daemon what it did cost instead, if that counts it
(serve --usage): what pods requested and claims were large, for as long as they
were there. Then --by takes several of day, cluster, project, environment, owner,
workload, run, lot and kind, separated by commas.

Exit codes: 0 all budgets are kept; 1 one is exceeded; 2 wrong use, or it could
not be found out, or not for all.`,
		Example: `  trunkline cost
  trunkline cost --by workload
  trunkline cost HEAD --base main --by owner
  trunkline cost --month 2027-02 -o csv > february.csv
  trunkline cost --since 2026-11-01 --by environment,day
  trunkline cost --since 7d --project orders --by run -o csv`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("say one folder or revision, or none for the current folder")
			}
			return nil
		},
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			if spent.since != "" {
				if len(args) > 0 || c.base != "" || c.month != "" {
					return usagef("--since says what it did cost, and takes no folder, revision, --base or --month")
				}
				return spent.ask(cmd, by, format)
			}
			c.what = "."
			if len(args) == 1 {
				c.what = args[0]
			}
			var err error
			if c.format, err = costs.ParseFormat(format); err != nil {
				return &usageError{err}
			}
			if c.by, err = cost.ParseGroup(by); err != nil {
				return &usageError{err}
			}
			if f := cmd.Flags().Lookup("base"); f.Changed && c.base == "" {
				return usagef("--base is empty: name one, or leave it out")
			}
			return c.run(cmd)
		}),
	}
	cmd.Flags().StringVar(&c.base, "base", "", "revision before the change")
	cmd.Flags().StringVar(&by, "by", string(cost.ByProject), "add up by project, environment, owner, cluster, release or workload; with --since by several of these, and by day, run, lot or kind")
	cmd.Flags().StringVar(&c.month, "month", "", "month to estimate, such as 2027-02; default: this one")
	cmd.Flags().StringVarP(&format, "output", "o", string(costs.Text), "how to say it: text, json or csv")
	spent.flags(cmd)
	cmd.AddCommand(newCostImport(), newCostBills(), newCostOutlook())
	return cmd
}

// run estimates, and writes the report.
func (c *costing) run(cmd *cobra.Command) error {
	terms := cost.Terms{Now: time.Now(), Lines: true}
	if c.month != "" {
		var err error
		if terms.Month, err = cost.ParseMonth(c.month); err != nil {
			return &usageError{err}
		}
	}
	v := validation{what: c.what, base: c.base, format: findings.Text, render: true, cost: &terms}
	s, err := v.open(cmd)
	if err != nil {
		return err
	}
	r, err := c.report(cmd.Context(), s)
	if err != nil {
		if s.head.Cost() != nil {
			return err
		}
		if reported := s.report(cmd.ErrOrStderr()); reported != nil && !errors.Is(reported, errFindings) {
			return reported
		}
		return err
	}
	if err := costs.Write(cmd.OutOrStdout(), c.format, r, width(cmd.OutOrStdout())); err != nil {
		return err
	}
	for _, rel := range r.Estimate.Releases() {
		if rel.Failed {
			return errTrouble
		}
	}
	if overBudget(s.head.Problems()) {
		return errFindings
	}
	return nil
}

// report puts together what was estimated.
func (c *costing) report(ctx context.Context, s *session) (costs.Report, error) {
	if s.head.Cost() == nil {
		return costs.Report{}, fmt.Errorf("%s: refused as a whole, so that it cannot be estimated", s.title())
	}
	r := costs.Report{Platform: s.head.Catalog().Name(), Revision: s.title(), Estimate: s.head.Cost(), By: c.by}
	for _, p := range s.head.Problems() {
		if p.Rule == policy.RuleBudget {
			r.Exceeded = append(r.Exceeded, p.Message)
		}
	}
	if c.base == "" {
		return r, nil
	}
	d, known := evaluate.Costs(s.base, s.head, lots.Merge(s.base.Catalog(), s.head.Catalog(), s.now))
	if !known {
		return r, fmt.Errorf("the base %q is refused itself, so that what runs is older: \"trunkline validate %s\" says why; choose another --base", c.base, c.base)
	}
	commit, err := revision(ctx, s.folder(), c.base)
	if err != nil {
		return r, fmt.Errorf("reading the base %q: %w", c.base, err)
	}
	r.Base, r.Diff = revisionName(c.base, commit), &d
	return r, nil
}

// overBudget reports whether a budget refuses the head.
func overBudget(problems v1alpha1.Problems) bool {
	for _, p := range problems {
		if p.Rule == policy.RuleBudget && p.Severity == v1alpha1.Deny {
			return true
		}
	}
	return false
}
