// SPDX-License-Identifier: Apache-2.0

// Package substitute replaces variables such as ${region} and ${replicas:=2} in rendered objects, as Flux does for
// spec.postBuild of a Kustomization: in the YAML of each object, and by Flux's own library, so that manifests which
// were written for it stay as they are.
//
// Otherwise than there, a variable without a value and a default is an error, as with Flux's option
// StrictPostBuildSubstitutions. Values are those that are given, and never those of the process's environment.
//
// The package is pure. It may import nothing of Trunkline.
package substitute

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// Annotation is the label or annotation that keeps an object as it is, if its value is "disabled".
const Annotation = "kustomize.toolkit.fluxcd.io/substitute"

// Vars are the values of variables, by name.
type Vars map[string]string

// name is what Flux takes for the name of a variable.
var name = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// Error says what in an object cannot be replaced.
type Error struct {
	// Field is where it is in the object, such as "spec.replicas"; empty if it is not in one field.
	Field string
	// Variable is the one without a value; empty if something else is wrong.
	Variable string
	Err      error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Check refuses names that no variable can have.
func (v Vars) Check() error {
	for _, n := range slices.Sorted(maps.Keys(v)) {
		if !name.MatchString(n) {
			return fmt.Errorf("%q cannot be the name of a variable: use letters, digits and \"_\", and no digit first", n)
		}
	}
	return nil
}

// Object returns an object with its variables replaced. An object that asks for it is returned as it is, and so is any
// if there are no variables at all.
func Object(o *unstructured.Unstructured, vars Vars) (*unstructured.Unstructured, error) {
	if len(vars) == 0 || o.GetLabels()[Annotation] == "disabled" || o.GetAnnotations()[Annotation] == "disabled" {
		return o, nil
	}
	// As Flux does it: a text that is a variable and nothing else can so become a number.
	text, err := yaml.Marshal(o.Object)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(text), "$") {
		return o, nil
	}
	replaced, err := vars.text(string(text))
	if err != nil {
		return nil, locate(o.Object, vars, err)
	}
	data, err := yaml.YAMLToJSON([]byte(replaced))
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("is no YAML any more once the variables are replaced: %w", err)}
	}
	var content map[string]any
	if err := utiljson.Unmarshal(data, &content); err != nil {
		return nil, &Error{Err: fmt.Errorf("is no object any more once the variables are replaced: %w", err)}
	}
	return &unstructured.Unstructured{Object: content}, nil
}

// Undefined returns the variables that an object uses without a default, and that have no value, by name.
func Undefined(o *unstructured.Unstructured, vars Vars) []string {
	known := maps.Clone(vars)
	var out []string
	for {
		_, err := Object(o, known)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Variable == "" {
			slices.Sort(out)
			return out
		}
		known[e.Variable] = ""
		out = append(out, e.Variable)
	}
}

// text replaces the variables of a text.
func (v Vars) text(s string) (string, error) {
	if err := v.bound(s); err != nil {
		return "", err
	}
	var missing string
	out, err := envsubst.Eval(s, func(name string) (string, bool) {
		value, ok := v.value(name)
		if !ok {
			missing = name
		}
		return value, ok
	})
	switch {
	case err == nil:
		return out, nil
	case missing == "":
		return "", &Error{Err: fmt.Errorf("%w; write \"$${\" for the text \"${\"", err)}
	}
	return "", &Error{Variable: missing, Err: fmt.Errorf("the variable %q has no value and no default; give it one, write \"${%s:=DEFAULT}\", "+
		"or \"$${%s}\" for the text itself", missing, missing, missing)}
}

// value is that of a variable. Line breaks are left out, as Flux does.
func (v Vars) value(name string) (string, bool) {
	value, ok := v[name]
	return strings.ReplaceAll(value, "\n", ""), ok
}

// locate finds the field of an object that an error is about: each text is looked at by itself.
func locate(value any, vars Vars, whole error) error {
	e, ok := errors.AsType[*Error](whole)
	if !ok {
		return whole
	}
	out := *e
	find(value, "", func(field, text string) bool {
		_, err := vars.text(text)
		found, ok := errors.AsType[*Error](err)
		if ok && found.Variable == e.Variable {
			out.Field = field
		}
		return out.Field != ""
	})
	return &out
}

// find calls a function with the texts of a value, keys of mappings among them, until it returns true.
func find(value any, at string, stop func(field, text string) bool) bool {
	switch value := value.(type) {
	case string:
		return strings.Contains(value, "$") && stop(at, value)
	case []any:
		for i, item := range value {
			if find(item, fmt.Sprintf("%s[%d]", at, i), stop) {
				return true
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			below := strings.TrimPrefix(at+"."+key, ".")
			if strings.Contains(key, "$") && stop(below, key) || find(value[key], below, stop) {
				return true
			}
		}
	}
	return false
}
