// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy/cel"
)

func TestCompileProblems(t *testing.T) {
	cases := map[string]struct {
		reason string
		policy string
		want   string
	}{
		"Syntax": {
			"the place is in the message, as the field's is in front", "on: workload\nvalidations:\n  - expression: 'workload.name =='",
			`policy.yaml:6:19: error: spec.validations[0].expression: the policy "p" cannot be used: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER} (line 1, column 17 of the expression)`,
		},
		"Field":      {"a field that is nearly right", "on: project\nvalidations: [{expression: 'project.spec.ownr == \"\"'}]", "undefined field 'ownr' (line 1, column 13 of the expression)\n    hint: did you mean \"owner\"?"},
		"OtherField": {"a field of something else", "on: workload\nvalidations: [{expression: 'has(workload.labels)'}]", "hint: it is a field of Metadata"},
		"NodeField":  {"the nodes of the DAG have a type too", "on: workload\nvalidations: [{expression: 'upstream.all(n, n.team == \"\")'}]", "undefined field 'team'"},
		"Lines":      {"a place in an expression of several lines", "on: workload\nvalidations:\n  - expression: |\n      workload.name != 'a' &&\n        workload.nme != 'b'", "undefined field 'nme' (line 2, column 11 of the expression)"},
		"Name":       {"a name that is not there", "on: workload\nvalidations: [{expression: 'wrkload.name == \"\"'}]", "undeclared reference to 'wrkload' (line 1, column 1 of the expression)\n    hint: did you mean \"workload\"?"},
		"OtherName":  {"a name that other policies have", "on: workload\nvalidations: [{expression: 'has(dataset.lots)'}]", `hint: "dataset" exists only in policies with "on: dataset"`},
		"Now":        {"there is no clock", "on: workload\nvalidations: [{expression: 'now > timestamp(\"2026-01-01T00:00:00Z\")'}]", "there is no clock: the same commit gets the same verdict at any time"},
		"Admission":  {"what only the API server has", "on: object\nvalidations: [{expression: 'request.operation == \"CREATE\"'}]", `"request" is for ValidatingAdmissionPolicies`},
		"NoBool":     {"a validation is true or false", "on: workload\nvalidations: [{expression: 'workload.name'}]", "the expression must return a bool, but returns a string\n    hint: compare it"},
		"Dyn":        {"and is declared to be", "on: object\nvalidations: [{expression: 'object.spec.paused'}]", "the expression must return a bool, but returns a dyn"},
		"NoText":     {"a message is a text", "on: workload\nvalidations: [{expression: 'true', messageExpression: '1'}]", "spec.validations[0].messageExpression: the policy \"p\" cannot be used: the expression must return a string"},
		"Regex":      {"a pattern that is a constant is looked at", "on: workload\nvalidations: [{expression: 'workload.name.matches(\"(\")'}]", "invalid matches argument"},
		"Long":       {"an expression has a length", "on: workload\nvalidations: [{expression: '" + strings.Repeat("true && ", 2000) + "true'}]", "the expression has 16004 bytes; the limit is 8192"},
		"Deep":       {"and a depth", "on: workload\nvalidations: [{expression: '" + strings.Repeat("(", 3000) + "true" + strings.Repeat(")", 3000) + "'}]", "expression recursion limit exceeded"},
		"Many":       {"validations have a number", "on: workload\nvalidations: [" + strings.Repeat("{expression: 'true'}, ", 65) + "]", "it has more than 64 variables or validations"},
		"None":       {"a policy that nothing can break", "on: workload\nvalidations: []", "it has no validations"},
		"Target":     {"a target is known", "on: nothing\nvalidations: [{expression: 'true'}]", `it checks "nothing", which is not a target of policies`},
		"Objects":    {"kinds are of objects", "on: workload\nmatch: {objects: [{kinds: [Pod]}]}\nvalidations: [{expression: 'true'}]", `it matches kinds of objects, but checks each "workload"`},
		"Path":       {"a path is one", "on: workload\nvalidations: [{expression: 'true', path: 'a..b'}]", `"a..b" is not a path: a key is missing`},
		"VarName":    {"a variable has a name", "on: workload\nvariables: [{name: a-b, expression: '1'}]\nvalidations: [{expression: 'true'}]", `"a-b" is not a valid variable name`},
		"VarTwice":   {"of its own", "on: workload\nvariables: [{name: a, expression: '1'}, {name: a, expression: '2'}]\nvalidations: [{expression: 'true'}]", `the variable "a" is declared twice`},
		"VarSelf":    {"a variable cannot use itself", "on: workload\nvariables: [{name: a, expression: 'variables.a'}]\nvalidations: [{expression: 'true'}]", "undefined field 'a'"},
		"VarLater":   {"nor one below it", "on: workload\nvariables: [{name: a, expression: 'variables.b'}, {name: b, expression: '1'}]\nvalidations: [{expression: 'true'}]", "undefined field 'b'"},
		"VarType":    {"the type of a variable is known", "on: workload\nvariables: [{name: a, expression: '1'}]\nvalidations: [{expression: 'variables.a'}]", "must return a bool, but returns a int"},
		"VarWhole":   {"all of them together could be used without an end", "on: workload\nvariables: [{name: a, expression: 'dyn(variables)[\"a\"]'}]\nvalidations: [{expression: 'variables.a == 1'}]", `"variables" is used as a whole`},
		"NoVars":     {"there are none where none are declared", "on: workload\nvalidations: [{expression: 'variables.a == 1'}]", "hint: the policy has no variables"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, problems := compile(t, policy(tc.policy))
			if p != nil || !problems.Denied() || !strings.Contains(problems.String(), tc.want) {
				t.Errorf("%s:\ngot  %s\nwant %s", tc.reason, problems, tc.want)
			}
		})
	}
}

// TestManyForms finds the types of declarations that are written in more than one form by how they are read: one that CEL
// takes for a mapping, and that may be a text, would make policies that compile and then cannot be evaluated.
func TestManyForms(t *testing.T) {
	files, err := filepath.Glob("../../api/v1alpha1/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	reader := regexp.MustCompile(`(?m)^func \(\w+ \*(\w+)\) decodeNode\(`)
	var got []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reader.FindAllSubmatch(text, -1) {
			got = append(got, string(m[1]))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"Image", "ProjectEnvironments", "Read"}, got); diff != "" {
		t.Errorf("say in manyForms that these are not of one type (-known +found):\n%s", diff)
	}
}

func TestCompilerIsForAll(t *testing.T) {
	if _, err := cel.NewCompiler(); err != nil {
		t.Fatal(err)
	}
	p := mustCompile(t, policy("on: environment\nseverity: warn\ndescription: d\nvalidations: [{expression: 'environment.spec.clusters.size() > 0'}]"))
	if p.ID() != "policy/p" || p.On() != "environment" || p.Spec().Description != "d" {
		t.Errorf("got %q on %q, described %q", p.ID(), p.On(), p.Spec().Description)
	}
}
