// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
)

// TestSpotMachinesAreKnown: what a pod is given to get to spot machines says that it is on one, and so do the labels of the node that it comes
// to.
func TestSpotMachinesAreKnown(t *testing.T) {
	for _, by := range []v1alpha1.MachineMaker{"", v1alpha1.MachinesOfEKS, v1alpha1.MachinesOfKarpenter, v1alpha1.MachinesOfGKE, v1alpha1.MachinesOfAKS} {
		m := catalog.SpotMachines(&v1alpha1.SpotMachines{By: by, NodeSelector: map[string]string{"pool": "batch"}})
		selector := map[string]any{}
		for label, value := range m.Selector {
			selector[label] = value
		}
		takes, err := cost.PodTakes(map[string]any{"nodeSelector": selector, "containers": []any{map[string]any{"name": "c", "image": "i"}}})
		if err != nil {
			t.Fatal(err)
		}
		if is := takes.SpotMachine(); is == nil || !*is {
			t.Errorf("%q: a pod with %v is not known to be on a spot machine", by, m.Selector)
		}
		if is := cost.SpotNode(m.Selector); is == nil || !*is {
			t.Errorf("%q: a node with %v is not known to be a spot machine", by, m.Selector)
		}
	}
}
