// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// test is a rule of a test file.
type test struct {
	id, name string
	path     *ast.Term
	at       v1alpha1.Position
}

// TestResult is what came of one test in Rego.
type TestResult struct {
	// Name is the test's with its package, such as "main.test_no_root".
	Name     string
	Position v1alpha1.Position
	// Skipped tells a test that is to do: one whose name begins with "todo_".
	Skipped bool
	// Failure says why the test failed; empty if it passed.
	Failure string
}

// RunTests runs the tests of policy folders: the rules test_* of files *_test.rego, which pass if they are true. They are
// bounded like policies. The problems are those of [Load].
func RunTests(ctx context.Context, folders []subject.Folder) ([]TestResult, v1alpha1.Problems) {
	set, problems := load(folders, true)
	if problems.Denied() {
		return nil, problems
	}
	out := make([]TestResult, len(set.tests))
	for i, t := range set.tests {
		out[i] = TestResult{Name: t.id, Position: t.at, Skipped: strings.HasPrefix(t.name, "todo_")}
		if !out[i].Skipped {
			out[i].Failure = set.runTest(ctx, t)
		}
	}
	return out, nil
}

func (s *Set) runTest(ctx context.Context, t test) (failure string) {
	defer func() {
		if r := recover(); r != nil {
			failure = fmt.Sprint(r)
		}
	}()
	e := &evaluation{set: s, budget: &budget{ctx: ctx}}
	e.budget.left.Store(MaxSteps)
	value, err := e.value(ctx, t.path)
	switch {
	case err != nil:
		return "could not be evaluated: " + subject.Line(because(ctx, err))
	case value == nil:
		return "is undefined: one of its expressions does not hold"
	}
	switch v := value.Value.(type) {
	case ast.Boolean:
		if bool(v) {
			return ""
		}
	case ast.Object: // cases of their own: test_x[case] if …
		bad := v.Len() == 0
		v.Until(func(_, v *ast.Term) bool { bad = v.Value.Compare(ast.Boolean(true)) != 0; return bad })
		if !bad {
			return ""
		}
	}
	return "is not true"
}
