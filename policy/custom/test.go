// SPDX-License-Identifier: Apache-2.0

package custom

import (
	"context"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy/fixture"
)

// Test runs the tests of the platform's own policies: those that are declared (kind: PolicyTest), and those in the Rego
// files of its folders. The problems are those of the Rego files.
func (s *Set) Test(ctx context.Context, cat *catalog.Catalog) ([]fixture.Result, v1alpha1.Problems) {
	policies := fixture.Policies{Admission: s.admission, Rego: s.rego}
	for _, d := range s.declared {
		policies.CEL = append(policies.CEL, d.Policy)
	}
	var suites []fixture.Suite
	for doc := range cat.Documents(v1alpha1.KindPolicyTest) {
		if test, ok := doc.Object.(*v1alpha1.PolicyTest); ok {
			suites = append(suites, fixture.Suite{Test: test, Place: doc.Position})
		}
	}
	results := fixture.Run(ctx, suites, policies, cat.Tree())
	inRego, problems := fixture.RunRego(ctx, s.inFolders)
	return append(results, inRego...), problems
}
