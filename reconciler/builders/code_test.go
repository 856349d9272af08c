// SPDX-License-Identifier: Apache-2.0

package builders_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/cue"
	"trunkline.dev/trunkline/render/cue/evaluate"
	"trunkline.dev/trunkline/render/jsonnet"
)

// languages are those of the processes of these tests.
var languages = map[string]code.Language{jsonnet.Language: jsonnet.Evaluate, cue.Language: evaluate.Evaluate}

// evaluated renders a program of one file, and says what comes of it.
func evaluated(ctx context.Context, e code.Evaluator, language, text string) (string, error) {
	var out strings.Builder
	tree := fstest.MapFS{"app/main.jsonnet": {Data: []byte(text)}, "app/a.cue": {Data: []byte(text)}, "app/l.libsonnet": {Data: []byte("{a: 1}")}}
	render := func() error {
		objects, err := jsonnet.Render(ctx, jsonnet.Input{FS: tree, Path: "app", Evaluator: e})
		if language == cue.Language {
			objects, err = cue.Render(ctx, cue.Input{FS: tree, Dir: "app", Evaluator: e})
		}
		for _, o := range objects {
			fmt.Fprintln(&out, o.Source, o.Object)
		}
		return err
	}
	err := render()
	return out.String(), err
}

const (
	jsonnetObject = `{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}, data: {x: std.toString(import 'l.libsonnet')}}`
	cueObject     = "package app\nweb: {apiVersion: \"v1\", kind: \"ConfigMap\", metadata: name: \"a\"}\n"
)

// TestCodeSameAsInProcess: where a program is evaluated makes no difference to what comes of it, nor to what is said.
func TestCodeSameAsInProcess(t *testing.T) {
	pool := newPool(t, "work", builders.Options{})
	for _, tc := range []struct{ name, language, text string }{
		{"Jsonnet", jsonnet.Language, jsonnetObject},
		{"JsonnetFails", jsonnet.Language, "\nerror 'x'"},
		{"JsonnetImport", jsonnet.Language, "import 'none'"},
		{"CUE", cue.Language, cueObject},
		{"CUEFails", cue.Language, "package app\nweb: x: 1 & 2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want, wantErr := evaluated(t.Context(), code.InProcess(languages), tc.language, tc.text)
			got, gotErr := evaluated(t.Context(), pool, tc.language, tc.text)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("objects (-here +away):\n%s", diff)
			}
			if diff := cmp.Diff(fmt.Sprint(wantErr), fmt.Sprint(gotErr)); diff != "" {
				t.Errorf("error (-here +away):\n%s", diff)
			}
		})
	}
}

// TestCodeBombs: a program that takes all time, memory or stack takes its own process only, and the next one is evaluated.
func TestCodeBombs(t *testing.T) {
	if racing {
		t.Skip("the race detector takes memory that no limit can hold")
	}
	disjunctions := "package app\nx: {}"
	for i := range 30 {
		disjunctions += fmt.Sprintf(" & ({a%d: 1} | {a%d: 2})", i, i)
	}
	doubling := "package app\na0: \"xxxxxxxx\"\n"
	for i := range 40 {
		doubling += fmt.Sprintf("a%d: \"\\(a%d)\\(a%d)\"\n", i+1, i, i)
	}
	const ended = "was ended: it took more than "
	cases := map[string]struct{ reason, language, text, want string }{
		"Time":        {"A program may compute for ever.", jsonnet.Language, "std.foldl(function(a, x) std.foldl(function(b, y) b + std.length(std.md5(std.toString(y))), std.range(1, 100000), a), std.range(1, 100000), 0)", ended},
		"Repeat":      {"A text may be repeated.", jsonnet.Language, "std.length(std.repeat('x', 1e10))", ""},
		"Array":       {"So may an array grow.", jsonnet.Language, "std.length(std.makeArray(1e9, function(i) {a: i}))", ""},
		"Doubling":    {"A value may double with each step.", jsonnet.Language, "local f(n) = if n == 0 then 'xxxxxxxx' else local r = f(n - 1); r + r; {a: f(40)}", ended},
		"Nesting":     {"A file may nest until the stack of the parser ends.", jsonnet.Language, strings.Repeat("[", 1<<21), "was ended: "},
		"Tables":      {"Tables of tables may grow.", jsonnet.Language, "local f(n) = if n == 0 then {} else {[std.toString(i)]: f(n - 1) for i in std.range(1, 20)}; f(12)", ended},
		"Endless":     {"A value may contain itself.", jsonnet.Language, "local a = {b: a}; a", ""},
		"CUEList":     {"A list may be large.", cue.Language, "package app\nimport \"list\"\na: list.Range(0, 100000000, 1)\n", ended},
		"CUERepeat":   {"A text may be repeated.", cue.Language, "package app\nimport \"strings\"\na: strings.Repeat(\"x\", 10000000000)\n", "exceeds limit"},
		"CUEDoubling": {"It may double with each step.", cue.Language, doubling, ended},
		"CUENesting":  {"A file may nest until the stack ends.", cue.Language, "package app\na: " + strings.Repeat("[", 1<<21), ""},
		"CUEForms":    {"Alternatives may multiply.", cue.Language, disjunctions, "was ended: "},
		"CUELoops":    {"Loops may.", cue.Language, "package app\n_n: [1,2,3,4,5,6,7,8,9,10]\na: [for a in _n for b in _n for c in _n for d in _n for e in _n for f in _n for g in _n for h in _n {a*b*c*d*e*f*g*h}]\n", ended},
	}
	pool := newPool(t, "work", builders.Options{Memory: 256 << 20, Timeout: 5 * time.Second, Workers: 2})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := evaluated(t.Context(), pool, tc.language, tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nGot %.300v, want one that says %q", tc.reason, err, tc.want)
			}
			if failed, ended := errors.AsType[*builders.Error](err); ended && !strings.Contains(failed.Error(), code.Title(tc.language)) {
				t.Errorf("the error does not name the language: %v", failed)
			}
		})
	}
	for language, text := range map[string]string{jsonnet.Language: jsonnetObject, cue.Language: cueObject} {
		if got, err := evaluated(t.Context(), pool, language, text); err != nil || got == "" {
			t.Errorf("the next program: %q, %v", got, err)
		}
	}
}

// TestCodeIsGivenNothing: the environment of the daemon is not that of a program.
func TestCodeIsGivenNothing(t *testing.T) {
	t.Setenv("TRUNKLINE_SECRET", "s3cret")
	pool := newPool(t, "work", builders.Options{})
	_, err := evaluated(t.Context(), pool, cue.Language, "package app\nimport \"tool/os\"\nweb: os.Environ & {TRUNKLINE_SECRET: string}\n")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkEvaluate has the same small program evaluated here and by processes.
func BenchmarkEvaluate(b *testing.B) {
	for name, e := range map[string]code.Evaluator{"here": code.InProcess(languages), "processes": newPool(b, "work", builders.Options{})} {
		for language, text := range map[string]string{jsonnet.Language: jsonnetObject, cue.Language: cueObject} {
			b.Run(language+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := evaluated(b.Context(), e, language, text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
