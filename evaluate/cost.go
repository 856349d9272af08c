// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/policy"
)

// costed returns the input by which releases are rendered, if what they cost is held against budgets: those that a budget is
// about are wanted, and none is passed on before it is known that no budget is exceeded.
func (in Input) costed(c *catalog.Catalog) Input {
	if in.Cost == nil || len(budgets(c)) == 0 {
		return in
	}
	in.OnAcceptable, in.OnRendered = nil, nil
	if want := in.Want; want != nil {
		budgets := budgets(c)
		in.Want = func(id catalog.ReleaseID) bool { return want(id) || budgets[id.Environment] != v1alpha1.Budget{} }
	}
	return in
}

// budgets are those of the environments that have one.
func budgets(c *catalog.Catalog) map[string]v1alpha1.Budget {
	out := map[string]v1alpha1.Budget{}
	for name, e := range c.Environments {
		if e.Spec.Budget != (v1alpha1.Budget{}) {
			out[name] = e.Spec.Budget
		}
	}
	return out
}

// Cost returns what the releases cost that are rendered; nil if [Input.Cost] did not ask for it.
func (e *Evaluation) Cost() *cost.Estimate { return e.estimate }

// Costs returns what a merge of the head makes of the costs, of which these are the lots; false if what the one or the other costs is not
// known.
func Costs(base, head *Evaluation, merged lots.Merged) (cost.Diff, bool) {
	if base.estimate == nil || head.estimate == nil {
		return cost.Diff{}, false
	}
	computed := make([]cost.Lots, len(merged.Compute))
	for i, c := range merged.Compute {
		computed[i] = cost.Lots{
			Environment: c.Environment, Workload: c.Arc, Datasets: c.Writes, Count: c.Lots,
			From: c.First.Start, Until: c.Last.End(),
		}
	}
	return cost.Compare(base.estimate, head.estimate, computed), true
}

// costed returns the evaluation with what its releases cost, and with what the budgets say to that. What the change since
// Before does not affect is taken over from there.
func (e *Evaluation) costed(ctx context.Context, in Input) (*Evaluation, error) {
	priced, err := e.Priced(ctx, *in.Cost, in.Before)
	if err != nil {
		return nil, err
	}
	next := *priced
	if e.verdicts == nil || len(budgets(e.catalog)) == 0 {
		return &next, nil // a base is not judged
	}
	var unjudged []string
	next.input.Estimates, unjudged = next.estimates(in.Before)
	next.unjudged = slices.Concat(e.unjudged, unjudged)
	again := next.input
	again.Previous = e.verdicts
	if next.verdicts, err = policy.Check(ctx, again); err != nil {
		return nil, fmt.Errorf("judging the budgets: %w", err)
	}
	return &next, nil
}

// subjects are the releases that are rendered. One is the same as before if it renders to the same, and neither the
// declarations that govern it nor its project, with the datasets that it names, were looked at again.
func (e *Evaluation) subjects(before *Evaluation) func(func(cost.Subject) bool) {
	_, whole := e.catalog.Relinked()
	comparable := before != nil && before.estimate != nil && !whole && e.catalog.UpdateOf(before.catalog)
	known := &releaseSet{}
	if comparable && before.releases != nil {
		known = before.releases
	}
	return func(yield func(cost.Subject) bool) {
		if e.releases == nil {
			return
		}
		for i, j := range walk(e.releases, known) {
			if i < 0 || e.at(i) == nil {
				continue
			}
			rel, out := e.releases.all[i], e.at(i)
			same := j >= 0 && !e.releases.fresh(rel.ID.Project) && rendersAlike(before.at(j), out)
			if !yield(cost.Subject{Release: rel, Same: same, Objects: out.unpack}) {
				return
			}
		}
	}
}

// rendersAlike reports whether both are known, and are the same objects or both none.
func rendersAlike(was, is *Rendered) bool {
	if was == nil || is == nil || was == is { // most are taken over, and the same value
		return was == is
	}
	return (was.Err == nil) == (is.Err == nil) && was.Objects.Digest() == is.Objects.Digest()
}

// unpack returns the objects, or why there are none.
func (r Rendered) unpack() ([]*unstructured.Unstructured, error) {
	switch {
	case r.Err != nil:
		return nil, r.Err
	case r.Objects == nil:
		return nil, errors.New("it is not rendered")
	}
	return r.Objects.Unpack()
}

// estimates are what the budgets are held against: what each project costs in an environment, and what it did before. What
// cannot be held against them is told.
func (e *Evaluation) estimates(before *Evaluation) (out []policy.Estimate, unjudged []string) {
	currency, limits := e.estimate.Currency(), budgets(e.catalog)
	known := map[string]v1alpha1.Budget{}
	if before != nil && before.estimate != nil && before.estimate.Month() == e.estimate.Month() && before.estimate.Currency() == currency {
		known = budgets(before.catalog)
	}
	missing, foreign := map[string]int{}, map[string]cost.Sum{}
	for p := range e.catalog.Projects() {
		for env := range p.Spec.Environments {
			limit, has := limits[env]
			if !has {
				continue
			}
			part := e.estimate.In(p.Name, env)
			one := policy.Estimate{Project: p.Name, Environment: env, Monthly: part.Monthly.In(currency).Amount()}
			if known[env] == limit { // a budget that is lowered has to be kept to at once
				one.Before = before.estimate.In(p.Name, env).Monthly.In(currency).Amount()
			}
			out = append(out, one)
			missing[env] += part.Missing
			foreign[env] = foreign[env].Add(part.Monthly.Sub(cost.SumOf(part.Monthly.In(currency))))
		}
	}
	for _, env := range slices.Sorted(maps.Keys(limits)) {
		if n := missing[env]; n > 0 {
			unjudged = append(unjudged, fmt.Sprintf("what is not estimated in %q against its budget (\"trunkline cost\" lists it: %d)", env, n))
		}
		if sum := foreign[env]; !sum.IsZero() {
			unjudged = append(unjudged, fmt.Sprintf("%s a month in %q against its budget, which is in %s", sum.Text(currency), env, currency))
		}
	}
	return out, unjudged
}

// Priced returns the evaluation with what its releases cost, which judges nothing: it is for what runs already, and others are
// compared with. What did not change since before, which is priced, is taken over from there; it may be nil.
func (e *Evaluation) Priced(ctx context.Context, terms cost.Terms, before *Evaluation) (*Evaluation, error) {
	next := *e
	var known *cost.Estimate
	if before != nil {
		known = before.estimate
	}
	var err error
	if next.estimate, err = cost.Of(ctx, e.catalog, terms, next.subjects(before), known); err != nil {
		return nil, fmt.Errorf("estimating what it costs: %w", err)
	}
	return &next, nil
}
