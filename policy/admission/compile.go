// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"

	celgo "github.com/google/cel-go/cel"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"

	"trunkline.dev/trunkline/policy/cel/guard"
	"trunkline.dev/trunkline/policy/subject"
)

// compiler compiles policies with the API server's compiler, in its environment.
type compiler struct {
	env   *environment.EnvSet
	parse *celgo.Env
}

func newCompiler() (*compiler, error) {
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	bounded, err := guard.Program(base.StoredExpressionsEnv())
	if err != nil {
		return nil, fmt.Errorf("preparing CEL for ValidatingAdmissionPolicies: %w", err)
	}
	env, err := base.Extend(environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0), ProgramOptions: bounded})
	if err != nil {
		return nil, fmt.Errorf("preparing CEL for ValidatingAdmissionPolicies: %w", err)
	}
	return &compiler{env: env, parse: env.StoredExpressionsEnv()}, nil
}

// needs is what expressions ask for.
type needs struct {
	// user is who the request comes from.
	user bool
	// namespace is what a namespace says of itself.
	namespace bool
}

// expression is an expression of a policy and where it stands.
type expression struct {
	plugincel.ExpressionAccessor

	path []any
}

// compile compiles a policy, or reports what the API server would not take.
func (c *compiler) compile(l *loader, p *policy) {
	// The compiler is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			l.report(&p.at, p.id, fmt.Sprintf("the policy %q cannot be compiled: %v", p.declared.Name, r), "")
		}
	}()
	composed, err := plugincel.NewCompositedCompiler(c.env)
	if err != nil {
		l.report(&p.at, p.id, err.Error(), "")
		return
	}
	spec := &p.declared.Spec
	withAuthorizer := plugincel.OptionalVariableDeclarations{HasParams: spec.ParamKind != nil, HasAuthorizer: true}
	without := plugincel.OptionalVariableDeclarations{HasParams: spec.ParamKind != nil}
	ok := true
	check := func(e expression, with plugincel.OptionalVariableDeclarations) plugincel.ExpressionAccessor {
		if !c.bounded(l, p, e) {
			ok = false
		} else if result := composed.CompileCELExpression(e.ExpressionAccessor, with, environment.StoredExpressions); result.Error != nil {
			ok = false
			l.report(&p.at, p.id, fmt.Sprintf("the policy %q cannot be compiled: %s", p.declared.Name, subject.Line(result.Error.Error())), "", e.path...)
		}
		return e.ExpressionAccessor
	}
	for i, v := range spec.Variables {
		e := expression{newVariable(v.Name, v.Expression), []any{"spec", "variables", i, "expression"}}
		if !c.bounded(l, p, e) {
			return
		}
		check(e, withAuthorizer)
		composed.CompileAndStoreVariable(newVariable(v.Name, v.Expression), withAuthorizer, environment.StoredExpressions)
	}
	var conditions, validations, annotations, messages []plugincel.ExpressionAccessor
	for i := range spec.MatchConditions {
		conditions = append(conditions, check(expression{
			(*matchconditions.MatchCondition)(&spec.MatchConditions[i]), []any{"spec", "matchConditions", i, "expression"},
		}, withAuthorizer))
	}
	for i, v := range spec.Validations {
		validations = append(validations, check(expression{
			newValidation(v.Expression, v.Message), []any{"spec", "validations", i, "expression"},
		}, withAuthorizer))
		var message plugincel.ExpressionAccessor // nil keeps the place of a validation that has none
		if v.MessageExpression != "" {
			message = check(expression{
				newMessage(v.MessageExpression), []any{"spec", "validations", i, "messageExpression"},
			}, without)
		}
		messages = append(messages, message)
	}
	for i, a := range spec.AuditAnnotations {
		annotations = append(annotations, check(expression{
			newAnnotation(a.ValueExpression), []any{"spec", "auditAnnotations", i, "valueExpression"},
		}, withAuthorizer))
	}
	if !ok {
		return
	}
	p.validator = &validator{
		validations: composed.CompileCondition(validations, withAuthorizer, environment.StoredExpressions),
		annotations: composed.CompileCondition(annotations, withAuthorizer, environment.StoredExpressions),
		messages:    composed.CompileCondition(messages, without, environment.StoredExpressions),
		ignore:      spec.FailurePolicy != nil && *spec.FailurePolicy == admissionregistrationv1.Ignore,
	}
	if len(conditions) > 0 {
		p.validator.matches = matchconditions.NewMatcher(
			composed.CompileCondition(conditions, withAuthorizer, environment.StoredExpressions), spec.FailurePolicy, "policy", "validate", p.declared.Name,
		)
	}
}

// bounded reports an expression that is too large to be compiled, and notes what it asks for. What does not parse is left to
// the compiler.
func (c *compiler) bounded(l *loader, p *policy, e expression) bool {
	text := e.GetExpression()
	if len(text) > MaxExpressionBytes {
		l.report(&p.at, p.id, fmt.Sprintf("an expression of the policy %q has more than %d bytes", p.declared.Name, MaxExpressionBytes), "", e.path...)
		return false
	}
	tree, issues := c.parse.Parse(text)
	if issues.Err() != nil {
		return true
	}
	problem := guard.TooDeep(tree)
	if problem == "" && guard.UsesWhole(tree, plugincel.VariableVarName) {
		problem = `it uses "variables" as a whole; write "variables.name"`
	}
	if problem != "" {
		l.report(&p.at, p.id, fmt.Sprintf("the policy %q cannot be used: %s", p.declared.Name, problem), "", e.path...)
		return false
	}
	p.needs.user = p.needs.user || guard.Uses(tree, plugincel.RequestVarName, "userInfo")
	p.needs.namespace = p.needs.namespace || guard.Uses(tree, plugincel.NamespaceVarName, "")
	return true
}
