// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kustomize"
)

// TestChartsOfKustomizations: a chart that a kustomization names is told what the cluster is, its hooks become waves as those of
// other charts do, and a release is rendered again if one of its files changes, or a link that leads to them.
func TestChartsOfKustomizations(t *testing.T) {
	tree := fstest.MapFS{
		"bp/a":                         {Data: []byte("../lib/real"), Mode: fs.ModeSymlink},
		"lib/real/kustomization.yaml":  {Data: []byte("resources: [../x.yaml]\nhelmGlobals: {chartHome: ../charts}\nhelmCharts: [{name: c, releaseName: r}]\n")},
		"lib/x.yaml":                   {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")},
		"lib/charts/c/Chart.yaml":      {Data: []byte("apiVersion: v2\nname: c\nversion: 0.1.0\n")},
		"lib/charts/c/values.yaml":     {Data: []byte("{}\n")},
		"lib/charts/c/templates/h.yml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: early, annotations: {helm.sh/hook: pre-install}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: check, annotations: {helm.sh/hook: test}}\n")},
		"lib/charts/c/templates/v.yml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata: {version: '{{ .Capabilities.KubeVersion }}', has: '{{ .Capabilities.APIVersions.Has \"acme.io/v1\" }}'}\n")},
	}
	b := helmBlueprint("a")
	b.Spec.Engine = v1alpha1.Kustomize
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: b})
	rel.Kubernetes.Version, rel.Kubernetes.APIVersions = "v1.31.2", []string{"acme.io/v1"}
	recorded, recorder := render.Record(tree)
	result, err := render.New(blueprints.FS, render.WithBuilder(kustomize.InProcess{})).Render(t.Context(), recorded, rel)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range result.Objects {
		if o.GetKind() == "ConfigMap" || o.GetKind() == "Pod" {
			got[o.GetName()] = o.GetAnnotations()["trunkline.dev/wave"]
		}
		if o.GetName() == "told" {
			if diff := cmp.Diff(map[string]any{"version": "v1.31.2", "has": "true"}, o.Object["data"]); diff != "" {
				t.Errorf("the chart is told something else (-want +got):\n%s", diff)
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"x": "", "told": "", "early": "-500"}, got); diff != "" {
		t.Errorf("objects and waves (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(result.Warnings, func(w render.Warning) bool {
		return strings.Contains(w.Message, `the Pod "check" is a Helm hook of tests`)
	}) {
		t.Errorf("nothing is said about the test: %v", result.Warnings)
	}
	set := recorder.ReadSet()
	for _, file := range []string{"bp/a", "lib/real/kustomization.yaml", "lib/x.yaml", "lib/charts/c/templates/v.yml"} {
		if !slices.Contains(set.Files, file) {
			t.Errorf("%s is not in the read-set %v", file, set.Files)
		}
	}
}
