// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kustomize"
)

// overlay is the release of one workload of the embedded blueprint kustomize.
func overlay(t *testing.T, params map[string]any) catalog.Release {
	t.Helper()
	embedded, _, err := catalog.Load(fstest.MapFS{}, blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	rel := releaseOf()
	rel.Dir = "."
	rel.Workloads = []catalog.Workload{{Name: "a", Identity: "orders", Blueprint: embedded.Blueprints["kustomize"], Params: params}}
	return rel
}

func TestVariables(t *testing.T) {
	const config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  region: ${region}\n  replicas: ${replicas:=two}\n"
	for name, tc := range map[string]struct {
		reason string
		params map[string]any
		want   any
		err    string
	}{
		"Given":   {"variables are replaced, by a default as well", map[string]any{"substitute": map[string]any{"region": "eu"}}, map[string]any{"region": "eu", "replicas": "two"}, ""},
		"None":    {"without the param everything stays as it is", nil, map[string]any{"region": "${region}", "replicas": "${replicas:=two}"}, ""},
		"Empty":   {"also without any variable", map[string]any{"substitute": map[string]any{}}, map[string]any{"region": "${region}", "replicas": "${replicas:=two}"}, ""},
		"Missing": {"one without a value is named with its file and line", map[string]any{"substitute": map[string]any{"other": "x"}}, nil, `app/c.yaml:5: ConfigMap "c" data.region: the variable "region" has no value and no default`},
		"Type":    {"values are texts", map[string]any{"substitute": map[string]any{"region": 3}}, nil, "params.substitute.region: expected a text, got a number"},
		"Name":    {"names are those of variables", map[string]any{"substitute": map[string]any{"my-region": "x"}}, nil, "my-region"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{"app/kustomization.yaml": {Data: []byte("resources: [c.yaml]\n")}, "app/c.yaml": {Data: []byte(config)}}
			params := map[string]any{"path": "app"}
			maps.Copy(params, tc.params)
			result, err := render.New(blueprints.FS, render.WithBuilder(kustomize.InProcess{})).Render(t.Context(), tree, overlay(t, params))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s: got %v, want %s", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			for _, o := range result.Objects {
				if o.GetKind() == "ConfigMap" {
					if diff := cmp.Diff(tc.want, o.Object["data"]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
					}
				}
			}
		})
	}
}

// TestOwnAccount: charts bring the service account of their pods, which is often called as the project is.
func TestOwnAccount(t *testing.T) {
	rel := releaseOf()
	rel.Accounts = []catalog.Account{{Name: "orders", Annotations: map[string]string{"role": "of the environment"}}}
	rel.Workloads = []catalog.Workload{{Name: "a", Identity: "orders", Blueprint: helmBlueprint("a")}}
	text := "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: orders, labels: {app: web}, annotations: {role: admin, other: x}}\nautomountServiceAccountToken: true\n"
	result, err := render.New(blueprints.FS).Render(t.Context(), charts(map[string]string{"a": text}), rel)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	for _, o := range result.Objects {
		if o.GetKind() == "ServiceAccount" {
			got = append(got, o.Object)
		}
	}
	want := []map[string]any{{
		"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": true,
		"metadata": map[string]any{
			"name": "orders", "namespace": "orders-prod",
			"labels":      map[string]any{"app": "web", render.LabelProject: "orders", render.LabelEnvironment: "prod", render.LabelWorkload: "a"},
			"annotations": map[string]any{"role": "of the environment", "other": "x"},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the chart says counts, but not about who its pods are in the cloud (-want +got):\n%s", diff)
	}
	rel.Workloads = append(rel.Workloads, catalog.Workload{Name: "b", Identity: "orders", Blueprint: helmBlueprint("b")})
	if _, err := render.New(blueprints.FS).Render(t.Context(), charts(map[string]string{"a": text, "b": text}), rel); err == nil || !strings.Contains(err.Error(), "is rendered twice") {
		t.Errorf("two workloads bring it: got %v", err)
	}
}

// TestGlobalValues: those of params reach subcharts beside Trunkline's own.
func TestGlobalValues(t *testing.T) {
	rel := releaseOf()
	rel.Workloads = []catalog.Workload{{
		Name: "a", Identity: "orders", Blueprint: helmBlueprint("a"), Params: map[string]any{"global": map[string]any{"registry": "r.example.com"}},
	}}
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: \"{{ .Values.global.registry }}/{{ .Values.global.trunkline.project }}\"}\n"
	result, err := render.New(blueprints.FS).Render(t.Context(), charts(map[string]string{"a": text}), rel)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range result.Objects {
		if o.GetKind() == "ConfigMap" {
			if diff := cmp.Diff(map[string]any{"a": "r.example.com/orders"}, o.Object["data"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
}
