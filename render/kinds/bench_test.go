// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"testing"

	smdschema "sigs.k8s.io/structured-merge-diff/v6/schema"
)

// BenchmarkCheck is what checking a Deployment takes, to be held against rendering it.
func BenchmarkCheck(b *testing.B) {
	o := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web", "labels": map[string]any{"app": "web"}},
		"spec": map[string]any{
			"replicas": int64(2), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "web", "image": "web:v2", "env": []any{map[string]any{"name": "A", "value": "a"}, map[string]any{"name": "B", "value": "b"}},
					"ports":     []any{map[string]any{"containerPort": int64(8080)}},
					"resources": map[string]any{"limits": map[string]any{"cpu": "500m", "memory": "1Gi"}},
				}}},
			},
		},
	}
	for b.Loop() {
		if faults := Check(o, Cluster{}); faults != nil {
			b.Fatal(faults)
		}
	}
}

// BenchmarkFields is what reading the table of fields takes, once in a process.
func BenchmarkFields(b *testing.B) {
	for b.Loop() {
		var table smdschema.Schema
		if err := readFields(bytes.NewReader(fields), &table); err != nil {
			b.Fatal(err)
		}
	}
}
