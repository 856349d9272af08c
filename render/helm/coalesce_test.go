// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"
)

// TestCoalesceIsHelms: with what Trunkline adds, values are merged over those of a chart as Helm merges them, and no render sees
// what another one changes.
func TestCoalesceIsHelms(t *testing.T) {
	for name, tc := range map[string]struct{ reason, chart, sub, values string }{
		"Plain":    {"a chart without values of that name", "a: 1", "", "global: {trunkline: {name: w, labels: {x: z}, env: [{name: A}]}}"},
		"Global":   {"one with global values", "global: {a: 1, b: {c: 1}}", "", "global: {b: {c: 2}, trunkline: {name: w}}"},
		"Null":     {"one of which is null", "global: {a: 1, b: 2}", "", "global: {a: null, trunkline: {name: w}}"},
		"NoTable":  {"one whose global values are none", "global: text", "", "global: {trunkline: {name: w}}"},
		"NullAll":  {"or null", "global: null", "", "global: {trunkline: {name: w}}"},
		"Defaults": {"one with defaults for what Trunkline adds", "global: {trunkline: {name: d, more: 1}}", "", "global: {trunkline: {name: w}}"},
		"Subchart": {"one with a subchart", "sub: {global: {a: 1}}", "global: {b: 2}", "global: {trunkline: {name: w}}"},
		"NotOurs":  {"values that Trunkline added nothing to", "a: 1", "", "b: 2"},
		"Text":     {"or that have something else there", "a: 1", "", "global: {trunkline: text}"},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(text string) (out map[string]any) {
				if err := yaml.Unmarshal([]byte(text), &out); err != nil {
					t.Fatal(err)
				}
				return out
			}
			made := func() *chart.Chart {
				c := &chart.Chart{Metadata: &chart.Metadata{Name: "c"}, Values: read(tc.chart)}
				if tc.sub != "" {
					c.AddDependency(&chart.Chart{Metadata: &chart.Metadata{Name: "sub"}, Values: read(tc.sub)})
				}
				return c
			}
			want, err := chartutil.CoalesceValues(made(), read(tc.values))
			if err != nil {
				t.Fatal(err)
			}
			c, values := made(), read(tc.values)
			for range 2 {
				got, err := coalesce(c, values)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-helm +got):\n%s", tc.reason, diff)
				}
				scribble(map[string]any(got))
			}
		})
	}
}

// scribble changes all that it is given, as templates can.
func scribble(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, below := range value {
			scribble(below)
		}
		value["scribbled"] = true
	case []any:
		for i, below := range value {
			scribble(below)
			value[i] = "scribbled"
		}
	}
}
