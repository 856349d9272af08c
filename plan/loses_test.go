// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"trunkline.dev/trunkline/plan"
)

// TestLoses: what takes other objects with it when it is deleted is looked into first, unless it says that it may go.
func TestLoses(t *testing.T) {
	enabled := func(o *plan.Observed) { o.Prune = plan.PruneEnabled }
	for _, tt := range []struct {
		name, reason string
		observed     plan.Observed
		want         bool
		remove       bool
	}{
		{"namespace", "everything in it goes with it", seen("Namespace orders", ""), true, false},
		{"definition", "every object of its kind goes with it", seen("CustomResourceDefinition widgets.acme.io", ""), true, false},
		{"namespace that may go", "its declaration said so, with what is in it", seen("Namespace orders", "", enabled), false, false},
		{"definition that may go", "likewise", seen("CustomResourceDefinition widgets.acme.io", "", enabled), false, false},
		{"configuration", "it holds nothing else", seen("ConfigMap orders/settings", ""), false, false},
		{"deployment", "its pods are made again from what is declared", seen("Deployment orders/web", ""), false, false},
		{"namespace of what is disposed of", "nothing in it is to stay", seen("Namespace orders", ""), false, true},
		{"custom object", "it is one object of its kind", seen("Widget orders/w", ""), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := plan.Compute(plan.Input{Observed: []plan.Observed{tt.observed}, Remove: tt.remove, Disposable: tt.remove})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Prune) != 1 || len(p.Prune[0]) != 1 {
				t.Fatalf("prunes %v, want the one object", p.Prune)
			}
			if got := p.Prune[0][0].Loses; got != tt.want {
				t.Errorf("Loses = %v, want %v: %s", got, tt.want, tt.reason)
			}
		})
	}
}
