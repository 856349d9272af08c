// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	celgo "github.com/google/cel-go/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel/guard"
	"trunkline.dev/trunkline/policy/subject"
)

// Compile compiles a policy; place finds the fields of its declaration. Nil comes with the problems that deny it.
func (c *Compiler) Compile(declared *v1alpha1.Policy, place func(path ...any) v1alpha1.Position) (*Policy, v1alpha1.Problems) {
	w := &work{compiler: c, place: place, policy: &Policy{
		id: "policy/" + declared.Metadata.Name, name: declared.Metadata.Name, spec: declared.Spec,
		severity: declared.Spec.Severity, place: place,
	}}
	if w.policy.severity == "" {
		w.policy.severity = v1alpha1.Deny
	}
	w.compile(&declared.Spec)
	if w.problems.Denied() {
		w.problems.Sort()
		return nil, w.problems
	}
	return w.policy, nil
}

// work is one policy on its way.
type work struct {
	compiler *Compiler
	target   *target
	env      *celgo.Env
	place    func(path ...any) v1alpha1.Position
	policy   *Policy
	problems v1alpha1.Problems
}

func (w *work) report(message, hint string, path ...any) {
	w.problems = append(w.problems, v1alpha1.Problem{
		Rule: w.policy.id, Position: w.place(path...), Path: v1alpha1.FieldPath(path...), Severity: v1alpha1.Deny,
		Message: fmt.Sprintf("the policy %q cannot be used: %s", w.policy.name, message), Hint: hint,
	})
}

func (w *work) compile(spec *v1alpha1.PolicySpec) {
	t, ok := w.compiler.targets[spec.On]
	if !ok {
		w.report(fmt.Sprintf("it checks %q, which is not a target of policies", subject.Line(string(spec.On))), "", "spec", "on")
		return
	}
	if len(spec.Variables) > MaxExpressions || len(spec.Validations) > MaxExpressions {
		w.report(fmt.Sprintf("it has more than %d variables or validations", MaxExpressions), "split it into several policies", "spec")
		return
	}
	if len(spec.Match.Objects) > 0 && spec.On != v1alpha1.OnObject {
		w.report(fmt.Sprintf("it matches kinds of objects, but checks each %q", spec.On), `check objects, with "on: object"`, "spec", "match", "objects")
	}
	if len(spec.Validations) == 0 {
		w.report("it has no validations, so nothing could break it", "", "spec")
	}
	w.target, w.env = t, t.env.StoredExpressionsEnv()
	w.compileVariables(spec.Variables)
	if spec.Match.Expression != "" {
		w.policy.precondition, _ = w.expression(spec.Match.Expression, celgo.BoolType, "spec", "match", "expression")
	}
	for i, v := range spec.Validations {
		w.compileValidation(i, v)
	}
}

func (w *work) compileVariables(variables []v1alpha1.PolicyVariable) {
	if len(variables) == 0 {
		return
	}
	env, object, err := w.target.withVariables()
	if err != nil {
		w.report(err.Error(), "", "spec", "variables")
		return
	}
	w.env = env
	for i, v := range variables {
		if !identifier.MatchString(v.Name) {
			w.report(fmt.Sprintf("%q is not a valid variable name", subject.Line(v.Name)), `letters, digits and "_", and a letter first`, "spec", "variables", i, "name")
			continue
		}
		if _, twice := object.Fields[v.Name]; twice {
			w.report(fmt.Sprintf("the variable %q is declared twice", v.Name), "", "spec", "variables", i, "name")
			continue
		}
		p, of := w.expression(v.Expression, nil, "spec", "variables", i, "expression")
		w.policy.variables = append(w.policy.variables, variable{v.Name, p})
		object.Fields[v.Name] = apiservercel.NewDeclField(v.Name, variableType(of), true, nil, nil)
	}
}

var identifier = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`)

// variableType is what is known of the type of a variable where it is used. The types that an object type or a list of them
// has are known to the environment by name only, so these are not checked further.
func variableType(t *celgo.Type) *apiservercel.DeclType {
	for _, simple := range []*apiservercel.DeclType{
		apiservercel.BoolType, apiservercel.IntType, apiservercel.UintType, apiservercel.DoubleType, apiservercel.StringType,
		apiservercel.BytesType, apiservercel.DurationType, apiservercel.TimestampType,
	} {
		if t != nil && t.IsExactType(simple.CelType()) {
			return simple
		}
	}
	return apiservercel.DynType
}

func (w *work) compileValidation(i int, v v1alpha1.PolicyValidation) {
	at := []any{"spec", "validations", i}
	path, err := subject.ParsePath(v.Path)
	if err != nil {
		w.report(err.Error(), "", append(at, "path")...)
	}
	if len(v.Message) > subject.MaxMessageBytes {
		w.report(fmt.Sprintf("a message has at most %d bytes", subject.MaxMessageBytes), "", append(at, "message")...)
	}
	out := validation{message: strings.TrimSpace(v.Message), path: path}
	out.program, _ = w.expression(v.Expression, celgo.BoolType, append(slices.Clone(at), "expression")...)
	if v.MessageExpression != "" {
		out.messageExpression, _ = w.expression(v.MessageExpression, celgo.StringType, append(slices.Clone(at), "messageExpression")...)
	}
	w.policy.validations = append(w.policy.validations, out)
}

// expression compiles one expression, which must give a value of a type; nil: of any.
func (w *work) expression(text string, want *celgo.Type, path ...any) (p *program, of *celgo.Type) {
	compiled, flaws := guard.Compile(w.env, w.target.guard, text, want, ExpressionCost)
	for _, f := range flaws {
		switch {
		case f.Issue != "":
			f.Hint = w.hint(f.Issue)
		case f.Large:
			f.Hint = "name parts of it as variables"
		}
		w.report(f.Message, f.Hint, path...)
	}
	if len(flaws) > 0 {
		return nil, nil
	}
	if guard.UsesWhole(compiled.Tree, varVariables) {
		w.report(`"variables" is used as a whole`, `write "variables.name"`, path...)
		return nil, nil
	}
	return &program{compiled.Program, text, path}, compiled.Tree.OutputType()
}
