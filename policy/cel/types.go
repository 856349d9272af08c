// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"encoding"
	"reflect"
	"strings"

	apiservercel "k8s.io/apiserver/pkg/cel"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// declared are the types of the declarations, as CEL knows them.
type declared struct {
	types map[reflect.Type]*apiservercel.DeclType
	// fields maps the name of each field to the types that have it, to suggest one for a name that a type does not have.
	fields map[string][]string
}

// manyForms are the types that are written in more than one form: only their value tells which.
func manyForms(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[v1alpha1.Image](), reflect.TypeFor[v1alpha1.ProjectEnvironments](), reflect.TypeFor[v1alpha1.Read]():
		return true
	}
	// What reads itself from a text may be written as a number too.
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// of returns the type of a Go type as it is written in a declaration.
func (d *declared) of(t reflect.Type) *apiservercel.DeclType {
	if manyForms(t) {
		return apiservercel.DynType
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.of(t.Elem())
	case reflect.String:
		return apiservercel.StringType
	case reflect.Bool:
		return apiservercel.BoolType
	case reflect.Int:
		return apiservercel.IntType
	case reflect.Slice:
		return apiservercel.NewListType(d.of(t.Elem()), -1)
	case reflect.Map:
		return apiservercel.NewMapType(apiservercel.StringType, d.of(t.Elem()), -1)
	case reflect.Struct:
		return d.object(t)
	default:
		return apiservercel.DynType
	}
}

func (d *declared) object(t reflect.Type) *apiservercel.DeclType {
	if known, ok := d.types[t]; ok {
		return known
	}
	object := apiservercel.NewObjectType("trunkline."+t.Name(), map[string]*apiservercel.DeclField{})
	d.types[t] = object // before its fields, which may be of the same type
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		d.fields[name] = append(d.fields[name], t.Name())
		object.Fields[name] = apiservercel.NewDeclField(name, d.of(field.Type), false, nil, nil)
	}
	return object
}
