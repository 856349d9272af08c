// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apiserver/pkg/cel/lazy"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// Evaluate returns what the policy says against a subject: nothing if it allows it or is not for it. When the context ends before
// that is known, the subject is refused.
func (p *Policy) Evaluate(ctx context.Context, s *subject.Subject) (verdicts subject.Verdicts) {
	if !p.Matches(s) {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			verdicts = append(verdicts, s.Refuse(&subject.UnevaluatedError{Policy: p.id, Because: fmt.Sprint(r)}))
		}
	}()
	e := &evaluation{ctx: ctx, policy: p, subject: s, budget: PolicyCost}
	if len(p.variables) > 0 {
		e.variables = e.lazyVariables()
	}
	if p.precondition != nil {
		applies, err := e.run(p.precondition)
		if err != nil {
			return append(verdicts, e.refuse(p.precondition, err))
		}
		if applies != types.True {
			return nil
		}
	}
	for _, v := range p.validations {
		holds, err := e.run(v.program)
		switch {
		case err != nil:
			verdicts = append(verdicts, e.refuse(v.program, err))
			if errors.Is(err, errBudget) || ctx.Err() != nil {
				return verdicts // what follows would say the same
			}
		case holds != types.True:
			verdict := s.Against(p.id, p.severity, e.message(v), "", v.path...)
			verdict.Trace = e.trace(v.program)
			verdicts = append(verdicts, verdict)
		}
	}
	return verdicts
}

// evaluation is one policy on one subject. It is the activation of its expressions: the values that they use.
type evaluation struct {
	ctx       context.Context //nolint:containedctx // an evaluation is one call, and lazy variables have no other way to get at it
	policy    *Policy
	subject   *subject.Subject
	variables *lazy.MapValue
	// budget is what the policy may still cost.
	budget int64
}

var errBudget = fmt.Errorf("its expressions cost more than %d on one subject: look at less, or narrow it with spec.match", PolicyCost)

// run evaluates an expression.
func (e *evaluation) run(p *program) (ref.Val, error) {
	value, details, err := p.ContextEval(e.ctx, e)
	if details != nil && details.ActualCost() != nil {
		e.budget -= int64(min(*details.ActualCost(), ExpressionCost+1))
	}
	switch {
	case e.budget < 0:
		return nil, errBudget
	case err != nil:
		return nil, err
	case types.IsUnknownOrError(value):
		return nil, fmt.Errorf("%v", value)
	}
	return value, nil
}

// lazyVariables evaluates each variable when it is used first.
func (e *evaluation) lazyVariables() *lazy.MapValue {
	values := lazy.NewMapValue(types.NewObjectType("trunkline.variables"))
	for _, v := range e.policy.variables {
		values.Append(v.name, func(*lazy.MapValue) ref.Val {
			value, err := e.run(v.program)
			if err != nil {
				return types.NewErr("the variable %q: %v", v.name, err)
			}
			return value
		})
	}
	return values
}

// ResolveName implements [interpreter.Activation].
func (e *evaluation) ResolveName(name string) (any, bool) {
	switch name {
	case varVariables:
		return e.variables, true
	case varObject:
		return orNull(e.subject.Value), true
	case varRelease:
		return orNull(e.subject.Release), true
	case varUpstream:
		return nodes(e.subject.Upstream()), true
	case varDownstream:
		return nodes(e.subject.Downstream()), true
	}
	if on := v1alpha1.PolicyTarget(name); slices.Contains(v1alpha1.PolicyTargets(), on) {
		return orNull(e.subject.Context(on)), true
	}
	return nil, false
}

// Parent implements [interpreter.Activation].
func (*evaluation) Parent() interpreter.Activation { return nil }

func orNull(m map[string]any) any {
	if m == nil {
		return types.NullValue
	}
	return m
}

func nodes(list []subject.Node) []any {
	out := make([]any, len(list))
	for i, n := range list {
		out[i] = map[string]any{"id": n.ID, "kind": n.Kind, "project": n.Project, "owner": n.Owner, "tags": n.Tags}
	}
	return out
}

// message returns what a validation says: its expression's, or its text, or what it asked for.
func (e *evaluation) message(v validation) string {
	if v.messageExpression != nil {
		if value, err := e.run(v.messageExpression); err == nil {
			text, _ := value.Value().(string)
			if text = strings.TrimSpace(text); text != "" && len(text) <= subject.MaxMessageBytes {
				return text
			}
		}
	}
	if v.message != "" {
		return v.message
	}
	return fmt.Sprintf("failed expression: %s", strings.TrimSpace(v.expression))
}

func (e *evaluation) refuse(p *program, err error) subject.Verdict {
	text := err.Error()
	if cause := context.Cause(e.ctx); cause != nil {
		text = "it was stopped: " + cause.Error()
	}
	verdict := e.subject.Refuse(&subject.UnevaluatedError{
		Policy: e.policy.id, Because: fmt.Sprintf("%s: %s", v1alpha1.FieldPath(p.path...), text), Hint: hintAt(text),
	})
	verdict.Trace = e.trace(p)
	return verdict
}

// trace leads to the expression.
func (e *evaluation) trace(p *program) []v1alpha1.Step {
	return []v1alpha1.Step{{Position: e.policy.place(p.path...), Message: e.policy.id}}
}
