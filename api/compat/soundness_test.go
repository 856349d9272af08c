// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/compat"
)

type obj = map[string]any

// schemas draws a small JSON Schema; names lead to its definitions.
func schemas(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if rapid.IntRange(0, 15).Draw(t, "bool") == 0 {
			return rapid.Bool().Draw(t, "is")
		}
		s := obj{}
		if rapid.IntRange(0, 3).Draw(t, "typed") > 0 {
			s["type"] = rapid.SliceOfNDistinct(rapid.SampledFrom([]any{"null", "boolean", "integer", "number", "string", "array", "object"}), 1, 3, func(v any) any { return v }).Draw(t, "type")
		}
		for range rapid.IntRange(0, 3).Draw(t, "keywords") {
			keyword(t, s, depth)
		}
		return s
	})
}

func keyword(t *rapid.T, s obj, depth int) {
	small := func(label string) int { return rapid.IntRange(0, 3).Draw(t, label) }
	name := func() string { return rapid.SampledFrom([]string{"a", "b", "ab", "c"}).Draw(t, "name") }
	names := func() []any {
		return rapid.SliceOfNDistinct(rapid.SampledFrom([]any{"a", "b", "ab", "c"}), 1, 2, func(v any) any { return v }).Draw(t, "names")
	}
	simple := []string{"enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "required", "minProperties", "maxProperties", "closed", "format"}
	nested := []string{"properties", "properties", "properties", "additionalProperties", "patternProperties", "propertyNames", "items", "prefixItems", "contains", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependentRequired", "unevaluatedProperties", "unevaluatedItems", "$ref", "$ref"}
	all := simple
	if depth > 0 {
		all = append(append(all, simple...), nested...)
	}
	sub := func(label string) any { return schemas(depth-1).Draw(t, label) }
	list := func(label string) []any { return rapid.SliceOfN(schemas(depth-1), 1, 3).Draw(t, label) }
	switch k := rapid.SampledFrom(all).Draw(t, "keyword"); k {
	case "enum":
		s[k] = rapid.SliceOfN(instances(1), 1, 4).Draw(t, k)
	case "const":
		s[k] = instances(1).Draw(t, k)
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
		s[k] = small(k)
	case "multipleOf":
		s[k] = rapid.SampledFrom([]any{1, 2, 3, 0.5}).Draw(t, k)
	case "pattern":
		s[k] = rapid.SampledFrom([]any{"^a", "b$", "^ab?$"}).Draw(t, k)
	case "format":
		s[k] = rapid.SampledFrom([]any{"date", "int32", "regex"}).Draw(t, k)
	case "uniqueItems":
		s[k] = true
	case "required":
		s[k] = names()
	case "closed":
		s["additionalProperties"] = false
	case "properties", "dependentSchemas":
		m, _ := s[k].(obj)
		if m == nil {
			m = obj{}
		}
		m[name()] = sub(k)
		s[k] = m
	case "patternProperties":
		s[k] = obj{rapid.SampledFrom([]string{"^a", "b$"}).Draw(t, "pattern"): sub(k)}
	case "dependentRequired":
		s[k] = obj{name(): names()}
	case "prefixItems", "allOf", "anyOf", "oneOf":
		s[k] = list(k)
	case "if":
		s[k], s["then"], s["else"] = sub(k), sub("then"), sub("else")
	case "$ref":
		s[k] = rapid.SampledFrom([]any{"#/$defs/x", "#/$defs/y"}).Draw(t, k)
	default:
		s[k] = sub(k)
	}
}

func documents() *rapid.Generator[obj] {
	return rapid.Custom(func(t *rapid.T) obj {
		s, ok := schemas(2).Draw(t, "root").(obj)
		if !ok {
			s = obj{}
		}
		s["$defs"] = obj{"x": schemas(1).Draw(t, "x"), "y": schemas(1).Draw(t, "y")}
		return s
	})
}

// changed draws a schema that is nearly another: most changes are small.
func changed(t *rapid.T, v any) any {
	switch v := v.(type) {
	case obj:
		out := obj{}
		for _, k := range sorted(v) {
			switch rapid.IntRange(0, 14).Draw(t, "change") {
			case 0:
				if k != "$defs" && k != "x" && k != "y" {
					continue
				}
				out[k] = v[k]
			default:
				out[k] = changed(t, v[k])
			}
		}
		if _, isSchema := v["$defs"]; isSchema && rapid.IntRange(0, 2).Draw(t, "add") == 0 {
			keyword(t, out, 1)
		}
		return out
	case []any:
		out := []any{}
		for _, e := range v {
			if len(v) == 1 || rapid.IntRange(0, 9).Draw(t, "drop") > 0 {
				out = append(out, changed(t, e))
			}
		}
		if len(out) == 0 {
			return v
		}
		return out
	case int:
		return max(0, v+rapid.IntRange(-1, 1).Draw(t, "by"))
	}
	return v
}

func sorted(m obj) []string { return slices.Sorted(maps.Keys(m)) }

func instances(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		most := 4
		if depth > 0 {
			most = 6
		}
		switch rapid.IntRange(0, most).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.IntRange(-1, 5).Draw(t, "int")
		case 3:
			return rapid.SampledFrom([]any{0.5, 1.5, 2.25}).Draw(t, "float")
		case 4:
			return rapid.SampledFrom([]any{"", "a", "ab", "b", "abab", "2020-01-01", "("}).Draw(t, "text")
		case 5:
			return rapid.SliceOfN(instances(depth-1), 0, 3).Draw(t, "list")
		}
		out := obj{}
		maps.Copy(out, rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ab", "c", "d"}), instances(depth-1), 0, 4).Draw(t, "object"))
		return out
	})
}

// validator compiles a schema as the one to ask, and values as it knows them.
func validator(t *rapid.T, schema obj) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("test:///s", plain(t, schema)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("test:///s")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plain(t *rapid.T, v any) any {
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text(t, v)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func text(t *rapid.T, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSound: where nothing is found that breaks, no record is valid under the new schema and not under the old.
func TestSound(t *testing.T) {
	compatible, decided, breaking, confirmed := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		old := documents().Draw(t, "old")
		fresh := documents().Draw(t, "fresh")
		if rapid.IntRange(0, 4).Draw(t, "near") > 0 {
			fresh = changed(t, old).(obj)
		}
		changes, err := compat.Compare(compat.JSONSchema, text(t, old), text(t, fresh))
		if err != nil {
			return // a cycle
		}
		o, n := validator(t, old), validator(t, fresh)
		broken := ""
		for _, v := range rapid.SliceOfN(instances(2), 20, 40).Draw(t, "instances") {
			value := plain(t, v)
			if n.Validate(value) == nil && o.Validate(value) != nil {
				broken = string(text(t, v))
			}
		}
		switch {
		case len(changes) == 0 && broken != "":
			t.Fatalf("found compatible, and %s is valid under the new schema only\nold %s\nnew %s", broken, text(t, old), text(t, fresh))
		case len(changes) == 0:
			compatible++
		case compat.Breaking(changes):
			breaking++
			if broken != "" {
				confirmed++
			}
		}
		if len(changes) == 0 || compat.Breaking(changes) {
			decided++
		}
	})
	t.Logf("%d compatible, %d decided, %d breaking of which %d seen to break", compatible, decided, breaking, confirmed)
}

// TestReflexive: nothing breaks against itself, whatever is said beside it.
func TestReflexive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := documents().Draw(t, "schema")
		data := text(t, old)
		fresh := bytes.Replace(data, []byte(`{`), []byte(`{"description": "again", `), 1)
		if len(old) == 0 {
			fresh = data
		}
		for _, again := range [][]byte{data, fresh} {
			changes, err := compat.Compare(compat.JSONSchema, data, again)
			if err == nil && len(changes) > 0 {
				t.Fatalf("%s breaks against itself: %v", data, changes)
			}
		}
	})
}

// TestDeterministic: the same answer each time, in the same order.
func TestDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, fresh := text(t, documents().Draw(t, "old")), text(t, documents().Draw(t, "fresh"))
		first, _ := compat.Compare(compat.JSONSchema, old, fresh)
		for range 3 {
			if again, _ := compat.Compare(compat.JSONSchema, old, fresh); fmt.Sprint(again) != fmt.Sprint(first) {
				t.Fatalf("%s to %s\nfirst %v\nagain %v", old, fresh, first, again)
			}
		}
	})
}

func FuzzCompareJSONSchema(f *testing.F) {
	for _, s := range []string{`{"type": "object", "properties": {"a": {"$ref": "#"}}}`, `{"anyOf": [{"type": "string"}, {"not": {"const": 1}}]}`, `true`, `{"enum": [1, null, {"a": [1.50]}]}`, `{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true}`, `{"$dynamicAnchor": "n", "items": {"$dynamicRef": "#n"}}`} {
		f.Add([]byte(s), []byte(`{"type": "object"}`))
		f.Add([]byte(`{"type": ["string", "null"], "if": {}, "then": false}`), []byte(s))
	}
	f.Fuzz(func(t *testing.T, old, fresh []byte) {
		_, err := compat.Compare(compat.JSONSchema, old, fresh)
		if err != nil {
			return
		}
		if changes, err := compat.Compare(compat.JSONSchema, old, old); err != nil || len(changes) > 0 {
			t.Errorf("%s breaks against itself: %v, %v", old, changes, err)
		}
	})
}
