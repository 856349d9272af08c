// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/scaffold"
)

// tree is a template of the kind blueprint, called "t".
func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out["templates/blueprint/t/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestHostileTemplates(t *testing.T) {
	question := func(q string) map[string]string {
		return map[string]string{"template.yaml": "questions: [" + q + "]", "a": ""}
	}
	fill := func(text string) map[string]string {
		return map[string]string{"template.yaml": "questions: [{name: a, prompt: A, default: \"" + strings.Repeat("x", 900) + "\"}]", "a.tmpl": text}
	}
	many := map[string]string{"template.yaml": ""}
	for i := range 101 {
		many[fmt.Sprint(i)] = ""
	}
	large := map[string]string{"template.yaml": ""}
	for i := range 9 {
		large[fmt.Sprint(i)] = strings.Repeat("x", 256<<10)
	}
	cases := map[string]struct {
		files map[string]string
		want  string
	}{
		"NoDescription": {map[string]string{"a": ""}, "there is no template.yaml"},
		"NoFiles":       {map[string]string{"template.yaml": "description: a"}, "no files to write"},
		"UnknownField":  {map[string]string{"template.yaml": "about: a", "a": ""}, `template.yaml: line 1: there is no field "about"`},
		"WrongType":     {map[string]string{"template.yaml": "description: [a]", "a": ""}, "template.yaml: line 1: the value is of another type than the field's"},
		"Alike":         {map[string]string{"template.yaml": "", "src/a": "", "src/A": ""}, "one file where capital letters do not count"},
		"AlikeFolders":  {map[string]string{"template.yaml": "", "src/a": "", "Src/b": ""}, "one file where capital letters do not count"},
		"NotYAML":       {map[string]string{"template.yaml": "[", "a": ""}, "template.yaml"},
		"ManyFiles":     {many, "more than 100 files"},
		"LargeFile":     {map[string]string{"template.yaml": "", "a": strings.Repeat("x", 256<<10+1)}, `"a" is larger than 262144 bytes`},
		"LargeTogether": {large, "more than 2097152 bytes together"},
		"Deep":          {map[string]string{"template.yaml": "", strings.Repeat("a/", 13) + "b": ""}, "folders deep"},
		"OddName":       {map[string]string{"template.yaml": "", "a\x1b[2J": ""}, "cannot be printed"},
		"QuestionName":  {question(`{name: "a-b", prompt: x}`), "not the name of an answer"},
		"QuestionFact":  {question(`{name: project, prompt: x}`), "always known"},
		"QuestionTwice": {question(`{name: a, prompt: x}, {name: a, prompt: y}`), "asked twice"},
		"NoPrompt":      {question(`{name: a}`), "has no prompt"},
		"Pattern":       {question(`{name: a, prompt: x, pattern: "("}`), "the pattern of"},
		"LongText":      {question(`{name: a, prompt: ` + strings.Repeat("x", 1001) + `}`), "longer than 1000 bytes"},

		"Loop":        {fill("{{range 1000000000000}}{{end}}"), "not possible here"},
		"Define":      {fill(`{{define "x"}}{{template "x"}}{{end}}`), "may not define others"},
		"Recursion":   {fill(`{{template "a.tmpl"}}`), "not possible here"},
		"Printf":      {fill(`{{printf "%1000000d" 1}}`), `no function "printf"`},
		"Nested":      {fill(`{{quote (printf "%1000000d" 1)}}`), `no function "printf"`},
		"NestedIf":    {fill(`{{if true}}{{with .a}}{{else with (print 1)}}{{end}}{{end}}`), `no function "print"`},
		"Call":        {fill(`{{call .a}}`), `no function "call"`},
		"Environment": {fill(`{{env "HOME"}}`), `function "env" not defined`},
		"Unknown":     {fill(`{{.b}}`), `no entry for key "b"`},
		"Syntax":      {fill(`{{`), "unclosed action"},
		"LargeOutput": {fill(strings.Repeat("{{.a}}", 1000)), "makes more than 262144 bytes"},
		"Doubling":    {fill(`{{$x := quote .a}}` + strings.Repeat("{{$x = quote $x}}", 100)), "longer than 2000 bytes"},
		"GitsOwn":     {map[string]string{"template.yaml": "", ".__name__/hooks/x": ""}, "Git's own"},
		"Twice":       {map[string]string{"template.yaml": "", "a": "", "a.tmpl": ""}, `makes "b/a" twice`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			template, err := scaffold.Open(tree(c.files), scaffold.Blueprint, "t")
			if err == nil {
				var asked []scaffold.Asked
				if asked, err = template.Ask(scaffold.Facts{Name: "git"}, nil); err == nil {
					_, err = template.Files("b", scaffold.Facts{Name: "git"}, scaffold.Answers(asked))
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestLinksAreRefused(t *testing.T) {
	files := tree(map[string]string{"template.yaml": ""})
	files["templates/blueprint/t/a"] = &fstest.MapFile{Data: []byte("template.yaml"), Mode: fs.ModeSymlink}
	if _, err := scaffold.Open(files, scaffold.Blueprint, "t"); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("got the error %v, want one about the link", err)
	}
}

func TestFiles(t *testing.T) {
	template, err := scaffold.Open(tree(map[string]string{
		"template.yaml":     "questions: [{name: a, prompt: A, default: \"{{.name}}!\"}, {name: b, prompt: B, pattern: \"x|y\"}]",
		"__name__/a.tmpl":   `{{value .a}} {{value .b}} {{value "true"}} {{value "2026-01-01"}} {{value "a: b"}} {{quote "a"}} {{upper .b}}{{if eq .b "x"}}!{{end}}`,
		"chart/values.yaml": "{{.untouched}}",
	}), scaffold.Blueprint, "t")
	if err != nil {
		t.Fatal(err)
	}
	facts := scaffold.Facts{Name: "n"}
	asked, err := template.Ask(facts, map[string]string{"b": "x"})
	if err != nil || scaffold.Missing(asked) != nil {
		t.Fatal(err, scaffold.Missing(asked))
	}
	got, err := template.Files("below/n", facts, scaffold.Answers(asked))
	if err != nil {
		t.Fatal(err)
	}
	want := []scaffold.File{
		{Path: "below/n/n/a", Data: []byte(`"n!" x "true" "2026-01-01" "a: b" "a" X!`)},
		{Path: "below/n/chart/values.yaml", Data: []byte("{{.untouched}}")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the files (-want, +got):\n%s", diff)
	}
}

func TestAnswers(t *testing.T) {
	template, err := scaffold.Open(tree(map[string]string{
		"template.yaml": "questions: [{name: a, prompt: A}, {name: b, prompt: B, pattern: \"x|y\"}, {name: c, prompt: C, pattern: \".*\"}]", "f": "",
	}), scaffold.Blueprint, "t")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		given  map[string]string
		want   string
	}{
		"All":       {"Everything is there; what matches nothing need not be given.", map[string]string{"a": "1", "b": "x"}, ""},
		"None":      {"All that is missing is said at once.", nil, "--set a=…  A\n  --set b=…  B"},
		"Anchored":  {"A pattern is of the whole answer.", map[string]string{"a": "1", "b": "xx"}, `"xx" does not match x|y`},
		"Empty":     {"Empty is no answer.", map[string]string{"a": "", "b": "x"}, "it is empty"},
		"Lines":     {"An answer is one line.", map[string]string{"a": "1\nb: 2", "b": "x"}, "cannot be printed"},
		"LongOne":   {"An answer is short.", map[string]string{"a": strings.Repeat("x", 1001), "b": "x"}, "longer than 1000 bytes"},
		"Unasked":   {"What is not asked for is a slip.", map[string]string{"aa": "1"}, `does not ask for "aa"`},
		"NotUnique": {"Wrong and missing come together.", map[string]string{"b": "z"}, "--set a=…  A\n  --set b=…  B: \"z\" does not match"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			asked, err := template.Ask(scaffold.Facts{}, c.given)
			if err == nil {
				err = scaffold.Missing(asked)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s\ngot the error %v, want %q", c.reason, err, c.want)
			}
		})
	}
}

func TestOverlay(t *testing.T) {
	under := fstest.MapFS{"a/b": {Data: []byte("old")}, "a/c": {Data: []byte("stays")}, "d": {Data: []byte("x")}}
	over := scaffold.Overlay(under, []scaffold.File{{Path: "a/b", Data: []byte("new")}, {Path: "e/f/g", Data: []byte("more")}})
	if err := fstest.TestFS(over, "a/b", "a/c", "d", "e/f/g"); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"a/b", "a/c", "e/f/g"} {
		data, err := fs.ReadFile(over, name)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(data)
	}
	if diff := cmp.Diff(map[string]string{"a/b": "new", "a/c": "stays", "e/f/g": "more"}, got); diff != "" {
		t.Errorf("the files (-want, +got):\n%s", diff)
	}
}

func TestNewProblems(t *testing.T) {
	problem := func(line int, message string) v1alpha1.Problem {
		return v1alpha1.Problem{Rule: "r", Position: v1alpha1.Position{File: "f", Line: line}, Message: message, Severity: v1alpha1.Deny}
	}
	before := v1alpha1.Problems{problem(1, "a"), problem(2, "is at f:2:3"), problem(3, "is in line 3")}
	after := v1alpha1.Problems{problem(1, "a"), problem(5, "a"), problem(9, "is at f:9:3"), problem(9, "is in line 9"), problem(9, "b")}
	want := v1alpha1.Problems{problem(5, "a"), problem(9, "b")}
	if diff := cmp.Diff(want, scaffold.NewProblems(before, after)); diff != "" {
		t.Errorf("the new problems (-want, +got):\n%s", diff)
	}
}
