// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"maps"
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
	const head = "apiVersion: trunkline.dev/v1alpha1\nkind: "
	for name, tc := range cases {
		for shared, reads := range map[string]bool{"../shared": true, "../../../shared": false, "../../other/shared": false} {
			t.Run(name+" "+shared, func(t *testing.T) {
				params, err := json.Marshal(tc.params(shared))
				if err != nil {
					t.Fatal(err)
				}
				tree := fstest.MapFS{
					"trunkline.yaml": file(head + "Platform\nmetadata: {name: acme}\nspec: {sources: [{name: orders, url: x}, {name: other, url: z}]}\n"),
					"cluster.yaml":   file(head + "Cluster\nmetadata: {name: main}\n"), "env.yaml": file(head + "Environment\nmetadata: {name: dev}\nspec: {clusters: [main]}\n"),
					"sources/orders/p/project.yaml": file(head + "Project\nmetadata: {name: orders}\nspec:\n  owner: team\n  environments: [dev]\n  workloads: [{name: w, blueprint: " +
						names[tc.engine] + ", params: " + string(params) + "}]\n"),
				}
				maps.Copy(tree, trees)
				if tc.files != nil {
					for path, text := range tc.files(shared) {
						tree["sources/orders/p/"+path] = file(text)
					}
				}
				c, problems, err := catalog.Load(tree, blueprints.FS)
				if err != nil || problems.Denied() {
					t.Fatal(err, problems)
				}
				p, _ := c.Project("orders")
				rel := c.Release(p, c.ReleasesOf(p)[0])
				r := render.New(blueprints.FS, render.WithEvaluator(v1alpha1.CUE, code.InProcess(evaluate.Languages())), render.WithBuilder(kustomize.InProcess{}))
				read := func(rel catalog.Release) (bool, error) {
					result, err := r.Render(t.Context(), tree, rel)
					for _, o := range result.Objects {
						if data, err := o.MarshalJSON(); err == nil && strings.Contains(string(data), secret) {
							return true, nil
						}
					}
					return false, err
				}
				if got, err := read(rel); got != reads || !reads && err == nil {
					t.Errorf("it reads %s: %t, %v", shared, got, err)
				} else if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error has the content: %v", err)
				}
				// Without the wall it does, so that it is the wall that keeps it from reading.
				rel.Root = ""
				if got, err := read(rel); !got {
					t.Errorf("without a root of its own it does not read %s: %v", shared, err)
				}
			})
		}
	}
}
