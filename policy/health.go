// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/health"
)

// healthRules finds what is wrong with the platform's rules of health: an expression that does not compile would leave every
// object of the kind without a verdict. Compiling takes a while, so that it is done only when the platform has changed.
func healthRules(cat *catalog.Catalog, previous *Result) (problems v1alpha1.Problems, err error) {
	doc, ok := cat.Document(v1alpha1.KindPlatform, cat.Name())
	if !ok || len(cat.Platform.Spec.Health) == 0 {
		return nil, nil
	}
	if previous != nil && previous.catalog.Platform == cat.Platform {
		return previous.health, nil
	}
	_, flaws, err := health.Compile(cat.Platform.Spec.Health)
	if err != nil {
		return nil, err
	}
	for _, f := range flaws {
		at := []any{"spec", "health"}
		if f.Field != "" {
			at = append(at, f.Rule, f.Field)
		}
		problems = append(problems, v1alpha1.Problem{
			Rule: f.Class, Severity: v1alpha1.Deny, Position: doc.Position(at...), Path: v1alpha1.FieldPath(at...), Message: f.Message, Hint: f.Hint,
		})
	}
	return problems, nil
}
