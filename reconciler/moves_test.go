// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestFate: what becomes of an object that an older state of a release does not declare.
func TestFate(t *testing.T) {
	asks, other := idOf("orders"), idOf("rates")
	object, err := render.Pack([]*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": orderRef().Namespace, "name": orderRef().Name},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason    string
		declared  map[catalog.ReleaseID]*render.Packed
		under     bool
		taker     string
		undecided bool
	}{
		"Nobody":       {"No release has it any more.", nil, false, "", false},
		"NotYet":       {"A commit is being handed out, and may declare it somewhere.", nil, true, "", true},
		"Other":        {"Another release has it.", map[catalog.ReleaseID]*render.Packed{other: object}, false, other.String(), false},
		"OtherNotYet":  {"The next commit may take it away from that one.", map[catalog.ReleaseID]*render.Packed{other: object}, true, other.String(), true},
		"Same":         {"A newer commit declares it in this release again, which runs an older one.", map[catalog.ReleaseID]*render.Packed{asks: object}, false, "", true},
		"SameNotYet":   {"The same, before all have it.", map[catalog.ReleaseID]*render.Packed{asks: object}, true, "", true},
		"OtherCluster": {"Another cluster's object is another one.", map[catalog.ReleaseID]*render.Packed{{Project: "rates", Environment: "dev", Cluster: "x"}: object}, false, "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{}
			r.declarations.update(tc.declared)
			if tc.under {
				r.handing.begin()
			}
			taker, undecided := moves{r, asks}.Fate(orderRef())
			if taker != tc.taker || undecided != tc.undecided {
				t.Errorf("%s Got %q, undecided %t; want %q, %t", tc.reason, taker, undecided, tc.taker, tc.undecided)
			}
		})
	}
}
