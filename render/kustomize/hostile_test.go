// SPDX-License-Identifier: Apache-2.0

package kustomize_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/kustomize"
)

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {a: b}\n"

// tree makes a tree of texts; "app" is the folder that is rendered.
func tree(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"app/base.yaml": {Data: []byte(configMap)}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func renderApp(ctx context.Context, files map[string]string) ([]manifest.Object, error) {
	return kustomize.Render(ctx, kustomize.Input{
		FS: tree(files), Dir: "app", Context: map[string]string{"image": "ghcr.io/acme/a:1", "read.raw": "s3://lake/raw"}, Trace: true,
	})
}

// TestRemoteIsRefused: in all its spellings, and in every field that names something. Without the refusal,
// Kustomize runs git or makes an HTTP request.
func TestRemoteIsRefused(t *testing.T) {
	// Nothing may run even if the refusal fails.
	t.Setenv("PATH", "")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	spellings := []string{
		"https://github.com/acme/base?ref=v1", "http://example.com/base.yaml", "HTTPS://example.com/x", "https:example.com",
		"git@github.com:acme/base.git", "git@example.com:acme/base", "ssh://git@example.com/acme/base", "github.com/acme/base",
		"GitHub.com/acme/base//sub?ref=v1", "github.com:acme/base", "git::https://example.com/acme/base", "git::github.com/acme/base",
		"file:///etc/kustomize", "https://dev.azure.com/o/p/_git/r", "user@host:path", "u@h/x/y", "www.github.com/a/b",
		"https://example.com/x\n", "GITHUB.COM/a/b", "s3::https://s3.amazonaws.com/b/k", "hg::https://example.com/r", `\\host\share`,
	}
	fields := map[string]string{
		"resources": "resources: [%q]", "bases": "bases: [%q]", "components": "components: [%q]",
		"configurations": "configurations: [%q]", "generators": "generators: [%q]", "transformers": "transformers: [%q]",
		"validators": "validators: [%q]", "patches": "patches: [{path: %q}]", "patchesStrategicMerge": "patchesStrategicMerge: [%q]",
		"patchesJson6902": "patchesJson6902: [{path: %q, target: {kind: X, name: z}}]", "replacements": "replacements: [{path: %q}]",
		"files": "configMapGenerator: [{name: x, files: [%q]}]", "keyed": "secretGenerator: [{name: x, files: [k=%s]}]",
		"envs": "configMapGenerator: [{name: x, envs: [%q]}]", "env": "secretGenerator: [{name: x, env: %q}]",
		"Resources in capitals": "RESOURCES: [%q]",
		"crds":                  "crds: [%q]", "openapi": "openapi: {path: %q}",
		"plugin": "transformers: [plugin.yaml]",
	}
	for field, format := range fields {
		for _, spelling := range spellings {
			text := fmt.Sprintf(format, spelling)
			files := map[string]string{}
			switch field {
			case "keyed":
				if strings.ContainsAny(spelling, "=\n\\") || strings.Contains(spelling, ": ") {
					continue // not one path any more
				}
				text = fmt.Sprintf("secretGenerator: [{name: x, files: [%q]}]", "k="+spelling)
			case "files":
				if strings.Contains(spelling, "=") {
					continue
				}
			case "plugin":
				text = format
				files["app/plugin.yaml"] = fmt.Sprintf("apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: %q\n", spelling)
			}
			files["app/kustomization.yaml"] = text + "\n"
			// A folder of that name in the tree changes nothing: Kustomize would still go to the network.
			files["app/"+strings.TrimSuffix(spelling, "\n")+"/kustomization.yaml"] = "resources: []\n"
			// Nor does a file, of a URL.
			if fetched := strings.ToLower(spelling); strings.HasPrefix(fetched, "http") {
				files[path.Join("app", spelling)] = configMap
			}
			_, err := renderApp(t.Context(), files)
			if err == nil || (!strings.Contains(err.Error(), "Trunkline fetches nothing while it renders") && !strings.Contains(err.Error(), "is not a path")) {
				t.Errorf("%s: %q: got %v, want a refusal", field, spelling, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   string
	}{
		"OutOfTree":        {"a resource out of the tree (Flux CVE-2022-24877)", map[string]string{"app/kustomization.yaml": "resources: [../../etc/passwd]\n"}, `app/kustomization.yaml:1: resources[0]: "../../etc/passwd" leads out of the repository`},
		"OutOfApp":         {"other parts of the tree are allowed, if they are there", map[string]string{"app/kustomization.yaml": "resources: [../none.yaml]\n"}, `app/kustomization.yaml:1: resources[0]: none.yaml: file does not exist`},
		"Absolute":         {"an absolute path", map[string]string{"app/kustomization.yaml": "configMapGenerator: [{name: x, files: [/etc/passwd]}]\n"}, `app/kustomization.yaml:1: configMapGenerator[0]: "/etc/passwd" is absolute: paths are relative to the kustomization`},
		"Overlay":          {"Trunkline's own overlay is not part of the tree", map[string]string{"app/kustomization.yaml": "resources: [../../trunkline/context.yaml]\n"}, `leads out of the repository`},
		"Loop":             {"a kustomization that loads itself (Flux CVE-2022-24878)", map[string]string{"app/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../app]\n"}, `app/kustomization.yaml:1: resources[0]: b/kustomization.yaml:1: resources[0]: kustomizations load each other in a loop: app -> b -> app`},
		"Self":             {"the same by a dot", map[string]string{"app/kustomization.yaml": "resources: [.]\n"}, `app/kustomization.yaml:1: resources[0]: kustomizations load each other in a loop: app -> app`},
		"Doubling":         {"kustomizations that each load two others", doubling(20), `more than 500 kustomizations are loaded, each counted as often as it is`},
		"Helm":             {"a chart that has to be fetched", map[string]string{"app/kustomization.yaml": "helmCharts:\n- {name: redis, repo: 'https://example.com', version: 1.2.3}\n"}, "app/kustomization.yaml:2: helmCharts[0]: the chart redis is of https://example.com, and is not in app/charts/redis-1.2.3/redis. Trunkline fetches nothing while it renders: commit the chart to that folder, as `helm pull --untar --untardir app/charts/redis-1.2.3 --repo https://example.com redis --version 1.2.3` writes it"},
		"HelmOCI":          {"the same of a registry", map[string]string{"app/kustomization.yaml": "helmCharts: [{name: redis, repo: 'oci://r.example.com/charts/'}]\n"}, "as `helm pull --untar --untardir app/charts oci://r.example.com/charts/redis` writes it"},
		"HelmOld":          {"charts, as they were written before", map[string]string{"app/kustomization.yaml": "helmChartInflationGenerator: [{chartName: redis}]\n"}, `app/kustomization.yaml: helmCharts[0]: there is no chart in app/charts/redis; helmGlobals.chartHome says where charts are, default: charts`},
		"HelmOut":          {"a folder of charts out of the tree", map[string]string{"app/kustomization.yaml": "helmGlobals: {chartHome: ../../etc}\nhelmCharts: [{name: redis}]\n"}, `helmGlobals.chartHome: "../../etc" leads out of the repository`},
		"HelmHome":         {"an absolute folder of charts", map[string]string{"app/kustomization.yaml": "helmGlobals: {chartHome: /etc}\nhelmCharts: [{name: redis}]\n"}, `helmGlobals.chartHome: "/etc" is absolute`},
		"HelmName":         {"a name that leads out of the tree", map[string]string{"app/kustomization.yaml": "helmCharts: [{name: ../../../etc}]\n"}, `leads out of the repository`},
		"HelmValues":       {"values out of the tree", withChart("helmCharts: [{name: c, valuesFile: ../../etc/passwd}]\n"), `helmCharts[0]: valuesFile: "../../etc/passwd" leads out of the repository`},
		"HelmURL":          {"values of a server", withChart("helmCharts: [{name: c, additionalValuesFiles: ['https://example.com/v.yaml']}]\n"), `additionalValuesFiles[0]: "https://example.com/v.yaml" is remote`},
		"HelmRandom":       {"a chart that is another on each render", withChart("helmCharts: [{name: c, valuesInline: {random: true}}]\n"), `on each render`},
		"HelmMany":         {"more charts than one build may take", withChart("helmCharts: [" + strings.Repeat("{name: c, releaseName: r}, ", 51) + "]\n"), `helmCharts[50]: a build renders at most 50 charts, each counted as often as it is loaded`},
		"HelmTwice":        {"the same charts for two namespaces", map[string]string{"app/kustomization.yaml": "resources: [a, b]\n", "app/a/kustomization.yaml": "namespace: one\nresources: [../../lib]\n", "app/b/kustomization.yaml": "namespace: two\nresources: [../../lib]\n", "lib/kustomization.yaml": "helmCharts: [{name: c}]\n", "lib/charts/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "lib/charts/c/values.yaml": "", "lib/charts/c/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: '{{ .Release.Namespace }}'}\n"}, `lib/kustomization.yaml:1: helmCharts[0]: the charts are rendered for several namespaces in one build`},
		"Exec":             {"a function that runs a program", map[string]string{"app/kustomization.yaml": "transformers: [fn.yaml]\n", "app/fn.yaml": function("exec: {path: ./evil.sh}")}, `app/kustomization.yaml:1: transformers[0]: fn.yaml: the annotation config.kubernetes.io/function makes Evil a function: Trunkline runs no plugins and no functions`},
		"Container":        {"a function that runs a container", map[string]string{"app/kustomization.yaml": "generators: [fn.yaml]\n", "app/fn.yaml": function("container: {image: evil}")}, `makes Evil a function`},
		"Inline":           {"the same inline", map[string]string{"app/kustomization.yaml": "validators:\n- |\n  " + strings.ReplaceAll(function("exec: {path: ./evil.sh}"), "\n", "\n  ") + "\n"}, `makes Evil a function`},
		"Legacy":           {"a plugin of one's own", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "app/p.yaml": "apiVersion: example.com/v1\nkind: Gen\nmetadata: {name: x}\n"}, `example.com/v1 Gen is a plugin: Trunkline runs no plugins and no functions while it renders: render with the built-in transformers, or make it a blueprint of engine helm`},
		"PluginHelm":       {"a chart of a generator that has to be fetched", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: redis\nrepo: https://example.com\nversion: 1.2.3\n"}, "app/kustomization.yaml:1: generators[0]: app/p.yaml: the chart redis is of https://example.com, and is not in app/charts/redis-1.2.3/redis. Trunkline fetches nothing while it renders: commit the chart to that folder, as `helm pull"},
		"PluginHelmNone":   {"one that is not there", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: redis\n"}, "app/kustomization.yaml:1: generators[0]: app/p.yaml: there is no chart in app/charts/redis; chartHome says where charts are, default: charts"},
		"PluginHelmOut":    {"one out of the tree", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: redis\nchartHome: ../../etc\n"}, "generators[0]: app/p.yaml: chartHome: \"../../etc\" leads out of the repository"},
		"PluginHelmValues": {"values out of the tree", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "lib/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "app/p.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: c\nchartHome: ../lib\nvaluesFile: ../../etc/passwd\n"}, "app/p.yaml: valuesFile: \"../../etc/passwd\" leads out of the repository"},
		"PluginHelmField":  {"a generator among transformers", map[string]string{"app/kustomization.yaml": "transformers: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: redis\n"}, "transformers[0]: p.yaml: HelmChartInflationGenerator makes objects and is none of the transformers: name it in generators"},
		"PluginDir":        {"a folder of plugins that its kustomization makes of something else", map[string]string{"app/kustomization.yaml": "transformers: [fns]\n", "app/fns/kustomization.yaml": "resources: [p.yaml]\npatches: [{target: {kind: PrefixTransformer}, patch: '[{\"op\": \"replace\", \"path\": \"/kind\", \"value\": \"HelmChartInflationGenerator\"}]'}]\n", "app/fns/p.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: q-\n"}, `app/fns: HelmChartInflationGenerator makes objects`},
		"PluginFile":       {"a file out of the tree by a plugin", map[string]string{"app/kustomization.yaml": "generators: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nname: y\nfiles: [../../etc/passwd]\n"}, `leads out of the repository`},
		"Crds":             {"definitions that refer to themselves", map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\ncrds: [c.json]\n", "app/c.json": `{"a": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "spec": {"$ref": "b"}}}}, "b": {"Schema": {"properties": {"x": {"$ref": "b"}}}}}`}, `app/kustomization.yaml:2: crds[0]: the definition b refers to itself`},
		"CrdsDouble":       {"definitions that each refer twice to the next", map[string]string{"app/kustomization.yaml": "crds: [c.json]\n", "app/c.json": doublingDefinitions(40)}, `more than 20000 definitions are gone into`},
		"CrdsObject":       {"the definition of a custom resource", map[string]string{"app/kustomization.yaml": "crds: [c.yaml]\n", "app/c.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"}, `a CustomResourceDefinition belongs into resources`},
		"CrdsRemote":       {"definitions of a server", map[string]string{"app/kustomization.yaml": "crds: ['https://example.com/c.json']\n"}, `is remote`},
		"OpenAPI":          {"a schema that is none", map[string]string{"app/kustomization.yaml": "openapi: {path: s.json}\n", "app/s.json": "[]"}, `app/kustomization.yaml:1: openapi: is no OpenAPI schema`},
		"OpenAPILoop":      {"a definition that refers to itself by others", map[string]string{"app/kustomization.yaml": "openapi: {path: s.json}\n", "app/s.json": `{"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}}`}, `the definition a refers to itself`},
		"OpenAPIOut":       {"a schema out of the tree", map[string]string{"app/kustomization.yaml": "openapi: {path: ../../s.json}\n"}, `leads out of the repository`},
		"OpenAPIURL":       {"a schema of a server", map[string]string{"app/kustomization.yaml": "openapi: {path: 'https://example.com/s.json'}\n"}, `is remote`},
		"ValueAdd":         {"targets out of the tree by a plugin", map[string]string{"app/kustomization.yaml": "transformers: [p.yaml]\n", "app/p.yaml": "apiVersion: builtin\nkind: ValueAddTransformer\nmetadata: {name: x}\ntargetFilePath: ../../etc/passwd\n"}, `leads out of the repository`},
		"Copy":             {"copies of the parent into new children, each of which doubles it", map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[" + copies(40) + "]'}]\n"}, `exceeding the limit`},
		"Bomb":             {"an alias bomb", map[string]string{"app/kustomization.yaml": "resources: [b.yaml]\n", "app/b.yaml": bomb()}, `app/kustomization.yaml:1: resources[0]: app/b.yaml: line 9: the aliases expand to more than 4 MiB`},
		"BombInPatch":      {"an alias bomb in a patch", map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\npatches: [{path: b.yaml}]\n", "app/b.yaml": bomb()}, `the aliases expand to more than 4 MiB`},
		"Large":            {"a file that is larger than any is", map[string]string{"app/kustomization.yaml": "configMapGenerator: [{name: x, files: [big]}]\n", "app/big": strings.Repeat("x", 5<<20)}, `app/big: too large: a build reads files of at most 4 MiB, and 32 MiB together`},
		"Two":              {"two kustomizations in a folder", map[string]string{"app/kustomization.yaml": "resources: []\n", "app/kustomization.yml": "resources: []\n"}, `more than one kustomization in a folder: app/kustomization.yaml, app/kustomization.yml`},
		"None":             {"no kustomization", nil, `the folder app has no kustomization.yaml`},
		"Unknown":          {"an unknown field", map[string]string{"app/kustomization.yaml": "resource: [base.yaml]\n"}, `app/kustomization.yaml: invalid Kustomization: json: unknown field "resource"`},
		"Twice":            {"a key given twice in a resource", map[string]string{"app/kustomization.yaml": "resources: [x.yaml]\n", "app/x.yaml": "apiVersion: v1\nkind: A\nkind: B\n"}, `app/kustomization.yaml:1: resources[0]: app/x.yaml: line 3: key "kind" already set in map`},
		"NoTarget":         {"what Kustomize itself refuses, with the tree's paths", map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\npatches: [{patch: 'apiVersion: v1\n\n    kind: X\n\n    metadata: {name: none}\n'}]\n"}, `kustomization app: `},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := renderApp(t.Context(), tc.files)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant %s\ngot  %v", tc.reason, tc.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "/tree") {
				t.Errorf("%s: a path that people do not have: %v", tc.reason, err)
			}
		})
	}
}

func function(spec string) string {
	return "apiVersion: v1\nkind: Evil\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      " + spec + "\n"
}

// copies copies an object into new fields of itself.
func copies(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"op": "copy", "from": "/data", "path": "/data/x%d"}`, i))
	}
	return strings.Join(out, ", ")
}

// withChart is a tree with a chart beside the kustomization.
func withChart(kustomization string) map[string]string {
	return map[string]string{
		"app/kustomization.yaml": kustomization, "app/charts/c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "app/charts/c/values.yaml": "{}\n",
		"app/charts/c/templates/x.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: {{ if .Values.random }}{{ randAlpha 9 }}{{ else }}b{{ end }}}\n",
	}
}

// doublingDefinitions are types of which each refers to the next one twice.
func doublingDefinitions(n int) string {
	defs := []string{`"top": {"Schema": {"properties": {"kind": {}, "apiVersion": {}, "metadata": {}, "spec": {"$ref": "0"}}}}`}
	for i := range n {
		defs = append(defs, fmt.Sprintf(`"%d": {"Schema": {"properties": {"a": {"$ref": "%d"}, "b": {"$ref": "%d"}}}}`, i, i+1, i+1))
	}
	return "{" + strings.Join(defs, ", ") + "}"
}

func doubling(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		for _, side := range []string{"l", "r"} {
			next := fmt.Sprintf("resources: [../%d-l, ../%d-r]\nnamePrefix: %s\n", i+1, i+1, side)
			if i == n-1 {
				next = "resources: [../app/base.yaml]\n"
			}
			files[fmt.Sprintf("%d-%s/kustomization.yaml", i, side)] = next
		}
	}
	files["app/kustomization.yaml"] = "resources: [../0-l, ../0-r]\n"
	return files
}

func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: A\nx0: &x0 lol\n")
	for i := range 9 {
		fmt.Fprintf(&b, "x%d: &x%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i), 10), ","))
	}
	return b.String()
}

func TestTaken(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   []string
	}{
		"Base": {
			reason: "a base elsewhere in the tree",
			files: map[string]string{
				"app/kustomization.yaml":      "resources: [../lib/base]\nnamePrefix: p-\n",
				"lib/base/kustomization.yaml": "resources: [../../app/base.yaml]\n",
			},
			want: []string{`app/base.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"p-base"}}`},
		},
		"Diamond": {
			reason: "the same base by two ways is no loop",
			files: map[string]string{
				"app/kustomization.yaml": "resources: [../l, ../r]\n", "l/kustomization.yaml": "resources: [../b]\nnamePrefix: l-\n",
				"r/kustomization.yaml": "resources: [../b]\nnamePrefix: r-\n", "b/kustomization.yaml": "resources: [../app/base.yaml]\n",
			},
			want: []string{
				`app/base.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"l-base"}}`,
				`app/base.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"r-base"}}`,
			},
		},
		"Component": {
			reason: "a component takes values from the context, which is not rendered itself",
			files: map[string]string{"app/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [base.yaml]
replacements:
  - source: {kind: ConfigMap, name: trunkline, fieldPath: data.image}
    targets: [{select: {name: base}, fieldPaths: [data.a]}]
  - source: {kind: ConfigMap, name: trunkline, fieldPath: "data.[read.raw]"}
    targets: [{select: {name: base}, fieldPaths: [data.raw], options: {create: true}}]
`},
			want: []string{`app/base.yaml: {"apiVersion":"v1","data":{"a":"ghcr.io/acme/a:1","raw":"s3://lake/raw"},"kind":"ConfigMap","metadata":{"name":"base"}}`},
		},
		"Plugins": {
			reason: "built-in transformers in files and inline, patches of both forms",
			files: map[string]string{
				"app/kustomization.yaml": "resources: [base.yaml]\ntransformers: [label.yaml, '{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: p}, prefix: q-, fieldSpecs: [{path: metadata/name}]}']\n" +
					"patchesStrategicMerge:\n- |-\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: base}\n  data: {c: d}\n- more.yaml\n",
				"app/label.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {x: z}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
				"app/more.yaml":  "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: base}\ndata: {a: null, e: f}\n",
			},
			want: []string{`app/base.yaml: {"apiVersion":"v1","data":{"c":"d","e":"f"},"kind":"ConfigMap","metadata":{"labels":{"x":"z"},"name":"q-base"}}`},
		},
		"PluginFolder": {
			reason: "transformers of a folder, as its kustomization makes them",
			files: map[string]string{
				"app/kustomization.yaml": "resources: [base.yaml]\ntransformers: [fns]\n", "app/fns/kustomization.yaml": "resources: [p.yaml]\npatches: [{target: {kind: PrefixTransformer}, patch: '[{\"op\": \"replace\", \"path\": \"/prefix\", \"value\": \"r-\"}]'}]\n",
				"app/fns/p.yaml": "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: q-\nfieldSpecs: [{path: metadata/name}]\n",
			},
			want: []string{`app/base.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"r-base"}}`},
		},
		"TwoSlashes": {
			reason: "two slashes in a path of the tree are one",
			files:  map[string]string{"app/kustomization.yaml": "resources: [sub//x, ./sub//y/z.yaml]\n", "app/sub/x/kustomization.yaml": "resources: [../../base.yaml]\n", "app/sub/y/z.yaml": strings.Replace(configMap, "base", "z", 1)},
			want: []string{
				`app/base.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"base"}}`,
				`app/sub/y/z.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"z"}}`,
			},
		},
		"Colon": {
			reason: "a colon in a name is one",
			files:  map[string]string{"app/kustomization.yaml": "resources: ['a:b.yaml', 'c?d/e.yaml']\n", "app/a:b.yaml": strings.Replace(configMap, "base", "ab", 1), "app/c?d/e.yaml": strings.Replace(configMap, "base", "e", 1)},
			want: []string{
				`app/a:b.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"ab"}}`,
				`app/c?d/e.yaml: {"apiVersion":"v1","data":{"a":"b"},"kind":"ConfigMap","metadata":{"name":"e"}}`,
			},
		},
		"CopyOne": {
			reason: "a copy of little",
			files:  map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{\"op\": \"copy\", \"from\": \"/data/a\", \"path\": \"/data/c\"}]'}]\n"},
			want:   []string{`app/base.yaml: {"apiVersion":"v1","data":{"a":"b","c":"b"},"kind":"ConfigMap","metadata":{"name":"base"}}`},
		},
		"Generator": {
			reason: "a ConfigMap made of files; a name that begins with dots; a variable without a value is empty, not the daemon's",
			files: map[string]string{
				"app/kustomization.yaml": "configMapGenerator: [{name: g, files: [k=..x.txt], envs: [e.env]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n",
				"app/..x.txt":            "text", "app/e.env": "TRUNKLINE_TEST_SECRET\nA=1\n",
			},
			want: []string{`app/kustomization.yaml: {"apiVersion":"v1","data":{"A":"1","TRUNKLINE_TEST_SECRET":"","k":"text"},"kind":"ConfigMap","metadata":{"name":"g"}}`},
		},
	}
	t.Setenv("TRUNKLINE_TEST_SECRET", "of the daemon")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects, err := renderApp(t.Context(), tc.files)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				data, err := o.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, o.Source+": "+strings.TrimSpace(string(data)))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestOrigins keeps the annotations that a kustomization asks for.
func TestOrigins(t *testing.T) {
	objects, err := kustomize.Render(t.Context(), kustomize.Input{
		FS: tree(map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\nbuildMetadata: [originAnnotations]\n"}), Dir: "app",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := objects[0].GetAnnotations()["config.kubernetes.io/origin"], "path: base.yaml\n"; got != want {
		t.Errorf("the object comes from %q, want %q", got, want)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := renderApp(ctx, map[string]string{"app/kustomization.yaml": "resources: [base.yaml]\n"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestSideBySide is for the race detector: Kustomize's own state is the process's. The kustomizations differ in which
// of it they use: the schema of built-in kinds for merging lists, that of kinds it does not know, the scope of kinds.
func TestSideBySide(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: a, image: x}, {name: b}]}}}\n"
	shapes := []string{
		"resources: [base.yaml]\nnamePrefix: p%d-\n",
		"resources: [d.yaml]\nnameSuffix: -s%d\npatches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: b, image: y}]}}}}'}]\n",
		"resources: [custom.yaml]\nnamespace: n%d\npatches: [{patch: '{apiVersion: acme.io/v1, kind: Thing, metadata: {name: t}, spec: {list: [{name: b}]}}'}]\n",
		"resources: [d.yaml, base.yaml, role.yaml]\nnamespace: n%d\nconfigMapGenerator: [{name: g, literals: [a=b]}]\nlabels: [{pairs: {x: z}, includeSelectors: true}]\n",
	}
	rendered := func(i int) (string, error) {
		objects, err := renderApp(t.Context(), map[string]string{
			"app/kustomization.yaml": fmt.Sprintf(shapes[i%len(shapes)], i), "app/d.yaml": deployment,
			"app/custom.yaml": "apiVersion: acme.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {list: [{name: a}]}\n",
			"app/role.yaml":   "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n",
		})
		var out strings.Builder
		for _, o := range objects {
			data, _ := o.MarshalJSON() // an object that was read from JSON
			out.Write(data)
		}
		return out.String(), err
	}
	var wg sync.WaitGroup
	got := make([]string, 40)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = rendered(i); err != nil {
				t.Errorf("render %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for i, side := range got {
		alone, err := rendered(i)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(alone, side); diff != "" || alone == "" {
			t.Errorf("render %d is another beside others (-alone +beside):\n%s", i, diff)
		}
	}
}
