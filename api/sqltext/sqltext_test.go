// SPDX-License-Identifier: Apache-2.0

package sqltext_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/sqltext"
)

// TestOne: what is in quotes and comments is neither a parameter nor the end of a statement.
func TestOne(t *testing.T) {
	for _, tc := range []struct {
		reason, sql, want string
		names             []string
	}{
		{"plain", "SELECT 1", "SELECT 1", nil},
		{"a semicolon at the end", " SELECT 1 ; \n-- that is all\n", "SELECT 1", nil},
		{"several semicolons", "SELECT 1;;", "SELECT 1", nil},
		{"parameters by number", "SELECT :start, :end, :start", "SELECT $1, $2, $1", []string{"start", "end"}},
		{"at the end of an operator", "a>=:start AND b<:end", "a>=$1 AND b<$2", []string{"start", "end"}},
		{"casts", "SELECT :start::date, x::text", "SELECT $1::date, x::text", []string{"start"}},
		{"arguments by name", "SELECT f(a := 1)", "SELECT f(a := 1)", nil},
		{"slices of numbers", "SELECT a[1:2]", "SELECT a[1:2]", nil},
		{"texts", "SELECT ':start;' || 'it''s :end'", "SELECT ':start;' || 'it''s :end'", nil},
		{"a backslash of a plain text", `SELECT '\', :end`, `SELECT '\', $1`, []string{"end"}},
		{"a backslash of an escaped text", `SELECT E'\':start', :end`, `SELECT E'\':start', $1`, []string{"end"}},
		{"names", `SELECT ":start;"`, `SELECT ":start;"`, nil},
		{"quotes of dollars", "SELECT $$:start;$$, $a$ $b$ ; $a$", "SELECT $$:start;$$, $a$ $b$ ; $a$", nil},
		{"a dollar in a name", "SELECT a$b$, :end", "SELECT a$b$, $1", []string{"end"}},
		{"comments", "SELECT 1 -- :start; it's\n, :end /* ; /* ' */ :x */", "SELECT 1 -- :start; it's\n, $1 /* ; /* ' */ :x */", []string{"end"}},
	} {
		s, err := sqltext.One(tc.sql)
		if err != nil {
			t.Errorf("%s: %v", tc.reason, err)
			continue
		}
		if diff := cmp.Diff(tc.want, s.Numbered()) + cmp.Diff(tc.names, s.Parameters()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
	}
}

func TestOneRefuses(t *testing.T) {
	for sql, want := range map[string]string{
		"":                        "it has no statement",
		" -- nothing\n/* */":      "it has no statement",
		";":                       "it has a semicolon, and no statement before it",
		"SELECT 1; SELECT 2":      "it has several statements",
		"SELECT 1; DROP TABLE a;": "it has several statements",
		"SELECT 'a":               "a text that begins with ' does not end",
		`SELECT "a`:               `a text that begins with " does not end`,
		"SELECT $x$ a $y$":        "the text that begins with $x$ does not end",
		"SELECT 1 /* /* */":       "a comment that begins with /* does not end",
		"SELECT \x00":             "it has a character that no SQL has",
	} {
		if _, err := sqltext.One(sql); err == nil || err.Error() != want {
			t.Errorf("%q: the error is %v, want %s", sql, err, want)
		}
	}
}

// FuzzOne: whatever the text is, it is read to its end, and what has no parameters stays as it is.
func FuzzOne(f *testing.F) {
	for _, sql := range []string{"SELECT :a", "E'\\''", "$a$ $a$", "/*/**/*/x", "a::b", "'", "-", "$", ":"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s, err := sqltext.One(sql)
		if err != nil {
			return
		}
		again, err := sqltext.One(s.Numbered())
		if err != nil || len(again.Parameters()) > 0 {
			t.Fatalf("%q becomes %q: %v, %q", sql, s.Numbered(), err, again.Parameters())
		}
		if len(s.Parameters()) == 0 && !strings.Contains(sql, s.Numbered()) {
			t.Fatalf("%q becomes %q", sql, s.Numbered())
		}
	})
}
