// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"

	"trunkline.dev/trunkline/policy/rego"
)

// TestTestsAreOPAs runs tests here and by the runner of `opa test`: the same ones, each with the same verdict.
func TestTestsAreOPAs(t *testing.T) {
	const head = "package main\n\nimport rego.v1\n\n"
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   []string
	}{
		"Twice": {
			"a second test of one name is one of its own, so that the first does not hide that it fails",
			map[string]string{"a_test.rego": head + "test_a if 1 == 1\n\ntest_a if 1 == 2\n\ntest_a if 2 == 2\n"},
			[]string{"main.test_a pass", "main.test_a#01 fail", "main.test_a#02 pass"},
		},
		"Files": {
			"also in another file of the package, and not in another package",
			map[string]string{
				"a_test.rego": head + "test_a if 1 == 1\n", "b_test.rego": head + "test_a if 1 == 1\n",
				"c_test.rego": "package other\n\nimport rego.v1\n\ntest_a if 1 == 2\n",
			},
			[]string{"main.test_a pass", "main.test_a#01 pass", "other.test_a fail"},
		},
		"Todo": {
			"what is to do is counted, and keeps its name",
			map[string]string{"a_test.rego": head + "todo_test_a if 1 == 1\n\ntodo_test_a if 1 == 2\n"},
			[]string{"main.todo_test_a skip", "main.todo_test_a skip"},
		},
		"Cases": {
			"a rule with cases is one test",
			map[string]string{"a_test.rego": head + "test_a[c] if {\n\tsome c in [\"x\", \"y\"]\n\tc != \"\"\n}\n\ntest_a[c] if {\n\tsome c in [\"x\", \"y\"]\n\tc == \"\"\n}\n"},
			[]string{"main.test_a pass", "main.test_a#01 fail"},
		},
		"Nested": {
			"a test may be below another name, but its value has to be true",
			map[string]string{"a_test.rego": head + "login.test_a if 1 == 1\n\nlogin.test_a if 1 == 2\n\nlogin.helper if 1 == 2\n\ntest_b.deep if 1 == 1\n"},
			[]string{`main.login.test_a pass`, `main.login["test_a#01"] fail`, "main.test_b fail"},
		},
		"Parts": {
			"what else makes a rule of several parts: a default, an else",
			map[string]string{"a_test.rego": head + "default test_a := false\n\ntest_a if 1 == 1\n\ntest_b if {\n\t1 == 2\n} else if 1 == 1\n\ntest_b if {\n\t1 == 2\n} else := false\n"},
			[]string{"main.test_a fail", "main.test_a#01 pass", "main.test_b pass", "main.test_b#01 fail"},
		},
		"Conflict": {
			"two tests of one name may have two values",
			map[string]string{"a_test.rego": head + "test_a := true\n\ntest_a := false\n"},
			[]string{"main.test_a pass", "main.test_a#01 fail"},
		},
		"Used": {
			"a rule that names a test gets the first",
			map[string]string{"a_test.rego": head + "test_a if 1 == 1\n\ntest_a if 1 == 2\n\ntest_b if test_a\n"},
			[]string{"main.test_a pass", "main.test_a#01 fail", "main.test_b pass"},
		},
		"Beside": {
			"the name of a test makes it one, and not that of its file",
			map[string]string{"a.rego": head + "deny contains \"a\" if input.a\n\ntest_a if count(deny) == 1 with input as {\"a\": 1}\n\ntest_no if deny[\"a\"] with input as {\"b\": 1}\n"},
			[]string{"main.test_a pass", "main.test_no fail"},
		},
		"V0": {
			"and in Rego of version 0",
			map[string]string{"a_test.rego": "package main\n\ntest_a { 1 == 1 }\n\ntest_a { 1 == 2 }\n\ntest_b[x] = y { x := \"c\"; y := true }\n\ntest_b[x] = y { x := \"c\"; y := false }\n"},
			[]string{"main.test_a pass", "main.test_a#01 fail", "main.test_b pass", "main.test_b#01 fail"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			slices.Sort(tc.want)
			results, problems := rego.RunTests(t.Context(), folder(tc.files))
			if problems != nil {
				t.Fatal(problems)
			}
			var got []string
			for _, r := range results {
				got = append(got, fmt.Sprintf("%s.%s %s", r.Package, r.Name, word(r.Skipped, r.Failure != "")))
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, opaTest(t, tc.files)); diff != "" {
				t.Errorf("`opa test` says something else (-want +opa):\n%s", diff)
			}
		})
	}
}

// opaTest runs the tests of files as `opa test` does.
func opaTest(t *testing.T, files map[string]string) (out []string) {
	t.Helper()
	modules := map[string]*ast.Module{}
	for name, text := range files {
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			module = ast.MustParseModuleWithOpts(text, ast.ParserOptions{RegoVersion: ast.RegoV0})
		}
		modules[name] = module
	}
	results, err := tester.NewRunner().SetModules(modules).RunTests(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for r := range results {
		out = append(out, fmt.Sprintf("%s.%s %s", r.Package[len("data."):], r.Name, word(r.Skip, r.Fail || r.Error != nil)))
	}
	slices.Sort(out)
	return out
}

func word(skipped, failed bool) string {
	switch {
	case skipped:
		return "skip"
	case failed:
		return "fail"
	}
	return "pass"
}
