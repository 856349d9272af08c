// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"maps"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// lifecycleKey is the label, and the key of the taint, of machines that someone labels by hand.
const lifecycleKey = "trunkline.dev/lifecycle"

// Machines says how a pod gets to the machines that it is to run on.
type Machines struct {
	Selector    map[string]string     `json:"selector"`
	Tolerations []v1alpha1.Toleration `json:"tolerations"`
}

// SpotMachines says how pods get to the spot machines of a cluster that is declared so; nil: as one that says nothing. The labels are those
// that the makers of the machines give them, and the taints those that they may have by themselves; besides, the taint by the label of
// Trunkline's own is put up with everywhere.
func SpotMachines(declared *v1alpha1.SpotMachines) Machines {
	var d v1alpha1.SpotMachines
	if declared != nil {
		d = *declared
	}
	const spot = "spot"
	taint := func(key, value string) v1alpha1.Toleration {
		return v1alpha1.Toleration{Key: key, Value: value, Effect: v1alpha1.NoSchedule}
	}
	m := Machines{Selector: map[string]string{lifecycleKey: spot}, Tolerations: []v1alpha1.Toleration{taint(lifecycleKey, spot)}}
	switch d.By {
	case v1alpha1.MachinesOfEKS:
		m.Selector = map[string]string{"eks.amazonaws.com/capacityType": "SPOT"}
	case v1alpha1.MachinesOfKarpenter:
		m.Selector = map[string]string{"karpenter.sh/capacity-type": spot}
	case v1alpha1.MachinesOfGKE: // node auto-provisioning taints them
		const key, is = "cloud.google.com/gke-spot", "true"
		m.Selector, m.Tolerations = map[string]string{key: is}, append(m.Tolerations, taint(key, is))
	case v1alpha1.MachinesOfAKS: // each spot node pool is tainted
		const key = "kubernetes.azure.com/scalesetpriority"
		m.Selector, m.Tolerations = map[string]string{key: spot}, append(m.Tolerations, taint(key, spot))
	}
	maps.Copy(m.Selector, d.NodeSelector)
	m.Tolerations = slices.Concat(m.Tolerations, d.Tolerations)
	return m
}
