// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"strings"
	"testing"
)

func TestLoadProblems(t *testing.T) {
	good := everywhere("/configmaps", "validations: [{expression: 'true'}]")
	replace := func(old, by string) string { return strings.Replace(good, old, by, 1) }
	cases := map[string]struct {
		reason string
		text   string
		want   string
	}{
		"Syntax":       {"YAML that is none", "a: [", "policies/p.yaml:1:4: error: not valid YAML"},
		"Field":        {"a selector that is spelled wrong", replace("matchConstraints:", "matchConstraint:"), `unknown field "spec.matchConstraint"`},
		"Type":         {"a value of the wrong type", replace("validations: [", "validations: ["+"7, "), "cannot unmarshal number"},
		"Version":      {"a version that is not known", replace("admissionregistration.k8s.io/v1", "admissionregistration.k8s.io/v7"), `policies/p.yaml:1:13: error: apiVersion: the version "admissionregistration.k8s.io/v7" of ValidatingAdmissionPolicy is not known`},
		"Expression":   {"an expression that does not compile, with its place", replace("expression: 'true'", "expression: 'object.'"), `policies/p.yaml:7:30: error: spec.validations[0].expression: the policy "NAME" cannot be compiled: compilation failed: ERROR: <input>:1:8: Syntax error`},
		"Bool":         {"one that gives no verdict", replace("expression: 'true'", "expression: '1'"), "must evaluate to bool but got int"},
		"Name":         {"a name that is not there", replace("expression: 'true'", "expression: 'params.x == 1'"), "undeclared reference to 'params'"},
		"Variable":     {"a variable that does not compile", replace("validations:", "variables: [{name: a, expression: 'b'}]\n  validations:"), "spec.variables[0].expression"},
		"VariableSelf": {"a variable in itself", replace("validations:", "variables: [{name: a, expression: 'dyn(variables).a'}]\n  validations:"), `it uses "variables" as a whole`},
		"Condition":    {"a condition that does not compile", replace("validations:", "matchConditions: [{name: a, expression: 'b'}]\n  validations:"), "spec.matchConditions[0].expression"},
		"Message":      {"a message that is no text", replace("expression: 'true'", "expression: 'true', messageExpression: '1'"), "must evaluate to string but got int"},
		"MessageAsks":  {"a message that asks who may do what", replace("expression: 'true'", "expression: 'true', messageExpression: 'string(authorizer.group(\"\").resource(\"a\").check(\"b\").allowed())'"), "undeclared reference to 'authorizer'"},
		"Annotation":   {"an annotation that does not compile", replace("validations:", "auditAnnotations: [{key: a, valueExpression: 'b'}]\n  validations:"), "spec.auditAnnotations[0].valueExpression"},
		"Deep":         {"an expression that would take the compiler long", replace("'true'", "'"+strings.Repeat("[", 60)+strings.Repeat("]", 60)+" == []'"), "nests lists, maps and macros deeper than 32"},
		"Long":         {"one that is long", replace("'true'", "'"+strings.Repeat("true && ", 10_000)+"true'"), "has more than 32768 bytes"},
		"Many":         {"many of them", replace("validations: [", "validations: ["+strings.Repeat("{expression: 'true'}, ", 300)), "it has more than 256 expressions"},
		"NoRules":      {"a policy that matches nothing", replace("resourceRules: [", "x: ["), "unknown field"},
		"EmptyRules":   {"or has rules without anything in them", replace(`apiGroups: [""]`, `apiGroups: []`), "spec.matchConstraints.resourceRules[0]: the policy \"NAME\" cannot be used: a rule must name operations"},
		"Operation":    {"an operation that is none", replace("operations: [CREATE", "operations: [CRAETE"), `"CRAETE" is not an operation`},
		"Scope":        {"a scope that is none", replace("resources: [configmaps]", "resources: [configmaps], scope: Clusterwide"), `"Clusterwide" is not a scope`},
		"Selector":     {"a selector that is none", replace("resourceRules:", "objectSelector: {matchExpressions: [{key: a, operator: Is}]}\n    resourceRules:"), "its selector is invalid"},
		"NoChecks":     {"nothing that could be broken", replace("validations: [{expression: 'true'}]", "validations: []"), "it has no validations"},
		"Failure":      {"a failure policy that is none", replace("validations:", "failurePolicy: Deny\n  validations:"), `"Deny" is not a failure policy`},
		"MatchPolicy":  {"a match policy that is none", replace("resourceRules:", "matchPolicy: Same\n    resourceRules:"), `"Same" is not a match policy`},
		"ParamKind":    {"a kind of parameters that is none", replace("validations:", "paramKind: {kind: ConfigMap}\n  validations:"), "its paramKind has no apiVersion"},
		"Actions":      {"a binding that does nothing", replace("validationActions: [Deny]", "validationActions: []"), `the binding "NAME-binding" cannot be used: it has no validation actions`},
		"Action":       {"or something else", replace("validationActions: [Deny]", "validationActions: [Block]"), `"Block" is not a validation action`},
		"Both":         {"or the same twice", replace("validationActions: [Deny]", "validationActions: [Deny, Warn]"), "it both denies and warns"},
		"ParamRef":     {"parameters without a name", replace("validationActions:", "paramRef: {parameterNotFoundAction: Deny}\n  validationActions:"), "its paramRef needs a name or a selector, and not both"},
		"NotFound":     {"and without a word on their absence", replace("validationActions:", "paramRef: {name: a}\n  validationActions:"), "its paramRef needs a parameterNotFoundAction"},
		"PolicyTwice":  {"a policy that is there twice", good + "---\n" + good, `the policy "NAME" is declared twice; the first is at policies/p.yaml:1:1`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			set, problems := load(t, tc.text)
			if set != nil || !problems.Denied() || !strings.Contains(problems.String(), tc.want) {
				t.Errorf("%s:\ngot  %.500s\nwant %s", tc.reason, problems, tc.want)
			}
		})
	}
}

// TestHalf warns of a policy without a binding and of a binding without a policy, which do nothing in a cluster either.
func TestHalf(t *testing.T) {
	both := strings.Split(everywhere("/configmaps", "validations: [{expression: 'false'}]"), "---\n")
	for text, want := range map[string]string{
		both[0]: `policies/p.yaml:1:1: warning: the policy "NAME" has no binding, so it checks nothing`,
		both[1]: `policies/p.yaml:5:15: warning: spec.policyName: the binding "NAME-binding" is for the policy "NAME", which does not exist`,
	} {
		set, problems := load(t, text)
		if set == nil || problems.Denied() || problems.String() != want {
			t.Errorf("got  %s\nwant %s", problems, want)
		}
		if got := set.Evaluate(t.Context(), nil, on(t, configMap, "")); got != nil {
			t.Errorf("it says %v", words(got))
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(everywhere("/configmaps", "variables: [{name: a, expression: object.data}]\nvalidations: [{expression: 'variables.a.theme == \"x\"', messageExpression: '\"a\"'}]"), configMap)
	f.Add(strings.Replace(everywhere("example.org/widgets", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'has(params.data)'}]"), "validationActions", "paramRef: {selector: {}, parameterNotFoundAction: Allow}\n  validationActions", 1)+limits, widget)
	f.Fuzz(func(t *testing.T, policies, object string) {
		set, _ := load(t, policies)
		if set == nil {
			return
		}
		s := on(t, configMap, "")
		if docs := parse(object); len(docs) > 0 {
			s.Value = docs[0]
		}
		set.Evaluate(t.Context(), nil, s)
	})
}
