// SPDX-License-Identifier: Apache-2.0

package builders_test

import (
	"testing"

	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render/kustomize"
)

// BenchmarkBuild has the same small base built here and by processes, from as many goroutines as there are cores.
func BenchmarkBuild(b *testing.B) {
	for name, builder := range map[string]kustomize.Builder{
		"here": kustomize.InProcess{}, "processes": newPool(b, "work", builders.Options{}),
	} {
		b.Run(name, func(b *testing.B) {
			if _, err := rendered(b.Context(), input(builder, plain)); err != nil { // read the schema, start a process
				b.Fatal(err)
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := rendered(b.Context(), input(builder, plain)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "builds/s")
		})
	}
}
