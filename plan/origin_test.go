// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
)

// TestWhatARunHasMade: it is no part of the declared state. It stays whatever is declared, and goes when the release does.
func TestWhatARunHasMade(t *testing.T) {
	byRun := func(o *plan.Observed) { o.Origin = plan.ByRun }
	for name, tc := range map[string]struct {
		reason string
		in     plan.Input
		pruned int
	}{
		"Declared":   {"Another state is declared.", plan.Input{Desired: []*unstructured.Unstructured{object("ConfigMap a/c", "")}}, 0},
		"Everything": {"Everything is applied again, after a suspension.", plan.Input{Desired: []*unstructured.Unstructured{object("ConfigMap a/c", "")}, Everything: true}, 0},
		"Empty":      {"Nothing is declared, and the release is.", plan.Input{}, 0},
		"Removed":    {"The release is not declared any more.", plan.Input{Remove: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Observed = []plan.Observed{seen("Job a/lot-1", "", byRun)}
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, stage := range p.Prune {
				n += len(stage)
			}
			if n != tc.pruned || len(p.Rest) != 0 {
				t.Errorf("%s %d are pruned and %v are kept, want %d and none", tc.reason, n, p.Rest, tc.pruned)
			}
		})
	}
}

// TestOriginOf: labels say whose an object is, and a namespace is always the platform's.
func TestOriginOf(t *testing.T) {
	for name, tc := range map[string]struct {
		of     string
		labels map[string]string
		want   plan.Origin
	}{
		"Rendered":  {"ConfigMap a/c", nil, plan.Rendered},
		"Access":    {"RoleBinding.rbac.authorization.k8s.io a/r", map[string]string{catalog.LabelAccess: "granted"}, plan.Platform},
		"Namespace": {"Namespace a", nil, plan.Platform},
		"Run":       {"Job.batch a/j", map[string]string{plan.RunLabel: "clean-2026"}, plan.ByRun},
	} {
		if got := plan.OriginOf(plan.RefOf(object(tc.of, "")), tc.labels); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
