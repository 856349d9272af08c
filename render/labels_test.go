// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kustomize"
)

// someLabels draws labels of the keys that charts use, those of Trunkline's values among them.
var someLabels = rapid.MapOfN(
	rapid.SampledFrom([]string{"app", "tier", "app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by"}),
	rapid.SampledFrom([]string{"web", "orders", "trunkline", "argocd"}), 0, 5)

// drawSelector draws a selector over the same keys, which often selects what has these labels.
func drawSelector(t *rapid.T) labels.Selector {
	s := &metav1.LabelSelector{MatchLabels: someLabels.Draw(t, "matchLabels")}
	for key, value := range someLabels.Draw(t, "expressions") {
		r := metav1.LabelSelectorRequirement{Key: key, Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{
			metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist,
		}).Draw(t, "operator")}
		if r.Operator == metav1.LabelSelectorOpIn || r.Operator == metav1.LabelSelectorOpNotIn {
			r.Values = []string{value}
		}
		s.MatchExpressions = append(s.MatchExpressions, r)
	}
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSelectorsSelectTheSame renders objects and pods with labels, by both engines: whatever a selector selected of what
// was written, it selects of what is rendered, and nothing else.
func TestSelectorsSelectTheSame(t *testing.T) {
	kinds := []struct {
		apiVersion, kind string
		pods             []string
	}{
		{"v1", "Service", nil},
		{"v1", "ConfigMap", nil},
		{"v1", "Pod", nil},
		{"apps/v1", "Deployment", []string{"spec", "template"}},
		{"apps/v1", "StatefulSet", []string{"spec", "template"}},
		{"apps/v1", "DaemonSet", []string{"spec", "template"}},
		{"apps/v1", "ReplicaSet", []string{"spec", "template"}},
		{"batch/v1", "Job", []string{"spec", "template"}},
		{"batch/v1", "CronJob", []string{"spec", "jobTemplate", "spec", "template"}},
		{"monitoring.coreos.com/v1", "ServiceMonitor", nil},
	}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(kinds).Draw(t, "kind")
		own, ofPods := someLabels.Draw(t, "labels"), someLabels.Draw(t, "labels of the pods")
		o := &unstructured.Unstructured{Object: map[string]any{}}
		o.SetAPIVersion(k.apiVersion)
		o.SetKind(k.kind)
		o.SetName("x")
		o.SetLabels(own)
		if k.pods != nil {
			must(t, unstructured.SetNestedStringMap(o.Object, ofPods, append(append([]string{}, k.pods...), "metadata", "labels")...))
		}
		text, err := yaml.Marshal(o.Object)
		must(t, err)
		rendered := renderedBy(t, rapid.SampledFrom([]v1alpha1.Engine{v1alpha1.Helm, v1alpha1.Kustomize}).Draw(t, "engine"), string(text))
		selector := drawSelector(t)
		compare := func(what string, was, is map[string]string) {
			if selector.Matches(labels.Set(was)) != selector.Matches(labels.Set(is)) {
				t.Fatalf("%s\n%q selects of the %s %v as written: %t, and %v as rendered: %t", text, selector, what,
					was, selector.Matches(labels.Set(was)), is, selector.Matches(labels.Set(is)))
			}
		}
		compare("object", own, rendered.GetLabels())
		if k.pods != nil {
			is, _, err := unstructured.NestedStringMap(rendered.Object, append(append([]string{}, k.pods...), "metadata", "labels")...)
			must(t, err)
			compare("pods", ofPods, is)
		}
		if rendered.GetLabels()[render.LabelProject] != "orders" {
			t.Fatalf("it is not labelled as the project's: %v", rendered.GetLabels())
		}
	})
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// renderedBy renders one object by an engine.
func renderedBy(t *rapid.T, engine v1alpha1.Engine, text string) *unstructured.Unstructured {
	tree, b := charts(map[string]string{"a": text}), helmBlueprint("a")
	if engine == v1alpha1.Kustomize {
		tree = fstest.MapFS{
			"bp/a/kustomization.yaml": {Data: []byte("resources: [all.yaml]\n")}, "bp/a/all.yaml": {Data: []byte(text)},
		}
		b.Spec.Engine = v1alpha1.Kustomize
	}
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: b})
	result, err := render.New(blueprints.FS, render.WithBuilder(kustomize.InProcess{})).Render(t.Context(), tree, rel)
	must(t, err)
	for _, o := range result.Objects {
		if o.GetName() == "x" {
			return o
		}
	}
	t.Fatal(fmt.Errorf("the object is not rendered"))
	return nil
}
