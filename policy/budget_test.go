// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy"
)

func TestBudget(t *testing.T) {
	estimate := func(project, env, amount string) policy.Estimate {
		monthly, ok := new(big.Rat).SetString(amount)
		if !ok {
			t.Fatalf("%q is not an amount", amount)
		}
		return policy.Estimate{Project: project, Environment: env, Monthly: monthly}
	}
	before := func(project, env, amount, was string) policy.Estimate {
		e := estimate(project, env, amount)
		e.Before = estimate(project, env, was).Monthly
		return e
	}
	limit := func(env, budget string) edit { return edit{env, "  stores", "  budget: " + budget + "\n  stores"} }
	for name, tc := range map[string]struct {
		reason    string
		edits     []edit
		estimates []policy.Estimate
		want      []string
	}{
		"NoBudget":   {reason: "Where nobody set a budget, anything goes.", estimates: []policy.Estimate{estimate("sales", "prod", "100000")}},
		"NoEstimate": {reason: "What nobody has estimated is not checked.", edits: []edit{limit(prod, `{monthly: "1", perProject: "1"}`)}},
		"Exactly":    {reason: "A budget may be used up.", edits: []edit{limit(prod, `{perProject: "800"}`)}, estimates: []policy.Estimate{estimate("sales", "prod", "800")}},
		"CentAbove": {
			reason: "A cent more is too much.", edits: []edit{limit(prod, `{perProject: "800"}`)}, estimates: []policy.Estimate{estimate("sales", "prod", "800.01")},
			want: []string{`deny budget sales/project.yaml:3 the project "sales" would cost 800.01 USD a month in "prod", where a project may cost 800.00 USD`},
		},
		"OtherEnvironment": {reason: "Each environment has a budget of its own.", edits: []edit{limit(prod, `{perProject: "800"}`)}, estimates: []policy.Estimate{estimate("sales", "dev", "900")}},
		"Sum": {
			reason: "Projects that keep to theirs can be too much together, to a hundredth of a cent.",
			edits:  []edit{limit(prod, `{monthly: "0.3", perProject: "800"}`), settings("{rates: {currency: EUR}}")},
			estimates: []policy.Estimate{
				estimate("sales", "prod", "0.2"), estimate("orders", "prod", "0.1001"),
			},
			want: []string{`deny budget prod.yaml:6 the environment "prod" would cost 0.30 EUR a month; its budget is 0.30 EUR`},
		},
		"SumExactly": {
			reason: "A tenth and two tenths are three tenths.", edits: []edit{limit(prod, `{monthly: "0.3"}`)},
			estimates: []policy.Estimate{estimate("sales", "prod", "0.2"), estimate("orders", "prod", "0.1")},
		},
		"NotDearer": {
			reason: "A change is not refused for what it does not make dearer.", edits: []edit{limit(prod, `{monthly: "1", perProject: "1"}`)},
			estimates: []policy.Estimate{before("sales", "prod", "900", "900"), before("orders", "prod", "2", "3")},
		},
		"Dearer": {
			reason: "It is for what it does, be it by a little.", edits: []edit{limit(prod, `{monthly: "1000", perProject: "800"}`)},
			estimates: []policy.Estimate{before("sales", "prod", "900.01", "900"), before("orders", "prod", "700", "700")},
			want: []string{
				`deny budget prod.yaml:6 the environment "prod" would cost 1600.01 USD a month; its budget is 1000.00 USD`,
				`deny budget sales/project.yaml:3 the project "sales" would cost 900.01 USD a month in "prod", where a project may cost 800.00 USD`,
			},
		},
		"BeforeUnknown": {
			reason: "Where it is not known of one project, it is not known of all together.", edits: []edit{limit(prod, `{monthly: "1000"}`)},
			estimates: []policy.Estimate{before("sales", "prod", "900", "900"), estimate("orders", "prod", "700")},
			want:      []string{`deny budget prod.yaml:6 the environment "prod" would cost 1600.00 USD a month; its budget is 1000.00 USD`},
		},
		"Gone": {reason: "What is estimated of a project that is not there is nobody's.", edits: []edit{limit(prod, `{monthly: "1"}`)}, estimates: []policy.Estimate{estimate("shop", "prod", "2")}},
	} {
		t.Run(name, func(t *testing.T) {
			got := said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), tc.edits...)), Estimates: tc.estimates}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
