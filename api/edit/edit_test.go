// SPDX-License-Identifier: Apache-2.0

package edit_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/edit"
)

func path(steps ...any) []any { return steps }

func set(value any, steps ...any) edit.Change { return edit.Change{Path: steps, Value: value} }

func remove(steps ...any) edit.Change { return edit.Change{Path: steps, Remove: true} }

// long is a list that is too long for one line, and lines what is written of it.
func long() []any {
	out := make([]any, 7)
	for i := range out {
		out[i] = "item-of-a-long-list"
	}
	return out
}

func lines(indent string) string {
	return strings.TrimSuffix(strings.Repeat(indent+"- item-of-a-long-list\n", 7), "\n")
}

// TestApply shows whole files before and after, by the way in which they are written.
func TestApply(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, in string
		document   int
		changes    []edit.Change
		want       string
	}{
		"Plain":         {"The comment behind it stays.", "a: 1\nb: old   # why\nc: 3\n", 0, []edit.Change{set("new", "b")}, "a: 1\nb: new   # why\nc: 3\n"},
		"Single":        {"Quotes stay what they are.", "b: 'it''s'\n", 0, []edit.Change{set("that's", "b")}, "b: 'that''s'\n"},
		"Double":        {"An escaped quote does not end it.", `b: "a\"b" # c` + "\n", 0, []edit.Change{set("x", "b")}, `b: "x" # c` + "\n"},
		"NeedsQuotes":   {"A text that would be a number.", "b: x\n", 0, []edit.Change{set("1.0", "b")}, "b: \"1.0\"\n"},
		"OldBoolean":    {"A text that older parsers take for a boolean.", "b: x\n", 0, []edit.Change{set("on", "b")}, "b: \"on\"\n"},
		"Digest":        {"An image needs no quotes.", "b: x\n", 0, []edit.Change{set("ghcr.io/acme/orders@sha256:01", "b")}, "b: ghcr.io/acme/orders@sha256:01\n"},
		"ColonEnd":      {"A colon at the end would be a key.", "b: x\n", 0, []edit.Change{set("a:", "b")}, "b: \"a:\"\n"},
		"Hash":          {"What would be a comment.", "b: x\n", 0, []edit.Change{set("a #b", "b")}, "b: \"a #b\"\n"},
		"Breaks":        {"Lines in one text.", "b: x\n", 0, []edit.Change{set("a\nb\u2028", "b")}, `b: "a\nb\u2028"` + "\n"},
		"Number":        {"Another type.", "b: x\n", 0, []edit.Change{set(3, "b")}, "b: 3\n"},
		"Literal":       {"The whole block is the value, and the blank line behind it is not.", "b: |\n  one\n\n  two\n\n# next\nc: 1\n", 0, []edit.Change{set("new", "b")}, "b: new\n\n# next\nc: 1\n"},
		"LiteralEnd":    {"A file may end with it, without a break.", "a: 1\nb: >-\n  one\n  two", 0, []edit.Change{set("new", "b")}, "a: 1\nb: new"},
		"Folded":        {"A plain text over several lines.", "b: one\n  two\n\n  three # c\nc: 1\n", 0, []edit.Change{set("new", "b")}, "b: new # c\nc: 1\n"},
		"Flow":          {"Nothing around it moves.", "a: { b: x ,c: [1,2], }  # d\n", 0, []edit.Change{set("new", "a", "b")}, "a: { b: new ,c: [1,2], }  # d\n"},
		"FlowAdd":       {"The key is the last one.", "a: {b: x} # d\n", 0, []edit.Change{set("v", "a", "c")}, "a: {b: x, c: v} # d\n"},
		"FlowComma":     {"After a comma at the end.", "a: {b: x,}\n", 0, []edit.Change{set("v", "a", "c")}, "a: {b: x, c: v}\n"},
		"FlowLines":     {"A comment behind the last key.", "a: {\n  b: x # why\n}\n", 0, []edit.Change{set("v", "a", "c")}, "a: {\n  b: x, c: v # why\n}\n"},
		"Empty":         {"An empty mapping.", "a: {} # d\n", 0, []edit.Change{set("v", "a", "c")}, "a: {c: v} # d\n"},
		"Null":          {"A key with nothing behind it.", "a: # d\nb: 1\n", 0, []edit.Change{set("v", "a", "c")}, "a: {c: v} # d\nb: 1\n"},
		"Tilde":         {"A null that is written.", "a: ~ # d\n", 0, []edit.Change{set("v", "a", "c")}, "a: {c: v} # d\n"},
		"Add":           {"With the indentation of its siblings, behind the comment of the last.", "a:\n    b: 1 # c\n\n# next\nz: 1\n", 0, []edit.Change{set("v", "a", "c")}, "a:\n    b: 1 # c\n    c: v\n\n# next\nz: 1\n"},
		"AddNested":     {"What is above it is made.", "a:\n  b: 1\n", 0, []edit.Change{set(2, "a", "w", "x", "params", "k")}, "a:\n  b: 1\n  w:\n    x:\n      params:\n        k: 2\n"},
		"AddLast":       {"The last line has no break, and gets none.", "a:\n  b: 1", 0, []edit.Change{set("v", "a", "c")}, "a:\n  b: 1\n  c: v"},
		"AddInList":     {"The first key of an item stands behind a dash.", "w:\n  - name: x\n  - name: y\n", 0, []edit.Change{set("i", "w", 0, "image")}, "w:\n  - name: x\n    image: i\n  - name: y\n"},
		"AfterLiteral":  {"The last value is a block.", "a:\n  b: |\n    text\n\nz: 1\n", 0, []edit.Change{set("v", "a", "c")}, "a:\n  b: |\n    text\n  c: v\n\nz: 1\n"},
		"AfterKeep":     {"Blank lines are part of a block that keeps them.", "a:\n  b: |+\n    text\n\nz: 1\n", 0, []edit.Change{set("v", "a", "c")}, "a:\n  b: |+\n    text\n\n  c: v\nz: 1\n"},
		"Windows":       {"Lines end as they did.", "a:\r\n  b: x # c\r\n", 0, []edit.Change{set("v", "a", "b"), set("z", "a", "c")}, "a:\r\n  b: v # c\r\n  c: z\r\n"},
		"Lines":         {"A long list has a line for each item.", "a:\n  b: [x] # c\n  d: 1\n", 0, []edit.Change{set(long(), "a", "b")}, "a:\n  b:\n" + lines("    ") + " # c\n  d: 1\n"},
		"LinesAgain":    {"It keeps its indentation.", "a:\n  b:\n  - x\n  - y\n  d: 1\n", 0, []edit.Change{set(long(), "a", "b")}, "a:\n  b:\n" + lines("  ") + "\n  d: 1\n"},
		"LinesMapping":  {"It takes the place of a mapping.", "a:\n  b:\n     x: y\n  d: 1\n", 0, []edit.Change{set(long(), "a", "b")}, "a:\n  b:\n" + lines("     ") + "\n  d: 1\n"},
		"LinesAdd":      {"So does one that was not there.", "a:\n  d: 1 # c\n", 0, []edit.Change{set(long(), "a", "b")}, "a:\n  d: 1 # c\n  b:\n" + lines("    ") + "\n"},
		"LinesFlow":     {"Within braces there are no lines.", "a: {b: [x], d: 1}\n", 0, []edit.Change{set(long(), "a", "b")}, "a: {b: [" + strings.Repeat("item-of-a-long-list, ", 6) + "item-of-a-long-list], d: 1}\n"},
		"LinesShort":    {"A short list comes back into one.", "a:\n  b:\n    - x\n  d: 1\n", 0, []edit.Change{set([]any{"z"}, "a", "b")}, "a:\n  b: [z]\n  d: 1\n"},
		"Mark":          {"A byte order mark.", "\xef\xbb\xbfa: x\nb: v\n", 0, []edit.Change{set("z", "a")}, "\xef\xbb\xbfa: z\nb: v\n"},
		"Documents":     {"Only the one that is meant.", "# one\na: x\n---\n# two\na: x\n...\n---\na: x\n", 1, []edit.Change{set("v", "a")}, "# one\na: x\n---\n# two\na: v\n...\n---\na: x\n"},
		"Alias":         {"What stood for something else stands for itself.", "a: &i x\nb: *i # c\n", 0, []edit.Change{set("v", "b")}, "a: &i x\nb: v # c\n"},
		"LonelyAnchor":  {"An anchor that nobody uses stays.", "a: &i x # c\n", 0, []edit.Change{set("v", "a")}, "a: &i v # c\n"},
		"MergeKey":      {"What a merge key brings is replaced in this place only.", "c: &c {image: x}\na:\n  <<: *c\n", 0, []edit.Change{set("v", "a", "image")}, "c: &c {image: x}\na:\n  <<: *c\n  image: v\n"},
		"Unicode":       {"Columns count characters.", "a: {ключ: значение, b: x}\n", 0, []edit.Change{set("ü", "a", "b")}, "a: {ключ: значение, b: \"ü\"}\n"},
		"OddBreak":      {"A line separator in a comment is a line.", "# one\u2028# two\na: x\n", 0, []edit.Change{set("v", "a")}, "# one\u2028# two\na: v\n"},
		"JSON":          {"JSON is YAML.", "{\"a\": {\"b\": \"x\"}, \"c\": 1}\n", 0, []edit.Change{set("v", "a", "b")}, "{\"a\": {\"b\": \"v\"}, \"c\": 1}\n"},
		"Mapping":       {"A mapping for a mapping.", "a:\n  b: 1\nc: 2 # d\n", 0, []edit.Change{set(map[string]any{"x": 1, "w": []any{"q", true}}, "a")}, "a: {w: [q, true], x: 1}\nc: 2 # d\n"},
		"Remove":        {"The comment above it stays.", "a: 1\n# why\nb: 2 \nc: 3\n", 0, []edit.Change{remove("b")}, "a: 1\n# why\nc: 3\n"},
		"RemoveLast":    {"The last line had no break.", "a: 1\nb: 2", 0, []edit.Change{remove("b")}, "a: 1"},
		"RemoveFlow":    {"With its comma.", "a: {b: 1, c: 2, d: 3}\n", 0, []edit.Change{remove("a", "b"), remove("a", "d")}, "a: {c: 2}\n"},
		"RemoveOnly":    {"The mapping stays one.", "a:\n  b: 1\nc: 2\n", 0, []edit.Change{remove("a", "b")}, "a: {}\nc: 2\n"},
		"RemoveNothing": {"It is not there.", "a: {b: 1}\n", 0, []edit.Change{remove("a", "x", "y")}, "a: {b: 1}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit.Apply([]byte(tc.in), tc.document, tc.changes...)
			if err != nil {
				t.Fatalf("%s %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestRefused shows what is not edited, and what people read of it.
func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		in     string
		change edit.Change
		want   string
	}{
		"Twice":         {"a:\n  b: 1\n  b: 2\n", set(3, "a", "b"), "cannot change a.b: line 3: the key \"b\" is there twice; remove one of them"},
		"Shared":        {"a: &i x\nb: *i\n", set("v", "a"), "cannot change a: line 1: line 2 uses &i too, and would change with it; write it out there"},
		"SharedAbove":   {"a: &i {b: x}\nc: {<<: *i}\n", set("v", "a", "b"), "cannot change a.b: line 1: line 2 uses &i too, and would change with it; write it out there"},
		"ThroughAlias":  {"a: &i {b: x}\nc: *i\n", set("v", "c", "b"), "cannot change c.b: line 2: what is there stands for *i; write it out"},
		"Scalar":        {"a: text\n", set("v", "a", "b"), "cannot change a.b: line 1: \"b\" is no key of it, since it is no mapping"},
		"Index":         {"a: [x]\n", set("v", "a", 1), "cannot change a[1]: line 1: there is no list with an item number 2"},
		"Tag":           {"a: !!str x\n", set("v", "a"), "cannot change a: line 1: it has the tag !!str; remove the tag"},
		"LostComment":   {"a:\n  # why\n  b: 1\n", set(1, "a"), "cannot change a: a comment above it would be lost; change it by hand"},
		"LostWithin":    {"a:\n  b: 1 # why\n  c: 2\n", set(1, "a"), "cannot change a: line 2: comments in it would be lost; change it by hand"},
		"LostHeader":    {"a: | # why\n  text\n", set(1, "a"), "cannot change a: line 1: comments in it would be lost; change it by hand"},
		"Syntax":        {"a: [\n", set(1, "a"), "cannot change a: not valid YAML: yaml: line 1: did not find expected node content"},
		"NoDocument":    {"", set(1, "a"), "cannot change a: the file has no document number 1"},
		"Empty":         {"# only this\n", set(1, "a"), "cannot change a: the file has no document number 1"},
		"UTF16":         {"\xff\xfea\x00", set(1, "a"), "cannot change a: the file is not in UTF-8"},
		"NotUTF8":       {"a: x\n", set("\xff", "a"), "cannot change a: the text is not in UTF-8"},
		"Unwritable":    {"a: x\n", set(struct{}{}, "a"), "cannot change a: a struct {} is no value of YAML"},
		"RemoveMerged":  {"a: {b: 1}\n", remove(), "cannot change : a whole document is not changed in place"},
		"RemoveBesides": {"- a: 1\n  b: 2\n", remove(0, "a"), "cannot change [0].a: line 1: it shares its line with something else; remove it by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit.Apply([]byte(tc.in), 0, tc.change)
			if err == nil {
				t.Fatalf("it was changed to %q", got)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// written are texts of values, as people write them in a line or in several; the last part of each is what may follow it.
var written = []string{
	"x", "'it''s'", `"a\"b # c"`, "|\n      block\n\n      more", ">-\n      folded\n        deeper\n      text", "one\n      two", "{a: 1, b: [2, '}']}",
	"[1, \"]\", {c: d}]", "~", "\n      k: v\n      l: {m: n}", "1.5", "*shared", "&own x", "http://a.b/c#d", "a'b\"c",
}

// TestEverythingElseStays puts a value between texts that are known: they are there afterwards, byte for byte, and what is
// decoded is what was there, with the one value that was wanted.
func TestEverythingElseStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newline := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")
		value := rapid.SampledFrom(written).Draw(t, "written")
		comment := rapid.SampledFrom([]string{"", " # why: 'this'", "\t# {", "   "}).Draw(t, "comment")
		if strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">") {
			comment = "" // it would be text
		}
		indented := strings.Repeat(" ", rapid.IntRange(1, 5).Draw(t, "indent"))
		gap := strings.Repeat(" ", rapid.IntRange(1, 3).Draw(t, "gap"))
		if strings.HasPrefix(value, "\n") {
			gap = ""
		}
		before := "# héad: {[\n---\nbase: &shared {q: \"z\"} # one\nlist:\n- 'a'\n-   b   # two\nspec:\n" + indented + "'first' :  |+\n" + indented + "  text\n\n" + indented + "target:" + gap
		after := comment + "\n" + indented + "# foot\n" + indented + "last: [ 1,2 ]\n\n...\n---\nother:   document\n"
		before, value, after = strings.ReplaceAll(before, "\n", newline), strings.ReplaceAll(value, "\n", newline), strings.ReplaceAll(after, "\n", newline)
		in := before + value + after
		wanted := rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Int(), func(n int) any { return n }),
			rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.String()), func(m map[string]string) any {
				out := map[string]any{}
				for k, v := range m {
					out[k] = v
				}
				return out
			}),
			rapid.Map(rapid.SliceOfN(rapid.String(), 0, 40), func(list []string) any {
				out := []any{}
				for _, v := range list {
					out = append(out, v)
				}
				return out
			}),
		).Draw(t, "wanted")
		got, err := edit.Apply([]byte(in), 0, set(wanted, "spec", "target"))
		if err != nil {
			t.Fatalf("%v\n%s", err, in)
		}
		if !bytes.HasPrefix(got, []byte(strings.TrimRight(before, " "))) || !bytes.HasSuffix(got, []byte(after)) {
			t.Fatalf("something else changed:\n%q\n%q", in, got)
		}
		want := decoded(t, []byte(in))
		want[0].(map[string]any)["spec"].(map[string]any)["target"] = wanted
		if diff := cmp.Diff(want, decoded(t, got)); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, got)
		}
		if again, err := edit.Apply(got, 0, set(wanted, "spec", "target")); err != nil || !bytes.Equal(got, again) {
			t.Fatalf("the same change again is another one: %v\n%s", err, again)
		}
	})
}

func decoded(t interface{ Fatalf(string, ...any) }, data []byte) (docs []any) {
	parser := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var v any
		if err := parser.Decode(&v); err != nil {
			if err.Error() != "EOF" {
				t.Fatalf("%v:\n%s", err, data)
			}
			return docs
		}
		docs = append(docs, v)
	}
}

// FuzzApply edits what nobody writes: either it is refused, or nothing but the value is another.
func FuzzApply(f *testing.F) {
	for _, value := range written {
		f.Add([]byte("base: &shared 1\nspec:\n    target: "+value+" # c\n    z: 1\n"), "new", false)
	}
	f.Add([]byte("spec: {target: x, y: 1}\n"), "a: b", true)
	f.Add([]byte("? spec\n: ? target\n  : - x\n"), "", false)
	f.Fuzz(func(t *testing.T, data []byte, value string, gone bool) {
		c := edit.Change{Path: path("spec", "target"), Value: value, Remove: gone}
		got, err := edit.Apply(data, 0, c)
		if err != nil {
			return
		}
		var was, is map[string]any
		if yaml.Unmarshal(data, &was) != nil {
			return // it parses, and does not decode: keys of other types
		}
		if err := yaml.Unmarshal(got, &is); err != nil {
			t.Fatalf("%v\n%q\n%q", err, data, got)
		}
		spec, _ := is["spec"].(map[string]any)
		if v := spec["target"]; !gone && v != value {
			t.Fatalf("the value is %v\n%q\n%q", v, data, got)
		}
		strip := func(m map[string]any) map[string]any {
			out := maps.Clone(m)
			if s, ok := out["spec"].(map[string]any); ok || out["spec"] == nil {
				s = maps.Clone(s)
				delete(s, "target")
				delete(out, "spec")
				if len(s) > 0 {
					out["spec"] = s
				}
			}
			return out
		}
		if a, b := fmt.Sprint(strip(was)), fmt.Sprint(strip(is)); a != b {
			t.Fatalf("something else is another:\n%s\n%s\n%q\n%q", a, b, data, got)
		}
	})
}
