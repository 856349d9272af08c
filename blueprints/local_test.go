// SPDX-License-Identifier: Apache-2.0

package blueprints_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// TestTheReadmesExample renders the blueprint that README.md shows, as a repository would have it.
func TestTheReadmesExample(t *testing.T) {
	bp, local := readmeBlueprint(t)
	result, err := renderer().Render(t.Context(), local, release(full(bp, map[string]any{"executors": 7})))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, o := range result.Objects {
		typed(t, o)
		kinds = append(kinds, o.GetKind())
	}
	if got, want := strings.Join(kinds, " "), "Namespace ServiceAccount ServiceAccount ConfigMap Job"; got != want {
		t.Errorf("the example renders %s, want %s", got, want)
	}
}

// readmeBlueprint returns the blueprint that README.md shows, and the tree that it is in.
func readmeBlueprint(t *testing.T) (*catalog.Blueprint, fstest.MapFS) {
	t.Helper()
	readme := readREADME(t)
	local := fstest.MapFS{
		"bp/chart/Chart.yaml":         {Data: []byte("apiVersion: v2\nname: spark-lite\nversion: 1.0.0\n")},
		"bp/chart/values.yaml":        {Data: []byte("executors: 2\n")},
		"bp/chart/templates/job.yaml": {Data: []byte(block(t, readme, "# chart/templates/job.yaml\n"))},
	}
	maps.Copy(local, tree)
	docs, problems := v1alpha1.Decode("bp/blueprint.yaml", []byte(block(t, readme, "# blueprint.yaml\n")))
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, problems:\n%s", len(docs), problems)
	}
	return &catalog.Blueprint{Name: docs[0].Name, Spec: docs[0].Object.(*v1alpha1.Blueprint).Spec, Source: "bp/chart"}, local
}

// TestTheReadmesComponent takes values into a Deployment as README.md shows.
func TestTheReadmesComponent(t *testing.T) {
	local := fstest.MapFS{
		"bp/kustomization.yaml": {Data: []byte(block(t, readREADME(t), "apiVersion: kustomize.config.k8s.io/v1alpha1\n"))},
		"bp/deployment.yaml": {Data: []byte(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      serviceAccountName: replaced
      containers:
        - name: main
          env:
            - {name: INPUT, value: replaced}
            - {name: TOKEN, valueFrom: {secretKeyRef: {name: replaced, key: token}}}
`)},
	}
	local["bp/kustomization.yaml"].Data = append([]byte("apiVersion: kustomize.config.k8s.io/v1alpha1\n"), local["bp/kustomization.yaml"].Data...)
	bp := &catalog.Blueprint{Name: "web", Source: "bp", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize}}
	w := full(bp, nil)
	w.Files = nil
	result, err := renderer().Render(t.Context(), local, release(w))
	if err != nil {
		t.Fatal(err)
	}
	deployment, ok := typed(t, result.Objects[len(result.Objects)-1]).(*appsv1.Deployment)
	if !ok {
		t.Fatalf("the last object is a %s, want the Deployment", result.Objects[len(result.Objects)-1].GetKind())
	}
	want := corev1.PodSpec{
		ServiceAccountName: "orders-clean",
		Containers: []corev1.Container{{Name: "main", Env: []corev1.EnvVar{
			{Name: "INPUT", Value: "s3://lake/orders/raw/"},
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: "shop-api"}, Key: "token",
			}}},
		}}},
	}
	if diff := cmp.Diff(want, deployment.Spec.Template.Spec); diff != "" {
		t.Errorf("the pod (-want +got):\n%s", diff)
	}
}

func readREADME(t *testing.T) string {
	t.Helper()
	// Not part of the embedded library: read from beside the test.
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// block returns the fenced block of the README that begins with a line.
func block(t *testing.T, readme, first string) string {
	t.Helper()
	_, rest, found := strings.Cut(readme, "```yaml\n"+first)
	text, _, closed := strings.Cut(rest, "```\n")
	if !found || !closed {
		t.Fatalf("README.md has no block that begins with %q", first)
	}
	return text
}
