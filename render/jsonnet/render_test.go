// SPDX-License-Identifier: Apache-2.0

package jsonnet_test

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
	"trunkline.dev/trunkline/render/internal/manifest"
	"trunkline.dev/trunkline/render/jsonnet"
	"trunkline.dev/trunkline/test/cached"
)

var evaluator = code.InProcess{jsonnet.Language: jsonnet.Evaluate}

var told = map[string]any{
	"project": "shop", "environment": "prod", "cluster": "eu", "namespace": "shop-prod",
	"workload": map[string]any{"name": "web", "image": "img@sha256:1", "timeoutSeconds": int64(60)},
}

// program is one to render: its files, in the folder app unless they say otherwise, and what it is given.
type program struct {
	reason    string
	files     map[string]string
	path      string // default: main.jsonnet
	libraries []string
	args      map[string]any
	vars      map[string]any
	want      []string // name and source of each object
}

func (p program) tree() fstest.MapFS {
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

func (p program) input() jsonnet.Input {
	entry := p.path
	if entry == "" {
		entry = "app/main.jsonnet"
	}
	return jsonnet.Input{FS: p.tree(), Path: entry, Libraries: p.libraries, Context: told, Args: p.args, Vars: p.vars, Evaluator: evaluator}
}

const cm = `local cm(name, data={}) = {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name}, data: data};` + "\n"

var programs = map[string]program{
	"Object": {reason: "The value may be an object.", files: map[string]string{"main.jsonnet": cm + "cm('a')"}, want: []string{"a app/main.jsonnet"}},
	"Array":  {reason: "It may be a list.", files: map[string]string{"main.jsonnet": cm + "[cm('b'), null, cm('a')]"}, want: []string{"b app/main.jsonnet ([0])", "a app/main.jsonnet ([2])"}},
	"Tanka": {
		reason: "It may be tables of objects, as those of Tanka and kubecfg, with what is hidden left out.",
		files:  map[string]string{"main.jsonnet": cm + "{_config:: {replicas: 3}, web: {settings: cm('a', {r: '%d' % $._config.replicas}), none: if false then cm('x')}, db: cm('b')}"},
		want:   []string{"b app/main.jsonnet (db)", "a app/main.jsonnet (web.settings)"},
	},
	"Folder": {reason: "A folder begins in main.jsonnet.", path: "app", files: map[string]string{"main.jsonnet": cm + "cm('a')"}, want: []string{"a app/main.jsonnet"}},
	"Imports": {
		reason: "Imports are relative to the file, in and above its folder; text and bytes too.",
		files: map[string]string{
			"main.jsonnet":         "local l = import '../lib/l.libsonnet'; [l.cm('a', {text: importstr 'sub/text', bytes: std.base64(importbin 'sub/bytes')})]",
			"lib/l.libsonnet":      "{cm:: (import 'm/cm.libsonnet')}",
			"lib/m/cm.libsonnet":   cm + "function(name, data) cm(name, data)",
			"app/sub/text":         "text\n",
			"app/sub/bytes":        "\x00\xff",
			"app/unused.libsonnet": "error 'not read'",
		},
		want: []string{"a app/main.jsonnet ([0])"},
	},
	"Libraries": {
		reason:    "What is not beside the file is looked for in the libraries; the first that has it counts.",
		libraries: []string{"vendor", "lib"},
		files: map[string]string{
			"main.jsonnet": "[(import 'k/a.libsonnet'), (import 'b.libsonnet')]", "vendor/k/a.libsonnet": cm + "cm('vendored')",
			"lib/k/a.libsonnet": "error 'the second'", "lib/b.libsonnet": cm + "cm('b')",
		},
		want: []string{"vendored app/main.jsonnet ([0])", "b app/main.jsonnet ([1])"},
	},
	"Args": {
		reason: "A function gets its arguments by name, whatever they are.",
		args:   map[string]any{"replicas": int64(3), "name": "it's \"a\"", "more": map[string]any{"x": []any{true, nil, 1.5}}},
		files:  map[string]string{"main.jsonnet": cm + "function(name, replicas, more={}, unset='default') cm('a', {name: name, n: std.toString(replicas), more: std.manifestJson(more), unset: unset})"},
		want:   []string{"a app/main.jsonnet"},
	},
	"Vars":    {reason: "External variables are there by name.", vars: map[string]any{"region": "eu"}, files: map[string]string{"main.jsonnet": cm + "cm('a', {r: std.extVar('region')})"}, want: []string{"a app/main.jsonnet"}},
	"Context": {reason: "A program learns about the release by a variable.", files: map[string]string{"main.jsonnet": cm + "local t = std.extVar('trunkline'); cm('a', {ns: t.namespace, image: t.workload.image})"}, want: []string{"a app/main.jsonnet"}},
	"Unicode": {reason: "Text is text.", files: map[string]string{"main.jsonnet": cm + "cm('a', {t: 'café ☕ \\n'})"}, want: []string{"a app/main.jsonnet"}},
	"Numbers": {reason: "Whole numbers are whole.", files: map[string]string{"main.jsonnet": "{apiVersion: 'v1', kind: 'X', metadata: {name: 'a'}, n: [1, 2.5, 1e3, -0, 9007199254740991]}"}, want: []string{"a app/main.jsonnet"}},
	"Link":    {reason: "A link within the repository is followed.", files: map[string]string{"main.jsonnet": "import 'l.libsonnet'", "l.libsonnet": "-> ../lib/a.libsonnet", "lib/a.libsonnet": cm + "cm('a')"}, want: []string{"a app/main.jsonnet"}},
}

func TestRender(t *testing.T) {
	for name, p := range programs {
		t.Run(name, func(t *testing.T) {
			objects, err := jsonnet.Render(t.Context(), p.input())
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
	// Jsonnet's own command has no way to give an argument only to those who take it.
	p := program{files: map[string]string{"main.jsonnet": cm + "local x = 1; function(trunkline) cm(trunkline.namespace)"}}
	objects, err := jsonnet.Render(t.Context(), p.input())
	if err != nil || len(objects) != 1 || objects[0].GetName() != "shop-prod" {
		t.Errorf("a function that takes trunkline: %v, %v", objects, err)
	}
}

// TestRendersAsJsonnetDoes holds the values to what Jsonnet's own command makes of the same files, written to a disk.
func TestRendersAsJsonnetDoes(t *testing.T) {
	command := cached.Jsonnet(t)
	for name, p := range programs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, f := range p.tree() {
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
			var args []string
			for _, l := range slices.Backward(p.libraries) { // the last one counts there
				args = append(args, "-J", filepath.Join(dir, l))
			}
			give := func(option string, values map[string]any) {
				for _, name := range slices.Sorted(maps.Keys(values)) {
					value, err := json.Marshal(values[name])
					if err != nil {
						t.Fatal(err)
					}
					args = append(args, option, name+"="+string(value))
				}
			}
			give("--tla-code", p.args)
			give("--ext-code", p.vars)
			give("--ext-code", map[string]any{"trunkline": told})
			in := p.input()
			entry := in.Path
			if !strings.HasSuffix(entry, ".jsonnet") {
				entry += "/main.jsonnet"
			}
			cmd := exec.CommandContext(t.Context(), command, append(args, filepath.Join(dir, entry))...)
			cmd.Env = []string{"HOME=" + dir}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			want, err := code.Objects(entry, out)
			if err != nil {
				t.Fatal(err)
			}
			got, err := jsonnet.Render(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(contents(want), contents(got)); diff != "" {
				t.Errorf("(-Jsonnet's command +here):\n%s", diff)
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
		program

		want string
	}{
		"Syntax":     {program{reason: "The line is told.", files: map[string]string{"main.jsonnet": "{\n  a: 1\n  b: 2\n}"}}, "app/main.jsonnet:3: "},
		"Error":      {program{reason: "So is where an error was raised, and from where.", files: map[string]string{"main.jsonnet": "local l = import 'l.libsonnet';\n\n[l.f(1)]", "l.libsonnet": "{\n  f(x):: error 'no ' + x,\n}"}}, "app/l.libsonnet:2: no 1 (from app/main.jsonnet:3"},
		"Unknown":    {program{reason: "A variable that is not given is a mistake.", files: map[string]string{"main.jsonnet": "std.extVar('none')"}}, "app/main.jsonnet:1: Undefined external variable: none"},
		"Missing":    {program{reason: "So is an import of nothing, with where it was looked for.", libraries: []string{"lib"}, files: map[string]string{"main.jsonnet": "\nimport 'x.libsonnet'"}}, `app/main.jsonnet:2: there is no file "x.libsonnet": it is none of app/x.libsonnet, lib/x.libsonnet`},
		"NoEntry":    {program{reason: "The program itself may not be there.", path: "app", files: map[string]string{"x": ""}}, "there is no file app/main.jsonnet"},
		"TooMany":    {program{reason: "An argument that the function does not take is not passed over.", args: map[string]any{"x": 1}, files: map[string]string{"main.jsonnet": "function(y=1) {}"}}, "x"},
		"TooFew":     {program{reason: "One that is missing is told.", files: map[string]string{"main.jsonnet": "function(y) {}"}}, "y"},
		"NoFunction": {program{reason: "Jsonnet passes over arguments that nothing takes.", args: map[string]any{"x": 1}, files: map[string]string{"main.jsonnet": "local a = 1; {b: a}"}}, "app/main.jsonnet: it is no function, so that nothing takes the arguments x"},
		"Imported":   {program{reason: "So it does where that is not plain to see.", args: map[string]any{"x": 1}, files: map[string]string{"main.jsonnet": "import 'l.libsonnet'", "l.libsonnet": "{}"}}, "it is no function"},
		"Taken":      {program{reason: "What Trunkline tells cannot be given.", vars: map[string]any{"trunkline": 1}, files: map[string]string{"main.jsonnet": "{}"}}, `vars: the variable "trunkline" is Trunkline's own`},
		"Scalar":     {program{reason: "A field that is no object is told by its place.", files: map[string]string{"main.jsonnet": "{web: {port: 80}}"}}, "app/main.jsonnet: in its value, web.port is a number"},

		"Absolute": {program{reason: "No import leads out of the repository.", files: map[string]string{"main.jsonnet": "importstr '/etc/passwd'"}}, `"/etc/passwd" is not in the repository`},
		"Above":    {program{reason: "Nor does one with dots.", files: map[string]string{"main.jsonnet": "importstr '../../../etc/passwd'"}}, `"../../../etc/passwd" leads out of the repository`},
		"AboveLib": {program{reason: "Nor does one from a library.", libraries: []string{"lib"}, files: map[string]string{"main.jsonnet": "importstr '../../../../etc/passwd'"}}, `leads out of the repository`},
		"LinkOut":  {program{reason: "Nor does a link.", files: map[string]string{"main.jsonnet": "importstr 'l'", "l": "-> ../../../etc/passwd"}}, "app/main.jsonnet:1: "},
		"Native":   {program{reason: "There are no native functions.", files: map[string]string{"main.jsonnet": "std.native('exec')('id')"}}, "app/main.jsonnet:1: Unexpected type null, expected function"},
		"Cycle":    {program{reason: "A file may import itself.", files: map[string]string{"main.jsonnet": "import 'l.libsonnet'", "l.libsonnet": "import 'main.jsonnet'"}}, ""},
		"Forever":  {program{reason: "A function may call itself for ever.", files: map[string]string{"main.jsonnet": "local f(x) = 1 + f(x + 1); [f(0)]"}}, "does something depend on itself"},
		"Itself":   {program{reason: "A field may be what it is.", files: map[string]string{"main.jsonnet": "{a: self.a}"}}, ""},
		"Huge":     {program{reason: "A value is bounded.", files: map[string]string{"main.jsonnet": "local d(s, n) = if n == 0 then s else d(s + s, n - 1); {a: d('x', 25)}"}}, "renders to more than 16 MiB"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := jsonnet.Render(t.Context(), tc.input())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "root:") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "CRASH") {
				t.Errorf("%s\nGot %v, want one that says %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestPure: the same program renders to the same objects, and neither the environment nor the time can be had.
func TestPure(t *testing.T) {
	p := programs["Tanka"]
	first, err := jsonnet.Render(t.Context(), p.input())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := jsonnet.Render(t.Context(), p.input())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(contents(first), contents(again)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// BenchmarkRender is of a release with some twenty objects.
func BenchmarkRender(b *testing.B) {
	p := program{files: map[string]string{
		"main.jsonnet": "local l = import 'l.libsonnet'; {[name]: l.app(name) for name in ['a', 'b', 'c', 'd', 'e', 'f', 'g']}",
		"l.libsonnet": cm + `{app(name):: {
  settings: cm(name, {k: std.md5(name)}),
  deployment: {apiVersion: 'apps/v1', kind: 'Deployment', metadata: {name: name, labels: {app: name}},
    spec: {selector: {matchLabels: {app: name}}, template: {metadata: {labels: {app: name}}, spec: {containers: [{name: 'main', image: std.extVar('trunkline').workload.image}]}}}},
  service: {apiVersion: 'v1', kind: 'Service', metadata: {name: name}, spec: {selector: {app: name}, ports: [{port: 80}]}},
}}`,
	}}
	in := p.input()
	for b.Loop() {
		if objects, err := jsonnet.Render(b.Context(), in); err != nil || len(objects) != 21 {
			b.Fatal(fmt.Sprint(len(objects)), err)
		}
	}
}
