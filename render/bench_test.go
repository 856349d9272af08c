// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// Three small objects, as a chart and as a base.
const (
	benchChart = `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data: {theme: {{ .Values.theme | quote }}}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: "{{ .Release.Name }}"}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec: {containers: [{name: web, image: "{{ .Values.image }}"}]}
`
	benchBase = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {theme: dark}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
`
	benchKustomization = "resources: [base.yaml]\nnamePrefix: p-\nimages: [{name: web, newTag: v2}]\n"
)

// BenchmarkRenderHelm and BenchmarkRenderKustomize are for profiles; hack/bench compares with the libraries.
func BenchmarkRenderHelm(b *testing.B) {
	tree := charts(map[string]string{"a": benchChart})
	tree["bp/a/values.yaml"] = &fstest.MapFile{Data: []byte("theme: dark\nimage: web:v2\n")}
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: helmBlueprint("a")})
	r := render.New(blueprints.FS)
	for b.Loop() {
		if result, err := r.Render(b.Context(), tree, rel); err != nil || len(result.Objects) != 5 {
			b.Fatal(err, len(result.Objects))
		}
	}
}

func BenchmarkRenderKustomize(b *testing.B) {
	tree := fstest.MapFS{
		"app/base.yaml": {Data: []byte(benchBase)}, "app/kustomization.yaml": {Data: []byte(benchKustomization)},
	}
	bp := &catalog.Blueprint{Name: "a", Source: "app", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize}}
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: bp})
	r := render.New(blueprints.FS)
	for b.Loop() {
		if result, err := r.Render(b.Context(), tree, rel); err != nil || len(result.Objects) != 5 {
			b.Fatal(err, len(result.Objects))
		}
	}
}

// BenchmarkRenderJob is a workload of an embedded blueprint.
func BenchmarkRenderJob(b *testing.B) {
	rel := releaseOf(catalog.Workload{Name: "a", Image: "i", Files: []string{"x"}, Blueprint: &catalog.Blueprint{
		Name: "container-job", Embedded: true, Source: "container-job/chart", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm},
	}})
	tree := fstest.MapFS{"projects/orders/x": {Data: []byte("x")}}
	r := render.New(blueprints.FS)
	for b.Loop() {
		if _, err := r.Render(b.Context(), tree, rel); err != nil {
			b.Fatal(err)
		}
	}
}
