// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMutantsApply holds the table to the code: each mutant still finds what it breaks, and what it leaves parses.
func TestMutantsApply(t *testing.T) {
	mutants, err := load("mutants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(mutants) < 10 {
		t.Fatalf("%d mutants: the table is broken", len(mutants))
	}
	for _, m := range mutants {
		t.Run(m.Name, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.File)))
			if err != nil {
				t.Fatal(err)
			}
			mutated, err := m.apply(string(source))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), m.File, mutated, parser.SkipObjectResolution); err != nil {
				t.Errorf("the mutant does not parse: %v", err)
			}
			if tests, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m.Test), "*_test.go")); err != nil || len(tests) == 0 {
				t.Errorf("there are no tests in %s", m.Test)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	const good = "- {name: a, breaks: b, file: f.go, find: x, replace: y, test: ./p}\n"
	for _, tt := range []struct{ name, yaml, want string }{
		{"complete", good, ""},
		{"an empty replacement removes", strings.Replace(good, "replace: y, ", "", 1), ""},
		{"unknown field", strings.Replace(good, "find:", "search:", 1), "search"},
		{"no test", strings.Replace(good, ", test: ./p", "", 1), "needs a name"},
		{"twice", good + good, `two mutants "a"`},
		{"no change", strings.Replace(good, "replace: y", "replace: x", 1), "changes nothing"},
		{"no YAML", "- {", "reading"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "m.yaml")
			if err := os.WriteFile(file, []byte(tt.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := load(file)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	m := mutant{File: "f.go", Find: "a < b", Replace: "a > b"}
	if got, err := m.apply("if a < b {"); err != nil || got != "if a > b {" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := m.apply("if b > a {"); err == nil || !strings.Contains(err.Error(), "any more") {
		t.Errorf("what is not there: got %v", err)
	}
	if _, err := m.apply("a < b || a < b"); err == nil || !strings.Contains(err.Error(), "2 times") {
		t.Errorf("what is there twice: got %v", err)
	}
}

func TestJudge(t *testing.T) {
	failed := &exec.ExitError{}
	for _, tt := range []struct {
		name, output string
		err          error
		want         outcome
	}{
		{"a test fails", "--- FAIL: TestX\nFAIL\nFAIL\ttrunkline.dev/trunkline/plan\t0.1s", failed, dead},
		{"a test panics", "panic: boom\nFAIL\ttrunkline.dev/trunkline/plan\t0.1s", failed, dead},
		{"a test never ends", "panic: test timed out after 10m0s\nFAIL\ttrunkline.dev/trunkline/plan\t600s", failed, dead},
		{"all tests pass", "ok  \ttrunkline.dev/trunkline/plan\t0.1s", nil, survived},
		{"it does not compile", "plan/x.go:1: undefined: y\nFAIL\ttrunkline.dev/trunkline/plan [build failed]\nFAIL", failed, unusable},
		{"an import is unused now", "FAIL\ttrunkline.dev/trunkline/plan [setup failed]\nFAIL", failed, unusable},
		{"the package has no tests", "?   \ttrunkline.dev/trunkline/plan\t[no test files]", nil, unusable},
		{"no test matches", "ok  \ttrunkline.dev/trunkline/plan\t0.1s [no tests to run]", nil, unusable},
		{"go is not there", "", errors.New("exec: not found"), unusable},
		{"it was interrupted", "", context.Canceled, unusable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, detail := outcomeOf(tt.output, tt.err); got != tt.want {
				t.Errorf("got %s (%s), want %s", got, detail, tt.want)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	r := func(outcomes ...outcome) (out []result) {
		for _, o := range outcomes {
			out = append(out, result{outcome: o})
		}
		return out
	}
	got := []int{
		summarise(r(dead, dead), io.Discard), summarise(r(dead, survived), io.Discard), summarise(r(survived, unusable), io.Discard),
		summarise(r(unusable, survived), io.Discard), summarise(nil, io.Discard),
	}
	want := []int{exitKilled, exitSurvived, exitUnusable, exitUnusable, exitUnusable}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAMutantDies lets go test try mutants of a module of its own, one that a test notices and one that none does.
func TestAMutantDies(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":      "module example.com/m\n\ngo 1.26\n",
		"add.go":      "package m\n\nfunc add(a, b int) int { return a + b }\n\nfunc idle() int { return 1 }\n",
		"add_test.go": "package m\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif add(1, 2) != 3 || idle() == 0 {\n\t\tt.Fatal()\n\t}\n}\n",
		"m.yaml": `
- {name: minus, breaks: sums, file: add.go, find: a + b, replace: a - b, test: .}
- {name: idle, breaks: nothing, file: add.go, find: return 1, replace: return 2, test: .}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs strings.Builder
	code := run(t.Context(), []string{"-C", dir, "-table", "m.yaml", "-parallel", "1"}, &out, &errs)
	if code != exitSurvived || !strings.Contains(out.String(), "killed    minus") || !strings.Contains(out.String(), "idle survived") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
	if source, err := os.ReadFile(filepath.Join(dir, "add.go")); err != nil || !strings.Contains(string(source), "a + b") {
		t.Errorf("the source was changed: %v", err)
	}
	if code := run(t.Context(), []string{"-C", dir, "-table", "m.yaml", "-run", "nobody"}, io.Discard, io.Discard); code != exitUnusable {
		t.Errorf("a pattern that matches nothing: exit %d", code)
	}
}
