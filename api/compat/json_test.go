// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/compat"
)

func lines(changes []compat.Change) []string {
	var out []string
	for _, c := range changes {
		line := string(c.Kind) + " " + c.String()
		if c.Undecided {
			line = "? " + line
		}
		out = append(out, line)
	}
	return out
}

func object(properties, more string) string {
	return `{"type": "object", "properties": {` + properties + `}` + more + `}`
}

func TestJSONSchema(t *testing.T) {
	amount := `"amount": {"type": "number"}`
	tree := `{"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["v"], "properties": {"v": {"type": %s}, "next": {"$ref": "#/$defs/node"}}}}}`
	cases := map[string]struct {
		reason, old, fresh string
		want               []string
	}{
		"Same":             {"nothing changes", object(amount, ""), object(amount, ""), nil},
		"Order":            {"the order of keys is none", `{"type": "string", "minLength": 1}`, `{"minLength": 1, "type": "string"}`, nil},
		"Annotations":      {"annotations say nothing about records", object(amount, ""), object(`"amount": {"type": "number", "title": "t", "description": "d", "examples": [1], "default": 2, "$comment": "c", "deprecated": true}`, `, "title": "x"`), nil},
		"Add":              {"an optional field in an open object", object(amount, ""), object(amount+`, "note": {"type": "string"}`, ""), nil},
		"AddRequired":      {"a field that becomes required is always there", object(amount, ""), object(amount, `, "required": ["amount"]`), nil},
		"AddClosed":        {"a field that the old schema forbids", object(amount, `, "additionalProperties": false`), object(amount+`, "note": {}`, `, "additionalProperties": false`), []string{`field-added note: is new, and the old schema accepts no fields that it does not declare`}},
		"Open":             {"fields that the old schema forbids", object(amount, `, "additionalProperties": false`), object(amount, ""), []string{`fields-opened may now have fields that the old schema does not declare, where it accepts no others`}},
		"Close":            {"fewer fields are fine", object(amount, ""), object(amount, `, "additionalProperties": false`), nil},
		"Unevaluated":      {"the other way to close an object", object(amount, `, "unevaluatedProperties": false`), object(amount, ""), []string{`fields-opened may now have fields that the old schema does not declare, where it accepts no others`}},
		"Remove":           {"an open object may have the field still, as anything", object(amount, ""), object("", ""), []string{`field-removed amount: is no longer declared, so that it may now hold anything`}},
		"RemoveRequired":   {"one line for a required field", object(amount, `, "required": ["amount"]`), object("", ""), []string{`field-removed amount: is removed, but the old schema requires it`}},
		"RemoveClosed":     {"in a closed object it cannot be there any more, which the reader expects", object(amount, ""), object("", `, "additionalProperties": false`), nil},
		"RemoveUndecl":     {"required, not declared: anything", object(amount, `, "required": ["amount"]`), object("", `, "required": ["amount"]`), []string{`field-removed amount: is no longer declared, so that it may now hold anything`}},
		"Optional":         {"a field may be missing", object(amount, `, "required": ["amount"]`), object(amount, ""), []string{`field-optional amount: is no longer required`}},
		"Type":             {"another type", `{"type": "string"}`, `{"type": "integer"}`, []string{`type-changed is now integer and was string`}},
		"Widened":          {"another type as well", `{"type": "string"}`, `{"type": ["string", "integer"]}`, []string{`type-widened may now be integer, where the old schema accepts string only`}},
		"Narrowed":         {"one type less", `{"type": ["string", "integer"]}`, `{"type": "string"}`, nil},
		"Fraction":         {"numbers are more than integers", `{"type": "integer"}`, `{"type": "number"}`, []string{`type-widened may now have a fraction, where the old schema accepts integer only`}},
		"Integer":          {"integers are numbers", `{"type": "number"}`, `{"type": "integer"}`, nil},
		"Nullable":         {"null", object(amount, ""), object(`"amount": {"type": ["number", "null"]}`, ""), []string{`nullable amount: may now be null`}},
		"NullableAnyOf":    {"null by an alternative", `{"type": "string"}`, `{"anyOf": [{"type": "string"}, {"type": "null"}]}`, []string{`nullable may now be null`}},
		"NullableBoth":     {"null by an alternative, on both sides", `{"anyOf": [{"type": "string"}, {"type": "integer"}]}`, `{"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]}`, []string{`nullable may now be null`}},
		"AnyOfForms":       {"two ways to say the same", `{"anyOf": [{"type": "string"}, {"type": "null"}]}`, `{"type": ["string", "null"]}`, nil},
		"AnyOfFewer":       {"an alternative less", `{"anyOf": [{"type": "string"}, {"type": "null"}]}`, `{"anyOf": [{"type": "string"}]}`, nil},
		"AnyOfPart":        {"an alternative that is the only one of its type", `{"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]}`, `{"type": ["string", "null"], "maxLength": 5}`, []string{`limit-loosened may now have up to 5 characters, where the old schema accepts up to 3`}},
		"OneOfReordered":   {"the order of alternatives is none", `{"oneOf": [{"minimum": 3}, {"maximum": 5}]}`, `{"oneOf": [{"maximum": 5}, {"minimum": 3}]}`, nil},
		"OneOfKinds":       {"alternatives told apart by a field", `{"type": "object", "oneOf": [{"required": ["k"], "properties": {"k": {"const": "a"}, "v": {"type": "string"}}}, {"required": ["k"], "properties": {"k": {"const": "b"}, "v": {"type": "integer"}}}]}`, `{"type": "object", "required": ["k"], "properties": {"k": {"const": "b"}, "v": {"type": "integer", "minimum": 0}}}`, nil},
		"OneOfOverlap":     {"alternatives that overlap: exactly one is hard to prove", `{"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 10}]}`, `{"type": "integer", "minimum": 20}`, []string{`? undecidable whether readers can handle each integer as one of the old schema's alternatives cannot be decided`}},
		"Enum":             {"a value more", `{"enum": ["a", "b"]}`, `{"enum": ["b", "a", "c"]}`, []string{`value-added may now be "c", which the old schema does not accept`}},
		"EnumLess":         {"a value less", `{"enum": ["a", "b"]}`, `{"const": "b"}`, nil},
		"EnumOpened":       {"any value", `{"enum": ["a", "b"]}`, `{"type": "string"}`, []string{`values-opened may now be any string, where the old schema accepts "a", "b" only`}},
		"EnumInType":       {"values of a type", `{"type": "string", "pattern": "^[a-z]$"}`, `{"enum": ["a", "b"]}`, nil},
		"EnumNotInType":    {"values that are not of it", `{"type": "string", "maxLength": 3}`, `{"enum": ["abcd", 1, null]}`, []string{`nullable may now be null`, `type-widened may now be 1, where the old schema accepts string`, `value-added may now be "abcd", which the old schema does not accept`}},
		"Boolean":          {"booleans are two values", `{"enum": [true, false]}`, `{"type": "boolean"}`, nil},
		"Minimum":          {"a lower minimum", `{"type": "integer", "minimum": 3}`, `{"type": "integer", "minimum": 2}`, []string{`limit-loosened has a lower minimum of 2, which was 3`}},
		"MinimumGone":      {"no minimum", `{"minimum": 3}`, `{}`, []string{`limit-loosened no longer has the minimum of 3`}},
		"MaximumOpen":      {"the limit itself", `{"exclusiveMaximum": 3}`, `{"maximum": 3}`, []string{`limit-loosened has a higher maximum of 3, which was 3 (excluded)`}},
		"MaximumInteger":   {"integers below 4 are at most 3", `{"type": "integer", "maximum": 3}`, `{"type": "integer", "exclusiveMaximum": 4}`, nil},
		"Multiple":         {"multiples of 6 are multiples of 3", `{"multipleOf": 3}`, `{"multipleOf": 6}`, nil},
		"MultipleNot":      {"not the other way round", `{"multipleOf": 6}`, `{"multipleOf": 3}`, []string{`limit-loosened no longer has to be a multiple of 6`}},
		"Pattern":          {"another pattern", `{"type": "string", "pattern": "^a"}`, `{"type": "string", "pattern": "^ab"}`, []string{`pattern-changed no longer has to match the pattern "^a"`}},
		"Format":           {"no format", `{"type": "string", "format": "date"}`, `{"type": "string"}`, []string{`format-changed no longer has the format "date"`}},
		"FormatUnknown":    {"formats that nobody checks have names", `{"type": "integer", "format": "int32"}`, `{"type": "integer", "format": "int64"}`, []string{`format-changed no longer has the format "int32"`}},
		"FormatNumber":     {"a format of texts means nothing to numbers", `{"format": "date"}`, `{"type": "integer"}`, nil},
		"Length":           {"shorter texts", `{"type": "string", "minLength": 2}`, `{"type": "string"}`, []string{`limit-loosened may now have 0 characters, where the old schema accepts 2 or more`}},
		"Items":            {"items of arrays", object(`"lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "integer"}}}}`, ""), object(`"lines": {"type": "array", "items": {"type": "object", "properties": {"amount": {"type": "number"}}}}`, ""), []string{`type-widened lines[].amount: may now have a fraction, where the old schema accepts integer only`}},
		"Tuple":            {"items by their place, of two drafts", `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "integer"}}`, `{"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}], "items": {"type": "integer"}}`, []string{`type-changed [1]: is now string and was integer`}},
		"MaxItems":         {"more items", `{"type": "array", "maxItems": 2}`, `{"type": "array", "maxItems": 3}`, []string{`limit-loosened may now have up to 3 items, where the old schema accepts up to 2`}},
		"MaxItemsFalse":    {"no items after the first, said in another way", `{"type": "array", "maxItems": 1}`, `{"type": "array", "prefixItems": [{}], "items": false}`, nil},
		"Unique":           {"the same item twice", `{"type": "array", "uniqueItems": true}`, `{"type": "array"}`, []string{`limit-loosened may now have the same item twice`}},
		"Contains":         {"what has to be among the items", `{"type": "array", "contains": {"const": 1}}`, `{"type": "array"}`, []string{`? undecidable whether readers can handle arrays without what the old schema wants them to contain cannot be decided`}},
		"MapValues":        {"fields without names", `{"type": "object", "additionalProperties": {"type": "integer"}}`, `{"type": "object", "additionalProperties": {"type": "string"}}`, []string{`type-changed .*: is now string and was integer`}},
		"Patterns":         {"fields by pattern", `{"type": "object", "patternProperties": {"^x-": {"type": "integer"}}}`, `{"type": "object", "patternProperties": {"^x-": {"type": "string"}}}`, []string{`type-changed .*: is now string and was integer`}},
		"PatternNamed":     {"a named field that the pattern is about", `{"type": "object", "patternProperties": {"^x-": {"type": "integer"}}}`, `{"type": "object", "properties": {"x-a": {"type": "string"}}, "additionalProperties": false}`, []string{`type-changed x-a: is now string and was integer`}},
		"PatternOther":     {"a name may match both patterns", `{"type": "object", "patternProperties": {"^a": {"type": "integer"}}}`, `{"type": "object", "patternProperties": {"b$": {"type": "string"}}, "additionalProperties": {"type": "integer"}}`, []string{`type-widened .*: may now be null or boolean or number with a fraction or string or array or object, where the old schema accepts integer only`}},
		"UnevaluatedAnyOf": {"what an alternative declares is not excluded", `{"type": "object", "additionalProperties": false}`, `{"type": "object", "anyOf": [{"properties": {"x": {}}}], "unevaluatedProperties": false}`, []string{`fields-opened may now have fields that the old schema does not declare, where it accepts no others`}},
		"ContainsOther":    {"another item to contain", `{"type": "array", "contains": {"const": 1}}`, `{"type": "array", "contains": {"const": 2}}`, []string{`? undecidable whether readers can handle arrays without what the old schema wants them to contain cannot be decided`}},
		"ContainsSame":     {"the same, and one more", `{"type": "array", "contains": {"const": 1}}`, `{"type": "array", "contains": {"const": 1, "title": "one"}, "minContains": 2}`, nil},
		"Names":            {"names of fields", `{"type": "object", "propertyNames": {"maxLength": 3}}`, `{"type": "object", "properties": {"abc": {}}, "additionalProperties": false}`, nil},
		"Dependent":        {"a field that asks for another", `{"type": "object", "dependentRequired": {"a": ["b"]}}`, `{"type": "object"}`, []string{`dependency-removed b: is no longer required by "a"`}},
		"DependentMet":     {"which is always there", `{"type": "object", "dependentRequired": {"a": ["b"]}}`, `{"type": "object", "required": ["b"]}`, nil},
		"Ref":              {"references are followed", `{"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}`, `{"$ref": "#/$defs/b", "$defs": {"b": {"$ref": "#/$defs/c"}, "c": {"type": "string", "maxLength": 3}}}`, nil},
		"RefSiblings":      {"in draft 7 what stands beside a reference does not count", `{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "maxLength": 3}`, `{"type": "string"}`, nil},
		"Recursive":        {"a schema that contains itself", fmt.Sprintf(tree, `"number"`), fmt.Sprintf(tree, `"integer"`), nil},
		"RecursiveBreaks":  {"is told once", fmt.Sprintf(tree, `"integer"`), fmt.Sprintf(tree, `"string"`), []string{`type-changed v: is now string and was integer`}},
		"AllOf":            {"what is said in parts", `{"type": "object", "required": ["a", "b"]}`, `{"type": "object", "allOf": [{"required": ["a"]}, {"required": ["b"]}]}`, nil},
		"AllOfOld":         {"each part counts", `{"allOf": [{"required": ["a"]}, {"minProperties": 2}], "type": "object"}`, `{"type": "object", "required": ["a"]}`, []string{`limit-loosened may now have 1 fields, where the old schema accepts 2 or more`}},
		"Not":              {"what is excluded still is", `{"not": {"enum": ["x", "y"]}}`, `{"not": {"enum": ["x", "y", "z"]}}`, nil},
		"NotFewer":         {"cannot be seen", `{"not": {"enum": ["x", "y"]}}`, `{"not": {"const": "x"}}`, []string{`? undecidable whether readers can handle what the old schema excludes by "not" cannot be decided`}},
		"NotType":          {"what is excluded by type", `{"not": {"type": "null"}}`, `{"type": "string"}`, nil},
		"If":               {"both ways are fine", `{"if": {"minimum": 3}, "then": {"type": "number"}, "else": {"type": "integer"}}`, `{"type": "integer"}`, nil},
		"IfNot":            {"cannot be seen", `{"type": "number", "if": {"minimum": 3}, "then": {"multipleOf": 2}}`, `{"type": "integer"}`, []string{`? undecidable whether readers can handle what the old schema accepts by "if" cannot be decided`}},
		"False":            {"nothing is written any more", `{"type": "string"}`, `false`, nil},
		"True":             {"anything is written", `{"type": "string"}`, `true`, []string{`type-widened may now be null or boolean or number or array or object, where the old schema accepts string only`}},
		"Empty":            {"an impossible field cannot break", object(`"a": {"type": "integer"}`, ""), object(`"a": {"type": "string", "enum": [1]}`, ""), nil},
		"Odd":              {"names are quoted where they are not plain", object(`"a.b": {"type": "integer"}`, ""), object(`"a.b": {"type": "string"}`, ""), []string{`type-changed ["a.b"]: is now string and was integer`}},
		"Bool":             {"a schema for no value", object(`"a": false`, ""), object(`"a": {"type": "string"}`, ""), []string{`field-added a: may now be present, where the old schema accepts nothing`}},
		"Dynamic":          {"references that depend on where they stand", `{"$dynamicAnchor": "n", "properties": {"x": {"$dynamicRef": "#n"}}}`, `{"$dynamicAnchor": "n", "properties": {"x": {"$dynamicRef": "#n"}}, "title": "t"}`, []string{`? undecidable x: whether readers can handle what the old schema refers to by "$dynamicRef" or "$recursiveRef" cannot be decided`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			changes, err := compat.Compare(compat.JSONSchema, []byte(tc.old), []byte(tc.fresh))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(changes)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestHostile: schemas come from the repository. Whatever they are, it ends soon, and without a panic.
func TestHostile(t *testing.T) {
	twice := `"d40": {"type": "string"}`
	for i := range 40 {
		twice += fmt.Sprintf(`, "d%d": {"allOf": [{"$ref": "#/$defs/d%d"}, {"$ref": "#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	members := `"a": {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/$defs/a"}}, "minProperties": %d}, {"properties": {"x": {"$ref": "#/$defs/a"}}, "maxProperties": %d}]}`
	var chain, wide, values strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&chain, `"c%d": {"properties": {"x": {"$ref": "#/$defs/c%d"}}}, `, i, i+1)
	}
	for i := range 1000 {
		fmt.Fprintf(&wide, `{"minimum": %d}, `, i)
		fmt.Fprintf(&values, `"v%d", `, i)
	}
	ref := func(at, defs string) string { return `{"$ref": "#/$defs/` + at + `", "$defs": {` + defs + `}}` }
	cases := map[string]struct{ reason, old, fresh, want string }{
		"Twice":      {"references that multiply", ref("d0", twice), ref("d0", twice+`, "more": {}`), "[]"},
		"Members":    {"the same along fields", ref("a", fmt.Sprintf(members, 1, 9)), ref("a", fmt.Sprintf(members, 0, 8)), "cannot be decided"},
		"Chain":      {"a long way down", ref("c0", chain.String()+`"c3000": {"type": "string"}`), ref("c0", chain.String()+`"c3000": {}`), "too many steps, or they are nested too deeply"},
		"Wide":       {"many alternatives", `{"anyOf": [` + wide.String() + `{"type": "null"}]}`, `{"oneOf": [` + wide.String() + `{"type": "boolean"}]}`, "[]"},
		"Values":     {"many values", `{"enum": [` + values.String() + `0]}`, `{"enum": [` + values.String() + `1]}`, "may now be 1"},
		"Self":       {"a cycle", `{"$ref": "#"}`, `{}`, "the old schema: the schema refers to itself endlessly"},
		"SelfAnyOf":  {"a cycle by an alternative", `{}`, `{"anyOf": [{"type": "null"}, {"$ref": "#"}]}`, "the new schema: the schema refers to itself endlessly"},
		"Number":     {"a short number of many digits", `{"minimum": 1e999999}`, `{}`, `the old schema: the number "1e999999" has more than 300 digits`},
		"Digits":     {"a long number", `{"minimum": ` + strings.Repeat("9", 5000) + `}`, `{}`, "has more than 300 digits"},
		"Parts":      {"many parts", `{"anyOf": [` + strings.Repeat("{}, ", 20000) + `{}]}`, `{}`, "the old schema: the schema has more than 20000 parts"},
		"Remote":     {"a reference to elsewhere", `{}`, `{"$ref": "https://example.com/s"}`, `the new schema: the schema is not valid: "https://example.com/s": a schema may refer to its own parts only`},
		"Large":      {"size", `{}`, `{"title": "` + strings.Repeat("x", compat.MaxBytes) + `"}`, "the limit is 4194304"},
		"Deep":       {"nesting", strings.Repeat(`{"not": `, 5000) + `{}` + strings.Repeat(`}`, 5000), `{}`, "nested deeper than 100 levels"},
		"NotJSON":    {"text", `type: string`, `{}`, "the old schema: the schema is not JSON"},
		"Pattern":    {"an expression that is none", `{"pattern": "("}`, `{}`, "the old schema: the schema is not valid"},
		"LongName":   {"names are cut", object(`"`+strings.Repeat("n", 5000)+`": {"type": "string"}`, ""), `{"type": "object"}`, "nnn\"]: is no longer declared"},
		"LongFormat": {"and so are values", `{"format": "` + strings.Repeat("f", 5000) + `"}`, `{}`, "no longer has the format \"ffff"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			changes, err := compat.Compare(compat.JSONSchema, []byte(tc.old), []byte(tc.fresh))
			got := fmt.Sprint(changes)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tc.want) || len(got) > 20000 || strings.Contains(got, "\n") {
				t.Errorf("%s\nwant %s\ngot  %.500s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	_, err := compat.Compare("protobuf", nil, nil)
	if want := `schemas of the format "protobuf" cannot be compared; want one of: avro, json-schema`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
