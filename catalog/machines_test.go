// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// TestSpotOfCluster: what a cluster declares of its spot machines goes to the workloads that run on them there, and to no other.
func TestSpotOfCluster(t *testing.T) {
	declared := edit{"clusters.yaml", "spec:\n", "spec:\n  spot: {by: karpenter}\n"}
	want := &v1alpha1.SpotMachines{By: v1alpha1.MachinesOfKarpenter}
	if diff := cmp.Diff(want, workload(t, prodTwo, "land", declared, own("lifecycle: spot")).Spot); diff != "" {
		t.Errorf("on spot machines -want +got:\n%s", diff)
	}
	for name, got := range map[string]*v1alpha1.SpotMachines{
		"on demand":                  workload(t, prodTwo, "land", declared).Spot,
		"on a cluster without words": workload(t, prodOne, "land", declared, own("lifecycle: spot")).Spot,
	} {
		if got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
