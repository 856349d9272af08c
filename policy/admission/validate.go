// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"errors"
	"fmt"
	"strings"

	celtypes "github.com/google/cel-go/common/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiadmission "k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	apiservercel "k8s.io/apiserver/pkg/cel"
)

// validator evaluates a compiled policy as policy/validating of the API server does, with the API server's evaluators.
// That package itself would link an informer and a typed client for every kind that Kubernetes has; a test holds this
// one to it.
type validator struct {
	matches     matchconditions.Matcher // nil if the policy has no match conditions
	validations plugincel.ConditionEvaluator
	messages    plugincel.ConditionEvaluator
	annotations plugincel.ConditionEvaluator
	// ignore reports that the failure policy lets pass what cannot be evaluated.
	ignore bool
}

// input is what a policy is evaluated on.
type input struct {
	resource   schema.GroupVersionResource
	attributes *apiadmission.VersionedAttributes
	param      runtime.Object
	namespace  *corev1.Namespace
	authorizer authorizer.UnconditionalAuthorizer
	budget     int64
}

// finding is what a policy says against an object.
type finding struct {
	// field and index name the expression: a validation or an audit annotation. The field is empty if the finding is about
	// the whole policy.
	field string
	index int
	// failed reports that the expression could not be evaluated.
	failed  bool
	message string
}

// The fields of a policy's spec that findings name.
const (
	fieldValidations = "validations"
	fieldAnnotations = "auditAnnotations"
)

// validate returns the findings of the policy; none if it admits the object, or does not match it.
func (v *validator) validate(ctx context.Context, in input) []finding {
	if v.matches != nil {
		result := v.matches.Match(ctx, in.attributes, in.param, in.authorizer)
		if result.Error != nil {
			return v.failure("", 0, result.Error.Error())
		}
		if !result.Matches {
			return nil
		}
	}
	request := plugincel.CreateAdmissionRequest(in.attributes.Attributes, metav1.GroupVersionResource(in.resource), metav1.GroupVersionKind(in.attributes.VersionedKind))
	namespace := plugincel.CreateNamespaceObject(in.namespace)
	bindings := plugincel.OptionalVariableBindings{VersionedParams: in.param}
	withAuthorizer := plugincel.OptionalVariableBindings{VersionedParams: in.param, Authorizer: in.authorizer}

	results, budget, err := v.validations.ForInput(ctx, in.attributes, request, withAuthorizer, namespace, in.budget)
	if err != nil {
		return v.failure("", 0, err.Error())
	}
	messages, _, messageErr := v.messages.ForInput(ctx, in.attributes, request, bindings, namespace, budget)
	var out []finding
	for i, result := range results {
		var message *plugincel.EvaluationResult
		if len(messages) > i {
			message = &messages[i]
		}
		out = append(out, v.validation(i, result, message, messageErr)...)
	}
	annotations, _, err := v.annotations.ForInput(ctx, in.attributes, request, bindings, in.namespace, in.budget)
	if err != nil {
		return v.failure("", 0, err.Error())
	}
	for i, result := range annotations {
		out = append(out, v.annotation(i, result)...)
	}
	return out
}

// failure returns the finding for what could not be evaluated, unless the failure policy ignores it.
func (v *validator) failure(field string, index int, message string) []finding {
	if v.ignore {
		return nil
	}
	return []finding{{field, index, true, message}}
}

// validation returns the finding of one validation.
func (v *validator) validation(i int, result plugincel.EvaluationResult, message *plugincel.EvaluationResult, messageErr error) []finding {
	switch {
	case result.Error != nil:
		return v.failure(fieldValidations, i, result.Error.Error())
	case errors.Is(messageErr, apiservercel.ErrInternal) || errors.Is(messageErr, apiservercel.ErrOutOfBudget):
		return v.failure(fieldValidations, i, fmt.Sprintf("failed messageExpression: %s", messageErr))
	case result.EvalResult == celtypes.True:
		return nil
	}
	text := evaluatedMessage(message)
	declared, ok := result.ExpressionAccessor.(*validation)
	if text == "" && ok {
		text = strings.TrimSpace(declared.message)
	}
	if text == "" {
		text = "failed expression: " + strings.TrimSpace(result.ExpressionAccessor.GetExpression())
	}
	return []finding{{fieldValidations, i, false, text}}
}

// evaluatedMessage returns what a messageExpression evaluated to, or nothing where the API server falls back to the
// declared message: it failed, or is empty, too long, or of more than one line.
func evaluatedMessage(result *plugincel.EvaluationResult) string {
	if result == nil || result.Error != nil || result.EvalResult == nil {
		return ""
	}
	text, _ := result.EvalResult.Value().(string)
	text = strings.TrimSpace(text)
	if len(text) > celconfig.MaxEvaluatedMessageExpressionSizeBytes || strings.Contains(text, "\n") {
		return ""
	}
	return text
}

// annotation returns the finding of one audit annotation: only a failure is one.
func (v *validator) annotation(i int, result plugincel.EvaluationResult) []finding {
	switch {
	case result.ExpressionAccessor == nil:
		return nil
	case result.Error != nil:
		return v.failure(fieldAnnotations, i, result.Error.Error())
	}
	switch result.EvalResult.Type() {
	case celtypes.StringType, celtypes.NullType:
		return nil
	default: // whatever the failure policy is
		return []finding{{fieldAnnotations, i, true, fmt.Sprintf("valueExpression '%v' resulted in unsupported return type: %v. "+
			"Return type must be either string or null.", result.ExpressionAccessor.GetExpression(), result.EvalResult.Type())}}
	}
}
