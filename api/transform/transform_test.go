// SPDX-License-Identifier: Apache-2.0

package transform_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/transform"
)

type object = map[string]any

// TestCheck is what is refused without DuckDB, and where.
func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		params object
		path   []any
		want   string
	}{
		{nil, nil, ""},
		{object{"sql": "FROM orders SELECT day; -- that is all"}, nil, ""},
		{object{"sql": "WITH a AS (SELECT ';') SELECT * FROM a"}, nil, ""},
		{object{"sql": " \n"}, []any{"sql"}, "the SQL is not one statement: it has no statement"},
		{object{"sql": "-- later"}, []any{"sql"}, "the SQL is not one statement: it has no statement"},
		{object{"sql": "SELECT 1; SELECT 2"}, []any{"sql"}, "the SQL is not one statement: it has several statements"},
		{object{"sql": "SELECT 'it's'"}, []any{"sql"}, "the SQL is not one statement: a text that begins with ' does not end"},
		{object{"sql": "/* x */ copy orders TO 'x'"}, []any{"sql"}, "the SQL is COPY, and selects nothing"},
		{object{"input": object{"format": "text", "pattern": "("}}, []any{"input", "pattern"}, "\"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"},
		{object{"input": object{"format": "text", "pattern": `(?P<a>\d+) (.*)`}}, []any{"input", "pattern"}, "each of its groups is a column and needs a name, and there has to be one"},
		{object{"input": object{"format": "text", "pattern": `x`}}, []any{"input", "pattern"}, "each of its groups is a column and needs a name, and there has to be one"},
		{object{"input": object{"format": "text", "pattern": `(?<a>x)`}}, []any{"input", "pattern"}, "a group is named by (?P<name>…)"},
		{object{"input": object{"format": "text", "pattern": `\(?<(?P<a>x)`}}, nil, ""},
		{object{"input": object{"format": "csv", "pattern": `(?P<a>x)`}}, []any{"input", "pattern"}, "the lines of a csv are not read by a pattern"},
		{object{"inputs": object{"r": object{"pattern": `(?P<a>x)`}}, "input": object{"format": "text"}}, nil, ""},
		{object{"inputs": object{"r": object{"pattern": `(?P<a>x)`}}}, []any{"inputs", "r", "pattern"}, "the lines of a parquet are not read by a pattern"},
		{object{"input": object{"format": "csv", "header": false}}, []any{"input", "header"}, "without a header nothing names the columns"},
		{object{"input": object{"format": "csv", "header": false, "columns": object{"a": "INT"}}}, nil, ""},
		{object{"input": object{"header": false}, "inputs": object{"r": object{"format": "tsv"}}}, []any{"inputs", "r", "format"}, "without a header nothing names the columns"},
		{object{"input": object{"header": false}, "inputs": object{"r": object{"format": "json"}}}, nil, ""},
		{object{"input": object{"includes": []any{"a", "**.csv"}}}, []any{"input", "includes", 1}, `the pattern "**.csv" has ** in "**.csv", where it would be one *: write * within a part, and ** as a whole part, as in "**/*.csv"`},
		{object{"inputs": object{"r": object{"excludes": []any{"/a"}}}}, []any{"inputs", "r", "excludes", 0}, `the pattern "/a" begins with /, and no path does`},
		{object{"output": object{"compression": "snappy"}}, nil, ""},
		{object{"output": object{"format": "csv", "compression": "snappy"}}, []any{"output", "compression"}, "a csv is not compressed by snappy, which only Parquet knows"},
		{object{"output": object{"format": "json", "compression": "gzip"}}, nil, ""},
		{object{"output": object{"delimiter": ";"}}, []any{"output", "delimiter"}, "a parquet has no delimiter"},
		{object{"output": object{"filename": "{day}"}}, []any{"output", "filename"}, `"{day}" has braces that stand for nothing`},
		{object{"output": object{"filename": "x-{lot}"}}, nil, ""},
	} {
		held(t, tc.params, transform.Check(tc.params), tc.path, tc.want)
	}
	held(t, nil, transform.CheckFilter(object{"filter": object{"excludes": []any{"[a]"}}}), []any{"filter", "excludes", 0},
		`the pattern "[a]" has [a], and there are no choices: write ? for one character, * for several, or a pattern for each`)
}

func held(t *testing.T, params object, err error, path []any, want string) {
	t.Helper()
	var got []any
	text := ""
	if e, ok := errors.AsType[*param.Error](err); ok {
		got, text = e.Path, e.Error()
	} else if err != nil {
		t.Errorf("%v: %v", params, err)
	}
	if diff := cmp.Diff(fmt.Sprint(path, want), fmt.Sprint(got, text)); diff != "" {
		t.Errorf("%v: -want +got:\n%s", params, diff)
	}
}
