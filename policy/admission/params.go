// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"errors"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// errUnknownParams is about a kind of parameters that neither Kubernetes nor any object tells of.
var errUnknownParams = errors.New("the kind of its parameters is not known: put the definition or the parameters beside the policy")

// paramsFor collects the parameters of a binding: nil alone if there are no parameters, and nothing if it is to be left out.
// The errors are those of the API server, in its words, but for [errUnknownParams].
func (s *Set) paramsFor(w *World, kind *admissionregistrationv1.ParamKind, ref *admissionregistrationv1.ParamRef, namespace string) ([]runtime.Object, error) {
	if kind == nil || ref == nil {
		return []runtime.Object{nil}, nil
	}
	gv, err := schema.ParseGroupVersion(kind.APIVersion)
	if err != nil {
		return nil, err
	}
	gvk := gv.WithKind(kind.Kind)
	all := slices.DeleteFunc(slices.Concat(s.params, w.params), func(u *unstructured.Unstructured) bool { return u.GroupVersionKind() != gvk })
	res := w.resourceOf(s.kinds, gvk)
	if !res.known {
		if res = s.own.resourceOf(s.kinds, gvk); !res.known && len(all) == 0 {
			return nil, errUnknownParams
		}
	}
	clusterScoped := res.clusterScoped || !res.known && all[0].GetNamespace() == ""
	switch {
	case clusterScoped && ref.Namespace != "":
		return nil, errors.New("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
	case !clusterScoped && ref.Namespace != "":
		namespace = ref.Namespace
	case !clusterScoped && namespace == "":
		return nil, errors.New("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
	}
	var selector labels.Selector
	if ref.Selector != nil {
		if selector, err = metav1.LabelSelectorAsSelector(ref.Selector); err != nil {
			return nil, err
		}
	}
	var out []runtime.Object
	for _, u := range all {
		if !clusterScoped && namespaceOf(u) != namespace || ref.Name != "" && u.GetName() != ref.Name || selector != nil && !selector.Matches(labels.Set(u.GetLabels())) {
			continue
		}
		param, err := s.kinds.typed(u.Object)
		if err != nil {
			return nil, fmt.Errorf("the parameter %q cannot be read: %w", u.GetName(), err)
		}
		if out = append(out, param); len(out) > MaxParams {
			return nil, fmt.Errorf("there are more than %d parameters", MaxParams)
		}
	}
	if len(out) == 0 && ref.ParameterNotFoundAction != nil && *ref.ParameterNotFoundAction == admissionregistrationv1.DenyAction {
		return nil, errors.New("no params found for policy binding with `Deny` parameterNotFoundAction")
	}
	return out, nil
}

func namespaceOf(u *unstructured.Unstructured) string {
	if ns := u.GetNamespace(); ns != "" {
		return ns
	}
	return metav1.NamespaceDefault
}
