// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/cost"
)

// TestActualIsTheEstimate: a pod that is there for the whole month costs what was estimated.
func TestActualIsTheEstimate(t *testing.T) {
	month := cost.MonthOf(now)
	for name, tc := range map[string]struct{ reason, pod string }{
		"Plain":    {"Cores and memory.", "containers: [{name: c, image: i, resources: {requests: {cpu: 250m, memory: 1Gi}}}]"},
		"Limits":   {"What has a limit requests it.", "containers: [{name: c, image: i, resources: {limits: {cpu: 250m, memory: 1Gi}}}]"},
		"Init":     {"An init container that takes more.", "initContainers: [{name: i, image: i, resources: {requests: {cpu: 2, memory: 1Gi}}}]\ncontainers: [{name: c, image: i, resources: {requests: {cpu: 250m, memory: 1Gi}}}]"},
		"Spot":     {"A spot machine.", "nodeSelector: {karpenter.sh/capacity-type: spot}\ncontainers: [{name: c, image: i, resources: {requests: {cpu: 250m, memory: 1Gi}}}]"},
		"Unpriced": {"What has no price is left out of both.", "containers: [{name: c, image: i, resources: {requests: {cpu: 250m, memory: 1Gi, example.com/gpu: 1}}}]"},
	} {
		t.Run(name, func(t *testing.T) {
			var spec map[string]any
			if err := yaml.Unmarshal([]byte(tc.pod), &spec); err != nil {
				t.Fatal(err)
			}
			o := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "d", "namespace": "p-prod"},
				"spec": map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"a": "b"}}, "template": map[string]any{
					"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "spec": spec,
				}},
			}}
			manifest, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			f := objects(string(manifest))
			cat := f.catalog(t)
			takes, err := cost.PodTakes(spec)
			if err != nil {
				t.Fatal(err)
			}
			rates := cost.RatesOf(cat.Platform.Spec, "one", cat.Clusters["one"].Spec, now)
			spot := takes.SpotMachine() != nil && *takes.SpotMachine()
			hourly, unpriced := rates.Hourly(takes, v1alpha1.Size{}, spot, month)
			want := estimate(t, f, cost.Terms{}).Total().In("USD").Amount()
			if got := new(big.Rat).Mul(hourly, big.NewRat(month.Hours(), 1)); got.Cmp(want) != 0 {
				t.Errorf("%s\nit did cost %s, and %s was estimated", tc.reason, got.FloatString(6), want.FloatString(6))
			}
			if (len(unpriced) > 0) != (name == "Unpriced") {
				t.Errorf("%s\nwithout a price: %q", tc.reason, unpriced)
			}
		})
	}
}

func TestClaimsAndNodes(t *testing.T) {
	cat := acme().catalog(t)
	rates := cost.RatesOf(cat.Platform.Spec, "one", cat.Clusters["one"].Spec, now)
	claim, err := cost.ClaimTakes(map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "72Gi"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		month cost.Month
		want  *big.Rat
	}{{cost.MonthOf(now), big.NewRat(72, 720)}, {cost.Month{Year: 2026, Month: time.February}, big.NewRat(72, 672)}} {
		if got, _ := rates.Hourly(claim, v1alpha1.Size{}, true, tc.month); got.Cmp(tc.want) != 0 {
			t.Errorf("72 GiB cost %s an hour in %s, want %s", got, tc.month, tc.want)
		}
	}
	node, err := cost.NodeTakes(map[string]any{"cpu": "4", "memory": "10Gi", "pods": "110"})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := rates.Hourly(node, v1alpha1.Size{}, true, cost.MonthOf(now)); got.Cmp(big.NewRat(5, 4)) != 0 {
		t.Errorf("4 cores and 10 GiB of a spot machine are a quarter of 5: %s", got)
	}
	for _, hostile := range []string{"1e9999999", "x", ""} {
		if _, err := cost.NodeTakes(map[string]any{"cpu": hostile, "memory": "1"}); err == nil {
			t.Errorf("%q is no quantity", hostile)
		}
	}
}

// TestPricesByDay: a change counts from its day on, and leaves what it does not name.
func TestPricesByDay(t *testing.T) {
	f := acme().with(files{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec:\n  rates: {cpu: \"1\", memory: \"0.1\", changes: [{from: \"2026-11-10\", cpu: \"2\"}, {from: \"2026-11-20\", memory: \"0.3\"}]}\n",
		"one.yaml":       head + "kind: Cluster\nmetadata: {name: one}\nspec: {rates: {changes: [{from: \"2026-12-01\", cpu: \"5\"}]}}\n",
	})
	cat := f.catalog(t)
	takes, err := cost.PodTakes(map[string]any{"containers": []any{map[string]any{"name": "c", "resources": map[string]any{"requests": map[string]any{"cpu": "1", "memory": "1Gi"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, day := range []string{"2026-11-09", "2026-11-10", "2026-11-19", "2026-11-20", "2026-11-30", "2026-12-01"} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		hourly, _ := cost.RatesOf(cat.Platform.Spec, "one", cat.Clusters["one"].Spec, at).Hourly(takes, v1alpha1.Size{}, false, cost.MonthOf(at))
		got[day] = hourly.FloatString(1)
	}
	want := map[string]string{"2026-11-09": "1.1", "2026-11-10": "2.1", "2026-11-19": "2.1", "2026-11-20": "2.3", "2026-11-30": "2.3", "2026-12-01": "5.3"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
