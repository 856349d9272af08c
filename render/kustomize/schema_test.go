// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// parts is a custom resource with a list, a patch of one item of it, and a schema that says how to merge the list.
const (
	parts      = "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {parts: [{id: a, v: 1}, {id: b, v: 2}]}\n"
	partsPatch = "patches: [{patch: '{apiVersion: acme.io/v1, kind: Thing, metadata: {name: t}, spec: {parts: [{id: b, v: 3}]}}'}]\n"
	partsType  = `{"definitions": {"io.acme.v1.Thing": {"x-kubernetes-group-version-kind": [{"group": "acme.io", "kind": "Thing", "version": "v1"}],
		"properties": {"spec": {"properties": {"parts": {"type": "array", "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge",
		"items": {"type": "object"}}}}}}}}`
)

// TestASchemaIsOfItsBuild: a schema that a kustomization brings holds for its own build, and for none before, after or beside
// it: also not if the build fails.
func TestASchemaIsOfItsBuild(t *testing.T) {
	build := func(own, fails bool) string {
		files := map[string]string{"app/kustomization.yaml": "resources: [t.yaml]\n" + partsPatch, "app/t.yaml": parts, "app/s.json": partsType}
		if own {
			files["app/kustomization.yaml"] += "openapi: {path: s.json}\n"
		}
		if fails {
			files["app/kustomization.yaml"] += "configMapGenerator: [{name: x, behavior: merge}]\n"
		}
		objects, err := renderApp(t.Context(), files)
		if err != nil {
			return "fails"
		}
		return fmt.Sprint(objects[0].Object["spec"])
	}
	const merged, replaced = "map[parts:[map[id:b v:3] map[id:a v:1]]]", "map[parts:[map[id:b v:3]]]"
	wants := []struct {
		own, fails bool
		want       string
	}{
		{false, false, replaced},
		{true, false, merged},
		{false, false, replaced},
		{true, true, "fails"},
		{false, false, replaced},
		{true, false, merged},
	}
	for i, w := range wants {
		if got := build(w.own, w.fails); sorted(got) != sorted(w.want) {
			t.Errorf("build %d: got %s, want %s", i, got, w.want)
		}
	}
	var wg sync.WaitGroup
	for range 10 {
		for _, w := range wants {
			wg.Go(func() {
				if got := build(w.own, w.fails); sorted(got) != sorted(w.want) {
					t.Errorf("beside others: got %s, want %s", got, w.want)
				}
			})
		}
	}
	wg.Wait()
}

// sorted is a text that is the same for both orders of two items.
func sorted(text string) string {
	return strings.ReplaceAll(text, "map[id:b v:3] map[id:a v:1]", "map[id:a v:1] map[id:b v:3]")
}

// TestNoProgramRuns: Kustomize takes an entry for a repository once it cannot take it as a file, also because of what is in the
// file. No name of a file may have it run git.
func TestNoProgramRuns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs of this test are scripts")
	}
	bin := t.TempDir()
	for _, name := range []string{"git", "helm", "docker"} {
		script := "#!/bin/sh\necho " + name + " \"$@\" >>" + filepath.Join(bin, "ran") + "\nexit 1\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	const twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\n"
	for name, text := range map[string]string{"twice": twice, "no object": "a: b\n", "no YAML": "{", "a list": "- a\n", "nothing": ""} {
		for _, file := range []string{"github.com/a/b.yaml", "git@host:a/b.yaml", "git::github.com/a/b/c.yaml", "me@x/y/z.yaml"} {
			for _, field := range []string{"resources: [base.yaml, %q]", "resources: [base.yaml]\ngenerators: [%q]", "resources: [base.yaml]\ntransformers: [%q]"} {
				_, err := renderApp(t.Context(), map[string]string{"app/kustomization.yaml": fmt.Sprintf(field, file) + "\n", "app/" + file: text})
				ran, _ := os.ReadFile(filepath.Join(bin, "ran"))
				if len(ran) > 0 {
					t.Fatalf("%s in %s, %s: ran %s: %v", name, file, field, ran, err)
				}
			}
		}
	}
}
