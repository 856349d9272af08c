// SPDX-License-Identifier: Apache-2.0

package kinds_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"trunkline.dev/trunkline/render/kinds"
)

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.kinds.example}
spec:
  group: kinds.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [size, mode]
            properties:
              size: {type: integer, minimum: 1}
              mode: {type: string, enum: [fast, slow], default: slow}
              name: {type: string, nullable: true}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: string}}}
              labels: {type: object, additionalProperties: {type: string}}
              parts: {type: array, items: {type: object, required: [id], properties: {id: {type: string}, count: {type: integer}}}}
          status: {type: object, properties: {ready: {type: boolean}}}
  - {name: v1alpha1, served: false, storage: false, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

const widget = "apiVersion: kinds.example/v1\nkind: Widget\nmetadata: {name: a, labels: {a: b}}\nspec:\n  size: 1\n"

var customs = []object{
	{reason: "what its definition has, and a default", yaml: widget},
	{reason: "all of it", yaml: widget + "  mode: fast\n  name: null\n  port: 80\n  free: {known: a, other: {b: [1]}}\n  labels: {x.y/z: b}\n  parts: [{id: a, count: 2}]\n"},
	{reason: "a port by name", yaml: widget + "  port: http\n"},
	{reason: "null where it cannot be", yaml: widget + "  port: null\n  labels: null\n", want: []string{
		`spec.labels: does not fit its definition: Invalid value: "null": must be of type object: "null"`,
		`spec.port: does not fit its definition: Invalid value: "null": must be of type integer,string: "null"`,
	}},
	{reason: "a field that is misspelt", yaml: widget + "  moode: fast\n  parts: [{id: a, cnt: 2}]\n", want: []string{
		`spec.moode: is no field, by its definition (did you mean "mode"?)`,
		`spec.parts[0].cnt: is no field, by its definition (did you mean "count"?)`,
	}},
	{reason: "a number in quotes", yaml: "apiVersion: kinds.example/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: \"1\"}\n", want: []string{
		`spec.size: does not fit its definition: Invalid value: "string": must be of type integer: "string"`,
	}},
	{reason: "a text that is none of those", yaml: widget + "  mode: faster\n", want: []string{
		`spec.mode: does not fit its definition: Unsupported value: "faster": supported values: "fast", "slow"`,
	}},
	{reason: "too little, and a field that is missing", yaml: "apiVersion: kinds.example/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 0, parts: [{}]}\n", want: []string{
		`spec.parts[0].id: does not fit its definition: Required value`,
		`spec.size: does not fit its definition: Invalid value: 0: should be greater than or equal to 1`,
	}},
	{reason: "nothing", yaml: "apiVersion: kinds.example/v1\nkind: Widget\nmetadata: {name: a}\n", want: []string{
		`spec: does not fit its definition: Required value`,
	}},
	{reason: "a type inside of what is free", yaml: widget + "  free: {known: 1}\n", want: []string{
		`spec.free.known: does not fit its definition: Invalid value: "integer": must be of type string: "integer"`,
	}},
	{reason: "a version that is not served", yaml: "apiVersion: kinds.example/v1alpha1\nkind: Widget\nmetadata: {name: a}\n", want: []string{
		`apiVersion: is kinds.example/v1alpha1, and the definition of Widget serves no such version (want one of: v1)`,
	}},
}

// TestCustom: a custom resource is held to the definition that the release has of its kind.
func TestCustom(t *testing.T) {
	for _, o := range customs {
		t.Run(o.reason, func(t *testing.T) {
			got := words(kinds.Check(read(t, o.yaml), kinds.Cluster{Definitions: defined(t, widgets)}))
			if diff := cmp.Diff(o.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := words(kinds.Check(read(t, o.yaml), kinds.Cluster{})); got != nil {
				t.Errorf("without a definition it is refused: %q", got)
			}
		})
	}
}

// TestDefinitionsThatAreBroken: of a definition that the API server would not take, nothing is concluded.
func TestDefinitionsThatAreBroken(t *testing.T) {
	const end = "names: {kind: Widget}, versions: [{name: v1, served: true, schema: {openAPIV3Schema: "
	for reason, text := range map[string]string{
		"no versions":          "apiVersion: apiextensions.k8s.io/v1\nspec: {group: kinds.example, names: {kind: Widget}}\n",
		"no schema":            "apiVersion: apiextensions.k8s.io/v1\nspec: {group: kinds.example, names: {kind: Widget}, versions: [{name: v1, served: true}]}\n",
		"a schema of no type":  "apiVersion: apiextensions.k8s.io/v1\nspec: {group: kinds.example, " + end + "{properties: {spec: {}}}}}]}\n",
		"a list for a mapping": "apiVersion: apiextensions.k8s.io/v1\nspec: {group: kinds.example, " + end + "[]}}]}\n",
		"an older version":     "apiVersion: apiextensions.k8s.io/v1beta1\nspec: {group: kinds.example, names: {kind: Widget}}\n",
	} {
		if got := words(kinds.Check(read(t, widget+"  anything: goes\n"), kinds.Cluster{Definitions: defined(t, text)})); got != nil {
			t.Errorf("%s: refused: %q", reason, got)
		}
	}
}

// TestAPIServerOfCustom: a real API server that has the definition says the same.
func TestAPIServerOfCustom(t *testing.T) {
	server := ask(t)
	definition := &unstructured.Unstructured{Object: read(t, widgets)}
	crds := server.client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := crds.Create(t.Context(), definition, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	server.served(t, schema.GroupVersionResource{Group: "kinds.example", Version: "v1", Resource: "widgets"})
	for _, o := range customs {
		t.Run(o.reason, func(t *testing.T) {
			here := kinds.Check(read(t, o.yaml), kinds.Cluster{Definitions: defined(t, widgets)})
			if err := server.apply(t.Context(), read(t, o.yaml)); (err != nil) != (len(here) > 0) {
				t.Errorf("refused here for %q, and by the API server for %v", words(here), err)
			}
		})
	}
}

// served waits until a kind is served.
func (s *server) served(t *testing.T, gvr schema.GroupVersionResource) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := s.client.Resource(gvr).Namespace(s.namespace).List(ctx, metav1.ListOptions{})
		return err == nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	*s = ask(t) // which knows it
}
