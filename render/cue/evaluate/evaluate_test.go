// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue"
	"trunkline.dev/trunkline/render/cue/evaluate"
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/test/cached"
)

var told = map[string]any{
	"project": "shop", "environment": "prod", "cluster": "eu", "namespace": "shop-prod",
	"workload": map[string]any{"name": "web", "image": "img@sha256:1", "timeoutSeconds": int64(60)},
}

// module is the file of a module.
const module = "module: \"example.com/app\"\nlanguage: version: \"v0.17.0\"\n"

// pkg is a package to render: its files, in the folder app unless they say otherwise, and what it is given.
type pkg struct {
	reason           string
	files            map[string]string
	name, expression string
	values, tags     map[string]any
	want             []string // name and source of each object
}

func (p pkg) tree() fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range p.files {
		if !strings.Contains(name, "/") {
			name = "app/" + name
		}
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			tree[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
			continue
		}
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func (p pkg) input() cue.Input {
	return cue.Input{
		FS: p.tree(), Dir: "app", Package: p.name, Expression: p.expression, Context: told, Values: p.values, Tags: p.tags,
		Evaluator: code.InProcess(evaluate.Languages()),
	}
}

const cm = `#CM: {apiVersion: "v1", kind: "ConfigMap", metadata: name: string, data: [string]: string}` + "\n"

var packages = map[string]pkg{
	"Table":  {reason: "A package has objects by names, and definitions are none.", files: map[string]string{"a.cue": "package app\n" + cm + "web: #CM & {metadata: name: \"b\"}", "b.cue": "package app\ndb: #CM & {metadata: name: \"a\"}"}, want: []string{"a app (db)", "b app (web)"}},
	"List":   {reason: "Or in a list.", files: map[string]string{"a.cue": "package app\n" + cm + "objects: [for n in [\"b\", \"a\"] {#CM & {metadata: name: n}}]"}, want: []string{"b app (objects[0])", "a app (objects[1])"}},
	"Scoped": {reason: "What is rendered may be a part.", expression: "k8s.objects", files: map[string]string{"a.cue": "package app\n" + cm + "replicas: 3\nk8s: objects: {web: #CM & {metadata: name: \"a\", data: n: \"\\(replicas)\"}}"}, want: []string{"a app: k8s.objects (web)"}},
	"Hidden": {reason: "Hidden fields are left out, and defaults are taken.", files: map[string]string{"a.cue": "package app\n" + cm + "_n: *3 | int\nweb: #CM & {metadata: name: *\"a\" | string, data: n: \"\\(_n)\"}"}, want: []string{"a app (web)"}},
	"Tags": {
		reason: "Tags are injected, with their types.", tags: map[string]any{"env": "prod", "n": int64(3), "extra": true, "off": false},
		files: map[string]string{
			"a.cue": "package app\n" + cm + "_env: \"dev\" | \"prod\" @tag(env)\n_n: int @tag(n,type=int)\nweb: #CM & {metadata: name: \"a\", data: {env: _env, n: \"\\(_n+1)\"}}",
			"b.cue": "@if(extra)\npackage app\nmore: #CM & {metadata: name: \"b\"}", "c.cue": "@if(off)\npackage app\nnot: #CM & {metadata: name: \"c\"}",
		},
		want: []string{"b app (more)", "a app (web)"},
	},
	"Values": {
		reason: "Values are unified with what the package declares.", values: map[string]any{"#config.region": "eu", "#config.ports": []any{int64(80), int64(443)}},
		files: map[string]string{"a.cue": "package app\nimport \"strings\"\n" + cm + "#config: {region: string, ports: [...int], size: *\"s\" | string}\nweb: #CM & {metadata: name: \"a\", data: {r: strings.ToUpper(#config.region), p: \"\\(#config.ports[1])\", s: #config.size}}"},
		want:  []string{"a app (web)"},
	},
	"Context": {
		reason: "A package learns about the release by a definition.",
		files:  map[string]string{"a.cue": "package app\n" + cm + "#trunkline: {namespace: string, workload: {image: string, ...}, ...}\nweb: #CM & {metadata: name: \"a\", data: {ns: #trunkline.namespace, image: #trunkline.workload.image}}"},
		want:   []string{"a app (web)"},
	},
	"Module": {
		reason: "A module's own packages, and those of modules that are folders of the repository, are imported.",
		files: map[string]string{
			"cue.mod/module.cue":       module + "deps: \"k8s.example@v0\": v: \"v0.1.0\"\n",
			"cue.mod/local-module.cue": "deps: \"k8s.example@v0\": {v: \"v0.1.0\", replaceWith: \"./vendor/k8s\"}\n",
			"app/a.cue":                "package app\nimport (\n\"example.com/app/lib\"\n\"k8s.example/api\"\n)\nweb: api.#CM & {metadata: name: lib.name}",
			"lib/l.cue":                "package lib\nname: \"a\"", "vendor/k8s/api/a.cue": "package api\n" + cm,
			"vendor/k8s/cue.mod/module.cue": "module: \"k8s.example@v0\"\nlanguage: version: \"v0.16.0\"\n",
		},
		want: []string{"a app (web)"},
	},
	"Builtins": {
		reason: "What comes with the language is there.",
		files:  map[string]string{"a.cue": "package app\nimport (\n\"list\"\n\"encoding/yaml\"\n\"crypto/sha256\"\n\"encoding/hex\"\n)\n" + cm + "web: #CM & {metadata: name: \"a\", data: {n: \"\\(list.Sum([1,2]))\", y: yaml.Marshal({a: 1}), h: hex.Encode(sha256.Sum256(\"x\"))}}"},
		want:   []string{"a app (web)"},
	},
	"Embedded": {
		reason: "Files of the module are embedded.",
		files: map[string]string{
			"cue.mod/module.cue": module, "app/n.txt": "a", "app/a.cue": "@extern(embed)\npackage app\n_n: _ @embed(file=n.txt,type=text)\n" + cm + "web: #CM & {metadata: name: _n}",
		},
		want: []string{"a app (web)"},
	},
	"Chosen": {reason: "Of several packages in a folder one is named.", name: "two", files: map[string]string{"a.cue": "package one\nx: 1", "b.cue": "package two\n" + cm + "web: #CM & {metadata: name: \"a\"}"}, want: []string{"a app (web)"}},
	"Tools":  {reason: "Files of commands are no part of a package.", files: map[string]string{"a.cue": "package app\n" + cm + "web: #CM & {metadata: name: \"a\"}", "x_tool.cue": "package app\nimport \"tool/exec\"\ncommand: run: exec.Run & {cmd: \"id\"}"}, want: []string{"a app (web)"}},
	"Link":   {reason: "A link within the repository is followed.", files: map[string]string{"a.cue": "-> ../lib/a.cue", "lib/a.cue": "package app\n" + cm + "web: #CM & {metadata: name: \"a\"}"}, want: []string{"a app (web)"}},
}

func TestRender(t *testing.T) {
	for name, p := range packages {
		t.Run(name, func(t *testing.T) {
			objects, err := cue.Render(t.Context(), p.input())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				got = append(got, o.GetName()+" "+o.Source)
			}
			if diff := cmp.Diff(p.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", p.reason, diff)
			}
		})
	}
}

// TestRendersAsCUEDoes holds the values to what CUE's own command exports of the same files, written to a disk. What is unified with a
// path is a file of the package there.
func TestRendersAsCUEDoes(t *testing.T) {
	command := cached.CUE(t)
	for name, p := range packages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			clause := "package app\n"
			if p.name != "" {
				clause = "package " + p.name + "\n"
			}
			files := p.tree()
			given := clause
			for path, value := range map[string]any{"#trunkline": told} {
				data, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				given += path + ": " + string(data) + "\n"
			}
			for _, path := range slices.Sorted(maps.Keys(p.values)) {
				data, err := json.Marshal(p.values[path])
				if err != nil {
					t.Fatal(err)
				}
				given += strings.ReplaceAll(path, ".", ": ") + ": " + string(data) + "\n"
			}
			files["app/given.cue"] = &fstest.MapFile{Data: []byte(given)}
			for name, f := range files {
				at := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if f.Mode&fs.ModeSymlink != 0 {
					if err := os.Symlink(string(f.Data), at); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(at, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"export", "--out", "json"}
			for _, tag := range slices.Sorted(maps.Keys(p.tags)) {
				switch v := p.tags[tag].(type) {
				case bool:
					if v {
						args = append(args, "-t", tag)
					}
				default:
					args = append(args, "-t", fmt.Sprintf("%s=%v", tag, v))
				}
			}
			if p.expression != "" {
				args = append(args, "-e", p.expression)
			}
			where := "."
			if p.name != "" {
				where = ".:" + p.name
			}
			cmd := exec.CommandContext(t.Context(), command, append(args, where)...)
			cmd.Dir = filepath.Join(dir, "app")
			cmd.Env = []string{"HOME=" + dir, "CUE_CACHE_DIR=" + dir + "/cache", "CUE_REGISTRY=none"}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			want, err := code.Objects("app", out)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cue.Render(t.Context(), p.input())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(contents(want), contents(got)); diff != "" {
				t.Errorf("(-CUE's command +here):\n%s", diff)
			}
		})
	}
}

func contents(objects []manifest.Object) []map[string]any {
	var out []map[string]any
	for _, o := range objects {
		out = append(out, o.Object)
	}
	return out
}

// TestRefused are mistakes, and what a hostile repository may hold. What takes all time and memory is in the tests of package
// builders, whose processes end for it.
func TestRefused(t *testing.T) {
	cases := map[string]struct {
		pkg

		want string
	}{
		"Syntax":     {pkg{reason: "The line is told.", files: map[string]string{"a.cue": "package app\n\na: {"}}, "app/a.cue:3: "},
		"Conflict":   {pkg{reason: "A conflict has two places and a path.", files: map[string]string{"a.cue": "package app\nweb: port: 80", "b.cue": "package app\n\nweb: port: 81"}}, "web.port: conflicting values 8"},
		"Incomplete": {pkg{reason: "What is left open is told by its path.", files: map[string]string{"a.cue": "package app\nweb: {\n  name: string\n}"}}, "app/a.cue:3: web.name: incomplete value string"},
		"Closed":     {pkg{reason: "A field that a definition does not have is refused.", files: map[string]string{"a.cue": "package app\n" + cm + "web: #CM & {metadata: name: \"a\"\n  dta: x: \"y\"}"}}, "web.dta: field not allowed"},
		"Reference":  {pkg{reason: "A name that is not there is told.", files: map[string]string{"a.cue": "package app\nweb: nme"}}, `app/a.cue:2: `},
		"Several":    {pkg{reason: "One of several packages has to be named.", files: map[string]string{"a.cue": "package one\nx: {}", "b.cue": "package two\nx: {}"}}, "found packages"},
		"None":       {pkg{reason: "A folder may hold none.", files: map[string]string{"README.md": ""}}, "app: "},
		"Bare":       {pkg{reason: "As for CUE's own command, a file of a package names it.", files: map[string]string{"a.cue": "web: {}"}}, "no package name"},
		"Local":      {pkg{reason: "What is in cue.mod has to be a module.", files: map[string]string{"cue.mod/module.cue": module, "app/a.cue": "package app\nimport \"k8s.example/api\"\nweb: api.x", "cue.mod/pkg/k8s.example/api/a.cue": "package api\nx: {}"}}, "packages in cue.mod/pkg, gen and usr are not read"},
		"NoFolder":   {pkg{reason: "Or not be there.", files: map[string]string{"lib/x.cue": ""}}, "there is no folder app"},
		"NoTag":      {pkg{reason: "A tag that nothing takes is refused.", tags: map[string]any{"x": "y"}, files: map[string]string{"a.cue": "package app\na: {}"}}, `no tag for "x"`},
		"NoValue":    {pkg{reason: "So is a value at a path that the package does not declare.", values: map[string]any{"#confg.a": 1}, files: map[string]string{"a.cue": "package app\n#config: a: int"}}, "values: #confg.a: there is no such field in the package app"},
		"BadValue":   {pkg{reason: "A value of another type is told by its path.", values: map[string]any{"#config.a": "x"}, files: map[string]string{"a.cue": "package app\n#config: a: int\nb: {x: #config.a}"}}, "#config.a: conflicting values"},
		"Own":        {pkg{reason: "What Trunkline tells cannot be given.", values: map[string]any{"#trunkline.project": "x"}, files: map[string]string{"a.cue": "package app\n#trunkline: _"}}, "values: #trunkline is what Trunkline tells"},
		"NoPath":     {pkg{reason: "A path is one of CUE.", values: map[string]any{"a..b": 1}, files: map[string]string{"a.cue": "package app\na: {}"}}, `values: "a..b" is not a path`},
		"Expression": {pkg{reason: "An expression is a path, and no program.", expression: "[for x in list.Range(0, 1000, 1) {x}]", files: map[string]string{"a.cue": "package app\na: {}"}}, "expression: is not the path of something in the package"},
		"Scalar":     {pkg{reason: "A field that is no object is told by its place.", files: map[string]string{"a.cue": "package app\nweb: port: 80"}}, "app: in its value, web.port is a number"},

		"Fetch":      {pkg{reason: "Nothing is fetched.", files: map[string]string{"cue.mod/module.cue": module + "deps: \"cue.dev/x/k8s.io@v0\": v: \"v0.4.0\"\n", "app/a.cue": "package app\nimport \"cue.dev/x/k8s.io/api/core/v1\"\nweb: v1.#ConfigMap"}}, "Trunkline fetches nothing while it renders"},
		"Undeclared": {pkg{reason: "A package that is nowhere is named with its line.", files: map[string]string{"cue.mod/module.cue": module, "app/a.cue": "package app\nimport \"example.org/none\"\nweb: none.x"}}, `"example.org/none"`},
		"Exec":       {pkg{reason: "Nothing is run.", files: map[string]string{"a.cue": "package app\nimport \"tool/exec\"\nweb: exec.Run & {cmd: \"id\"}"}}, `app: imports "tool/exec", which is for commands`},
		"Now":        {pkg{reason: "There is no clock.", files: map[string]string{"a.cue": "package app\nweb: string @tag(now,var=now)"}}, "web: incomplete value string"},
		"Passwd":     {pkg{reason: "No embedded file is out of the repository.", files: map[string]string{"cue.mod/module.cue": module, "app/a.cue": "@extern(embed)\npackage app\nweb: _ @embed(file=\"/etc/passwd\",type=text)"}}, "app"},
		"Above":      {pkg{reason: "Nor is one with dots.", files: map[string]string{"cue.mod/module.cue": module, "app/a.cue": "@extern(embed)\npackage app\nweb: _ @embed(file=\"../../etc/passwd\",type=text)"}}, "app"},
		"LinkOut":    {pkg{reason: "Nor is a link.", files: map[string]string{"a.cue": "-> ../../../etc/passwd"}}, ""},
		"Replaced":   {pkg{reason: "Nor is the folder of a module.", files: map[string]string{"cue.mod/module.cue": module + "deps: \"example.org/x@v0\": v: \"v0.0.1\"\n", "cue.mod/local-module.cue": "deps: \"example.org/x@v0\": replaceWith: \"../../../etc\"\n", "app/a.cue": "package app\nimport \"example.org/x\"\nweb: x.y"}}, ""},
		"Cycle":      {pkg{reason: "Packages may import one another.", files: map[string]string{"cue.mod/module.cue": module, "app/a.cue": "package app\nimport \"example.com/app/b\"\nx: b.x", "b/b.cue": "package b\nimport \"example.com/app/app\"\nx: app.x"}}, "import cycle"},
		"Structural": {pkg{reason: "A field may contain itself.", files: map[string]string{"a.cue": "package app\n#a: {b: #a}\nweb: #a"}}, "structural cycle"},
		"Itself":     {pkg{reason: "Or be itself.", files: map[string]string{"a.cue": "package app\na: b+1\nb: a+1"}}, "app/a.cue:"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := cue.Render(t.Context(), tc.input())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "root:") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "engine failed") {
				t.Errorf("%s\nGot %v, want one that says %q", tc.reason, err, tc.want)
			}
		})
	}
}

// BenchmarkRender is of a release with some twenty objects.
func BenchmarkRender(b *testing.B) {
	p := pkg{files: map[string]string{"a.cue": "package app\n" + cm + `#trunkline: _
for n in ["a", "b", "c", "d", "e", "f", "g"] {
	(n): {
		settings: #CM & {metadata: name: n, data: k: "v"}
		deployment: {apiVersion: "apps/v1", kind: "Deployment", metadata: {name: n, labels: app: n}
			spec: {selector: matchLabels: app: n, template: {metadata: labels: app: n, spec: containers: [{name: "main", image: #trunkline.workload.image}]}}}
		service: {apiVersion: "v1", kind: "Service", metadata: name: n, spec: {selector: app: n, ports: [{port: 80}]}}
	}
}`}}
	in := p.input()
	for b.Loop() {
		if objects, err := cue.Render(b.Context(), in); err != nil || len(objects) != 21 {
			b.Fatal(fmt.Sprint(len(objects)), err)
		}
	}
}
