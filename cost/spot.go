// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// machines are the labels of nodes that say which kind of machine they are, and which of their values mean spot ones.
var machines = map[string]map[string]bool{
	"trunkline.dev/lifecycle":               {"spot": true, "on-demand": false},
	"karpenter.sh/capacity-type":            {"spot": true, "on-demand": false, "reserved": false},
	"eks.amazonaws.com/capacityType":        {"SPOT": true, "ON_DEMAND": false},
	"cloud.google.com/gke-spot":             {"true": true, "false": false},
	"cloud.google.com/gke-preemptible":      {"true": true, "false": false},
	"kubernetes.azure.com/scalesetpriority": {"spot": true, "regular": false},
}

// spotOf returns whether the pods of a spec run on spot machines, as far as its node selector or its required node affinity
// says so; nil if they do not.
func spotOf(spec map[string]any) *bool {
	selector, _ := spec["nodeSelector"].(map[string]any)
	for _, label := range slices.Sorted(maps.Keys(selector)) {
		text, _ := selector[label].(string)
		if spot, ok := machines[label][text]; ok {
			return &spot
		}
	}
	terms, _, _ := unstructured.NestedSlice(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
	var all *bool
	for _, item := range terms {
		term, _ := item.(map[string]any)
		spot := spotOfTerm(term)
		if spot == nil || all != nil && *all != *spot {
			return nil // a node that one of the terms fits is enough
		}
		all = spot
	}
	return all
}

// spotOfTerm returns what one term of an affinity says.
func spotOfTerm(term map[string]any) *bool {
	expressions, _, _ := unstructured.NestedSlice(term, "matchExpressions")
	for _, item := range expressions {
		e, _ := item.(map[string]any)
		label, _ := e["key"].(string)
		list, _, _ := unstructured.NestedStringSlice(e, "values")
		if e["operator"] != "In" || len(list) == 0 {
			continue
		}
		spot, known := machines[label][list[0]]
		for _, value := range list {
			if other, ok := machines[label][value]; !ok || other != spot {
				known = false
			}
		}
		if known {
			return &spot
		}
	}
	return nil
}
