// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestToken(t *testing.T) {
	cases := map[string]struct {
		reason string
		// line has a bar before the first character of the token.
		line, want string
		program    bool
	}{
		"Key":                 {"A key ends at its colon.", "  |owner: team-orders", "owner", false},
		"KeyAlone":            {"A key may end the line.", "|spec:", "spec", false},
		"KeyWithSpace":        {"What is before the colon is the key, without the space.", "|my key : x", "my key", false},
		"Value":               {"A plain value goes to the end of the line.", "note: |hello, my world", "hello, my world", false},
		"Comment":             {"A comment is no part of the value.", "owner: |a#b # who", "a#b", false},
		"URL":                 {"A colon inside of a word ends nothing.", "path: |s3://bucket:80/x", "s3://bucket:80/x", false},
		"Apostrophe":          {"An apostrophe opens nothing.", "{a: it's, b: |c}", "c", false},
		"Double":              {"A quoted text ends at its quote.", `a: |"x \" y: z", b`, `"x \" y: z"`, false},
		"Single":              {"In single quotes, two of them are one.", `a: |'it''s, so' # x`, `'it''s, so'`, false},
		"Unclosed":            {"A quote that is not closed goes to the end.", `a: |"one two  `, `"one two`, false},
		"InList":              {"In brackets a comma ends the value.", "[dev, |prd, x]", "prd", false},
		"LastInList":          {"In brackets the bracket ends it.", "a: [dev, |prd]", "prd", false},
		"KeyInMap":            {"A key in brackets ends at its colon.", "- {a: x, |b: y}", "b", false},
		"ValueInMap":          {"A value in brackets ends at the bracket.", "writes: {main: |clean@2}", "clean@2", false},
		"JSON":                {"A key of JSON is a quoted text.", `{"a":1,|"b":2}`, `"b"`, false},
		"NumberOfJSON":        {"A number of JSON ends at the comma.", `{"a":|17,"b":2}`, `17`, false},
		"BehindQuotedBracket": {"A bracket in quotes opens nothing.", `a: "[" |b, c`, "b, c", false},
		"LaterLineOfMap":      {"A comma at the end is not of the value: the bracket is on an earlier line.", "  raw: |raw@1,", "raw@1", false},
		"TwoOnLaterLine":      {"A key behind a comma says so too.", "  raw: |raw@1, fx: y", "raw@1", false},
		"Map":                 {"A map in brackets is one token.", "- |{name: x, y: [1, 2], z: \"}\"} # z", `{name: x, y: [1, 2], z: "}"}`, false},
		"OpenMap":             {"A map that goes on is its bracket.", "a: |{name: x,", "{", false},
		"Alias":               {"An alias is its name.", "a: |*base # x", "*base", false},
		"Block":               {"A text in several lines is its sign.", "a: |>- # x", ">-", false},
		"Item":                {"An item of a list is its dash.", "  |- - x", "-", false},
		"Negative":            {"A number below zero is no item.", "a: |-1", "-1", false},
		"Option":              {"Nor is an option of a command.", "[|--size, x]", "--size", false},
		"Space":               {"A space is no token.", "a:| b", "", false},
		"End":                 {"Nor is the end of the line.", "a: b|", "", false},
		"Wide":                {"Characters count, not bytes.", "名: |東京 # x", "東京", false},
		"Name":                {"In a program a name ends where it does.", "x = |task_1(id)", "task_1", true},
		"Text":                {"In a program a text ends at its quote.", `DAG(|'it\'s', x)`, `'it\'s'`, true},
		"Operator":            {"In a program anything else is one character.", "a |>> b", ">", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before, after, _ := strings.Cut(tc.line, "|")
			l, at := []rune(before+after), len([]rune(before))
			if diff := cmp.Diff(tc.want, string(l[at:token(l, at, !tc.program)])); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func FuzzToken(f *testing.F) {
	f.Add(`a: {b: "c", 'd''`, 4, true)
	f.Add("[[[[[", 0, true)
	f.Add("\t東京東京東京東京東京東京東京東京東京東京東京東京", 8, false)
	f.Fuzz(func(t *testing.T, text string, at int, yaml bool) {
		l := []rune(text)
		at = max(0, min(at, len(l)))
		if end := token(l, at, yaml); end < at || end > len(l) {
			t.Errorf("the token of %q at %d ends at %d", text, at, end)
		}
		for _, room := range []int{narrow, 40} {
			s := cutLine(l, at, token(l, at, yaml), room)
			if n := cells(s.text); n > room || s.from < 0 || s.to < s.from || s.to > n+1 {
				t.Errorf("%q at %d does not fit %d columns: %+v, %d columns", text, at, room, s, n)
			}
		}
	})
}

// TestLinesAreThoseOfTheParser: lines and columns are counted as the parser counts them, which the places come from.
func TestLinesAreThoseOfTheParser(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "\uFEFF"}).Draw(t, "mark")
		for i := range rapid.IntRange(1, 6).Draw(t, "keys") {
			if i == 0 && rapid.Bool().Draw(t, "first") {
				text += "kéa: 東京"
				continue
			}
			text += rapid.SampledFrom([]string{"", "# é\u00a0x", "# \U0001F69A "}).Draw(t, "before")
			text += rapid.SampledFrom([]string{"\n", "\r\n", "\r", "\u0085", "\u2028", "\u2029", "\n\n"}).Draw(t, "break")
			text += "ké" + string(rune('a'+i)) + ": 東京"
		}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for i, n := range doc.Content[0].Content {
			q := quotes{}
			q.read("x.yaml", []byte(text), map[int]bool{n.Line: true})
			l := q[line{"x.yaml", n.Line}]
			from := min(n.Column-1, len(l))
			if got := string(l[from:token(l, from, true)]); got != n.Value {
				t.Fatalf("%q: node %d at %d:%d is %q, and quoted is %q", text, i, n.Line, n.Column, n.Value, got)
			}
		}
	})
}

func TestLinesOfPrograms(t *testing.T) {
	q := quotes{}
	q.read("x.py", []byte("a\r\nb\u2028c\rd\ne"), map[int]bool{1: true, 2: true, 3: true, 4: true})
	want := quotes{{"x.py", 1}: []rune("a"), {"x.py", 2}: []rune("b\u2028c\rd"), {"x.py", 3}: []rune("e")}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Errorf("only LF ends a line of a program, with or without CR\n-want +got:\n%s", diff)
	}
}

// TestSecretsAreNotQuoted: a line that holds what is secret by its form is not shown, whatever is wrong with it.
func TestSecretsAreNotQuoted(t *testing.T) {
	q := quotes{}
	q.read("x.yaml", []byte(`a: s3://lake/orders/
b: {manifests: "s3://key:hunter2@lake/", more: 1}
c: "AKIAIOSFODNN7EXAMPLE"
d: postgres://app:***@db/orders
`), map[int]bool{1: true, 2: true, 3: true, 4: true})
	want := quotes{{"x.yaml", 1}: []rune("a: s3://lake/orders/"), {"x.yaml", 4}: []rune("d: postgres://app:***@db/orders")}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCutLine(t *testing.T) {
	cases := map[string]struct {
		reason, line string
		from, to     int
		want         snippet
	}{
		"Fits":      {"A line that fits is whole.", "owner: x", 7, 8, snippet{"owner: x", 7, 8}},
		"Tab":       {"A tab is four columns.", "\ta: x", 1, 2, snippet{"    a: x", 4, 5}},
		"Wide":      {"Some characters take two.", "東京: x", 4, 5, snippet{"東京: x", 6, 7}},
		"Combining": {"Some take none.", "e\u0301: x", 4, 5, snippet{"e\u0301: x", 3, 4}},
		"Start":     {"At the start of a long line its end is left out.", "abcdefghijklmnopqrstuvwxyz", 0, 3, snippet{"abcdefghijklmnopqrs…", 0, 3}},
		"Middle":    {"In the middle both are.", strings.Repeat("x", 50) + "abc" + strings.Repeat("y", 50), 50, 53, snippet{"…xxxxxxabcyyyyyyyyy…", 7, 10}},
		"End":       {"At the end its start is.", "abcdefghijklmnopqrstuvwxyz", 24, 26, snippet{"…hijklmnopqrstuvwxyz", 18, 20}},
		"Behind":    {"A column behind the end is the end.", "abc", 9, 9, snippet{"abc", 3, 3}},
		"Long":      {"A token that is longer than the room is cut.", strings.Repeat("x", 99), 0, 99, snippet{strings.Repeat("x", 19) + "…", 0, 20}},
		"LongWide":  {"A long line of them fits too.", strings.Repeat("東", 30), 0, 1, snippet{strings.Repeat("東", 9) + "…", 0, 2}},
		"WideEnd":   {"So does its end.", strings.Repeat("東", 30), 29, 30, snippet{"…" + strings.Repeat("東", 9), 17, 19}},
		"Control":   {"What cannot be printed is seen to be there.", "a\x1bb\u202ec", 2, 3, snippet{"a\uFFFDb\uFFFDc", 2, 3}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := cutLine([]rune(tc.line), tc.from, tc.to, narrow)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(snippet{})); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
