// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/render/kustomize"
)

// TestTheCauseComesFirst: what is wrong comes before the way to it, by the file or folder where it is.
func TestTheCauseComesFirst(t *testing.T) {
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
	const patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"Twice":      {map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": object + "---\n" + object}, "kustomization k: k/a.yaml: ConfigMap settings is there twice"},
		"TwiceFiles": {map[string]string{"k/kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "k/a.yaml": object, "k/b.yaml": object}, "kustomization k: k/b.yaml: ConfigMap settings is there twice"},
		"NoName":     {map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"}, "kustomization k: k/a.yaml: a ConfigMap has no metadata.name"},
		"Patch":      {map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "k/a.yaml": object, "k/p.yaml": patch}, "kustomization k: a patch is for ConfigMap other, and there is no such resource"},
		"PatchBelow": {
			map[string]string{
				"k/kustomization.yaml": "resources: [../mid]\n", "mid/kustomization.yaml": "resources: [../low]\n",
				"low/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "low/a.yaml": object, "low/p.yaml": patch,
			}, "kustomization k: low: a patch is for ConfigMap other, and there is no such resource",
		},
		"JSONPatch": {
			map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |-\n    - op: replace\n      path: /data/none/x\n      value: y\n", "k/a.yaml": object},
			`kustomization k: a JSON patch with "op: replace" does not apply: doc is missing path: /data/none/x`,
		},
		"Replacement": {
			map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\nreplacements:\n- source: {kind: Secret, name: z}\n  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]\n", "k/a.yaml": object},
			"kustomization k: nothing selected by Secret z",
		},
		"Component": {
			map[string]string{
				"k/kustomization.yaml": "resources: [a.yaml]\ncomponents: [../c]\n", "k/a.yaml": object,
				"c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml}]\n", "c/p.yaml": patch,
			}, "kustomization k: c: a patch is for ConfigMap other, and there is no such resource",
		},
		"Pointer": {
			map[string]string{"k/kustomization.yaml": "resources: [a.yaml]\n", "k/a.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"},
			"k/kustomization.yaml:1: resources[0]: k/a.yaml is a pointer of Git LFS and not the file itself",
		},
		"PointerItself": {
			map[string]string{"k/kustomization.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"},
			"k/kustomization.yaml is a pointer of Git LFS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file, text := range tc.files {
				tree[file] = &fstest.MapFile{Data: []byte(text)}
			}
			for _, trace := range []bool{true, false} {
				_, err := kustomize.Render(context.Background(), kustomize.Input{FS: tree, Dir: "k", Trace: trace})
				if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
					t.Errorf("trace %v: got  %v\nwant %s", trace, err, tc.want)
				}
			}
		})
	}
}
