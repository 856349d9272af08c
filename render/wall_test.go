// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue/evaluate"
	"trunkline.dev/trunkline/render/kustomize"
)

// TestARepositoryReadsNothingOfOthers: what an included repository declares renders from its own files, by whatever engine, and not from those
// of the platform or of another repository.
func TestARepositoryReadsNothingOfOthers(t *testing.T) {
	const secret = "do-not-read-this"
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {x: " + secret + "}\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	trees := fstest.MapFS{}
	for name, text := range map[string]string{
		"base/kustomization.yaml": "resources: [x.yaml]\n", "base/x.yaml": configMap, "x.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'x'}, data: {x: '" + secret + "'}}",
		"x.txt": secret, "cue/x.cue": "package x\nx: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"x\", data: x: \"" + secret + "\"}\n",
	} {
		for _, dir := range []string{"", "sources/other/", "sources/orders/"} {
			trees[dir+"shared/"+name] = file(text)
		}
	}
	cases := map[string]struct {
		engine v1alpha1.Engine
		params func(shared string) map[string]any
		files  func(shared string) map[string]string
	}{
		"manifests": {v1alpha1.Manifests, func(s string) map[string]any { return map[string]any{"paths": []any{s + "/base/x.yaml"}} }, nil},
		"kustomize": {v1alpha1.Kustomize, func(s string) map[string]any { return map[string]any{"path": s + "/base"} }, nil},
		"kustomize by a file": {
			v1alpha1.Kustomize, func(string) map[string]any { return map[string]any{"path": "k"} },
			func(s string) map[string]string {
				return map[string]string{"k/kustomization.yaml": "resources: [../" + s + "/base]\n"}
			},
		},
		"kustomize by a generator": {
			v1alpha1.Kustomize, func(string) map[string]any { return map[string]any{"path": "k"} },
			func(s string) map[string]string {
				return map[string]string{"k/kustomization.yaml": "configMapGenerator: [{name: x, files: [../" + s + "/x.txt]}]\n"}
			},
		},
		"jsonnet": {v1alpha1.Jsonnet, func(s string) map[string]any { return map[string]any{"path": s + "/x.jsonnet"} }, nil},
		"jsonnet by an import": {
			v1alpha1.Jsonnet, func(string) map[string]any { return map[string]any{"path": "j.jsonnet"} },
			func(s string) map[string]string {
				return map[string]string{"j.jsonnet": "import '" + s + "/x.jsonnet'"}
			},
		},
		"jsonnet by a text": {
			v1alpha1.Jsonnet, func(string) map[string]any { return map[string]any{"path": "j.jsonnet"} },
			func(s string) map[string]string {
				return map[string]string{"j.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'x'}, data: {x: importstr '" + s + "/x.txt'}}"}
			},
		},
		"cue": {v1alpha1.CUE, func(s string) map[string]any { return map[string]any{"path": s + "/cue", "expression": "x"} }, nil},
	}
	names := map[v1alpha1.Engine]string{v1alpha1.Manifests: "manifests", v1alpha1.Kustomize: "kustomize", v1alpha1.Jsonnet: "jsonnet", v1alpha1.CUE: "cue"}
	for name, tc := range cases {
		for shared, reads := range map[string]bool{"../shared": true, "../../../shared": false, "../../other/shared": false} {
			t.Run(name+" "+shared, func(t *testing.T) {
				tree := fstest.MapFS{}
				for path, f := range trees {
					tree[path] = f
				}
				if tc.files != nil {
					for path, text := range tc.files(shared) {
						tree["sources/orders/p/"+path] = file(text)
					}
				}
				w := catalog.Workload{
					Name: "w", Identity: "orders", Params: tc.params(shared),
					Blueprint: &catalog.Blueprint{Name: names[tc.engine], Embedded: true, Source: names[tc.engine], Spec: v1alpha1.BlueprintSpec{Engine: tc.engine}},
				}
				rel := catalog.Release{
					ID: catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "main"}, Platform: "acme", Namespace: "orders-dev", Dir: "sources/orders/p", Root: "sources/orders",
					Accounts: []catalog.Account{{Name: "orders"}}, Workloads: []catalog.Workload{w},
				}
				r := render.New(blueprints.FS, render.WithEvaluator(v1alpha1.CUE, code.InProcess(evaluate.Languages())), render.WithBuilder(kustomize.InProcess{}))
				result, err := r.Render(t.Context(), tree, rel)
				read := false
				for _, o := range result.Objects {
					if data, err := o.MarshalJSON(); err == nil && strings.Contains(string(data), secret) {
						read = true
					}
				}
				if read != reads || reads && err != nil || !reads && err == nil {
					t.Errorf("it reads %s: %t, %v", shared, read, err)
				}
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error has the content: %v", err)
				}
				// The same of the platform's own reads what is in its tree.
				rel.Root = ""
				if result, err := r.Render(t.Context(), tree, rel); !strings.HasSuffix(name, "cue") && (err != nil || len(result.Objects) == 0) {
					t.Errorf("without a repository of its own it does not render: %v", err)
				}
			})
		}
	}
}
