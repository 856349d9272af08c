// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// columns is how things of one kind are printed as rows.
type columns[T any] struct {
	// names are those of the columns for people, and fields those of all columns for programs, as in JSON.
	names, fields []string
	// row has the cells for people, and values those for programs.
	row    func(T, paintFunc) []string
	values func(T) []string
	// none is what is said if there are none.
	none string
}

// rowsNamed returns the format that -o asks for.
func rowsNamed[T any](name string, c columns[T]) (format[[]T], error) {
	names := []string{"table", "json", "yaml", "csv", "tsv"}
	formats := []format[[]T]{c.table, writeJSON[[]T], writeYAML[[]T], c.separated(','), c.separated('\t')}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, usagef("-o %s: choose table, json, yaml, csv or tsv", name)
	}
	return formats[i], nil
}

// separated writes a line for each, with the names of the columns in the first.
func (c columns[T]) separated(by rune) format[[]T] {
	return func(out io.Writer, all []T) error {
		w := csv.NewWriter(out)
		w.Comma = by
		if err := w.Write(c.fields); err != nil {
			return err
		}
		for _, one := range all {
			if err := w.Write(c.values(one)); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
}

// table writes a row for each. What the last columns say stands below where it does not fit beside: what is cut off is what was
// needed. Of several, all but the last have their names.
func (c columns[T]) table(out io.Writer, all []T) error {
	if len(all) == 0 {
		return println(out, c.none)
	}
	return println(out, c.fitted(all, width(out)))
}

// fitted is the table in a terminal of a width; 0 where there is none.
func (c columns[T]) fitted(all []T, width int) string {
	paint := painter(width > 0)
	beside := len(c.names)
	shown := c.render(all, paint, beside)
	for width > 0 && beside > 1 && text.LongestLineLen(shown) > width {
		beside--
		shown = c.render(all, paint, beside)
	}
	if beside == len(c.names) {
		return shown
	}
	lines := strings.Split(shown, "\n")
	var b strings.Builder
	b.WriteString(text.Trim(lines[0], width))
	for i, one := range all {
		b.WriteString("\n" + text.Trim(lines[i+1], width))
		for at, cell := range c.row(one, paint)[beside:] {
			if cell == "" {
				continue
			}
			if name := beside + at; name < len(c.names)-1 {
				cell = strings.ToLower(c.names[name]) + ": " + cell
			}
			b.WriteString("\n" + indent(trimLines(text.WrapSoft(cell, max(width-2, 20)))))
		}
	}
	return b.String()
}

// render is the table of the first columns.
func (c columns[T]) render(all []T, paint paintFunc, first int) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	row := func(cells []string) (out table.Row) {
		for _, cell := range cells[:first] {
			out = append(out, cell)
		}
		return out
	}
	t.AppendHeader(row(c.names))
	for _, one := range all {
		t.AppendRow(row(c.row(one, paint)))
	}
	return strings.TrimRight(trimLines(t.Render()), "\n")
}
