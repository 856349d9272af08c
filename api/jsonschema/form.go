// SPDX-License-Identifier: Apache-2.0

package jsonschema

import (
	"fmt"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/api/reference"
)

// writer writes types with fields once, under $defs.
type writer struct {
	seen map[string]bool
	defs properties
}

// def writes a type and returns a reference to it.
func (w *writer) def(s *reference.Struct) *Schema {
	if !w.seen[s.Name] {
		w.seen[s.Name] = true
		at := len(w.defs)
		w.defs = append(w.defs, property{name: s.Name})
		body := w.body(s)
		w.defs[at].schema = body
	}
	return &Schema{Ref: "#/$defs/" + s.Name}
}

// body writes the fields of a type.
func (w *writer) body(s *reference.Struct) *Schema {
	out := &Schema{Description: s.Doc, Type: "object", AdditionalProperties: false}
	for _, f := range s.Fields {
		out.Properties = append(out.Properties, property{f.Name, w.field(f)})
		if f.Required {
			out.Required = append(out.Required, f.Name)
		}
	}
	return out
}

// field writes a field. What is required must also say something; what is not may be there with nothing behind it,
// which is as good as left out, unless the field says otherwise.
func (w *writer) field(f *reference.Field) *Schema {
	s := w.form(f.Form)
	if f.Required {
		notEmpty(s, f.Form)
	} else if !f.Stated {
		s = orNull(s)
	}
	s.Description = describe(f)
	if value, ok := f.DefaultValue(); ok {
		s.Default = value
	}
	for _, e := range f.Examples {
		s.Examples = append(s.Examples, e)
	}
	return s
}

// describe puts all that is known of a field into a text: editors show it, and not the rest.
func describe(f *reference.Field) string {
	var b strings.Builder
	b.WriteString(f.Doc)
	if syntax := f.Form.Type.Syntax(); syntax != "" && f.Form.Type != reference.Number {
		fmt.Fprintf(&b, "\n\nWritten as %s.", syntax)
	}
	if f.Unit != "" {
		fmt.Fprintf(&b, "\n\nUnit: %s.", f.Unit)
	}
	if f.Default != "" {
		fmt.Fprintf(&b, "\n\nDefault: %s.", strings.TrimSuffix(f.Default, "."))
	}
	return b.String()
}

// notEmpty asks for a value that is not empty.
func notEmpty(s *Schema, form *reference.Form) {
	switch form.Type {
	case reference.Text, reference.Anything:
		s.MinLength = 1
	case reference.List:
		s.MinItems = 1
	case reference.Mapping:
		s.MinProperties = 1
	case reference.NamesOrMapping, reference.TextOrObject:
		for _, one := range s.AnyOf {
			one.MinItems, one.MinProperties = 1, 1
		}
	default: // the others have no empty value
	}
}

// orNull also takes nothing.
func orNull(s *Schema) *Schema {
	switch {
	case s.Const != "", s.Ref != "":
		return &Schema{AnyOf: []*Schema{s, {Type: "null"}}}
	case s.Type != nil:
		s.Type = []any{s.Type, "null"}
		return s
	case s.AnyOf != nil:
		s.AnyOf = append(s.AnyOf, &Schema{Type: "null"})
		return s
	}
	return s // anything, which takes nothing too
}

// form writes a form. A constant or a choice has no type, so that nothing can be added to it: it is in anyOf.
func (w *writer) form(f *reference.Form) *Schema {
	switch f.Type {
	case reference.Text:
		return &Schema{Type: "string"}
	case reference.Boolean:
		return &Schema{Type: "boolean"}
	case reference.Choice:
		return choice(f)
	case reference.List:
		return &Schema{Type: "array", Items: w.item(f.Of)}
	case reference.Mapping:
		return &Schema{Type: "object", AdditionalProperties: w.item(f.Of)}
	case reference.NamesOrMapping:
		return &Schema{AnyOf: []*Schema{
			{Type: "array", Items: &Schema{Type: "string", MinLength: 1}, UniqueItems: true},
			{Type: "object", AdditionalProperties: w.item(f.Of)},
		}}
	case reference.TextOrObject:
		text := &Schema{Type: "string", MinLength: 1}
		if f.MayBeEmpty {
			text.MinLength = 0
		}
		return &Schema{AnyOf: []*Schema{text, w.def(f.Struct)}}
	case reference.Object:
		return w.def(f.Struct)
	case reference.Anything:
		return &Schema{}
	default:
		return scalar(f.Type)
	}
}

// item writes the form of an item or value. Where every field may be left out, so may all of them.
func (w *writer) item(f *reference.Form) *Schema {
	s := w.form(f)
	if f.Type != reference.Object {
		return s
	}
	for _, field := range f.Struct.Fields {
		if field.Required {
			return s
		}
	}
	return orNull(s)
}

// choice writes a choice of texts. One whose letters may be of any case also has a pattern; editors offer the values.
func choice(f *reference.Form) *Schema {
	values := make([]string, len(f.Values))
	for i, v := range f.Values {
		values[i] = v.Value
	}
	if len(values) == 1 {
		return &Schema{Type: "string", Const: values[0]}
	}
	var docs []string
	for _, v := range f.Values {
		if v.Doc != "" {
			docs = append(docs, fmt.Sprintf("%s: %s", v.Value, v.Doc))
		}
	}
	out := &Schema{AnyOf: []*Schema{{Enum: values, Description: strings.Join(docs, "\n")}}}
	if f.Folded {
		out.AnyOf = append(out.AnyOf, &Schema{Type: "string", Pattern: "^(" + anyCase(strings.Join(values, "|")) + ")$"})
	}
	return out
}

// anyCase makes a pattern that takes letters of any case: there are no flags in JSON Schema's.
func anyCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsLetter(r) {
			fmt.Fprintf(&b, "[%c%c]", unicode.ToUpper(r), unicode.ToLower(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
