// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/compat"
)

func record(fields string) string {
	return `{"type": "record", "name": "Order", "namespace": "acme", "fields": [` + fields + `]}`
}

func TestAvro(t *testing.T) {
	id := `{"name": "id", "type": "long"}`
	amount := func(t string) string { return record(id + `, {"name": "amount", "type": ` + t + `}`) }
	decimal := func(p, s int) string {
		return amount(fmt.Sprintf(`{"type": "bytes", "logicalType": "decimal", "precision": %d, "scale": %d}`, p, s))
	}
	logical := func(base, name string) string {
		return amount(fmt.Sprintf(`{"type": %q, "logicalType": %q}`, base, name))
	}
	enum := func(symbols, more string) string {
		return amount(`{"type": "enum", "name": "Kind", "symbols": [` + symbols + `]` + more + `}`)
	}
	tree := func(t string) string {
		return `{"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}, {"name": "v", "type": ` + t + `}]}`
	}
	cases := map[string]struct {
		reason, old, fresh string
		want               []string
	}{
		"Same":            {"nothing changes", amount(`"int"`), amount(`"int"`), nil},
		"Doc":             {"documentation says nothing about records", record(id), `{"type": "record", "name": "Order", "namespace": "acme", "doc": "d", "owner": "x", "fields": [{"name": "id", "type": "long", "doc": "d", "order": "ignore"}]}`, nil},
		"Add":             {"readers ignore fields that they do not know", record(id), amount(`"int"`), nil},
		"Remove":          {"a field that the reader needs", amount(`"int"`), record(id), []string{`field-removed amount: is no longer written, and has no default in the old schema`}},
		"RemoveDefault":   {"or has a default for", record(id + `, {"name": "amount", "type": "int", "default": 0}`), record(id), nil},
		"NewDefault":      {"the default of the new schema is of no use to readers of the old", amount(`"int"`), record(id), []string{`field-removed amount: is no longer written, and has no default in the old schema`}},
		"Reorder":         {"fields are found by name", record(id + `, {"name": "a", "type": "int"}`), record(`{"name": "a", "type": "int"}, ` + id), nil},
		"Rename":          {"the reader has no alias", amount(`"int"`), record(id + `, {"name": "total", "type": "int", "aliases": ["amount"]}`), []string{`field-removed amount: is no longer written, and has no default in the old schema`}},
		"Alias":           {"the reader has one", record(id + `, {"name": "amount", "type": "int", "aliases": ["total"]}`), record(id + `, {"name": "total", "type": "int"}`), nil},
		"Promote":         {"what is written is narrower than what is read", amount(`"long"`), amount(`"int"`), nil},
		"Demote":          {"and not wider", amount(`"int"`), amount(`"long"`), []string{`type-changed amount: is now long and was int`}},
		"Bytes":           {"texts and bytes are read as each other", amount(`"string"`), amount(`"bytes"`), nil},
		"Type":            {"another type", amount(`"string"`), amount(`"int"`), []string{`type-changed amount: is now int and was string`}},
		"Nullable":        {"null", amount(`"string"`), amount(`["null", "string"]`), []string{`nullable amount: may now be null`}},
		"NotNullable":     {"no null", amount(`["null", "string"]`), amount(`"string"`), nil},
		"Union":           {"a branch more", amount(`["null", "string"]`), amount(`["null", "string", "boolean"]`), []string{`type-widened amount: may now be boolean, where the old schema accepts null or string`}},
		"UnionPromote":    {"a branch that is read as another", amount(`["null", "double"]`), amount(`["null", "int", "float"]`), nil},
		"UnionRecord":     {"within the branch that is meant", amount(`["null", {"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "int"}]}]`), amount(`["null", {"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "string"}]}]`), []string{`type-changed amount.cents: is now string and was int`}},
		"Array":           {"items", amount(`{"type": "array", "items": "int"}`), amount(`{"type": "array", "items": "string"}`), []string{`type-changed amount[]: is now string and was int`}},
		"Map":             {"values", amount(`{"type": "map", "values": "int"}`), amount(`{"type": "map", "values": "string"}`), []string{`type-changed amount.*: is now string and was int`}},
		"Enum":            {"a symbol more", enum(`"A", "B"`, ""), enum(`"A", "B", "C"`, ""), []string{`value-added amount: may now be "C", which the old schema does not have`}},
		"EnumLess":        {"a symbol less", enum(`"A", "B"`, ""), enum(`"B"`, ""), nil},
		"EnumDefault":     {"the reader has one for symbols that it does not know", enum(`"A", "B"`, `, "default": "A"`), enum(`"A", "B", "C"`, ""), nil},
		"EnumNewDefault":  {"the writer's is of no use", enum(`"A", "B"`, ""), enum(`"A", "B", "C"`, `, "default": "A"`), []string{`value-added amount: may now be "C", which the old schema does not have`}},
		"Fixed":           {"another size", amount(`{"type": "fixed", "name": "Hash", "size": 16}`), amount(`{"type": "fixed", "name": "Hash", "size": 32}`), []string{`type-changed amount: now has 32 bytes and had 16`}},
		"Name":            {"another name of a type", `{"type": "fixed", "name": "Hash", "size": 16}`, `{"type": "fixed", "name": "Sum", "size": 16}`, []string{`name-changed is now the type fixed "Sum" and was fixed "Hash", which has no such alias`}},
		"NameAlias":       {"that the reader knows", `{"type": "fixed", "name": "Hash", "aliases": ["Sum"], "size": 16}`, `{"type": "fixed", "name": "Sum", "size": 16}`, nil},
		"Namespace":       {"the last part of a name counts", `{"type": "fixed", "name": "a.Hash", "size": 16}`, `{"type": "fixed", "name": "b.Hash", "size": 16}`, nil},
		"Precision":       {"decimals match if precision and scale do", decimal(10, 2), decimal(12, 2), []string{`logical-type-changed amount: is now decimal(12, 2) and was decimal(10, 2)`}},
		"Scale":           {"or all amounts are a hundred times as much", decimal(10, 2), decimal(10, 4), []string{`logical-type-changed amount: is now decimal(10, 4) and was decimal(10, 2)`}},
		"DecimalGone":     {"plain bytes", decimal(10, 2), amount(`"bytes"`), []string{`logical-type-changed amount: is no longer decimal(10, 2)`}},
		"DecimalBad":      {"a decimal that the library does not take for one", decimal(2, 10), decimal(3, 10), []string{`logical-type-changed amount: is now decimal(3, 10) and was decimal(2, 10)`}},
		"Unit":            {"another unit of time", logical("long", "timestamp-millis"), logical("long", "timestamp-micros"), []string{`logical-type-changed amount: is now timestamp-micros and was timestamp-millis`}},
		"UnitUnknown":     {"that the library does not know", logical("long", "timestamp-millis"), logical("long", "timestamp-nanos"), []string{`logical-type-changed amount: is now timestamp-nanos and was timestamp-millis`}},
		"LogicalAdded":    {"the reader takes the plain value", amount(`"long"`), logical("long", "timestamp-millis"), nil},
		"LogicalUnion":    {"within a union", amount(`["null", {"type": "long", "logicalType": "timestamp-millis"}]`), amount(`["null", {"type": "long", "logicalType": "timestamp-micros"}]`), []string{`logical-type-changed amount: is now timestamp-micros and was timestamp-millis`}},
		"Recursive":       {"a record that contains itself", tree(`"long"`), tree(`"int"`), nil},
		"RecursiveBreaks": {"is told once", tree(`"int"`), tree(`"long"`), []string{`type-changed v: is now long and was int`}},
		"Reference":       {"types that are named before", record(`{"name": "a", "type": {"type": "fixed", "name": "H", "size": 4}}, {"name": "b", "type": "H"}`), record(`{"name": "b", "type": {"type": "fixed", "name": "H", "size": 4}}, {"name": "a", "type": "H"}`), nil},
		"Primitive":       {"a schema without a record", `"string"`, `"int"`, []string{`type-changed is now int and was string`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			changes, err := compat.Compare(compat.Avro, []byte(tc.old), []byte(tc.fresh))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(changes)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestHostileAvro(t *testing.T) {
	// Each record has the one before twice, by default: what the defaults stand for doubles each time.
	doubling := `{"name": "f0", "type": {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "int", "default": 1}]}}`
	for i := range 30 {
		doubling += fmt.Sprintf(`, {"name": "f%d", "type": {"type": "record", "name": "R%d", "fields": [{"name": "a", "type": "R%d", "default": {}}, {"name": "b", "type": "R%d", "default": {}}]}}`, i+1, i+1, i, i)
	}
	var fixed, union, maps strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&fixed, `{"name": "f%d", "type": "H", "default": ""}, `, i)
		fmt.Fprintf(&union, `{"type": "record", "name": "U%d", "fields": []}, `, i)
		fmt.Fprintf(&maps, `{"name": "f%d", "type": {"type": "map", "values": "int"}, "default": {}}, `, i)
	}
	last := `{"name": "last", "type": "int"}`
	deep := strings.Repeat(`{"type": "array", "items": `, 200) + `"int"` + strings.Repeat("}", 200)
	cases := map[string]struct{ reason, old, fresh, want string }{
		"Doubling":  {"defaults that multiply", record(doubling), `"int"`, "the old schema: the defaults hold more than 16 records"},
		"Itself":    {"a record whose default is itself", record(`{"name": "a", "type": "Order", "default": {}}`), `"int"`, "the old schema: the schema cannot be read"},
		"Fixed":     {"defaults that are long", record(`{"name": "h", "type": {"type": "fixed", "name": "H", "size": 1000000000}}, ` + fixed.String() + last), `"int"`, "the old schema: the defaults of fixed values have more than 67108864 bytes"},
		"FixedBig":  {"a size alone takes nothing", `{"type": "fixed", "name": "H", "size": 1000000000}`, `{"type": "fixed", "name": "H", "size": 1000000001}`, "now has 1000000001 bytes"},
		"Maps":      {"empty maps stand for nothing", record(maps.String() + last), record(maps.String() + last), "[]"},
		"Union":     {"many branches", `[` + union.String() + `"int"]`, `[` + union.String() + `"long"]`, "too many steps"},
		"Deep":      {"nesting", `"int"`, deep, "the new schema: the schema is nested deeper than 100 levels"},
		"Many":      {"many values", `"int"`, `["int"` + strings.Repeat(`, "int"`, 40000) + `]`, "the new schema: the schema has more than 30000 values"},
		"Large":     {"size", `"` + strings.Repeat("x", compat.MaxBytes) + `"`, `"int"`, "the limit is 4194304"},
		"NotJSON":   {"text", `record Order {}`, `"int"`, "the old schema: the schema is not JSON"},
		"Bare":      {"a word", `int`, `"int"`, "the old schema: the schema is not JSON"},
		"Twice":     {"two documents", `"int" "int"`, `"int"`, "the old schema: the schema is not JSON: there is extra data after it"},
		"Unknown":   {"a type that there is not", `"int"`, `"Nothing"`, "the new schema: the schema is not valid: \"avro: unknown type: Nothing\""},
		"LongError": {"texts are cut", `"int"`, `"` + strings.Repeat("y", 100000) + `"`, "the new schema: the schema is not valid: \"avro: unknown type: yyy"},
		"Empty":     {"nothing", ``, ``, "the old schema: the schema is not JSON"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			changes, err := compat.Compare(compat.Avro, []byte(tc.old), []byte(tc.fresh))
			got := fmt.Sprint(changes)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tc.want) || len(got) > 2000 || strings.Contains(got, "\n") {
				t.Errorf("%s\nwant %s\ngot  %.500s", tc.reason, tc.want, got)
			}
		})
	}
}

// avroSchemas draws a schema without recursion; each name is used once.
func avroSchemas(t *rapid.T, depth int, names *int) any {
	primitive := []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 || kind < 4 {
		return rapid.SampledFrom(primitive).Draw(t, "primitive")
	}
	*names++
	name := fmt.Sprintf("N%d", *names)
	switch kind {
	case 4:
		return obj{"type": "array", "items": avroSchemas(t, depth-1, names)}
	case 5:
		return obj{"type": "map", "values": avroSchemas(t, depth-1, names)}
	case 6:
		e := obj{"type": "enum", "name": name, "symbols": rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"A", "B", "C"}), 1, 3, func(s string) string { return s }).Draw(t, "symbols")}
		if rapid.Bool().Draw(t, "default") {
			e["default"] = e["symbols"].([]string)[0]
		}
		return e
	case 7:
		return obj{"type": "fixed", "name": name, "size": rapid.IntRange(1, 3).Draw(t, "size")}
	case 8:
		var union []any
		for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom(primitive), 0, 3, func(s string) string { return s }).Draw(t, "branches") {
			union = append(union, p)
		}
		return append(union, avroRecord(t, name, depth-1, names))
	}
	return avroRecord(t, name, depth-1, names)
}

func avroRecord(t *rapid.T, name string, depth int, names *int) any {
	var fields []any
	for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, func(s string) string { return s }).Draw(t, "fields") {
		field := obj{"name": f, "type": avroSchemas(t, depth, names)}
		if field["type"] == "int" && rapid.Bool().Draw(t, "default") {
			field["default"] = 1
		}
		if rapid.IntRange(0, 4).Draw(t, "aliased") == 0 {
			field["aliases"] = []string{rapid.SampledFrom([]string{"d", "e"}).Draw(t, "alias")}
		}
		fields = append(fields, field)
	}
	return obj{"type": "record", "name": name, "fields": fields}
}

// avroChanged draws a schema that is nearly another.
func avroChanged(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := obj{}
		for _, k := range sorted(v) {
			out[k] = avroChanged(t, v[k])
			if n, ok := v[k].(string); ok && k == "name" && len(n) == 1 && rapid.IntRange(0, 9).Draw(t, "rename") == 0 {
				out[k] = "d"
			}
		}
		return out
	case []any:
		var out []any
		for _, e := range v {
			if len(v) < 2 || rapid.IntRange(0, 9).Draw(t, "drop") > 0 {
				out = append(out, avroChanged(t, e))
			}
		}
		return out
	case string:
		if rapid.IntRange(0, 9).Draw(t, "retype") == 0 {
			switch v {
			case "int", "long", "float":
				return rapid.SampledFrom([]string{"int", "long", "double", "string"}).Draw(t, "type")
			case "string":
				return "bytes"
			case "C":
				return "D"
			}
		}
	}
	return v
}

// TestAvroLibrary holds the comparison to the library's: where there are no logical types and no recursion, they agree.
func TestAvroLibrary(t *testing.T) {
	agreed, broken, unseen := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		names := 0
		old := text(t, avroSchemas(t, 3, &names))
		var raw any
		if err := json.Unmarshal(old, &raw); err != nil {
			t.Fatal(err)
		}
		fresh := text(t, avroChanged(t, raw))
		parse := func(data []byte) avro.Schema {
			s, err := avro.ParseBytesWithCache(data, "", &avro.SchemaCache{})
			if err != nil {
				return nil
			}
			return s
		}
		reader, writer := parse(old), parse(fresh)
		if reader == nil || writer == nil {
			return
		}
		changes, err := compat.Compare(compat.Avro, old, fresh)
		if err != nil {
			t.Fatal(err)
		}
		want := avro.NewSchemaCompatibility().Compatible(reader, writer)
		if (want == nil) != (len(changes) == 0) {
			t.Fatalf("found %v, the library says %v\nold %s\nnew %s", changes, want, old, fresh)
		}
		if again, err := compat.Compare(compat.Avro, old, old); err != nil || len(again) > 0 {
			t.Fatalf("%s breaks against itself: %v, %v", old, again, err)
		}
		// Where two fields have an alias in common, the specification does not say which of them is meant.
		if agreed++; len(changes) > 0 && !compat.Breaking(changes) {
			unseen++
		}
		if want != nil {
			broken++
		}
	})
	t.Logf("%d agreed, %d of them breaking, %d seen by the library only", agreed, broken, unseen)
	if unseen*20 > agreed {
		t.Errorf("%d of %d are seen by the library only", unseen, agreed)
	}
}

func FuzzCompareAvro(f *testing.F) {
	for _, s := range []string{record(`{"name": "a", "type": ["null", "Order"], "default": null}`), `{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}`, `{"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 3}`, `["int", {"type": "map", "values": "string"}]`, `"bytes"`} {
		f.Add([]byte(s), []byte(record(`{"name": "a", "type": "int"}`)))
		f.Add([]byte(`{"type": "array", "items": "long"}`), []byte(s))
	}
	f.Fuzz(func(t *testing.T, old, fresh []byte) {
		if _, err := compat.Compare(compat.Avro, old, fresh); err != nil {
			return
		}
		if changes, err := compat.Compare(compat.Avro, old, old); err != nil || len(changes) > 0 {
			t.Errorf("%s breaks against itself: %v, %v", old, changes, err)
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	var properties, fields strings.Builder
	for i := range 100 {
		fmt.Fprintf(&properties, `"f%d": {"type": ["string", "null"], "maxLength": %d}, `, i, i)
		fmt.Fprintf(&fields, `{"name": "f%d", "type": ["null", "string"], "default": null}, `, i)
	}
	js := object(properties.String()+`"last": {"type": "integer"}`, `, "required": ["f1", "f2"]`)
	av := record(fields.String() + `{"name": "last", "type": "int"}`)
	for name, s := range map[compat.Format]string{compat.JSONSchema: js, compat.Avro: av} {
		changed := strings.Replace(s, `"f7"`, `"f777"`, 1)
		b.Run(string(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compat.Compare(name, []byte(s), []byte(changed)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
