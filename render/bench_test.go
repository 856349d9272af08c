package render_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

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

func BenchmarkRenderHelm(b *testing.B) {
	tree := charts(map[string]string{"a": benchChart})
	tree["bp/a/values.yaml"] = &fstest.MapFile{Data: []byte("theme: dark\nimage: web:v2\n")}
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: helmBlueprint("a")})
	r := render.New(blueprints.FS)
	var ours, bare time.Duration
	for b.Loop() {
		began := time.Now()
		if result, err := r.Render(b.Context(), tree, rel); err != nil || len(result.Objects) != 5 {
			b.Fatal(err, len(result.Objects))
		}
		ours += time.Since(began)
		began = time.Now()
		bareHelm(b, tree)
		bare += time.Since(began)
	}
	report(b, ours, bare)
}

// bareHelm is what the library takes by itself: load, merge, execute, read the YAML.
func bareHelm(b *testing.B, tree fstest.MapFS) {
	var files []*loader.BufferedFile
	for name, f := range tree {
		files = append(files, &loader.BufferedFile{Name: name[len("bp/a/"):], Data: f.Data})
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		b.Fatal(err)
	}
	vals, err := chartutil.ToRenderValues(c, nil, chartutil.ReleaseOptions{Name: "a", Namespace: "ns"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	out, err := engine.Render(c, vals)
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range out {
		for doc := range strings.SplitSeq(text, "---\n") {
			var o map[string]any
			if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil {
				b.Fatal(err)
			}
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
	var ours, bare time.Duration
	for b.Loop() {
		began := time.Now()
		if result, err := r.Render(b.Context(), tree, rel); err != nil || len(result.Objects) != 5 {
			b.Fatal(err, len(result.Objects))
		}
		ours += time.Since(began)
		began = time.Now()
		bareKustomize(b)
		bare += time.Since(began)
	}
	report(b, ours, bare)
}

func bareKustomize(b *testing.B) {
	fsys := filesys.MakeFsInMemory()
	for name, text := range map[string]string{"app/base.yaml": benchBase, "app/kustomization.yaml": benchKustomization} {
		if err := fsys.WriteFile(name, []byte(text)); err != nil {
			b.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, "app")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := built.AsYaml(); err != nil {
		b.Fatal(err)
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

// report gives both times of one run, and how they compare.
func report(b *testing.B, ours, bare time.Duration) {
	n := float64(b.N)
	b.ReportMetric(float64(ours.Microseconds())/n, "µs/release")
	b.ReportMetric(float64(bare.Microseconds())/n, "µs/bare")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "×bare")
}
