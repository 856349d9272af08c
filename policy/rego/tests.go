// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

const (
	testPrefix = "test_"
	todoPrefix = "todo_" + testPrefix
)

// test is a rule that is a test.
type test struct {
	pkg, name string
	path      *ast.Term
	skip      bool
	// cases tells a test with cases of its own: test_x[case] if …
	cases bool
	at    v1alpha1.Position
}

// numberTests has each rule be a test of its own, as `opa test` does: a second rule test_a of a package is renamed test_a#01, so
// that it runs too, and is no further part of the first. It is a stage of compiling.
func numberTests(compiler *ast.Compiler) *ast.Error {
	seen := map[string]int{}
	for _, file := range slices.Sorted(maps.Keys(compiler.Modules)) {
		module := compiler.Modules[file]
		for _, r := range module.Rules {
			ref, name := testRef(r.Head)
			if ref == nil || strings.HasPrefix(name, todoPrefix) {
				continue
			}
			key := module.Package.Path.Extend(ref).String()
			if n := seen[key]; n > 0 {
				rename(r.Head, len(ref)-1, fmt.Sprintf("%s#%02d", name, n))
			}
			seen[key]++
		}
	}
	return nil
}

// rename gives a part of a rule's name another text.
func rename(head *ast.Head, part int, text string) {
	ref := slices.Clone(head.Ref())
	if part == 0 {
		ref[part] = ast.VarTerm(text)
	} else {
		ref[part] = ast.StringTerm(text)
	}
	head.SetRef(ref)
}

// findTests lists the tests of compiled modules in the order of files and lines.
func findTests(modules map[string]*ast.Module) (found []test) {
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		module := modules[file]
		for _, r := range module.Rules {
			ref, name := testRef(r.Head)
			if ref == nil {
				continue
			}
			found = append(found, test{
				pkg: strings.TrimPrefix(packageID(module.Package), "rego/"), name: ref.String(), path: ast.NewTerm(module.Package.Path.Extend(ref)),
				skip: strings.HasPrefix(name, todoPrefix), cases: r.Head.DocKind() == ast.PartialObjectDoc, at: place(r.Loc()),
			})
		}
	}
	return found
}

// testRef returns the ground part of a rule's name up to what makes it a test, and that: of "login.test_ok[case]" it is "login.test_ok".
func testRef(head *ast.Head) (ast.Ref, string) {
	ground := head.Ref().GroundPrefix()
	for i, part := range ground {
		name := ""
		switch v := part.Value.(type) {
		case ast.Var:
			name = string(v)
		case ast.String:
			name = string(v)
		}
		if strings.HasPrefix(name, testPrefix) || strings.HasPrefix(name, todoPrefix) {
			return ground[:i+1], name
		}
	}
	return nil, ""
}

// TestResult is what came of one test in Rego.
type TestResult struct {
	// Package is the test's, such as "main", and Name its own, such as "test_no_root".
	Package, Name string
	Position      v1alpha1.Position
	// Skipped tells a test that is to do: one whose name begins with "todo_".
	Skipped bool
	// Failure says why the test failed; empty if it passed.
	Failure string
}

// RunTests runs the tests of policy folders: the rules test_* of all files, which pass if they are true. They are
// bounded like policies. The problems are those of [Load].
func RunTests(ctx context.Context, folders []subject.Folder) ([]TestResult, v1alpha1.Problems) {
	set, problems := load(folders, true)
	if problems.Denied() {
		return nil, problems
	}
	out := make([]TestResult, len(set.tests))
	for i, t := range set.tests {
		out[i] = TestResult{Package: t.pkg, Name: t.name, Position: t.at, Skipped: t.skip}
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
	case ast.Object:
		bad := v.Len() == 0
		v.Until(func(_, v *ast.Term) bool { bad = v.Value.Compare(ast.Boolean(true)) != 0; return bad })
		if t.cases && !bad {
			return ""
		}
	}
	return "is not true"
}
