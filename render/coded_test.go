// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue/evaluate"
)

// codedTree has plain manifests, a program and a package, in a project and for blueprints.
var codedTree = fstest.MapFS{
	"projects/orders/out/a.yaml":      {Data: []byte(plainMap("a"))},
	"projects/orders/out/b.txt":       {Data: []byte("not read")},
	"projects/orders/j/main.jsonnet":  {Data: []byte("local l = import 'k/l.libsonnet'; function(n='a', trunkline) l + {metadata+: {name: n}, data: {ns: trunkline.namespace}}")},
	"projects/orders/j/other.jsonnet": {Data: []byte("error 'not read'")},
	"lib/k/l.libsonnet":               {Data: []byte("{apiVersion: 'v1', kind: 'ConfigMap'}")},
	"cue.mod/module.cue":              {Data: []byte("module: \"example.com/x\"\nlanguage: version: \"v0.16.0\"\n")},
	"projects/orders/c/app.cue":       {Data: []byte("package app\nimport \"example.com/x/lib/base\"\n_n: *\"a\" | string @tag(n)\n#trunkline: _\nx: base.#CM & {metadata: name: _n, data: ns: #trunkline.namespace}\n")},
	"projects/orders/c/note.md":       {Data: []byte("not read")},
	"lib/base/cm.cue":                 {Data: []byte("package base\n#CM: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: string, data: {...}}\n")},
	"bp/j/main.jsonnet":               {Data: []byte("function(n) {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: n}, data: {n: std.extVar('trunkline').params.n}}")},
	"bp/c/a.cue":                      {Data: []byte("package bp\n#params: n: string\nx: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: #params.n}\n")},
	"bp/m/a.json":                     {Data: []byte(`{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}`)},
}

func plainMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

// coded is a workload of an embedded blueprint, or of one in the tree if source is set.
func coded(engine v1alpha1.Engine, source string, params map[string]any) catalog.Workload {
	return catalog.Workload{
		Name: "w", Identity: "orders", Params: params,
		Blueprint: &catalog.Blueprint{Name: string(engine), Embedded: source == "", Source: source, Spec: v1alpha1.BlueprintSpec{Engine: engine, Parameters: anything}},
	}
}

func renderCoded(t *testing.T, tree fstest.MapFS, w catalog.Workload) (render.Result, error) {
	t.Helper()
	rel := catalog.Release{
		ID:       catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "test"},
		Platform: "acme", Owner: "team", Namespace: "orders-dev", Dir: "projects/orders", Workloads: []catalog.Workload{w},
		Accounts: []catalog.Account{{Name: "orders"}},
	}
	return render.New(blueprints.FS, render.WithEvaluator(v1alpha1.CUE, code.InProcess(evaluate.Languages()))).Render(t.Context(), tree, rel)
}

// TestCoded renders with each engine, and shows what the render depends on: the files that were read, and no others.
func TestCoded(t *testing.T) {
	cases := map[string]struct {
		reason   string
		workload catalog.Workload
		reads    []string
		matters  []string
		others   []string
	}{
		"Manifests": {
			"files of a folder, and what is added to it", coded(v1alpha1.Manifests, "", map[string]any{"paths": []any{"out"}}),
			[]string{"projects/orders/out/a.yaml"},
			[]string{"projects/orders/out/a.yaml", "projects/orders/out/new.yaml"},
			[]string{"projects/orders/x.yaml", "lib/k/l.libsonnet"},
		},
		"Jsonnet": {
			"imports, and where they were looked for first",
			coded(v1alpha1.Jsonnet, "", map[string]any{"path": "j", "libraries": []any{"../../lib"}, "args": map[string]any{"n": "a"}}),
			[]string{"lib/k/l.libsonnet", "projects/orders/j/main.jsonnet"},
			[]string{"lib/k/l.libsonnet", "projects/orders/j/main.jsonnet", "projects/orders/j/k/l.libsonnet"},
			[]string{"projects/orders/j/other.jsonnet", "lib/k/m.libsonnet", "lib/base/cm.cue"},
		},
		"CUE": {
			"files of the package and of those that it imports, and its module",
			coded(v1alpha1.CUE, "", map[string]any{"path": "c", "tags": map[string]any{"n": "a"}}),
			[]string{"cue.mod/module.cue", "lib/base/cm.cue", "projects/orders/c/app.cue"},
			[]string{"cue.mod/module.cue", "lib/base/cm.cue", "projects/orders/c/app.cue", "projects/orders/c/new.cue", "projects/orders/cue.mod/module.cue"},
			nil, // files of a package may be in each folder above it, so that those are listed
		},
		"JsonnetBlueprint":   {"a blueprint's params are its arguments", coded(v1alpha1.Jsonnet, "bp/j", map[string]any{"n": "a"}), []string{"bp/j/main.jsonnet"}, []string{"bp/j/main.jsonnet"}, []string{"bp/c/a.cue"}},
		"CUEBlueprint":       {"and a definition of its package", coded(v1alpha1.CUE, "bp/c", map[string]any{"n": "a"}), []string{"bp/c/a.cue", "cue.mod/module.cue"}, []string{"bp/c/a.cue"}, nil},
		"ManifestsBlueprint": {"manifests can be shared too", coded(v1alpha1.Manifests, "bp/m", nil), []string{"bp/m/a.json"}, []string{"bp/m/a.json"}, []string{"bp/j/main.jsonnet"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := renderCoded(t, codedTree, tc.workload)
			if err != nil {
				t.Fatal(err)
			}
			last := result.Objects[len(result.Objects)-1]
			if last.GetName() != "a" || last.GetNamespace() != "orders-dev" || last.GetLabels()[render.LabelWorkload] != "w" {
				t.Errorf("%s: got %v", tc.reason, last.Object)
			}
			if diff := cmp.Diff(tc.reads, result.ReadSet.Files); diff != "" {
				t.Errorf("%s: files that were read (-want +got):\n%s", tc.reason, diff)
			}
			for _, p := range tc.matters {
				if !result.ReadSet.Affected([]string{p}) {
					t.Errorf("%s: a change of %s is not noticed", tc.reason, p)
				}
			}
			for _, p := range tc.others {
				if result.ReadSet.Affected([]string{p}) {
					t.Errorf("%s: a change of %s has it rendered again", tc.reason, p)
				}
			}
		})
	}
}

// TestCodedRefused are params that lead nowhere, and objects that cannot be part of a release whatever they come from.
func TestCodedRefused(t *testing.T) {
	with := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	cases := map[string]struct {
		reason   string
		tree     fstest.MapFS
		workload catalog.Workload
		want     string
	}{
		"Out":        {"no path leads out of the repository", codedTree, coded(v1alpha1.Manifests, "", map[string]any{"paths": []any{"../../../etc"}}), `params.paths[0]: "../../../etc" is not a file or folder of the repository`},
		"Absolute":   {"none is absolute", codedTree, coded(v1alpha1.Jsonnet, "", map[string]any{"path": "/etc/passwd"}), `params.path: "/etc/passwd" is not a file or folder of the repository`},
		"Library":    {"no library either", codedTree, coded(v1alpha1.Jsonnet, "", map[string]any{"path": "j", "libraries": []any{"/usr/lib"}}), `params.libraries[0]: "/usr/lib" is not a folder`},
		"Package":    {"and no package", codedTree, coded(v1alpha1.CUE, "", map[string]any{"path": "../../.."}), `params.path: "../../.." is not a folder of the repository`},
		"Duplicate":  {"an object is there once", with("projects/orders/o.yaml", plainMap("a")+"---\n"+plainMap("a")), coded(v1alpha1.Manifests, "", map[string]any{"paths": []any{"o.yaml"}}), `ConfigMap "a" is rendered twice: by workload "w" (projects/orders/o.yaml) and by workload "w" (projects/orders/o.yaml)`},
		"Namespace":  {"of the namespace of the release", with("projects/orders/m.jsonnet", "{a: {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a', namespace: 'kube-system'}}}"), coded(v1alpha1.Jsonnet, "", map[string]any{"path": "m.jsonnet"}), `projects/orders/m.jsonnet (a): ConfigMap "a" names the namespace "kube-system"`},
		"Misfit":     {"and one that the API server takes", with("projects/orders/c/a.cue", "package c\na: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"a\", dta: x: \"y\"}"), coded(v1alpha1.CUE, "", map[string]any{"path": "c"}), "dta"},
		"NoArgument": {"a blueprint's program takes its params", codedTree, coded(v1alpha1.Jsonnet, "bp/j", map[string]any{"n": "a", "m": 1}), "m"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := renderCoded(t, tc.tree, tc.workload)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nGot %v, want one that says %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestCodedOrder: definitions come before what they define, wherever they stand in the files.
func TestCodedOrder(t *testing.T) {
	tree := fstest.MapFS{"projects/orders/o.yaml": {Data: []byte(`apiVersion: acme.example/v1
kind: Thing
metadata: {name: a}
---
apiVersion: v1
kind: List
items:
  - apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: things.acme.example}
    spec:
      group: acme.example
      scope: Namespaced
      names: {kind: Thing, plural: things}
      versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`)}}
	w := coded(v1alpha1.Manifests, "", map[string]any{"paths": []any{"o.yaml"}})
	if _, err := renderCoded(t, tree, w); err == nil || !strings.Contains(err.Error(), "belongs to the whole cluster") {
		t.Errorf("a definition that the environment does not allow: %v", err)
	}
	rel := catalog.Release{
		ID: catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "test"}, Platform: "acme", Namespace: "orders-dev", Dir: "projects/orders",
		Workloads: []catalog.Workload{w}, Accounts: []catalog.Account{{Name: "orders"}},
	}
	rel.Allowed.ClusterScoped = []schema.GroupKind{{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}}
	result, err := render.New(blueprints.FS).Render(t.Context(), tree, rel)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, o := range result.Objects {
		kinds = append(kinds, o.GetKind())
	}
	if d, c := slices.Index(kinds, "CustomResourceDefinition"), slices.Index(kinds, "Thing"); d < 0 || c < d {
		t.Errorf("the order is %v", kinds)
	}
}
