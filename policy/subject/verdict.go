// SPDX-License-Identifier: Apache-2.0

package subject

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// MaxMessageBytes bounds what a policy may say; as much as Kubernetes takes from a messageExpression.
	MaxMessageBytes = 5 << 10
	// MaxVerdicts bounds what one policy says of one subject; nobody reads the hundredth.
	MaxVerdicts = 100
)

// Verdict is one thing that a policy says against a subject. Saying nothing allows it.
type Verdict struct {
	v1alpha1.Problem

	// Text is the message without the subject's ID before it.
	Text string
	// Unevaluated reports whether the policy did not come to a verdict of its own.
	Unevaluated bool
}

// Verdicts is what policies say of a subject.
type Verdicts []Verdict

// Problems returns the verdicts as problems, in the order of [v1alpha1.Problems.Sort].
func (vs Verdicts) Problems() v1alpha1.Problems {
	var out v1alpha1.Problems
	for _, v := range vs {
		out = append(out, v.Problem)
	}
	out.Sort()
	return out
}

// UnevaluatedError is the error of a policy that could not be evaluated. What cannot be evaluated is refused.
type UnevaluatedError struct {
	// Policy is the policy's id.
	Policy string
	// Because says why, in the words of whoever failed.
	Because string
	// Hint says what to do; may be empty.
	Hint string
}

// Error implements [error].
func (e *UnevaluatedError) Error() string {
	return e.text() + "; what cannot be checked is refused"
}

func (e *UnevaluatedError) text() string {
	return fmt.Sprintf("the policy %q could not be evaluated: %s", e.Policy, Line(e.Because))
}

// Against says something against the subject; the path leads to the field that it is about. Values of a Secret are taken out.
func (s *Subject) Against(policy string, severity v1alpha1.Severity, text, hint string, path ...any) Verdict {
	text = Line(s.redact(text))
	message := text
	if s.ID != "" {
		message = s.ID + ": " + text
	}
	return Verdict{Text: text, Problem: v1alpha1.Problem{
		Rule: policy, Position: s.Locate(path...), Path: v1alpha1.FieldPath(path...), Severity: severity, Message: message, Hint: hint,
	}}
}

// Refuse refuses the subject since a policy could not be evaluated.
func (s *Subject) Refuse(e *UnevaluatedError) Verdict {
	v := s.Against(e.Policy, v1alpha1.Deny, e.Error(), e.Hint)
	v.Unevaluated = true
	return v
}

// WarnOf is like Refuse, for a policy that could not have refused either.
func (s *Subject) WarnOf(e *UnevaluatedError) Verdict {
	v := s.Against(e.Policy, v1alpha1.Warn, e.text(), e.Hint)
	v.Unevaluated = true
	return v
}

// Bound keeps the first verdicts of a policy if there are too many, and says how many there were.
func (s *Subject) Bound(policy string, vs Verdicts) Verdicts {
	if len(vs) <= MaxVerdicts {
		return vs
	}
	out := slices.Clone(vs[:MaxVerdicts])
	severity := v1alpha1.Warn
	if slices.ContainsFunc(vs, func(v Verdict) bool { return v.Severity == v1alpha1.Deny }) {
		severity = v1alpha1.Deny
	}
	return append(out, s.Against(policy, severity, fmt.Sprintf("%d more of the policy's messages are left out: at most %d are shown", len(vs)-MaxVerdicts, MaxVerdicts), ""))
}

// Line makes one line of bounded length of a text that others made.
func Line(text string) string {
	cut := false
	if len(text) > MaxMessageBytes {
		text, cut = strings.ToValidUTF8(text[:MaxMessageBytes], ""), true
	}
	text = strings.Join(strings.Fields(text), " ")
	if cut {
		text += "…"
	}
	return text
}
