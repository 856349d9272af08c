// SPDX-License-Identifier: Apache-2.0

package ownership_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web, a.b/c: d}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: img:1
          command: [serve, fast]
          ports: [{containerPort: 80}]
          env: [{name: A, value: "1"}, {name: B, value: "2"}]
      volumes: [{name: tmp, emptyDir: {}}]
`

// applied is our entry right after applying deployment, as API server 1.36 writes it.
const applied = `{"f:metadata":{"f:labels":{"f:a.b/c":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},
"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:command":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}},"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}},
"f:image":{},"f:name":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}},"f:volumes":{"k:{\"name\":\"tmp\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}}}}`

// without takes fields out of an entry, as the API server does when someone else changes them.
func without(t testing.TB, entry string, drop ...fieldpath.Path) string {
	t.Helper()
	set := parse(t, entry)
	out := set.Difference(fieldpath.NewSet(drop...))
	data, err := out.ToJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func parse(t testing.TB, entry string) *fieldpath.Set {
	t.Helper()
	set := &fieldpath.Set{}
	if err := set.FromJSON(readerOf(entry)); err != nil {
		t.Fatal(err)
	}
	return set
}

func at(parts ...any) fieldpath.Path { return fieldpath.MakePathOrDie(parts...) }

func entry(t testing.TB, paths ...fieldpath.Path) string {
	t.Helper()
	data, err := fieldpath.NewSet(paths...).ToJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLost(t *testing.T) {
	replicas := at("spec", "replicas")
	image := at("spec", "template", "spec", "containers", fieldpath.KeyByFields("name", "main"), "image")
	label := at("metadata", "labels", "a.b/c")
	envB := []fieldpath.Path{}
	for _, f := range []string{"", "name", "value"} {
		p := at("spec", "template", "spec", "containers", fieldpath.KeyByFields("name", "main"), "env", fieldpath.KeyByFields("name", "B"))
		if f != "" {
			p = append(p, fieldpath.PathElement{FieldName: &f})
		}
		envB = append(envB, p)
	}
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		reason string
		owners ownership.Owners
		want   []string
	}{
		"Nothing": {"What we applied is ours, the port whose protocol was filled in as well.", ownership.Owners{Ours: applied}, nil},
		"Scaled": {
			"kubectl scale writes through the subresource.",
			ownership.Owners{Ours: without(t, applied, replicas), Others: []ownership.Manager{{Name: "kubectl", Subresource: "scale", Fields: entry(t, replicas), Time: when}}},
			[]string{".spec.replicas by kubectl (scale)"},
		},
		"SetImage": {
			"An element of a list is named by its key.",
			ownership.Owners{Ours: without(t, applied, image), Others: []ownership.Manager{{Name: "kubectl-set", Fields: entry(t, image)}}},
			[]string{`.spec.template.spec.containers[name="main"].image by kubectl-set`},
		},
		"LabelRemoved": {
			"What was removed is nobody's.",
			ownership.Owners{Ours: without(t, applied, label), Others: []ownership.Manager{{Name: "kubectl-label", Fields: entry(t, at("metadata", "labels", "x"))}}},
			[]string{`.metadata.labels["a.b/c"] by `},
		},
		"ElementRemoved": {
			"An element that was removed is told of as a whole.",
			ownership.Owners{Ours: without(t, applied, envB...)},
			[]string{`.spec.template.spec.containers[name="main"].env[name="B"] by `},
		},
		"Both": {
			"Who sets what we declare shares it with us.",
			ownership.Owners{Ours: applied, Others: []ownership.Manager{{Name: "helm", Fields: entry(t, replicas)}}},
			nil,
		},
		"Newest": {
			"Of several owners the one who wrote last counts.",
			ownership.Owners{Ours: without(t, applied, replicas), Others: []ownership.Manager{
				{Name: "a", Fields: entry(t, replicas), Time: when.Add(time.Hour)},
				{Name: "b", Fields: entry(t, replicas), Time: when},
			}},
			[]string{".spec.replicas by a"},
		},
		"NeverApplied": {
			"Without an entry of ours everything is lost: the object is someone else's.",
			ownership.Owners{Others: []ownership.Manager{{Name: "helm", Fields: applied}}},
			[]string{
				`.metadata.labels.app by helm`, `.metadata.labels["a.b/c"] by helm`, `.spec.replicas by helm`, `.spec.selector by helm`, `.spec.template.metadata.labels.app by helm`,
				`.spec.template.spec.containers[name="main"].command by helm`,
				`.spec.template.spec.containers[name="main"].env[name="A"].name by helm`, `.spec.template.spec.containers[name="main"].env[name="A"].value by helm`,
				`.spec.template.spec.containers[name="main"].env[name="B"].name by helm`, `.spec.template.spec.containers[name="main"].env[name="B"].value by helm`,
				`.spec.template.spec.containers[name="main"].image by helm`, `.spec.template.spec.containers[name="main"].name by helm`,
				`.spec.template.spec.containers[name="main"].ports[containerPort=80].containerPort by helm`,
				`.spec.template.spec.volumes[name="tmp"].emptyDir by helm`, `.spec.template.spec.volumes[name="tmp"].name by helm`,
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			lost, err := ownership.Lost(object(t, deployment), tc.owners)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range lost {
				got = append(got, f.Path.String()+" by "+ownership.Manager{Name: f.Manager, Subresource: f.Subresource}.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLostIsWhatWasTaken takes a random field out of the entry of a random object: exactly that one is lost.
func TestLostIsWhatWasTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := map[string]any{"spec": table(3).Draw(t, "spec"), "apiVersion": "v1", "kind": "X"}
		v, err := typed.DeducedParseableType.FromUnstructured(map[string]any{"spec": o["spec"]})
		if err != nil {
			t.Fatal(err)
		}
		set, err := v.ToFieldSet()
		if err != nil {
			t.Fatal(err)
		}
		ours := set.Leaves()
		var leaves []fieldpath.Path
		ours.Iterate(func(p fieldpath.Path) { leaves = append(leaves, p.Copy()) })
		taken := rapid.SampledFrom(leaves).Draw(t, "taken")
		left, err := ours.Difference(fieldpath.NewSet(taken)).ToJSON()
		if err != nil {
			t.Fatal(err)
		}
		whole, err := ours.ToJSON()
		if err != nil {
			t.Fatal(err)
		}
		if lost, err := ownership.Lost(o, ownership.Owners{Ours: string(whole)}); err != nil || len(lost) != 0 {
			t.Fatalf("nothing was taken: got %v, %v", lost, err)
		}
		lost, err := ownership.Lost(o, ownership.Owners{Ours: string(left), Others: []ownership.Manager{{Name: "x", Fields: string(must(fieldpath.NewSet(taken).ToJSON()))}}})
		if err != nil || len(lost) != 1 || lost[0].Manager != "x" {
			t.Fatalf("%s was taken: got %v, %v", taken, lost, err)
		}
		// What is not declared any more cannot be lost.
		rest := ownership.Without(o, []field.Path{lost[0].Path})
		if again, err := ownership.Lost(rest, ownership.Owners{Ours: string(left)}); err != nil || len(again) > 0 {
			t.Fatalf("without %s: got %v, %v", lost[0].Path, again, err)
		}
		// The path that people read leads to the field again.
		pattern, err := field.ParsePattern(lost[0].Path.String())
		if err != nil || !lost[0].Path.Has(pattern) {
			t.Fatalf("%s read as %s: %v", lost[0].Path, pattern, err)
		}
	})
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// table makes random tables with something in them.
func table(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		out := map[string]any{}
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c-d", "e.f/g", `q"`}), 1, 4, rapid.ID).Draw(t, "keys") {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				out[key] = rapid.StringN(0, 4, 8).Draw(t, "text")
			case 1:
				out[key] = int64(rapid.IntRange(0, 9).Draw(t, "number"))
			case 2:
				out[key] = []any{"x", map[string]any{"y": "z"}}
			default:
				if depth == 0 {
					out[key] = true
					continue
				}
				out[key] = table(depth-1).Draw(t, "table")
			}
		}
		return out
	})
}

func TestOf(t *testing.T) {
	fields := func(s string) *metav1.FieldsV1 {
		f := &metav1.FieldsV1{}
		f.SetRawString(s)
		return f
	}
	when := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	got := ownership.Of([]metav1.ManagedFieldsEntry{
		{Manager: "kube-controller-manager", Operation: "Update", Subresource: "status", FieldsV1: fields(`{}`)},
		{Manager: "kubectl", Operation: "Update", Subresource: "scale", FieldsV1: fields(`{"f:spec":{}}`), Time: &when},
		{Manager: "trunkline", Operation: "Apply", FieldsV1: fields(`{"f:metadata":{}}`)},
		{Manager: "trunkline", Operation: "Update", FieldsV1: fields(`{"f:data":{}}`)},
		{Manager: "empty", Operation: "Update"},
	}, "trunkline")
	want := ownership.Owners{
		Ours: `{"f:metadata":{}}`,
		Others: []ownership.Manager{
			{Name: "kubectl", Operation: "Update", Subresource: "scale", Fields: `{"f:spec":{}}`, Time: when.Time},
			{Name: "trunkline", Operation: "Update", Fields: `{"f:data":{}}`},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the status is nobody's drift, and only what we apply is ours: -want +got:\n%s", diff)
	}
}

func TestLostRefusesWhatIsNoFields(t *testing.T) {
	for _, fields := range []string{`{`, `[]`, `{"k:{":{}}`, `{"f:a":` + fmt.Sprintf("%0300000d", 1) + `}`} {
		for _, owners := range []ownership.Owners{{Ours: fields}, {Others: []ownership.Manager{{Fields: fields}}}} {
			if lost, err := ownership.Lost(object(t, deployment), owners); err == nil {
				t.Errorf("%.20q: got %v and no error", fields, lost)
			}
		}
	}
}

func readerOf(s string) io.Reader { return strings.NewReader(s) }

func TestWithout(t *testing.T) {
	o := object(t, deployment)
	before := object(t, deployment)
	drop := []field.Path{
		{{Field: "spec"}, {Field: "replicas"}},
		{{Field: "spec"}, {Field: "no"}, {Field: "such"}},
		{{Field: "spec"}, {Field: "template"}, {Field: "spec"}, {Field: "containers"}, {List: true, Index: 7}},
		{
			{Field: "spec"},
			{Field: "template"},
			{Field: "spec"},
			{Field: "containers"},
			{List: true},
			{Field: "env"},
			{List: true, Index: 1, Keys: []field.Key{{Name: "name", Value: `"B"`}}},
		},
	}
	got := ownership.Without(o, drop)
	want := object(t, strings.NewReplacer("\n  replicas: 2", "", `, value: "2"`, "").Replace(deployment))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, o); diff != "" {
		t.Errorf("the object itself was changed:\n%s", diff)
	}
}
