// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/internal/manifest"
)

func TestSplit(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   []string
	}{
		"One":      {"no separator, one document", "a: 1\n", []string{"a: 1\n"}},
		"Two":      {"dashes on a line of their own", "a: 1\n---\nb: 2", []string{"a: 1\n", "\nb: 2"}},
		"Comment":  {"a comment behind the dashes", "--- # first\na: 1\n", []string{"", " # first\na: 1\n"}},
		"Content":  {"content behind the dashes is kept", "--- {a: 1}\n", []string{"", " {a: 1}\n"}},
		"Indented": {"dashes inside a text are text", "a: |\n  ---\n  b\n", []string{"a: |\n  ---\n  b\n"}},
		"Longer":   {"more dashes are a value", "----\n", []string{"----\n"}},
		"Windows":  {"lines that end in CR LF", "a: 1\r\n---\r\nb: 2\r\n", []string{"a: 1\r\n", "\r\nb: 2\r\n"}},
		"AtTheEnd": {"dashes at the very end", "a: 1\n---", []string{"a: 1\n", ""}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, doc := range manifest.Split([]byte(tc.text)) {
				got = append(got, string(doc.Text))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// bomb is YAML that a few lines of aliases make n levels of ten times more each.
func bomb(n int, leaf string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a0: &a0 %q\n", leaf)
	for i := range n {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	return b.String()
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   string
	}{
		"Empty":     {"comments and empty documents are nothing", "# nothing\n---\n\n---\nnull\n---\n{}\n", ""},
		"Anchors":   {"honest aliases are taken", "a: &a {x: 1}\nb: *a\n", ""},
		"Bomb":      {"nested aliases (Argo CVE-2022-31016)", bomb(9, "lol"), "f: line 7: the aliases expand to more than 4 MiB"},
		"LongLeaf":  {"few aliases of a long text", bomb(3, strings.Repeat("x", 100_000)), "f: line 3: the aliases expand to more than 4 MiB"},
		"Itself":    {"an anchor that contains itself", "a: &a [*a]\n", "f: line 1: the anchor contains itself"},
		"Scalar":    {"a document that is not a mapping", "hello\n", "f: a document that is not an object"},
		"Line":      {"lines are counted from the top of the file", "a: 1\n---\nb: 1\nb: 2\n", `f: line 4: key "b" already set in map`},
		"Large":     {"what is larger than all that may come out", strings.Repeat("#", manifest.MaxBytes+1), "f: more than 16 MiB"},
		"DeepLists": {"nesting that would take the stack", strings.Repeat("[", 50_000), "f: exceeded max depth of 10000"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Parse("f", []byte(tc.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestMergedKeys: a key that is merged from an anchor may be set beside it, and one that is set twice may not.
func TestMergedKeys(t *testing.T) {
	for text, twice := range map[string]bool{
		"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n":       false,
		"x: &x {a: 1}\ny: &y {a: 2}\nz: {<<: [*x, *y]}": false,
		"x: &x {a: 1}\ny: {<<: *x, b: 3, b: 4}\n":       true,
		"x: {y: [{a: 1, a: 2}]}\n":                      true,
	} {
		if _, err := manifest.Parse("f", []byte(text)); (err != nil) != twice {
			t.Errorf("%q: %v", text, err)
		}
	}
}
