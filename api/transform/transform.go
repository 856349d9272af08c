// SPDX-License-Identifier: Apache-2.0

// Package transform is what can be known of the params of the blueprint transform without DuckDB, which its program asks; and of the filter of copy.
//
// It is pure. Of Trunkline it imports api/param, api/pattern and api/sqltext.
package transform

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/pattern"
	"trunkline.dev/trunkline/api/sqltext"
)

// Blueprint is the name of the embedded blueprint.
const Blueprint = "transform"

// params are the JSON of the params. The schema of the blueprint has checked their types.
type params struct {
	SQL    *string           `json:"sql"`
	Input  source            `json:"input"`
	Inputs map[string]source `json:"inputs"`
	Output struct {
		Format      string `json:"format"`
		Compression string `json:"compression"`
		Filename    string `json:"filename"`
		Delimiter   string `json:"delimiter"`
	} `json:"output"`
}

// source is how files are read.
type source struct {
	Format   string            `json:"format"`
	Columns  map[string]string `json:"columns"`
	Header   *bool             `json:"header"`
	Pattern  string            `json:"pattern"`
	Includes []string          `json:"includes"`
	Excludes []string          `json:"excludes"`
}

const parquet = "parquet"

// Check reads the params of a transformation. What is wrong with them is a [param.Error], but for what the schema refuses.
func Check(values map[string]any) error {
	var p params
	if err := param.Read(values, &p); err != nil {
		return err
	}
	if p.SQL != nil {
		if err := query(*p.SQL); err != nil {
			return err
		}
	}
	if err := p.Input.check(source{}, "input"); err != nil {
		return err
	}
	for _, role := range slices.Sorted(maps.Keys(p.Inputs)) {
		if err := p.Inputs[role].check(p.Input, "inputs", role); err != nil {
			return err
		}
	}
	format := cmp.Or(p.Output.Format, parquet)
	switch {
	case p.Output.Compression == "snappy" && format != parquet:
		return param.Wrong("write none, gzip or zstd, or format: parquet", fmt.Errorf("a %s is not compressed by snappy, which only Parquet knows", format), "output", "compression")
	case strings.ContainsAny(strings.ReplaceAll(p.Output.Filename, "{lot}", ""), "{}"):
		return param.Wrong("write {lot} where the id of the lot is to be", fmt.Errorf("%q has braces that stand for nothing", p.Output.Filename), "output", "filename")
	case p.Output.Delimiter != "" && format != "csv" && format != "tsv":
		return param.Wrong("remove it, or write format: csv", fmt.Errorf("a %s has no delimiter", format), "output", "delimiter")
	}
	return nil
}

// commands are how SQL begins that selects nothing, and that is refused by the program.
var commands = []string{
	"ALTER", "ANALYZE", "ATTACH", "BEGIN", "CALL", "CHECKPOINT", "COMMENT", "COMMIT", "COPY", "CREATE", "DEALLOCATE", "DELETE", "DETACH", "DROP", "EXECUTE", "EXPLAIN", "EXPORT",
	"IMPORT", "INSERT", "INSTALL", "LOAD", "MERGE", "PRAGMA", "PREPARE", "RESET", "ROLLBACK", "SET", "TRUNCATE", "UPDATE", "USE", "VACUUM",
}

func query(sql string) error {
	const hint = `write one SELECT, as in "SELECT * FROM orders"`
	s, err := sqltext.One(sql)
	if err != nil {
		return param.Wrong(hint, fmt.Errorf("the SQL is not one statement: %w", err), "sql")
	}
	if word := s.FirstWord(); slices.Contains(commands, word) {
		return param.Wrong(hint, fmt.Errorf("the SQL is %s, and selects nothing", word), "sql")
	}
	return nil
}

// check checks how files are read; what it does not say is said by common.
func (s source) check(common source, at ...any) error {
	path := func(more ...any) []any { return slices.Concat(at, more) }
	format := cmp.Or(s.Format, common.Format, parquet)
	headed := s.Header == nil && (common.Header == nil || *common.Header) || s.Header != nil && *s.Header
	switch {
	case s.Pattern != "" && format != "text":
		return param.Wrong("remove it, or write format: text", fmt.Errorf("the lines of a %s are not read by a pattern", format), path("pattern")...)
	case s.Pattern != "":
		if err := lines(s.Pattern); err != nil {
			return param.Wrong(`write it like "(?P<level>[A-Z]+) (?P<message>.*)"`, err, path("pattern")...)
		}
	}
	// Where it is not said here, it is reported where it is.
	if said := s.Header != nil || s.Format != ""; said && !headed && len(s.Columns)+len(common.Columns) == 0 && (format == "csv" || format == "tsv") {
		name := "header"
		if s.Header == nil {
			name = "format"
		}
		return param.Wrong("name them in columns, in their order", errors.New("without a header nothing names the columns"), path(name)...)
	}
	return lists(s.Includes, s.Excludes, path()...)
}

// otherGroup is a group named as Python does not.
var otherGroup = regexp.MustCompile(`(?:^|[^\\])\(\?<`)

// lines checks an expression that reads lines, which Python's re and RE2 both have to understand.
func lines(expression string) error {
	e, err := regexp.Compile(expression)
	if err != nil {
		return fmt.Errorf("%.200q is not a regular expression: %w", expression, err)
	}
	if otherGroup.MatchString(expression) {
		return errors.New("a group is named by (?P<name>…)")
	}
	names := e.SubexpNames()[1:]
	if len(names) == 0 || slices.Contains(names, "") {
		return errors.New("each of its groups is a column and needs a name, and there has to be one")
	}
	return nil
}

// CheckFilter reads the filter of a copy, as [Check] does.
func CheckFilter(values map[string]any) error {
	var p struct {
		Filter struct {
			Includes []string `json:"includes"`
			Excludes []string `json:"excludes"`
		} `json:"filter"`
	}
	if err := param.Read(values, &p); err != nil {
		return err
	}
	return lists(p.Filter.Includes, p.Filter.Excludes, "filter")
}

// lists checks patterns of paths.
func lists(includes, excludes []string, at ...any) error {
	for _, of := range []struct {
		name     string
		patterns []string
	}{{"includes", includes}, {"excludes", excludes}} {
		for i, text := range of.patterns {
			if _, err := pattern.Compile(text, false); err != nil {
				return param.Wrong(`write it relative to the folder of the data, as in "2026/**/*.csv"`, fmt.Errorf("the pattern %.200q %w", text, err), slices.Concat(at, []any{of.name, i})...)
			}
		}
	}
	return nil
}
