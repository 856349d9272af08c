// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"reflect"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Kind is a kind of declaration.
type Kind struct {
	Name v1alpha1.Kind
	// Doc says what it is.
	Doc string
	// Struct has the fields of the whole document, apiVersion and kind first.
	Struct *Struct
	// Example is a declaration of the kind, in YAML.
	Example string
}

// Struct is a type with fields.
type Struct struct {
	// Name is that of the type in Go, which is different for each.
	Name string
	// Doc says what it is.
	Doc    string
	Fields []*Field
}

// Field is a field of a declaration.
type Field struct {
	Name string
	Form *Form
	// Doc says what the field means, without its default.
	Doc string
	// Default says what holds when the field is left out, in words or as it would be written; empty if it is required,
	// or if nothing is to be said.
	Default  string
	Required bool
	// Stated reports whether the field is not to be there with nothing behind it, although it may be left out.
	Stated bool
	// Unit is what a number counts; empty where the value itself says its unit, or has none.
	Unit string
	// Examples are values that the field takes, as texts.
	Examples []string
}

// Field finds a field by its name.
func (s *Struct) Field(name string) (*Field, bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return nil, false
}

// Fields returns the fields below a form: its own, or those of its items or values.
func (f *Form) Fields() []*Field {
	for f.Of != nil {
		f = f.Of
	}
	if f.Struct == nil {
		return nil
	}
	return f.Struct.Fields
}

// Kinds returns the kinds of declaration of a repository, in the order in which people meet them.
func Kinds() []Kind { return describe(v1alpha1.Kinds()) }

// All returns the kinds of a repository, and the configuration of a daemon.
func All() []Kind { return describe(append(v1alpha1.Kinds(), v1alpha1.KindDaemonConfiguration)) }

func describe(names []v1alpha1.Kind) []Kind {
	b := &builder{comments: comments(), scalars: scalars(), structs: map[reflect.Type]*Struct{}}
	kinds := make([]Kind, 0, len(names))
	for _, name := range names {
		t := GoType(name)
		body := b.structure(t)
		whole := &Struct{Name: body.Name, Doc: body.Doc}
		whole.Fields = append([]*Field{
			{
				Name: "apiVersion", Doc: "The version of the declaration's form: what Trunkline reads begins with it.", Required: true,
				Form: &Form{Type: Choice, Values: []Value{{Value: v1alpha1.Version}}},
			},
			{
				Name: "kind", Doc: "What is declared.", Required: true,
				Form: &Form{Type: Choice, Values: []Value{{Value: string(name)}}},
			},
		}, body.Fields...)
		kinds = append(kinds, Kind{Name: name, Doc: body.Doc, Struct: whole, Example: example(name)})
	}
	return kinds
}

// GoType returns the type of a kind.
func GoType(k v1alpha1.Kind) reflect.Type {
	switch k {
	case v1alpha1.KindPlatform:
		return reflect.TypeFor[v1alpha1.Platform]()
	case v1alpha1.KindCluster:
		return reflect.TypeFor[v1alpha1.Cluster]()
	case v1alpha1.KindEnvironment:
		return reflect.TypeFor[v1alpha1.Environment]()
	case v1alpha1.KindBlueprint:
		return reflect.TypeFor[v1alpha1.Blueprint]()
	case v1alpha1.KindProject:
		return reflect.TypeFor[v1alpha1.Project]()
	case v1alpha1.KindPolicy:
		return reflect.TypeFor[v1alpha1.Policy]()
	case v1alpha1.KindPolicyTest:
		return reflect.TypeFor[v1alpha1.PolicyTest]()
	case v1alpha1.KindAccess:
		return reflect.TypeFor[v1alpha1.Access]()
	case v1alpha1.KindPackage:
		return reflect.TypeFor[v1alpha1.Package]()
	case v1alpha1.KindDaemonConfiguration:
		return reflect.TypeFor[v1alpha1.DaemonConfiguration]()
	}
	panic("reference: no type for the kind " + string(k)) // a kind was added, and not here: every test fails
}

// builder makes the description of Go types.
type builder struct {
	comments map[string]comment
	scalars  map[reflect.Type]Type
	structs  map[reflect.Type]*Struct
}

func (b *builder) structure(t reflect.Type) *Struct {
	if s, ok := b.structs[t]; ok {
		return s
	}
	c := b.comments[t.Name()]
	s := &Struct{Name: t.Name(), Doc: plain(c.doc, nil)}
	b.structs[t] = s
	siblings := map[string]string{} // from the names in Go to those in YAML
	for f := range t.Fields() {
		siblings[f.Name], _, _ = strings.Cut(f.Tag.Get("json"), ",")
	}
	for f := range t.Fields() {
		name := siblings[f.Name]
		if name == "" || name == "-" {
			continue
		}
		field := &Field{
			Name: name, Form: b.form(f.Type), Required: f.Tag.Get("required") == "true", Unit: f.Tag.Get("unit"),
			Stated: f.Tag.Get("bare") == "refused",
		}
		text := plain(c.fields[f.Name], siblings)
		if text == "" && field.Form.Struct != nil {
			text = field.Form.Struct.Doc
		}
		field.Doc, field.Default = splitDefault(text)
		if field.Form.Type.Scalar() {
			field.Examples = examples(text)
		}
		s.Fields = append(s.Fields, field)
	}
	return s
}
