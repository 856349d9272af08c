// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"testing"

	"trunkline.dev/trunkline/plan/health"
)

// BenchmarkOf measures what each event of a watch costs.
func BenchmarkOf(b *testing.B) {
	rules := compile(b)
	for name, text := range map[string]string{
		"Deployment": "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 1}, spec: {replicas: 1, progressDeadlineSeconds: 600}, status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}}",
		"Rule":       "{apiVersion: sparkoperator.k8s.io/v1beta2, kind: SparkApplication, metadata: {name: s}, status: {applicationState: {state: RUNNING}}}",
	} {
		o := parse(b, text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				health.Of(o, rules)
			}
		})
	}
	b.Run("Compile", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := health.Compile(nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
