// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Estimate is what a project is expected to cost in an environment in a month, in the currency of the platform's rates.
type Estimate struct {
	Project, Environment string
	Monthly              *big.Rat
	// Before is what it was expected to cost before the change; nil if that is not known.
	Before *big.Rat
}

// budgets holds estimates against the budgets of the environments. A change is not refused for what it does not make dearer:
// that a month is longer than another, or that a price went up, is not of its making.
func budgets(cat *catalog.Catalog, estimates []Estimate) (problems v1alpha1.Problems) {
	currency := string(cat.Platform.Spec.Rates.Currency)
	if currency == "" {
		currency = "USD"
	}
	totals, before := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, e := range estimates {
		env, ok := cat.Environments[e.Environment]
		p, there := cat.Project(e.Project)
		if !ok || !there || e.Monthly == nil {
			continue
		}
		if totals[e.Environment] == nil {
			totals[e.Environment], before[e.Environment] = new(big.Rat), new(big.Rat)
		}
		totals[e.Environment].Add(totals[e.Environment], e.Monthly)
		if was := before[e.Environment]; was != nil && e.Before != nil {
			was.Add(was, e.Before)
		} else {
			before[e.Environment] = nil // of one of them it is not known
		}
		most, ok := amount(env.Spec.Budget.PerProject)
		if !ok || e.Monthly.Cmp(most) <= 0 || e.Before != nil && e.Monthly.Cmp(e.Before) <= 0 {
			continue
		}
		problems = append(problems, v1alpha1.Problem{
			Rule: RuleBudget, Severity: v1alpha1.Deny, Position: p.Document.Position("metadata", "name"), Path: "metadata.name",
			About: v1alpha1.About{Project: e.Project, Environment: e.Environment},
			Message: fmt.Sprintf("the project %q would cost %s %s a month in %q, where a project may cost %s %s", e.Project,
				e.Monthly.FloatString(2), currency, e.Environment, most.FloatString(2), currency),
			Hint: "use smaller sizes or shorter timeouts, or have the budget of the environment raised",
		})
	}
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		most, ok := amount(cat.Environments[name].Spec.Budget.Monthly)
		if !ok || totals[name].Cmp(most) <= 0 || before[name] != nil && totals[name].Cmp(before[name]) <= 0 {
			continue
		}
		doc, _ := cat.Document(v1alpha1.KindEnvironment, name)
		problems = append(problems, v1alpha1.Problem{
			Rule: RuleBudget, Severity: v1alpha1.Deny, Position: doc.Position("spec", "budget", "monthly"), Path: "spec.budget.monthly",
			About: v1alpha1.About{Environment: name},
			Message: fmt.Sprintf("the environment %q would cost %s %s a month; its budget is %s %s", name,
				totals[name].FloatString(2), currency, most.FloatString(2), currency),
			Hint: "see which projects cost most, or have the budget raised",
		})
	}
	return problems
}

// amount reads an amount of a declaration; false if none is given.
func amount(a v1alpha1.Amount) (*big.Rat, bool) {
	if a == "" {
		return nil, false
	}
	return new(big.Rat).SetString(string(a))
}
