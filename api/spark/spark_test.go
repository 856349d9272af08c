// SPDX-License-Identifier: Apache-2.0

package spark_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/spark"
)

func TestSet(t *testing.T) {
	half := spark.Size{CPU: "500m", Memory: "2Gi"}
	cases := map[string]struct {
		reason string
		params map[string]any
		given  spark.Given
		want   spark.Setup
	}{
		"Python": {
			"Python gets 40 of 140 parts of the memory of a pod, and a part of a core works on one task.", nil,
			spark.Given{Blueprint: spark.Job, Command: []string{"a.py"}, Driver: half, Executor: spark.Size{CPU: "2500m", Memory: "7Gi"}},
			spark.Setup{
				Type: "Python", Min: 2, Max: 2, Driver: spark.Process{Size: half, Cores: 1, HeapMiB: 1462, OverheadMiB: 586},
				Executor: spark.Process{Size: spark.Size{CPU: "2500m", Memory: "7Gi"}, Cores: 3, HeapMiB: 5120, OverheadMiB: 2048},
			},
		},
		"Factor": {
			"What is left beside the heap is the workload's to say, as is how many tasks an executor works on.",
			map[string]any{"overheadFactor": 1.0, "executors": map[string]any{"tasks": 4, "dynamic": map[string]any{"max": 9}}, "operator": "kubeflow"},
			spark.Given{Blueprint: spark.Stream, Command: []string{"local:///a.jar"}, Driver: half, Executor: half, Checkpoint: "s3://a/c/"},
			spark.Setup{
				Stream: true, Operator: "kubeflow", Type: "Scala", Min: 0, Max: 9, Dynamic: true, Checkpoint: "s3://a/c/",
				Driver: spark.Process{Size: half, Cores: 1, HeapMiB: 1024, OverheadMiB: 1024}, Executor: spark.Process{Size: half, Cores: 4, HeapMiB: 1024, OverheadMiB: 1024},
			},
		},
		"History": {
			"A history server has no executors.", nil,
			spark.Given{Blueprint: spark.History, Driver: half, Executor: half},
			spark.Setup{Type: "Scala", Driver: spark.Process{Size: half, Cores: 1, HeapMiB: 1861, OverheadMiB: 187}, Executor: spark.Process{Size: half, Cores: 1, HeapMiB: 1861, OverheadMiB: 187}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			params, err := spark.Parse(tc.params)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, params.Set(tc.given)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOwnConf(t *testing.T) {
	for key, refused := range map[string]bool{
		"spark.executor.memory": true, "spark.kubernetes.driver.pod.name": true, "spark.kubernetes.executor.label.a": true,
		"spark.executor.memoryFraction": false, "spark.sql.shuffle.partitions": false, "spark.kubernetes.executor.annotation.a": false,
	} {
		if _, err := spark.Parse(map[string]any{"conf": map[string]any{key: "x"}}); (err != nil) != refused {
			t.Errorf("%s: %v, want refused: %t", key, err, refused)
		}
	}
}
