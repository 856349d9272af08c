// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// set are schemas that a value meets all at once.
type set []*jsonschema.Schema

func (n set) and(more ...*jsonschema.Schema) set {
	out := make(set, 0, len(n)+len(more))
	return append(append(out, n...), more...)
}

// types is a set of the types that a value can have. Numbers with and without a fraction are told apart.
type types uint8

const (
	nullType types = 1 << iota
	boolType
	integerType
	fractionType
	stringType
	arrayType
	objectType

	numberType = integerType | fractionType
	anyType    = nullType | boolType | numberType | stringType | arrayType | objectType
)

// each returns the types one by one; numbers are one.
func (t types) each() []types {
	var out []types
	for _, one := range []types{nullType, boolType, numberType, stringType, arrayType, objectType} {
		if t&one != 0 {
			out = append(out, t&one)
		}
	}
	return out
}

// String lists the types as JSON Schema names them.
func (t types) String() string {
	var names []string
	for _, one := range t.each() {
		names = append(names, map[types]string{
			nullType: "null", boolType: "boolean", integerType: "integer", numberType: "number",
			fractionType: "number with a fraction", stringType: "string", arrayType: "array", objectType: "object",
		}[one])
	}
	if t == anyType {
		return "anything"
	}
	return strings.Join(names, " or ")
}

// declared are the types that a schema's own "type" lets through.
func declared(s *jsonschema.Schema) types {
	if s.Types == nil || s.Types.IsEmpty() {
		return anyType
	}
	var t types
	for _, name := range s.Types.ToStrings() {
		switch name {
		case "null":
			t |= nullType
		case "boolean":
			t |= boolType
		case "integer":
			t |= integerType
		case "number":
			t |= numberType
		case "string":
			t |= stringType
		case "array":
			t |= arrayType
		case "object":
			t |= objectType
		}
	}
	return t
}

// typeOf is the type of a JSON value.
func typeOf(v any) types {
	switch v := v.(type) {
	case nil:
		return nullType
	case bool:
		return boolType
	case string:
		return stringType
	case []any:
		return arrayType
	case map[string]any:
		return objectType
	case json.Number:
		if r, ok := new(big.Rat).SetString(string(v)); ok && r.IsInt() {
			return integerType
		}
	}
	return fractionType
}

// facts are what is known of a value that meets all schemas of a set, by their own keywords.
type facts struct {
	// all are the schemas, and those that they refer to by $ref and allOf.
	all set
	// types are the types that the value can have; 0 when there is no such value.
	types types
	// values are all values there are, if finite: those of an enumeration that the other keywords let through.
	finite bool
	values []any
	// required are the fields that the value has, if it is an object.
	required map[string]bool
}

// know finds out what is known of a set.
func (c *comparer) know(n set) facts {
	f := facts{types: anyType, required: map[string]bool{}}
	seen := map[*jsonschema.Schema]bool{nil: true}
	var add func(s *jsonschema.Schema)
	add = func(s *jsonschema.Schema) {
		if seen[s] || !c.step(1) {
			return
		}
		seen[s] = true
		f.all = append(f.all, s)
		add(s.Ref)
		for _, a := range s.AllOf {
			add(a)
		}
	}
	for _, s := range n {
		add(s)
	}
	var listed []any
	for _, s := range f.all {
		if s.Bool != nil && !*s.Bool {
			f.types = 0
			return f
		}
		f.types &= c.possible(s)
		for _, r := range s.Required {
			f.required[r] = true
		}
		switch {
		case f.finite:
		case s.Const != nil:
			listed, f.finite = []any{*s.Const}, true
		case s.Enum != nil:
			listed, f.finite = s.Enum.Values, true
		}
	}
	if !f.finite && f.types&^(nullType|boolType) == 0 {
		listed, f.finite = []any{nil, true, false}, true
	}
	for _, v := range listed {
		if c.passes(f.all, v) {
			f.values = append(f.values, v)
		}
	}
	if f.finite {
		var left types
		for _, v := range f.values {
			left |= typeOf(v)
		}
		f.types &= left
	}
	return f
}

// typesOf is declared, remembered.
func (c *comparer) typesOf(s *jsonschema.Schema) types {
	t, ok := c.types[s]
	if !ok {
		t = declared(s)
		c.types[s] = t
	}
	return t
}

// possible are the types that a schema lets through, by its own keywords and by what it combines.
func (c *comparer) possible(s *jsonschema.Schema) types {
	t, ok := c.reach[s]
	if ok || !c.step(1) {
		return t
	}
	t = c.typesOf(s)
	if s.Bool != nil && !*s.Bool {
		t = 0
	}
	if s.Ref != nil {
		t &= c.possible(s.Ref)
	}
	for _, a := range s.AllOf {
		t &= c.possible(a)
	}
	for _, list := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
		var any types
		for _, a := range list {
			any |= c.possible(a)
		}
		if len(list) > 0 {
			t &= any
		}
	}
	c.reach[s] = t
	return t
}

// scalars reports whether all values are known, and none is an array or an object.
func (f facts) scalars() bool { return f.finite && f.types&(arrayType|objectType) == 0 }

// passes holds a value to those keywords of schemas that look at the value as a whole and at nothing in it.
func (c *comparer) passes(all set, v any) bool {
	for _, s := range all {
		if !c.step(1) {
			return true
		}
		shallow, ok := c.shallow[s]
		if !ok {
			shallow = c.shallowOf(s)
			c.shallow[s] = shallow
		}
		// The texts of an enumeration are many, and looked up; all else is for the validator.
		if t, ok := v.(string); ok && shallow.texts != nil && !shallow.texts[t] {
			return false
		} else if !ok && shallow.texts != nil && (!c.step(len(shallow.rest)) || !has(shallow.rest, func(one *jsonschema.Schema) bool { return one.Validate(v) == nil })) {
			return false
		}
		if shallow.own.Validate(v) != nil {
			return false
		}
	}
	return true
}

// shallow is what a schema says of a value as a whole.
type shallow struct {
	own *jsonschema.Schema
	// texts are those of an enumeration, nil if there is none; rest has a schema for each of its other values.
	texts map[string]bool
	rest  set
}

func (c *comparer) shallowOf(s *jsonschema.Schema) shallow {
	out := shallow{own: &jsonschema.Schema{
		DraftVersion: s.DraftVersion, Location: s.Location, Bool: s.Bool, Types: s.Types, Const: s.Const,
		Format: s.Format, MinLength: s.MinLength, MaxLength: s.MaxLength, Pattern: s.Pattern,
		ContentEncoding: s.ContentEncoding, ContentMediaType: s.ContentMediaType,
		Maximum: s.Maximum, Minimum: s.Minimum, ExclusiveMaximum: s.ExclusiveMaximum, ExclusiveMinimum: s.ExclusiveMinimum,
		MultipleOf: s.MultipleOf,
	}}
	if s.Enum == nil {
		return out
	}
	out.texts = map[string]bool{}
	for _, v := range s.Enum.Values {
		if t, ok := v.(string); ok {
			out.texts[t] = true
		} else {
			out.rest = append(out.rest, &jsonschema.Schema{Location: s.Location, Const: &v})
		}
	}
	return out
}

// maxVoid bounds how deep it is looked for a reason why no value meets a set.
const maxVoid = 3

// void reports whether no value meets all schemas of a set, as far as can be seen.
func (c *comparer) void(n set) bool { return c.voidWithin(n, maxVoid) }

func (c *comparer) voidWithin(n set, depth int) bool {
	f := c.know(n)
	if f.types == 0 {
		return true
	}
	if f.types != objectType || depth == 0 {
		return false
	}
	for _, name := range sortedKeys(f.required) {
		if c.voidWithin(c.memberOf(f.all, name), depth-1) {
			return true
		}
	}
	return false
}
