// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/object"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules"
)

// matcher decides whether a policy or a binding selects a request, as policy/matching of the API server does, with the API
// server's rules and selectors. It asks for nothing but the labels of the request's namespace. A test holds it to that
// package, which would link a typed client for every kind that Kubernetes has.
type matcher struct {
	attributes apiadmission.Attributes
	versions   *versions
	// namespace returns the labels of a namespace.
	namespace func(name string) (labels.Set, error)
}

// match is what the resource rules selected: the version in which the policy sees the object.
type match struct {
	resource schema.GroupVersionResource
	kind     schema.GroupVersionKind
}

// selected implements the provider of the object selector.
type selected struct {
	*admissionregistrationv1.MatchResources
}

// GetParsedObjectSelector returns the object selector.
func (s selected) GetParsedObjectSelector() (labels.Selector, error) {
	return metav1.LabelSelectorAsSelector(s.ObjectSelector)
}

// matches returns the match for a request that the constraints select, or nil. An error of a selector counts only for a
// request that all else selects.
func (m *matcher) matches(c *admissionregistrationv1.MatchResources) (*match, error) {
	switch {
	case c == nil:
		return nil, errors.New("policy contained no match constraints, a required field")
	case c.NamespaceSelector == nil || c.ObjectSelector == nil: // a nil one would select nothing: defaults fill them in
		return nil, errors.New("a nil selector was passed, please ensure selectors are initialized properly")
	}
	inNamespace, namespaceErr := m.namespaceMatches(c.NamespaceSelector)
	if !inNamespace && namespaceErr == nil {
		return nil, nil
	}
	var objectErr error
	matches, statusErr := new(object.Matcher).MatchObjectSelector(selected{c}, m.attributes)
	if statusErr != nil {
		objectErr = statusErr
	} else if !matches {
		return nil, nil
	}
	if excluded, err := m.rules(c.ExcludeResourceRules, c.MatchPolicy); excluded != nil || err != nil {
		return nil, err
	}
	found := &match{m.attributes.GetResource(), m.attributes.GetKind()}
	if len(c.ResourceRules) > 0 {
		var err error
		if found, err = m.rules(c.ResourceRules, c.MatchPolicy); found == nil || err != nil {
			return nil, err
		}
	}
	switch {
	case namespaceErr != nil:
		return nil, apierrors.NewInternalError(namespaceErr)
	case objectErr != nil:
		return nil, objectErr
	}
	return found, nil
}

// namespaceMatches reports whether the selector selects the namespace of the request. An object of cluster scope that is
// no namespace is never left out.
func (m *matcher) namespaceMatches(s *metav1.LabelSelector) (bool, error) {
	isNamespace := m.attributes.GetResource().Resource == "namespaces"
	if m.attributes.GetNamespace() == "" && !isNamespace {
		return true, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || selector.Empty() {
		return err == nil, err
	}
	if isNamespace {
		o, ok := m.attributes.GetObject().(metav1.Object)
		if !ok {
			return false, errors.New("the namespace has no metadata")
		}
		return selector.Matches(labels.Set(o.GetLabels())), nil
	}
	set, err := m.namespace(m.attributes.GetNamespace())
	return err == nil && selector.Matches(set), err
}

// rules returns the first match of the rules: in the version of the request, or, where the match policy says so, in another
// one that is served. It returns nil if there is none.
func (m *matcher) rules(all []admissionregistrationv1.NamedRuleWithOperations, policy *admissionregistrationv1.MatchPolicyType) (*match, error) {
	if m.anyRule(all, m.attributes) {
		return &match{m.attributes.GetResource(), m.attributes.GetKind()}, nil
	}
	if policy == nil || *policy == admissionregistrationv1.Exact {
		return nil, nil
	}
	for i := range all {
		for _, equivalent := range m.versions.EquivalentResourcesFor(m.attributes.GetResource(), m.attributes.GetSubresource()) {
			if equivalent == m.attributes.GetResource() || !m.anyRule(all[i:i+1], inVersion{m.attributes, equivalent}) {
				continue
			}
			kind := m.versions.KindFor(equivalent, m.attributes.GetSubresource())
			if kind.Empty() {
				return nil, fmt.Errorf("unable to convert to %v: unknown kind", equivalent)
			}
			return &match{equivalent, kind}, nil
		}
	}
	return nil, nil
}

// anyRule reports whether one of the rules selects the request. No resource names select all.
func (m *matcher) anyRule(all []admissionregistrationv1.NamedRuleWithOperations, attributes apiadmission.Attributes) bool {
	return slices.ContainsFunc(all, func(r admissionregistrationv1.NamedRuleWithOperations) bool {
		rule := rules.Matcher{Rule: r.RuleWithOperations, Attr: attributes}
		return rule.Matches() && (len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, attributes.GetName()))
	})
}

// inVersion is a request for the same resource in another version.
type inVersion struct {
	apiadmission.Attributes

	resource schema.GroupVersionResource
}

// GetResource returns the resource in the other version.
func (a inVersion) GetResource() schema.GroupVersionResource { return a.resource }
