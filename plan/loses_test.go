package plan_test

import (
	"testing"

	"trunkline.dev/trunkline/plan"
)

// TestWhatTakesOthersWithItIsLookedAt: to delete a namespace or a definition may delete what is not the release's, so the step
// says that it has to be looked at first.
func TestWhatTakesOthersWithItIsLookedAt(t *testing.T) {
	for _, tc := range []struct {
		reason, name string
		change       func(*plan.Observed)
		loses        bool
	}{
		{"a namespace holds what others have made", "Namespace a", nil, true},
		{"a definition goes with all objects of its kind", "CustomResourceDefinition widgets.acme.io", nil, true},
		{"a namespace that says so goes with everything", "Namespace a", letGo, false},
		{"a definition that says so does too", "CustomResourceDefinition widgets.acme.io", letGo, false},
		{"a Deployment takes only its own with it", "Deployment a/d", nil, false},
		{"an object of a custom kind is no definition", "Widget a/w", nil, false},
	} {
		var changes []func(*plan.Observed)
		if tc.change != nil {
			changes = append(changes, tc.change)
		}
		p, err := plan.Compute(plan.Input{Observed: all(seen(tc.name, "", changes...))})
		if err != nil || len(p.Prune) != 1 {
			t.Fatalf("%s: %v, %v", tc.reason, text(p), err)
		}
		step := p.Prune[0][0]
		if step.Loses != tc.loses {
			t.Errorf("%s: Loses is %t", tc.reason, step.Loses)
		}
		if step.UID != "1" {
			t.Errorf("%s: the step does not say which object was seen: %q", tc.reason, step.UID)
		}
	}
}
