// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/sealed"
	"trunkline.dev/trunkline/plan/ownership"
)

// Lost returns the declared fields of an object that are not ours in the cluster, by the names under which they are
// declared: [ownership.Lost], for objects that are applied a little differently from how they are declared. A Secret is
// stored without stringData, and without what SOPS has put into it.
func Lost(o *unstructured.Unstructured, owners ownership.Owners) ([]ownership.Field, error) {
	lost, err := ownership.Lost(sealed.Stored(o.Object, func(string) any { return "" }), owners)
	if err != nil || !sealed.Secret(o.Object) {
		return lost, err
	}
	texts, _ := o.Object["stringData"].(map[string]any)
	for _, f := range lost {
		if len(f.Path) == 2 && f.Path[0].Field == "data" {
			if _, ok := texts[f.Path[1].Field].(string); ok {
				f.Path[0].Field = "stringData"
			}
		}
	}
	slices.SortFunc(lost, func(a, b ownership.Field) int { return a.Path.Compare(b.Path) })
	return lost, nil
}
