// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/policy/subject"
)

// setPolicyDefaults fills in what the API server fills in.
func setPolicyDefaults(p *admissionregistrationv1.ValidatingAdmissionPolicy) {
	if p.Spec.FailurePolicy == nil {
		p.Spec.FailurePolicy = new(admissionregistrationv1.Fail)
	}
	setMatchDefaults(p.Spec.MatchConstraints)
}

func setBindingDefaults(b *admissionregistrationv1.ValidatingAdmissionPolicyBinding) {
	setMatchDefaults(b.Spec.MatchResources)
}

func setMatchDefaults(m *admissionregistrationv1.MatchResources) {
	if m == nil {
		return
	}
	if m.MatchPolicy == nil {
		m.MatchPolicy = new(admissionregistrationv1.Equivalent)
	}
	if m.NamespaceSelector == nil {
		m.NamespaceSelector = &metav1.LabelSelector{}
	}
	if m.ObjectSelector == nil {
		m.ObjectSelector = &metav1.LabelSelector{}
	}
	for _, rules := range [][]admissionregistrationv1.NamedRuleWithOperations{m.ResourceRules, m.ExcludeResourceRules} {
		for i := range rules {
			if rules[i].Scope == nil {
				rules[i].Scope = new(admissionregistrationv1.AllScopes)
			}
		}
	}
}

// checkPolicy reports what the API server would refuse, as far as it would change what the policy does.
func (l *loader) checkPolicy(p *policy) bool {
	before := len(l.problems)
	bad := func(message string, path ...any) {
		l.report(&p.at, p.id, fmt.Sprintf("the policy %q cannot be used: %s", p.declared.Name, message), "", append([]any{"spec"}, path...)...)
	}
	spec := &p.declared.Spec
	if p.declared.Name == "" {
		bad("it has no name")
	}
	if *spec.FailurePolicy != admissionregistrationv1.Fail && *spec.FailurePolicy != admissionregistrationv1.Ignore {
		bad(fmt.Sprintf("%q is not a failure policy; want Fail or Ignore", subject.Line(string(*spec.FailurePolicy))), "failurePolicy")
	}
	if spec.MatchConstraints == nil || len(spec.MatchConstraints.ResourceRules) == 0 {
		bad("it has no resource rules, so it matches nothing", "matchConstraints", "resourceRules")
	} else {
		checkMatch(spec.MatchConstraints, bad, "matchConstraints")
	}
	if len(spec.Validations) == 0 && len(spec.AuditAnnotations) == 0 {
		bad("it has no validations", "validations")
	}
	if n := len(spec.Validations) + len(spec.Variables) + len(spec.MatchConditions) + len(spec.AuditAnnotations); n > MaxExpressions {
		bad(fmt.Sprintf("it has more than %d expressions", MaxExpressions))
	}
	if k := spec.ParamKind; k != nil {
		if gv, err := schema.ParseGroupVersion(k.APIVersion); err != nil || gv.Version == "" || k.Kind == "" {
			bad("its paramKind has no apiVersion or no kind", "paramKind")
		}
	}
	return len(l.problems) == before
}

func checkMatch(m *admissionregistrationv1.MatchResources, bad func(message string, path ...any), at string) {
	if *m.MatchPolicy != admissionregistrationv1.Exact && *m.MatchPolicy != admissionregistrationv1.Equivalent {
		bad(fmt.Sprintf("%q is not a match policy; want Exact or Equivalent", subject.Line(string(*m.MatchPolicy))), at, "matchPolicy")
	}
	for name, selector := range map[string]*metav1.LabelSelector{"namespaceSelector": m.NamespaceSelector, "objectSelector": m.ObjectSelector} {
		if _, err := metav1.LabelSelectorAsSelector(selector); err != nil {
			bad("its selector is invalid: "+subject.Line(err.Error()), at, name)
		}
	}
	for field, rules := range map[string][]admissionregistrationv1.NamedRuleWithOperations{"resourceRules": m.ResourceRules, "excludeResourceRules": m.ExcludeResourceRules} {
		for i, r := range rules {
			if len(r.Operations) == 0 || len(r.APIGroups) == 0 || len(r.APIVersions) == 0 || len(r.Resources) == 0 {
				bad("a rule must name operations, apiGroups, apiVersions and resources", at, field, i)
			}
			for j, o := range r.Operations {
				if !slices.Contains([]admissionregistrationv1.OperationType{"*", "CREATE", "UPDATE", "DELETE", "CONNECT"}, o) {
					bad(fmt.Sprintf("%q is not an operation", subject.Line(string(o))), at, field, i, "operations", j)
				}
			}
			if !slices.Contains([]admissionregistrationv1.ScopeType{"*", "Cluster", "Namespaced"}, *r.Scope) {
				bad(fmt.Sprintf("%q is not a scope", subject.Line(string(*r.Scope))), at, field, i, "scope")
			}
		}
	}
}

// checkBinding does the same for a binding.
func (l *loader) checkBinding(b binding) {
	bad := func(message string, path ...any) {
		l.report(&b.at, rule, fmt.Sprintf("the binding %q cannot be used: %s", b.declared.Name, message), "", append([]any{"spec"}, path...)...)
	}
	spec := &b.declared.Spec
	if b.declared.Name == "" {
		bad("it has no name")
	}
	if spec.PolicyName == "" {
		bad("it names no policy", "policyName")
	}
	if spec.MatchResources != nil {
		checkMatch(spec.MatchResources, bad, "matchResources")
	}
	if len(spec.ValidationActions) == 0 {
		bad("it has no validation actions", "validationActions")
	}
	for i, a := range spec.ValidationActions {
		if a != admissionregistrationv1.Deny && a != admissionregistrationv1.Warn && a != admissionregistrationv1.Audit {
			bad(fmt.Sprintf("%q is not a validation action; want Deny, Warn or Audit", subject.Line(string(a))), "validationActions", i)
		}
	}
	if slices.Contains(spec.ValidationActions, admissionregistrationv1.Deny) && slices.Contains(spec.ValidationActions, admissionregistrationv1.Warn) {
		bad("it both denies and warns: remove Warn", "validationActions")
	}
	if ref := spec.ParamRef; ref != nil {
		if (ref.Name == "") == (ref.Selector == nil) {
			bad("its paramRef needs a name or a selector, and not both", "paramRef")
		}
		if ref.ParameterNotFoundAction == nil ||
			*ref.ParameterNotFoundAction != admissionregistrationv1.AllowAction && *ref.ParameterNotFoundAction != admissionregistrationv1.DenyAction {
			bad("its paramRef needs a parameterNotFoundAction: Allow or Deny", "paramRef", "parameterNotFoundAction")
		}
		if _, err := metav1.LabelSelectorAsSelector(ref.Selector); err != nil {
			bad("its selector is invalid: "+subject.Line(err.Error()), "paramRef", "selector")
		}
	}
}
