// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documents are what [decode] may read in a way of its own, and what it must not.
var documents = []string{
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {}}\ndata: {a: \"1\", b: '2', c: |\n  three\n}\n",
	"a: 1\nb: -1\nc: 1.5\nd: 1.0\ne: 1e3\nf: 1e21\ng: -0.0\nh: 0x10\ni: 0o17\nj: 017\nk: 1_000\nl: 9007199254740993.0\nm: 1e400\n",
	"a: 9223372036854775807\nb: 9223372036854775808\nc: 18446744073709551616\nd: -9223372036854775808\n",
	"a: .inf\n", "a: -.inf\n", "a: .nan\n", "a: .5\nb: 5.\nc: +1\nd: 1:30\n",
	"a: yes\nb: no\nc: on\nd: y\ne: ~\nf: null\ng: true\nh: \"true\"\n",
	"1: a\n", "true: a\n", "1.5: a\n", "~: a\n", "1: a\n\"1\": a\n", "[a]: b\n", "{a: b}: c\n", ".inf: a\n",
	"a: 2001-12-14\nb: 2001-12-14t21:59:43.10-05:00\nc: !!timestamp 2001-12-14\n",
	"a: !!binary aGVsbG8=\n", "a: !!binary /w==\n", "!!binary /w==: a\n", "a: !!str 1\nb: !!int \"1\"\nc: !!float 1\nd: !own x\n",
	"a: &a {x: 1}\nb: *a\nc: [*a, *a]\n", "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n", "<<: [{a: 1}, {a: 2}]\n",
	"a: \"\\x00\\xff\\u2028\\ud83d\"\n", "a: \"<&>\"\n", "a: \xff\n", "a: é\n",
	"a: 1\na: 2\n", "a: {b: 1, b: 2}\n", "a: [}\n", "\ta: 1\n", "[]\n", "[1]\n", "text\n", "1\n", "", "# nothing\n", "null\n", "{}\n", "a: []\nb: {}\nc: [{}, [], null]\n",
	"a: {b: {c: {d: [[[[1]]]]}}}\n", "? a\n: b\n", "a: !!set {x, y}\n", "a: !!omap [x: 1]\n", "%YAML 1.1\n---\na: 1\n", "a: 1\n...\nb: 2\n",
}

// FuzzDecode: a document is read as by way of JSON, which is how it is defined, whatever is in it.
func FuzzDecode(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if CheckAliases(doc) != nil {
			return // is never read
		}
		want, wantErr := decodeByJSON(doc)
		got, err := decode(doc)
		if text(err) != text(wantErr) {
			t.Fatalf("%q: error %q, want %q", doc, text(err), text(wantErr))
		}
		if diff := cmp.Diff(want, got); diff != "" && !collides(doc) {
			t.Fatalf("%q (-want +got):\n%s", doc, diff)
		}
	})
}

// collides reports whether two keys of a document become one in JSON, such as 1 and "1": then it is by chance which counts.
func collides(doc []byte) bool {
	first, _ := decodeByJSON(doc)
	for range 20 {
		again, _ := decodeByJSON(doc)
		if !cmp.Equal(first, again) {
			return true
		}
	}
	return false
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestDecodeIsPlain: the documents that there are in practice do not take the long way.
func TestDecodeIsPlain(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  any
		want   any
		same   bool
	}{
		"Object":   {"what most documents are made of", map[any]any{"a": []any{1, "b", true, nil}}, map[string]any{"a": []any{int64(1), "b", true, nil}}, true},
		"Whole":    {"JSON writes a fraction without a rest as a whole number", 1.0, int64(1), true},
		"Fraction": {"a fraction stays one", 1.5, 1.5, true},
		"Huge":     {"a number that JSON writes with an exponent stays a fraction", 1e21, 1e21, true},
		"Infinite": {"JSON has no such number: the error is the library's", math.Inf(1), nil, false},
		"Key":      {"how a number is written as a key is the library's business", map[any]any{1: "a"}, nil, false},
		"Bytes":    {"JSON carries no such text", "\xff", nil, false},
		"Unsigned": {"too large for a whole number of Go's", uint64(math.MaxUint64), nil, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, same := plain(tc.value, 0)
			if diff := cmp.Diff(tc.want, got); same != tc.same || same && diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", tc.reason, same, diff)
			}
		})
	}
}
