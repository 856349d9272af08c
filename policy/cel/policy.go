// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"slices"

	celgo "github.com/google/cel-go/cel"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// Policy is a compiled policy. It may be used by several goroutines.
type Policy struct {
	id       string
	name     string
	spec     v1alpha1.PolicySpec
	severity v1alpha1.Severity
	place    func(path ...any) v1alpha1.Position

	precondition *program
	variables    []variable
	validations  []validation
}

// program is a compiled expression.
type program struct {
	celgo.Program

	expression string
	// path leads to the expression in the policy's declaration.
	path []any
}

type variable struct {
	name string
	*program
}

type validation struct {
	*program

	message           string
	messageExpression *program // nil: there is none
	path              []any
}

// ID is the policy's in reports and settings: "policy/" and its name.
func (p *Policy) ID() string { return p.id }

// Spec returns what was compiled.
func (p *Policy) Spec() v1alpha1.PolicySpec { return p.spec }

// On says what the policy checks.
func (p *Policy) On() v1alpha1.PolicyTarget { return p.spec.On }

// Matches reports whether the policy is for a subject, as far as can be said without evaluating the expression of its match.
func (p *Policy) Matches(s *subject.Subject) bool {
	m := p.spec.Match
	return s.On == p.spec.On &&
		(len(m.Environments) == 0 || slices.Contains(m.Environments, s.Name(v1alpha1.OnEnvironment))) &&
		(len(m.Projects) == 0 || slices.Contains(m.Projects, s.Name(v1alpha1.OnProject))) &&
		(len(m.Objects) == 0 || slices.ContainsFunc(m.Objects, func(o v1alpha1.PolicyObjects) bool { return fits(o, s.Value) }))
}

func fits(want v1alpha1.PolicyObjects, object map[string]any) bool {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	return groupOf(apiVersion) == want.Group && (slices.Contains(want.Kinds, "*") || slices.Contains(want.Kinds, kind))
}
