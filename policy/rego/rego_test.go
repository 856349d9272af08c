// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/rego"
	"trunkline.dev/trunkline/policy/subject"
)

// folder makes a policy folder of files by their names.
func folder(files map[string]string) []subject.Folder {
	f := subject.Folder{Path: "policies"}
	for name, text := range files {
		f.Files = append(f.Files, subject.File{Path: "policies/" + name, Data: []byte(text)})
	}
	return []subject.Folder{f}
}

// object reads an object, and makes a subject of it.
func object(t testing.TB, text string) *subject.Subject {
	t.Helper()
	docs, problem := subject.ParseYAML("object.yaml", []byte(text))
	if problem != nil {
		t.Fatal(problem)
	}
	return &subject.Subject{On: v1alpha1.OnObject, Value: docs[0].Object()}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  template: {spec: {containers: [{name: a, image: "a:latest"}, {name: b, image: "b@sha256:00"}]}}
`

func TestEvaluate(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   []string
	}{
		"V0": {
			"a package of the time before version 1 runs as it is",
			map[string]string{"main.rego": "package main\n\ndeny[msg] {\n  input.kind == \"Deployment\"\n  not input.spec.template.spec.securityContext.runAsNonRoot\n  msg := \"containers must not run as root\"\n}\n"},
			[]string{"rego/main deny: containers must not run as root"},
		},
		"V1": {
			"and one of version 1",
			map[string]string{"main.rego": "package main\n\nimport rego.v1\n\ndeny contains msg if {\n  some c in input.spec.template.spec.containers\n  endswith(c.image, \":latest\")\n  msg := sprintf(\"%s has no fixed version\", [c.name])\n}\n"},
			[]string{"rego/main deny: a has no fixed version"},
		},
		"Mixed": {
			"files of both versions may use each other",
			map[string]string{
				"lib/kinds.rego": "package lib.kinds\n\nis_workload if input.kind in {\"Deployment\", \"Job\"}\n",
				"main.rego":      "package main\n\nimport data.lib.kinds\n\nwarn[msg] { kinds.is_workload; msg = \"a workload\" }\n",
			},
			[]string{"rego/main warn: a workload"},
		},
		"Kinds": {
			"the names of rules that check, with what they say in its forms, in any package",
			map[string]string{
				"a.rego": "package team.labels\n\ndeny_owner[msg] { not input.metadata.labels.owner; msg := \"no owner\" }\nviolation[{\"msg\": msg, \"details\": {\"x\": 1}}] { msg := \"violated\" }\nwarn_app[msg] { msg := \"warned\" }\n",
				"b.rego": "package main\n\ndenied[\"not a rule that checks\"]\ndeny_[\"neither\"]\nviolation_b[{\"msg\": \"b\"}]\n",
			},
			[]string{"rego/main deny: b", "rego/team.labels deny: no owner", "rego/team.labels deny: violated", "rego/team.labels warn: warned"},
		},
		"Complete": {
			"a rule that is one value",
			map[string]string{"a.rego": "package a\n\ndefault deny = false\ndeny { input.spec.replicas > 2 }\n", "b.rego": "package b\n\ndefault deny = false\ndeny { input.spec.replicas > 20 }\n", "c.rego": "package c\n\nwarn = \"a text\"\n"},
			[]string{"rego/a deny: the policy denies it without a message", "rego/c warn: a text"},
		},
		"Data": {
			"data stands beside, below the names of folders",
			map[string]string{
				"main.rego": "package main\n\ndeny[msg] { input.spec.replicas > data.limits.replicas; msg := sprintf(\"at most %d replicas; %v\", [data.limits.replicas, data.lib.extra.words[0]]) }\n",
				"data.yaml": "limits: {replicas: 2}\n", "lib/more.json": `{"extra": {"words": ["one"]}}`,
				"param.yaml": "apiVersion: v1\nkind: ConfigMap\nlimits: {replicas: 100}\n",
			},
			[]string{"rego/main deny: at most 2 replicas; one"},
		},
		"Exception": {
			"an exception silences the rule that it names, and no other",
			map[string]string{"main.rego": "package main\n\nexception[rules] { input.metadata.name == \"web\"; rules = [\"root\", \"x\"] }\ndeny_root[msg] { msg := \"root\" }\ndeny_other[msg] { msg := \"other\" }\ndeny[msg] { msg := \"plain\" }\n"},
			[]string{"rego/main deny: plain", "rego/main deny: other"},
		},
		"ExceptionOfDeny": {
			"deny itself is named by nothing",
			map[string]string{"main.rego": "package main\n\nexception[[\"\"]] { true }\ndeny_root[msg] { msg := \"root\" }\ndeny[msg] { msg := \"plain\" }\n"},
			[]string{"rego/main deny: root"},
		},
		"Conflict": {
			"two values of one rule cannot be told apart",
			map[string]string{"main.rego": "package main\n\nname = x { x := input.metadata.name }\nname = x { x := input.kind }\ndeny[msg] { msg := name }\n"},
			[]string{"rego/main error: the policy \"rego/main\" could not be evaluated: policies/main.rego:4:1: rule data.main.name produced conflicting values: \"web\" at policies/main.rego:3 \"Deployment\" at policies/main.rego:4; what cannot be checked is refused"},
		},
		"BuiltinError": {
			"a function that fails is no rule that is not broken",
			map[string]string{"main.rego": "package main\n\ndeny[msg] { to_number(input.metadata.name) > 3; msg := \"large\" }\nwarn[\"w\"]\n"},
			[]string{"rego/main error: the policy \"rego/main\" could not be evaluated: policies/main.rego:3:13: to_number: strconv.ParseFloat: parsing \"web\": invalid syntax; what cannot be checked is refused", "rego/main warn: w"},
		},
		"NoMessage": {
			"what gives no text cannot be told",
			map[string]string{"main.rego": "package main\n\ndeny[x] { x := {\"message\": \"m\"} }\n"},
			[]string{"rego/main error: the policy \"rego/main\" could not be evaluated: its value is neither a string nor an object with a string \"msg\": a value of type object; what cannot be checked is refused"},
		},
		"Print":     {"what is printed is dropped", map[string]string{"main.rego": "package main\n\ndeny contains \"m\" if { print(\"here\", input); 1 == 1 }\n"}, []string{"rego/main deny: m"}},
		"TestsOnly": {"tests check nothing", map[string]string{"main_test.rego": "package main\n\ndeny[\"m\"] { true }\n"}, nil},
		"Nothing":   {"no policies say nothing", map[string]string{"data.yaml": "a: 1\n", "README.md": "text"}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			set, problems := rego.Load(folder(tc.files))
			if problems != nil {
				t.Fatal(problems)
			}
			if diff := cmp.Diff(tc.want, words(set.Evaluate(t.Context(), object(t, deployment)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func words(vs subject.Verdicts) []string {
	var out []string
	for _, v := range vs {
		word := string(v.Severity)
		if v.Unevaluated {
			word = "error"
		}
		out = append(out, v.Rule+" "+word+": "+v.Text)
	}
	return out
}

func TestLoadProblems(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   string
	}{
		"Syntax":      {"the place is that in the file", map[string]string{"a.rego": "package main\n\ndeny[msg] {\n  msg := \n}\n"}, "policies/a.rego:5:1: error: not valid Rego: unexpected } token"},
		"SyntaxV1":    {"the problems are those of the version that it is", map[string]string{"a.rego": "package main\n\nimport rego.v1\n\ndeny contains msg if { msg := \"a\" }\n\nwarn contains msg if { msg := }\n"}, "policies/a.rego:7:31: error: not valid Rego: unexpected } token"},
		"Empty":       {"a file has a package", map[string]string{"a.rego": ""}, "policies/a.rego: error: not valid Rego: empty module"},
		"Unsafe":      {"a name that nothing gives a value", map[string]string{"a.rego": "package main\n\ndeny[msg] { x == 1; msg := \"a\" }\n"}, "policies/a.rego:3:13: error: not valid Rego: var x is unsafe"},
		"Recursion":   {"a rule does not use itself", map[string]string{"a.rego": "package main\n\na { b }\nb { a }\n"}, "rule data.main.a is recursive"},
		"Types":       {"types that cannot be", map[string]string{"a.rego": "package main\n\ndeny[msg] { msg := count(1) }\n"}, "policies/a.rego:3:20: error: not valid Rego: count: invalid argument(s)"},
		"Unknown":     {"a function that is not there", map[string]string{"a.rego": "package main\n\ndeny[msg] { msg := cuont([1]) }\n"}, "undefined function cuont"},
		"Network":     {"a way out", map[string]string{"a.rego": "package main\n\ndeny[msg] { msg := http.send({\"url\": \"http://x\", \"method\": \"get\"}).body }\n"}, "undefined function http.send\n    hint: policies see their input and nothing else"},
		"Environment": {"another", map[string]string{"a.rego": "package main\n\ndeny[msg] { msg := opa.runtime().env.TOKEN }\n"}, "undefined function opa.runtime"},
		"Clock":       {"the clock", map[string]string{"a.rego": "package main\n\ndeny[msg] { time.now_ns() > 1; msg := \"a\" }\n"}, "undefined function time.now_ns\n    hint: there is no clock"},
		"Chance":      {"chance", map[string]string{"a.rego": "package main\n\ndeny[msg] { rand.intn(\"a\", 3) > 1; msg := \"a\" }\n"}, "undefined function rand.intn"},
		"Names":       {"the resolver", map[string]string{"a.rego": "package main\n\ndeny[msg] { net.lookup_ip_addr(\"a\"); msg := \"a\" }\n"}, "undefined function net.lookup_ip_addr"},
		"Mock":        {"what tests do", map[string]string{"a.rego": "package main\n\nf(x) = 1\ndeny[msg] { count([]) == 1 with count as f; msg := \"a\" }\n"}, `the function "count" is replaced; only tests do that`},
		"Data":        {"data that is none", map[string]string{"a.yaml": "a: [\n"}, "policies/a.yaml:1:4: error: not valid YAML"},
		"DataTwice":   {"data that is said twice", map[string]string{"a.yaml": "limits: {a: 1}\n", "b.yaml": "limits: {b: 1, a: 2}\n"}, `policies/b.yaml:1:1: error: the data "limits.a" is also in another file`},
		"DataList":    {"data has keys", map[string]string{"a.yaml": "[1]\n"}, "a data file holds a mapping"},
		"Large":       {"a file has a size", map[string]string{"a.rego": "package main\n" + strings.Repeat("# a comment\n", 30_000)}, "the Rego file is too large"},
		"Deep":        {"and a depth", map[string]string{"a.rego": "package main\n\na := " + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000)}, "max parsing recursion depth exceeded"},
		"Literals":    {"literals that hold each other twice", map[string]string{"a.rego": doubling(`[1]`, `[X, X]`, 40, `X != [X]`)}, `policies/a.rego:3:1: error: the rule "deny" makes literals of more than 100000 values`},
		"LiteralHead": {"or in the head of a rule", map[string]string{"a.rego": strings.Replace(doubling(`[1]`, `{"a": X, "b": X}`, 16, `true`), "deny[msg]", "deny[[msg, a16, a16, a16]]", 1)}, `the rule "deny" makes literals of more`},
		"All": {
			"all problems of all files are said",
			map[string]string{"a.rego": "package main\n\ndeny[", "b.rego": "package main\n\nwarn["},
			"policies/b.rego:3:5",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			set, problems := rego.Load(folder(tc.files))
			if set != nil || !problems.Denied() || !strings.Contains(problems.String(), tc.want) {
				t.Errorf("%s:\ngot  %.600s\nwant %s", tc.reason, problems, tc.want)
			}
		})
	}
}

// TestVerdictHasItsPlaces holds a verdict to the object and to the rule that says so.
func TestVerdictHasItsPlaces(t *testing.T) {
	set, problems := rego.Load(folder(map[string]string{"main.rego": "package main\n\ndeny[msg] { msg := \"no\\nowner\" }\n"}))
	if problems != nil {
		t.Fatal(problems)
	}
	s := object(t, deployment)
	s.ID = "Deployment web"
	s.Place = func(...any) v1alpha1.Position { return v1alpha1.Position{File: "orders.yaml", Line: 3} }
	want := v1alpha1.Problems{{
		Rule: "rego/main", Position: v1alpha1.Position{File: "orders.yaml", Line: 3}, Severity: v1alpha1.Deny, Message: "Deployment web: no owner",
		Trace: []v1alpha1.Step{{Position: v1alpha1.Position{File: "policies/main.rego", Line: 3, Column: 1}, Message: "rego/main.deny"}},
	}}
	if diff := cmp.Diff(want, set.Evaluate(t.Context(), s).Problems()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"rego/main"}, set.IDs()); diff != "" {
		t.Error(diff)
	}
	s.On = v1alpha1.OnWorkload
	if got := set.Evaluate(t.Context(), s); got != nil {
		t.Errorf("a workload is checked as a part of its project, and got %v", words(got))
	}
}

func TestRunTests(t *testing.T) {
	files := map[string]string{
		"main.rego": "package main\n\ndeny[msg] { input.kind == \"Job\"; count(input.x) > 1; msg := \"a job\" }\n",
		"main_test.rego": "package main\n\ntest_job { deny[\"a job\"] with input as {\"kind\": \"Job\", \"x\": [1, 2]} }\ntest_wrong { deny[\"b\"] with input as {\"kind\": \"Job\"} }\n" +
			"todo_test_later { false }\ntest_mocked { deny[\"a job\"] with input as {\"kind\": \"Job\", \"x\": []} with count as two }\ntwo(_) = 2\ntest_error { to_number(\"x\") }\n" +
			"test_cases[name] = true { some name in [\"a\", \"b\"]; count(name) > 0 }\ntest_no_cases[name] = true { some name in object.keys({}) }\n",
	}
	files["main_test.rego"] = strings.Replace(files["main_test.rego"], "package main\n", "package main\n\nimport future.keywords.in\n", 1)
	results, problems := rego.RunTests(t.Context(), folder(files))
	if problems != nil {
		t.Fatal(problems)
	}
	got := map[string]string{}
	for _, r := range results {
		if r.Position.File != "policies/main_test.rego" || r.Position.Line == 0 {
			t.Errorf("%s is at %s", r.Name, r.Position)
		}
		if got[r.Package+"."+r.Name] = r.Failure; r.Skipped {
			got[r.Package+"."+r.Name] = "skipped"
		}
	}
	want := map[string]string{
		"main.test_job": "", "main.test_wrong": "is undefined: one of its expressions does not hold", "main.todo_test_later": "skipped", "main.test_mocked": "",
		"main.test_error": "could not be evaluated: policies/main_test.rego:10:14: to_number: strconv.ParseFloat: parsing \"x\": invalid syntax", "main.test_cases": "", "main.test_no_cases": "is not true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStoppedIsRefused(t *testing.T) {
	set, problems := rego.Load(folder(map[string]string{"main.rego": "package main\n\ndeny[msg] { some i, j; x := numbers.range(1, 900)[i]; y := numbers.range(1, 900)[j]; x + y == 0; msg := \"a\" }\n"}))
	if problems != nil {
		t.Fatal(problems)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the daemon is ending"))
	got := set.Evaluate(ctx, object(t, deployment))
	if len(got) != 1 || !got[0].Unevaluated || !strings.Contains(got[0].Text, "it was stopped: the daemon is ending") {
		t.Errorf("got %v, want a refusal that says why", words(got))
	}
}

// TestOneSetForMany is for the race detector.
func TestOneSetForMany(t *testing.T) {
	set, problems := rego.Load(folder(map[string]string{"main.rego": "package main\n\ndeny[msg] { input.spec.replicas > data.limit; msg := sprintf(\"%d\", [input.spec.replicas]) }\n", "d.yaml": "limit: 2\n"}))
	if problems != nil {
		t.Fatal(problems)
	}
	shared := object(t, deployment)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if got := words(set.Evaluate(t.Context(), shared)); len(got) != 1 || got[0] != "rego/main deny: 3" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}

// TestKeywords: names of functions, of their parts, of rules and of keys that are words of the language are names all the same.
func TestKeywords(t *testing.T) {
	for name, policy := range map[string]string{
		"Function":  "package main\n\ndeny contains msg if { contains(input.metadata.name, \"e\"); msg := \"yes\" }\n",
		"V0":        "package main\n\ndeny[msg] { contains(input.metadata.name, \"e\"); msg := \"yes\" }\n",
		"Not":       "package main\n\ndeny contains \"yes\" if not contains(input.metadata.name, \"x\")\n",
		"Value":     "package main\n\ndeny contains \"yes\" if { x := contains(input.metadata.name, \"e\"); x }\n",
		"Nested":    "package main\n\ndeny contains \"yes\" if { count([1 | contains(input.metadata.name, \"e\")]) == 1 }\n",
		"Every":     "package main\n\ndeny contains \"yes\" if { every c in input.spec.template.spec.containers { contains(c.name, \"\") } }\n",
		"Else":      "package main\n\nf(x) := 1 if contains(x, \"z\") else := 2 if contains(x, \"e\")\n\ndeny contains \"yes\" if f(input.metadata.name) == 2\n",
		"HeadValue": "package main\n\nf(x) := contains(x, \"e\")\n\ndeny contains \"yes\" if f(input.metadata.name)\n",
		"Package":   "package main.contains\n\ndeny contains \"yes\" if input.kind == \"Deployment\"\n",
		"Default":   "package main\n\ndefault f(_) := false\n\nf(x) := contains(x, \"e\")\n\ndeny contains \"yes\" if f(input.metadata.name)\n",
		"Walk":      "package main\n\ndeny contains \"yes\" if { walk(input, [p, \"web\"]); contains(concat(\"/\", [x | some x in p; is_string(x)]), \"name\") }\n",
	} {
		t.Run(name, func(t *testing.T) {
			set, problems := rego.Load(folder(map[string]string{"main.rego": policy}))
			if problems != nil {
				t.Fatal(problems)
			}
			got := words(set.Evaluate(t.Context(), object(t, deployment)))
			if len(got) != 1 || !strings.HasSuffix(got[0], "deny: yes") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestParseConfig: the functions of Conftest that read configuration.
func TestParseConfig(t *testing.T) {
	for name, tc := range map[string]struct{ body, want string }{
		"YAML":      {`msg := parse_config("yaml", "a: {b: text}").a.b`, "rego/main deny: text"},
		"Documents": {`msg := parse_config("yaml", "a: 1\n---\na: two")[1].a`, "rego/main deny: two"},
		"JSON":      {`msg := parse_config("json", "{\"a\": [\"x\"]}").a[0]`, "rego/main deny: x"},
		"TOML":      {`msg := parse_config("toml", "[a]\nb = \"text\"").a.b`, "rego/main deny: text"},
		"File":      {`msg := parse_config_file("case.yaml").metadata.name`, "rego/main deny: case"},
		"Path":      {`msg := parse_config_file("policies/case.yaml").metadata.name`, "rego/main deny: case"},
		"Combined":  {`some f in parse_combined_config_files(["case.yaml"]); msg := sprintf("%s %s", [f.path, f.contents.kind])`, "rego/main deny: case.yaml ConfigMap"},
		"None":      {`msg := parse_config_file("../secret.yaml").a`, `rego/main error: the policy "rego/main" could not be evaluated: policies/main.rego:3:31: parse_config_file: there is no YAML or JSON file "../secret.yaml" in the folders of policies; what cannot be checked is refused`},
		"Broken":    {`msg := parse_config("yaml", "a: [")`, `not valid YAML`},
		"Unknown":   {`msg := parse_config("hcl2", "a = 1")`, `there is no parser "hcl2": want one of: json, toml, yaml`},
	} {
		t.Run(name, func(t *testing.T) {
			set, problems := rego.Load(folder(map[string]string{
				"main.rego": "package main\n\ndeny contains msg if { " + tc.body + " }\n",
				"case.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: case}\n",
			}))
			if problems != nil {
				t.Fatal(problems)
			}
			got := words(set.Evaluate(t.Context(), object(t, deployment)))
			if len(got) != 1 || !strings.Contains(got[0], tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
