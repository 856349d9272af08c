// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiadmission "k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"pgregory.net/rapid"
)

// lister answers the library's matcher: every namespace has the label stage=test.
type lister struct{}

var stage = labels.Set{"stage": "test"}

func (lister) List(labels.Selector) ([]*corev1.Namespace, error) { return nil, errUnknownNamespace }

func (lister) Get(name string) (*corev1.Namespace, error) {
	if name == "unknown" {
		return nil, errUnknownNamespace
	}
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: stage}}, nil
}

func drawSelector(t *rapid.T, label string) *metav1.LabelSelector {
	return rapid.SampledFrom([]*metav1.LabelSelector{
		nil,
		{},
		{},
		{MatchLabels: stage},
		{MatchLabels: map[string]string{"stage": "prod"}},
		{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "stage", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"test"}}}},
		{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "stage", Operator: "Like"}}}, // an error
	}).Draw(t, label)
}

func drawRules(t *rapid.T, label string) []admissionregistrationv1.NamedRuleWithOperations {
	word := func(of string, from ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, rapid.ID).Draw(t, label+" "+of)
	}
	var out []admissionregistrationv1.NamedRuleWithOperations
	for range rapid.IntRange(0, 2).Draw(t, label) {
		var r admissionregistrationv1.NamedRuleWithOperations
		r.Operations = []admissionregistrationv1.OperationType{rapid.SampledFrom([]admissionregistrationv1.OperationType{"*", "CREATE", "UPDATE"}).Draw(t, label)}
		r.APIGroups, r.APIVersions, r.Resources = word("groups", "", "example.com", "*"), word("versions", "v1", "v2", "*"), word("resources", "widgets", "namespaces", "*")
		if rapid.Bool().Draw(t, label) {
			r.ResourceNames = word("names", "a", "b")
		}
		out = append(out, r)
	}
	return out
}

func drawRequest(t *rapid.T) *request {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "version"), Kind: "Widget"}
	resource := resource{GroupVersionResource: gvk.GroupVersion().WithResource("widgets"), definition: &definition{versions: []string{"v1", "v2"}}}
	namespace := rapid.SampledFrom([]string{"", "here", "unknown"}).Draw(t, "namespace")
	if rapid.Bool().Draw(t, "a namespace itself") {
		gvk = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
		resource.GroupVersionResource, resource.definition, namespace = gvk.GroupVersion().WithResource("namespaces"), nil, "a"
	}
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetGroupVersionKind(gvk)
	o.SetName(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"))
	o.SetLabels(rapid.SampledFrom([]map[string]string{nil, stage, {"stage": "prod"}}).Draw(t, "labels"))
	var old runtime.Object
	operation := apiadmission.Create
	if rapid.Bool().Draw(t, "update") {
		before := o.DeepCopy()
		before.SetLabels(stage)
		old, operation = before, apiadmission.Update
	}
	return &request{
		Attributes: apiadmission.NewAttributesRecord(o, old, gvk, namespace, o.GetName(), resource.GroupVersionResource, "", operation, nil, false, &user.DefaultInfo{}),
		resource:   resource, versions: versionsOf(resource, gvk),
	}
}

// TestMatchesAsTheLibrary has any constraints select any request: the answer is that of the API server's matcher.
func TestMatchesAsTheLibrary(t *testing.T) {
	library := generic.NewPolicyMatcher(matching.NewMatcher(lister{}, nil))
	rapid.Check(t, func(t *rapid.T) {
		c := &admissionregistrationv1.MatchResources{
			NamespaceSelector: drawSelector(t, "namespaceSelector"), ObjectSelector: drawSelector(t, "objectSelector"),
			ResourceRules: drawRules(t, "resourceRules"), ExcludeResourceRules: drawRules(t, "excludeResourceRules"),
			MatchPolicy: rapid.SampledFrom([]*admissionregistrationv1.MatchPolicyType{nil, new(admissionregistrationv1.Exact), new(admissionregistrationv1.Equivalent)}).Draw(t, "matchPolicy"),
		}
		r := drawRequest(t)
		matches, resource, kind, wantErr := library.DefinitionMatches(r, r.versions, validating.NewValidatingAdmissionPolicyAccessor(
			&admissionregistrationv1.ValidatingAdmissionPolicy{Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{MatchConstraints: c}},
		))
		m := matcher{attributes: r, versions: r.versions, namespace: func(name string) (labels.Set, error) {
			ns, err := lister{}.Get(name)
			if err != nil {
				return nil, err
			}
			return ns.Labels, nil
		}}
		got, err := m.matches(c)
		if (err == nil) != (wantErr == nil) || (got != nil) != matches {
			t.Fatalf("matches %v, %v; the library says %v, %v", got, err, matches, wantErr)
		}
		if err != nil && c.NamespaceSelector != nil && c.ObjectSelector != nil && err.Error() != wantErr.Error() {
			t.Errorf("error %q; the library says %q", err, wantErr)
		}
		if got != nil && *got != (match{resource, kind}) {
			t.Errorf("matches as %v; the library says %v", *got, match{resource, kind})
		}
	})
}

// declared is a policy that both sides compile.
type declared struct {
	Condition, Validation, Message, MessageExpression, Annotation string
	Ignore                                                        bool
}

// TestValidatesAsTheLibrary evaluates policies of every shape: the findings are the decisions of the API server's validator.
func TestValidatesAsTheLibrary(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	const boom = "1 / int(object.data.zero) == 1"
	rapid.Check(t, func(t *rapid.T) {
		d := declared{
			Condition:         rapid.SampledFrom([]string{"", "", "true", "false", boom}).Draw(t, "matchCondition"),
			Validation:        rapid.SampledFrom([]string{"true", "false", boom, " object.data.zero == '1' "}).Draw(t, "validation"),
			Message:           rapid.SampledFrom([]string{"", "  ", " declared "}).Draw(t, "message"),
			MessageExpression: rapid.SampledFrom([]string{"", "' said ' + object.data.zero", "''", `'a\nb'`, "'" + strings.Repeat("x", 6000) + "'", "string(" + boom + ")"}).Draw(t, "messageExpression"),
			Annotation:        rapid.SampledFrom([]string{"", "'v'", "null", "'  '", "string(" + boom + ")", "dyn(1)"}).Draw(t, "annotation"),
			Ignore:            rapid.Bool().Draw(t, "ignore"),
		}
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "data": map[string]any{"zero": "0"}}}
		gvk := o.GroupVersionKind()
		attributes := apiadmission.NewAttributesRecord(o, nil, gvk, "here", "a", gvk.GroupVersion().WithResource("configmaps"), "", apiadmission.Create, nil, false, &user.DefaultInfo{})
		versioned, err := (&request{Attributes: attributes}).asVersion(gvk)
		if err != nil {
			t.Fatal(err)
		}
		in := input{
			resource: attributes.GetResource(), attributes: versioned,
			namespace: namespace("here"), authorizer: &unknownAuthorizer{}, budget: 1_000_000,
		}
		if diff := cmp.Diff(d.library(t, c, in), d.ours(t, c).validate(t.Context(), in), cmp.AllowUnexported(finding{})); diff != "" {
			t.Errorf("findings (-library +ours):\n%s", diff)
		}
	})
}

// compiled compiles expressions that both sides name by types of their own.
func compiled(tb rapid.TB, c *compiler, withAuthorizer bool, all ...plugincel.ExpressionAccessor) plugincel.ConditionEvaluator {
	composed, err := plugincel.NewCompositedCompiler(c.env)
	if err != nil {
		tb.Fatal(err)
	}
	return composed.CompileCondition(all, plugincel.OptionalVariableDeclarations{HasAuthorizer: withAuthorizer}, environment.StoredExpressions)
}

func (d declared) policy() *admissionregistrationv1.FailurePolicyType {
	if d.Ignore {
		return new(admissionregistrationv1.Ignore)
	}
	return new(admissionregistrationv1.Fail)
}

func (d declared) matcher(tb rapid.TB, c *compiler) matchconditions.Matcher {
	if d.Condition == "" {
		return nil
	}
	return matchconditions.NewMatcher(compiled(tb, c, true, &matchconditions.MatchCondition{Name: "c", Expression: d.Condition}), d.policy(), "policy", "validate", "p")
}

func (d declared) ours(tb rapid.TB, c *compiler) *validator {
	var message plugincel.ExpressionAccessor
	if d.MessageExpression != "" {
		message = newMessage(d.MessageExpression)
	}
	var annotations []plugincel.ExpressionAccessor
	if d.Annotation != "" {
		annotations = append(annotations, newAnnotation(d.Annotation))
	}
	return &validator{
		matches:     d.matcher(tb, c),
		validations: compiled(tb, c, true, newValidation(d.Validation, d.Message)),
		messages:    compiled(tb, c, false, message),
		annotations: compiled(tb, c, true, annotations...),
		ignore:      d.Ignore,
	}
}

// library returns the decisions of the API server's validator, as findings.
func (d declared) library(tb *rapid.T, c *compiler, in input) []finding {
	var message plugincel.ExpressionAccessor
	if d.MessageExpression != "" {
		message = &validating.MessageExpressionCondition{MessageExpression: d.MessageExpression}
	}
	var annotations []plugincel.ExpressionAccessor
	if d.Annotation != "" {
		annotations = append(annotations, &validating.AuditAnnotationCondition{Key: "k", ValueExpression: d.Annotation})
	}
	result := validating.NewValidator(
		compiled(tb, c, true, &validating.ValidationCondition{Expression: d.Validation, Message: d.Message}), d.matcher(tb, c),
		compiled(tb, c, true, annotations...), compiled(tb, c, false, message), d.policy(), nil,
	).Validate(tb.Context(), in.resource, in.attributes, in.param, in.namespace, in.budget, in.authorizer)
	var out []finding
	for i, decision := range result.Decisions {
		field := fieldValidations
		if strings.HasPrefix(d.Condition, "1 /") { // the decision is about the whole policy
			field = ""
		}
		if decision.Action == validating.ActionDeny {
			out = append(out, finding{field, i, decision.Evaluation == validating.EvalError, decision.Message})
		}
	}
	for i, annotation := range result.AuditAnnotations {
		if annotation.Action == validating.AuditAnnotationActionError {
			out = append(out, finding{fieldAnnotations, i, true, annotation.Error})
		}
	}
	return out
}
