// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"trunkline.dev/trunkline/api/schema"
)

// location is the name under which a schema is compiled. Nothing can be loaded from such a place.
const location = "trunkline:///schema"

// document is a JSON Schema that was read.
type document struct {
	raw  any
	root *jsonschema.Schema
	// formats are names of formats that nobody can check, so that only their names can be compared.
	formats map[string]bool
}

func compareJSON(old, fresh []byte) ([]Change, error) {
	o, err := load(old)
	if err != nil {
		return nil, &Error{Old: true, Err: err}
	}
	n, err := load(fresh)
	if err != nil {
		return nil, &Error{Err: err}
	}
	if reflect.DeepEqual(o.raw, n.raw) {
		return nil, nil
	}
	c := newComparer(o.formats)
	c.claims(set{n.root}, o.root, "")
	return c.result(), nil
}

// load reads a schema. Whether it is valid and within bounds is for api/schema to say; it is compiled again here to
// have formats and contents asserted, and to walk it.
func load(data []byte) (doc document, err error) {
	// The compiler is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			doc, err = document{}, fmt.Errorf("the schema cannot be compiled: %.200v", r)
		}
	}()
	if _, err := schema.CompileJSON(data); err != nil {
		return document{}, err
	}
	if doc.raw, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
		return document{}, fmt.Errorf("the schema is not JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // knows no scheme
	c.AssertFormat()
	c.AssertContent()
	doc.formats = unknownFormats(doc.raw)
	for name := range doc.formats {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(any) error { return nil }})
	}
	if err := c.AddResource(location, doc.raw); err != nil {
		return document{}, fmt.Errorf("the schema cannot be read: %w", err)
	}
	if doc.root, err = c.Compile(location); err != nil {
		return document{}, fmt.Errorf("the schema is not valid: %w", err)
	}
	return doc, checkCircles(doc.root)
}

// maxFormats bounds how many formats a schema is asked about; of more, only the names are compared.
const maxFormats = 100

// unknownFormats finds the names of formats that the validator does not know, and leaves out of a compiled schema.
func unknownFormats(raw any) map[string]bool {
	out, asked := map[string]bool{}, map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if name, ok := v["format"].(string); ok && !asked[name] {
				asked[name] = true
				if len(asked) > maxFormats || !knownFormat(name) {
					out[name] = true
				}
			}
			for _, c := range v {
				walk(c)
			}
		case []any:
			for _, c := range v {
				walk(c)
			}
		}
	}
	walk(raw)
	return out
}

func knownFormat(name string) bool {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(location, map[string]any{"format": name}); err != nil {
		return false
	}
	s, err := c.Compile(location)
	return err == nil && s.Format != nil
}

var errCycle = errors.New("the schema refers to itself endlessly")

// checkCircles refuses schemas that lead back to themselves for the same value: nothing is valid by them, and a
// proof would go round.
func checkCircles(root *jsonschema.Schema) error {
	const open, done = 1, 2
	state := map[*jsonschema.Schema]int{}
	var visit func(s *jsonschema.Schema, depth int) error
	visit = func(s *jsonschema.Schema, depth int) error {
		if s == nil || state[s] == done {
			return nil
		}
		if state[s] == open || depth > maxNested {
			return errCycle
		}
		state[s] = open
		for _, same := range sameValue(s) {
			if err := visit(same, depth+1); err != nil {
				return err
			}
		}
		state[s] = done
		return nil
	}
	seen := map[*jsonschema.Schema]bool{nil: true, root: true}
	for todo := []*jsonschema.Schema{root}; len(todo) > 0; {
		s := todo[0]
		todo = todo[1:]
		if err := visit(s, 0); err != nil {
			return err
		}
		for _, next := range append(sameValue(s), partValue(s)...) {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return nil
}

// sameValue are the parts of a schema that look at the same value as the schema itself.
func sameValue(s *jsonschema.Schema) []*jsonschema.Schema {
	out := []*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else, s.RecursiveRef}
	if s.DynamicRef != nil {
		out = append(out, s.DynamicRef.Ref)
	}
	out = append(append(append(out, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, d := range s.DependentSchemas {
		out = append(out, d)
	}
	for _, d := range s.Dependencies {
		if d, ok := d.(*jsonschema.Schema); ok {
			out = append(out, d)
		}
	}
	return out
}

// partValue are the parts of a schema that look at parts of the value.
func partValue(s *jsonschema.Schema) []*jsonschema.Schema {
	out := []*jsonschema.Schema{s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema}
	for _, p := range s.Properties {
		out = append(out, p)
	}
	for _, p := range s.PatternProperties {
		out = append(out, p)
	}
	out = append(out, s.PrefixItems...)
	for _, v := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch v := v.(type) {
		case *jsonschema.Schema:
			out = append(out, v)
		case []*jsonschema.Schema:
			out = append(out, v...)
		}
	}
	return out
}
