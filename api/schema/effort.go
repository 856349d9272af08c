// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	// maxVisits bounds how often a part of the schema is held against a part of the value.
	maxVisits = 500_000
	// maxRecursion bounds how deep parts of the schema lead to others.
	maxRecursion = 500
)

// effort walks a schema and a value as the validator would, without checking anything, to find out beforehand
// how long it takes: forty definitions that each name the next one twice are a few hundred bytes and take years,
// and the validator cannot be stopped once it runs. The walk never takes less than the validator, which leaves
// out alternatives that it need not try.
type effort struct{ visits int }

func (e *effort) visit(s *jsonschema.Schema, v any, depth int) error {
	if s == nil {
		return nil
	}
	e.visits++
	if e.visits > maxVisits {
		return fmt.Errorf("checking against the schema takes more than %d steps: its references multiply", maxVisits)
	}
	if depth > maxRecursion {
		return errors.New("the schema refers to itself endlessly")
	}
	if s.DynamicRef != nil || s.RecursiveRef != nil {
		return errors.New("the schema uses $dynamicRef or $recursiveRef, which are not supported; use $ref")
	}
	for _, same := range sameValue(s) {
		if err := e.visit(same, v, depth+1); err != nil {
			return err
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if err := e.all(memberSchemas(s, key), value, depth); err != nil {
				return err
			}
			if err := e.visit(s.PropertyNames, key, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range v {
			if err := e.all(itemSchemas(s, i), item, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *effort) all(schemas []*jsonschema.Schema, v any, depth int) error {
	for _, s := range schemas {
		if err := e.visit(s, v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// sameValue are the parts of a schema that look at the same value as the schema itself.
func sameValue(s *jsonschema.Schema) []*jsonschema.Schema {
	out := []*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else}
	out = append(out, s.AllOf...)
	out = append(out, s.AnyOf...)
	out = append(out, s.OneOf...)
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

func memberSchemas(s *jsonschema.Schema, key string) []*jsonschema.Schema {
	out := []*jsonschema.Schema{s.Properties[key], s.UnevaluatedProperties}
	for pattern, p := range s.PatternProperties {
		if pattern.MatchString(key) {
			out = append(out, p)
		}
	}
	if a, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		out = append(out, a)
	}
	return out
}

func itemSchemas(s *jsonschema.Schema, i int) []*jsonschema.Schema {
	out := []*jsonschema.Schema{s.Items2020, s.Contains, s.UnevaluatedItems}
	if i < len(s.PrefixItems) {
		out = append(out, s.PrefixItems[i])
	}
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		out = append(out, items)
	case []*jsonschema.Schema:
		if i < len(items) {
			out = append(out, items[i])
		}
	}
	if a, ok := s.AdditionalItems.(*jsonschema.Schema); ok {
		out = append(out, a)
	}
	return out
}
