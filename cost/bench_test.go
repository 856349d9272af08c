// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/render"
)

// BenchmarkOf estimates a platform of so many releases from nothing, and again after a change of one of them.
func BenchmarkOf(b *testing.B) {
	for _, projects := range []int{500, 5000} { // each has two releases
		cat := files(catalogtest.Platform(projects)).catalog(b)
		var releases []catalog.Release
		for rel := range cat.Releases() {
			releases = append(releases, rel)
		}
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"template": map[string]any{
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "resources": map[string]any{"requests": map[string]any{"cpu": "250m", "memory": "1Gi"}}}}},
		}}}}
		o.SetLabels(map[string]string{render.LabelWorkload: "w-0"})
		of := func(before *cost.Estimate) *cost.Estimate {
			e, err := cost.Of(b.Context(), cat, cost.Terms{Now: now}, func(yield func(cost.Subject) bool) {
				for i := range releases {
					objects := func() ([]*unstructured.Unstructured, error) { return []*unstructured.Unstructured{o}, nil }
					if !yield(cost.Subject{Release: &releases[i], Objects: objects, Same: before != nil && i != 7}) {
						return
					}
				}
			}, before)
			if err != nil {
				b.Fatal(err)
			}
			return e
		}
		first := of(nil)
		b.Run(fmt.Sprint("whole/", len(releases)), func(b *testing.B) {
			for b.Loop() {
				of(nil)
			}
		})
		b.Run(fmt.Sprint("one/", len(releases)), func(b *testing.B) {
			for b.Loop() {
				of(first)
			}
		})
		b.Run(fmt.Sprint("compare/", len(releases)), func(b *testing.B) {
			second := of(first)
			for b.Loop() {
				cost.Compare(first, second, nil).By(cost.ByProject)
			}
		})
	}
}
