// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// Evaluate returns what the policies say against an object: nothing if they admit it. Other subjects are not checked. When the
// context ends before all is known, the object is refused. A nil world knows nothing but what stands with the policies.
func (s *Set) Evaluate(ctx context.Context, w *World, sub *subject.Subject) subject.Verdicts {
	if sub.On != v1alpha1.OnObject || len(s.policies) == 0 {
		return nil
	}
	if w == nil {
		w = s.own
	}
	req, err := newRequest(s.kinds, w, sub)
	var out subject.Verdicts
	for _, p := range s.policies {
		if len(p.bindings) == 0 {
			continue
		}
		e := &evaluation{set: s, world: w, subject: sub, policy: p, request: req}
		if err != nil {
			e.refuse(nil, "the object cannot be read: "+err.Error(), "")
		} else if !rules.IsExemptAdmissionConfigurationResource(req) {
			e.dispatch(ctx)
		}
		out = append(out, sub.Bound(p.id, e.out)...)
	}
	return out
}

// evaluation is one policy on one object.
type evaluation struct {
	set     *Set
	world   *World
	subject *subject.Subject
	policy  *policy
	request *request
	out     subject.Verdicts
}

const hintNamespace = "declare the namespace among the objects, with its labels"

// dispatch does what the API server's dispatcher does, and tells what cannot be known from what the API server fails at.
func (e *evaluation) dispatch(ctx context.Context) {
	defer func() {
		if r := recover(); r != nil {
			e.refuse(nil, fmt.Sprint(r), "")
		}
	}()
	selected, unknown, err := e.matches(e.policy.declared.Spec.MatchConstraints)
	switch {
	case unknown && err != nil:
		e.refuse(nil, "it selects namespaces by their labels, and those of this one are unknown", hintNamespace)
		return
	case err != nil:
		e.failed(nil, "failed to configure policy", err)
		return
	case selected == nil:
		return
	}
	for i := range e.policy.bindings {
		b := &e.policy.bindings[i]
		if b.declared.Spec.MatchResources == nil {
			e.bound(ctx, b, selected)
			continue
		}
		bound, unknown, err := e.matches(b.declared.Spec.MatchResources)
		switch {
		case unknown && err != nil:
			e.refuse(b, fmt.Sprintf("its binding %q selects namespaces by their labels, and those of this one are unknown", b.declared.Name), hintNamespace)
		case err != nil:
			e.failed(b, "failed to configure binding", err)
		case bound != nil:
			e.bound(ctx, b, selected)
		}
	}
}

var errUnknownNamespace = errors.New("the namespace is not known")

// matches returns the match of the request by constraints, if they select it, and whether the labels of a namespace would
// have to be known for that and are not.
func (e *evaluation) matches(c *admissionregistrationv1.MatchResources) (found *match, unknown bool, err error) {
	m := matcher{attributes: e.request, versions: e.request.versions, namespace: func(name string) (labels.Set, error) {
		if ns := e.world.namespaces[name]; ns != nil {
			return ns.Labels, nil
		}
		if asksForNameOnly(c) {
			return namespace(name).Labels, nil
		}
		unknown = true
		return nil, errUnknownNamespace
	}}
	found, err = m.matches(c)
	return found, unknown, err
}

// bound evaluates one binding of the policy.
func (e *evaluation) bound(ctx context.Context, b *binding, selected *match) {
	params, err := e.set.paramsFor(e.world, e.policy.declared.Spec.ParamKind, b.declared.Spec.ParamRef, e.request.GetNamespace())
	if errors.Is(err, errUnknownParams) {
		e.refuse(b, err.Error(), "")
		return
	}
	if err != nil {
		e.failed(b, "failed to configure binding", err)
		return
	}
	attributes, err := e.request.asVersion(selected.kind)
	if err != nil {
		e.refuse(b, err.Error(), "write the object in the version that the policy names")
		return
	}
	ns, known := e.namespace()
	switch {
	case len(params) == 0:
		return
	case e.policy.needs.user && e.world.user == nil:
		e.refuse(b, "it depends on who applies the object, which is unknown", "")
		return
	case e.policy.needs.namespace && !known:
		e.refuse(b, fmt.Sprintf("it needs the namespace %q, which is unknown", e.request.GetNamespace()), hintNamespace)
		return
	}
	for _, param := range params {
		e.validate(ctx, b, input{
			resource: selected.resource, attributes: attributes, param: param, namespace: ns, budget: celconfig.RuntimeCELCostBudget,
		})
	}
}

// namespace returns the namespace that the object is in, and whether more than its name is known; nil for an object that is in
// none.
func (e *evaluation) namespace() (ns *corev1.Namespace, known bool) {
	name := e.request.GetNamespace()
	if name == "" || e.request.GetKind().GroupKind() == (schema.GroupKind{Kind: "Namespace"}) {
		return nil, true
	}
	if ns := e.world.namespaces[name]; ns != nil {
		return ns, true
	}
	return namespace(name), false
}

// validate adds what the policy says on an input.
func (e *evaluation) validate(ctx context.Context, b *binding, in input) {
	authorizer := &unknownAuthorizer{}
	in.authorizer = authorizer
	findings := e.policy.validator.validate(ctx, in)
	if cause := context.Cause(ctx); cause != nil {
		e.refuse(b, "it was stopped: "+cause.Error(), "")
		return
	}
	if authorizer.asked {
		e.refuse(b, "it uses the authorizer, which only a cluster has", "")
		return
	}
	for _, f := range findings {
		e.add(b, f)
	}
}

// add reports a finding as far as the binding says. What an audit annotation fails at refuses, whatever the binding does.
func (e *evaluation) add(b *binding, f finding) {
	at := []any{"spec"}
	switch f.field {
	case fieldValidations:
		at = append(at, f.field, f.index, "expression")
	case fieldAnnotations:
		e.unevaluated(b, v1alpha1.Deny, f.message, "", append(at, f.field, f.index))
		return
	}
	if f.failed {
		e.refuseAt(b, f.message, "", at)
	} else if severity, said := severityOf(b); said {
		v := e.subject.Against(e.policy.id, severity, f.message, "")
		v.Trace = e.trace(b, at)
		e.out = append(e.out, v)
	}
}

// severityOf says what a binding does with what its policy says: it denies, it warns, or it tells the audit log only.
func severityOf(b *binding) (severity v1alpha1.Severity, said bool) {
	actions := b.declared.Spec.ValidationActions
	switch {
	case slices.Contains(actions, admissionregistrationv1.Deny):
		return v1alpha1.Deny, true
	case slices.Contains(actions, admissionregistrationv1.Warn):
		return v1alpha1.Warn, true
	default:
		return "", false
	}
}

// failed is what the API server fails at before it evaluates: the failure policy decides, whatever the binding does.
func (e *evaluation) failed(b *binding, what string, err error) {
	if *e.policy.declared.Spec.FailurePolicy != admissionregistrationv1.Ignore {
		e.unevaluated(b, v1alpha1.Deny, what+": "+err.Error(), "", []any{"spec"})
	}
}

// refuse is about what cannot be known here, and only the cluster knows.
func (e *evaluation) refuse(b *binding, because, hint string) {
	e.refuseAt(b, because, hint, []any{"spec"})
}

// refuseAt refuses, as far as the binding refuses anything; without a binding, as far as one of the policy's does.
func (e *evaluation) refuseAt(b *binding, because, hint string, at []any) {
	severity, said := v1alpha1.Severity(""), false
	for i := range e.policy.bindings {
		of := &e.policy.bindings[i]
		if b != nil && b != of {
			continue
		}
		if s, ok := severityOf(of); ok && (!said || s == v1alpha1.Deny) {
			severity, said = s, true
		}
	}
	if said {
		e.unevaluated(b, severity, because, hint, at)
	}
}

func (e *evaluation) unevaluated(b *binding, severity v1alpha1.Severity, because, hint string, at []any) {
	err := &subject.UnevaluatedError{Policy: e.policy.id, Because: because, Hint: hint}
	v := e.subject.Refuse(err)
	if severity == v1alpha1.Warn {
		v = e.subject.WarnOf(err)
	}
	v.Trace = e.trace(b, at)
	e.out = append(e.out, v)
}

// trace leads to the expression and to the binding.
func (e *evaluation) trace(b *binding, at []any) []v1alpha1.Step {
	out := []v1alpha1.Step{{Position: e.policy.at.Position(at...), Message: e.policy.id}}
	if b != nil {
		out = append(out, v1alpha1.Step{Position: b.at.Position(), Message: "binding " + subject.Line(b.declared.Name)})
	}
	return out
}
