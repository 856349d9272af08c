// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestPodSecurityOfTheNamespace: a release without a word has the strictest standard, and another one if it says so.
func TestPodSecurityOfTheNamespace(t *testing.T) {
	for level, want := range map[v1alpha1.PodSecurityLevel]string{
		"": "restricted", v1alpha1.PodsBaseline: "baseline", v1alpha1.PodsPrivileged: "privileged",
	} {
		rel := releaseOf()
		rel.PodSecurity = level
		out, err := render.New(blueprints.FS).Render(t.Context(), charts(nil), rel)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.Objects[0].GetLabels()["pod-security.kubernetes.io/enforce"]; got != want {
			t.Errorf("%q: the namespace enforces %q, want %q", level, got, want)
		}
	}
}

// TestDefinitionsOfTheReleaseCount: a chart sees what another one of the release defines, whichever comes first.
func TestDefinitionsOfTheReleaseCount(t *testing.T) {
	const asks = `{{ if .Capabilities.APIVersions.Has "example.com/v1/Widget" }}apiVersion: v1
kind: ConfigMap
metadata: {name: seen}
{{ end }}`
	const defines = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n" +
		"spec: {group: example.com, scope: Namespaced, names: {kind: Widget}, versions: [{name: v1, served: true}]}\n"
	crd := catalog.Allowed{ClusterScoped: []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}}}
	cases := map[string]struct {
		reason string
		texts  map[string]string
		want   bool
	}{
		"After":   {"the chart comes after the definition", map[string]string{"a": defines, "b": asks}, true},
		"Before":  {"or before it", map[string]string{"a": asks, "b": defines}, true},
		"Other":   {"another kind is not it", map[string]string{"a": asks, "b": strings.ReplaceAll(defines, "Widget", "Gadget")}, false},
		"Version": {"nor another version", map[string]string{"a": asks, "b": strings.ReplaceAll(defines, "name: v1,", "name: v2,")}, false},
		"Served":  {"nor one that is not served", map[string]string{"a": asks, "b": strings.ReplaceAll(defines, "served: true", "served: false")}, false},
		"None":    {"nor nothing", map[string]string{"a": asks}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := renderAll(t, tc.texts, crd)
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, o := range out.Objects {
				seen = seen || o.GetName() == "seen"
			}
			if seen != tc.want {
				t.Errorf("%s: the chart sees the definition: %v, want %v", tc.reason, seen, tc.want)
			}
		})
	}
}
