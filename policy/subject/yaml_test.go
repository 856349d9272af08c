// SPDX-License-Identifier: Apache-2.0

package subject_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

func TestParseYAML(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	merges := "m0: &m0 {k: v}\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
		merges += fmt.Sprintf("m%d: &m%d {<<: [%s*m%d]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*m%d, ", i), 9), i)
	}
	cases := map[string]struct {
		reason string
		data   string
		want   []any
		fails  string
	}{
		"Values": {
			"values are those of JSON", "i: 1\nf: 0.5\nb: true\nn: null\nd: 2026-01-01\ns: '1'\nbig: 18446744073709551615\nnan: .nan\non: yes\n",
			[]any{map[string]any{
				"i": int64(1), "f": 0.5, "b": true, "n": nil, "d": "2026-01-01", "s": "1", "big": 18446744073709551615.0, "nan": ".nan", "on": "yes",
			}},
			"",
		},
		"Documents":  {"empty ones are passed over", "---\n---\na: 1\n---\n[2]\n", []any{map[string]any{"a": int64(1)}, []any{int64(2)}}, ""},
		"Merge":      {"what is said wins over what is merged", "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n", []any{map[string]any{"a": map[string]any{"x": int64(1), "y": int64(2)}, "b": map[string]any{"x": int64(3), "y": int64(2)}}}, ""},
		"JSON":       {"JSON is YAML", `{"a": [1, {"b": "c"}]}`, []any{map[string]any{"a": []any{int64(1), map[string]any{"b": "c"}}}}, ""},
		"Twice":      {"one of the two would be lost", "a: 1\nb: 2\na: 3\n", nil, `p.yaml:3:1: error: the key "a" is duplicated`},
		"Syntax":     {"the line is where every problem has it", "a: 1\nb: [\n", nil, `p.yaml:2:4: error: not valid YAML: the bracket [ that opens here is not closed`},
		"Key":        {"a key is a text", "? [a]\n: b\n", nil, `p.yaml:1:3: error: a key must be a plain text`},
		"Bomb":       {"aliases count each time", bomb, nil, "error: the file has more than 100000 values once its aliases are expanded"},
		"MergeBomb":  {"merges count each time", merges, nil, "once its merges are expanded"},
		"Deep":       {"the recursion is as deep as the file", strings.Repeat("[", 70) + strings.Repeat("]", 70), nil, "nested deeper than 64 levels"},
		"Large":      {"a file has a size", strings.Repeat("x", subject.MaxFileBytes+1), nil, "at most 1048576 bytes"},
		"SelfAlias":  {"a value that holds itself has no end", "a: &a [*a]\n", nil, "p.yaml"},
		"MergeValue": {"only mappings are merged", "a: {<<: 3}\n", nil, "p.yaml:1:9: error: what is merged must be a mapping"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			docs, problem := subject.ParseYAML("p.yaml", []byte(tc.data))
			var got []any
			for _, d := range docs {
				got = append(got, d.Value)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			text := ""
			if problem != nil {
				text = problem.String()
			}
			if !strings.Contains(text, tc.fails) || (tc.fails == "") != (problem == nil) {
				t.Errorf("%s:\ngot  %s\nwant %s", tc.reason, text, tc.fails)
			}
		})
	}
}

func TestDocumentPosition(t *testing.T) {
	docs, _ := subject.ParseYAML("p.yaml", []byte("# a comment\nkind: X\n---\nkind: Y\nspec:\n  list:\n    - name: a\n    - name: b\n"))
	got := []v1alpha1.Position{docs[1].Position(), docs[1].Position("spec", "list", 1, "name"), docs[1].Position("spec", "nothing", "below")}
	want := []v1alpha1.Position{{File: "p.yaml", Line: 4, Column: 1}, {File: "p.yaml", Line: 8, Column: 13}, {File: "p.yaml", Line: 6, Column: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a field that is missing has the place above it (-want +got):\n%s", diff)
	}
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte("a: &a [1]\nb: *a\n<<: {c: d}\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		docs, _ := subject.ParseYAML("p.yaml", data)
		for _, d := range docs {
			d.Position("a", 0, "b")
		}
	})
}
