// SPDX-License-Identifier: Apache-2.0

package schema_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/schema"
)

type obj = map[string]any

func TestCheck(t *testing.T) {
	parameters := obj{
		"type": "object", "additionalProperties": false, "required": []any{"name"},
		"properties": obj{
			"name": obj{"type": "string", "pattern": "^[a-z]+$"}, "count": obj{"type": "integer", "minimum": 1},
			"mode": obj{"enum": []any{"fast", "slow"}},
			"list": obj{"type": "array", "items": obj{"type": "object", "additionalProperties": false, "properties": obj{"key": obj{"type": "string"}}}},
			"size": obj{"anyOf": []any{obj{"type": "string"}, obj{"type": "integer"}}},
		},
	}
	cases := map[string]struct {
		reason     string
		parameters obj
		params     obj
		want       []string
	}{
		"Valid":      {"nothing to say", parameters, obj{"name": "a", "count": 2, "list": []any{obj{"key": "k"}}, "size": 3}, nil},
		"Type":       {"a wrong type names both", parameters, obj{"name": 3}, []string{`name: expected a text, got a number`}},
		"Missing":    {"a missing key is named", parameters, nil, []string{`missing "name"`}},
		"Unknown":    {"a key that is nearly right gets the right one", parameters, obj{"name": "a", "cuont": 1}, []string{`cuont: additional property "cuont" is not allowed; did you mean "count"?`}},
		"Far":        {"another gets the list", parameters, obj{"name": "a", "zzzzzzzz": 1}, []string{`zzzzzzzz: additional property "zzzzzzzz" is not allowed; want one of: count, list, mode, name, size`}},
		"Nested":     {"the hint is of the place", parameters, obj{"name": "a", "list": []any{obj{}, obj{"kye": "k"}}}, []string{`list[1].kye: additional property "kye" is not allowed; did you mean "key"?`}},
		"Enum":       {"an enumeration suggests", parameters, obj{"name": "a", "mode": "fats"}, []string{`mode: "fats" is not a valid value; did you mean "fast"?`}},
		"AnyOf":      {"alternatives are summed up", parameters, obj{"name": "a", "size": true}, []string{`size: matches none of the allowed forms: want string or integer`}},
		"Several":    {"all is told, ordered by place", parameters, obj{"name": "A", "count": 0}, []string{`count: must be at least 1, got 0`, `name: "A" does not match the pattern ^[a-z]+$`}},
		"Default":    {"a pattern is for programs, and a default for people", obj{"type": "object", "properties": obj{"s": obj{"type": "string", "pattern": "^[0-9]+Gi$", "default": "10Gi"}}}, obj{"s": "10g"}, []string{`s: "10g" does not match the pattern ^[0-9]+Gi$; write it like "10Gi"`}},
		"Described":  {"so is what describes it", obj{"type": "object", "properties": obj{"s": obj{"type": "string", "pattern": "^[a-z]+$", "description": "The name of a base."}}}, obj{"s": "A"}, []string{`s: "A" does not match the pattern ^[a-z]+$; The name of a base`}},
		"Fraction":   {"a bound is written as people do, and not as 1/20", obj{"type": "object", "properties": obj{"f": obj{"type": "number", "minimum": 0.05}}}, obj{"f": -1.5}, []string{`f: must be at least 0.05, got -1.5`}},
		"None":       {"without parameters none are taken", nil, obj{"a": 1}, []string{`a: additional property "a" is not allowed; none is allowed here`}},
		"NoneNil":    {"and none is fine", nil, nil, nil},
		"Reserved":   {"one global value is Trunkline's", obj{"type": "object"}, obj{"global": obj{"trunkline": obj{}}}, []string{`global.trunkline: is the name of Trunkline's own values; choose another`}},
		"Global":     {"a chart shares other values with its subcharts", obj{"type": "object"}, obj{"global": obj{"registry": "x"}}, nil},
		"GlobalText": {"global values are a mapping", obj{"type": "object"}, obj{"global": "x"}, []string{`global: is not a mapping: it has the values that a chart shares with its subcharts`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			problems, err := schema.Check(tc.parameters, tc.params)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestHostileSchemas: a schema comes from the repository. Whatever it is, it ends soon and with an error.
func TestHostileSchemas(t *testing.T) {
	deep := any(obj{})
	for range 200 {
		deep = obj{"not": deep}
	}
	// Each definition has the next one twice: a few hundred bytes, a million million checks.
	twice := obj{"d40": obj{"type": "string"}}
	for i := range 40 {
		ref := obj{"$ref": fmt.Sprintf("#/$defs/d%d", i+1)}
		twice[fmt.Sprintf("d%d", i)] = obj{"allOf": []any{ref, ref}}
	}
	member := obj{"a": obj{"allOf": []any{obj{"properties": obj{"x": obj{"$ref": "#/$defs/a"}}}, obj{"properties": obj{"x": obj{"$ref": "#/$defs/a"}}}}}}
	nested := any(1)
	for range 60 {
		nested = obj{"x": nested}
	}
	cases := map[string]struct {
		reason string
		schema obj
		params obj
		want   string
	}{
		"Self":       {"a reference to itself (Helm CVE-2025-32387)", obj{"$ref": "#"}, nil, "the schema refers to itself endlessly"},
		"Cycle":      {"two that refer to each other", obj{"$ref": "#/$defs/a", "$defs": obj{"a": obj{"$ref": "#/$defs/b"}, "b": obj{"$ref": "#/$defs/a"}}}, nil, "the schema refers to itself endlessly"},
		"Twice":      {"references that multiply", obj{"$ref": "#/$defs/d0", "$defs": twice}, nil, "checking against the schema takes more than 500000 steps: its references multiply"},
		"NotTwice":   {"the same where the validator only asks yes or no", obj{"not": obj{"$ref": "#/$defs/d0"}, "$defs": twice}, nil, "checking against the schema takes more than 500000 steps: its references multiply"},
		"Members":    {"the same along a nested value", obj{"$ref": "#/$defs/a", "$defs": member}, nested.(obj), "checking against the schema takes more than 500000 steps: its references multiply"},
		"Dynamic":    {"references that are only known at run time", obj{"$dynamicAnchor": "n", "properties": obj{"x": obj{"$dynamicRef": "#n"}}}, obj{"x": obj{}}, "the schema uses $dynamicRef or $recursiveRef, which are not supported; use $ref"},
		"Remote":     {"a reference to the network", obj{"$ref": "https://example.com/s.json"}, nil, `the schema is not valid: "https://example.com/s.json": a schema may refer to its own parts only, as in "#/$defs/name"`},
		"Disk":       {"a reference to the disk", obj{"$ref": "file:///etc/passwd"}, nil, `the schema is not valid: "file:///etc/passwd": a schema may refer to its own parts only, as in "#/$defs/name"`},
		"Relative":   {"a reference to a file beside it", obj{"$ref": "other.json"}, nil, `the schema is not valid: "trunkline:///other.json": a schema may refer to its own parts only, as in "#/$defs/name"`},
		"Base":       {"the same by a base of its own", obj{"$id": "file:///etc/", "$ref": "passwd"}, nil, `a schema may refer to its own parts only`},
		"MetaSchema": {"a language of its own", obj{"$schema": "https://example.com/meta"}, nil, `a schema may refer to its own parts only`},
		"Dangling":   {"a reference to a part that is not there", obj{"$ref": "#/$defs/none"}, nil, "the schema is not valid: "},
		"Deep":       {"nesting that would take the stack", obj{"not": deep}, nil, "the schema is nested deeper than 100 levels"},
		"Large":      {"size", obj{"description": strings.Repeat("x", schema.MaxBytes)}, nil, "the limit is 4194304"},
		"Number":     {"numbers that are short to write and fill the memory", obj{"maximum": json.Number("1e999999")}, nil, `the number "1e999999" has more than 300 digits`},
		"Small":      {"the same behind the point", obj{"multipleOf": json.Number("1e-999999")}, nil, `the number "1e-999999" has more than 300 digits`},
		"Parts":      {"parts, which the compiler compares with each other", obj{"allOf": slices.Repeat([]any{obj{}}, 40_000)}, nil, "the schema has more than 20000 parts"},
		"Keyword":    {"a keyword of the wrong type", obj{"type": 3}, nil, "the schema is not valid: at /type: "},
		"Pattern":    {"an expression that is none", obj{"properties": obj{"a": obj{"pattern": "("}}}, nil, "the schema is not valid: at /properties/a/pattern: "},
		"NotJSON":    {"what YAML can say and JSON cannot", obj{"default": func() {}}, nil, "the schema is not JSON: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			problems, err := schema.Check(tc.schema, tc.params)
			got := fmt.Sprint(problems, err)
			if !strings.Contains(got, tc.want) {
				t.Errorf("%s\nwant %s\ngot  %s", tc.reason, tc.want, got)
			}
			if strings.Contains(got, "\n") {
				t.Errorf("%s: more than one line: %s", tc.reason, got)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: took %s", tc.reason, took)
			}
		})
	}
}

// TestSharedSchema is for the race detector.
func TestSharedSchema(t *testing.T) {
	s, err := schema.Params(obj{"type": "object", "properties": obj{"a": obj{"type": "string"}}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := s.Check(obj{"a": 1}); len(got) != 1 {
				t.Errorf("got %v, want one problem", got)
			}
		})
	}
	wg.Wait()
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"type": "object"}`, `{"a": 1}`)
	f.Add(`{"$ref": "#"}`, `1`)
	f.Fuzz(func(_ *testing.T, text, value string) {
		if s, err := schema.CompileJSON([]byte(text)); err == nil {
			s.Check(value)
		}
	})
}
