// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/doctor"
)

// resultWidth and doIndent are the columns before what was found, and before what to do about it.
const (
	resultWidth = len(doctor.Unchecked)
	doIndent    = 2 + resultWidth + 2
	// narrowest is how many columns what was found needs to be beside the name.
	narrowest = 30
)

// printReport prints what was found for people: by area, each with what to do about it, and in the end how much there is of what. On a terminal
// (width > 0) it is coloured and fits the width.
func printReport(w io.Writer, r doctor.Report, width int) error {
	paint := painter(width > 0)
	rows := rowsOf(r)
	names := 0
	for _, row := range rows {
		names = max(names, len(row.name))
	}
	var b strings.Builder
	for _, area := range doctor.Areas() {
		if !slices.ContainsFunc(rows, func(row findingRow) bool { return row.Area == area }) {
			continue
		}
		fmt.Fprintf(&b, "%s\n", paint(text.Bold, strings.ToUpper(string(area))))
		for _, row := range rows {
			if row.Area == area {
				printFinding(&b, row, names, width, paint)
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s\n", summary(r, paint))
	if r.Counts[doctor.Fails]+r.Counts[doctor.Warning] > 0 {
		fmt.Fprintf(&b, "%s explains each check by its name.\n", doctor.Pages)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// findingRow is a finding as a row, below its area.
type findingRow struct {
	doctor.Finding

	name string
}

// rowsOf are the findings as rows. Those of an area that were not made for the same reason are one row, which names them.
func rowsOf(r doctor.Report) (rows []findingRow) {
	type reason struct {
		area  doctor.Area
		found string
	}
	alike := map[reason][]string{}
	for _, f := range r.Findings {
		if f.Result == doctor.Unchecked && f.Where == "" {
			at := reason{f.Area, f.Found}
			alike[at] = append(alike[at], checkName(f))
		}
	}
	for _, f := range r.Findings {
		row := findingRow{f, checkName(f)}
		if f.Result == doctor.Unchecked && f.Where == "" {
			at := reason{f.Area, f.Found}
			names := alike[at]
			if alike[at] = nil; len(names) == 0 {
				continue // it is in the row of the first
			}
			if len(names) > 1 {
				row.name = fmt.Sprintf("%d checks", len(names))
				row.Found += " (" + strings.Join(names, ", ") + ")"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// checkName is the name of a check without its area, below which it stands.
func checkName(f doctor.Finding) string {
	_, name, _ := strings.Cut(string(f.Check), "-")
	return name
}

func printFinding(b *strings.Builder, row findingRow, names, width int, paint paintFunc) {
	found := row.Found
	if row.Where != "" {
		found = row.Where + ": " + found
	}
	label := doIndent + names + 2
	if width > 0 && width-label < narrowest {
		label = doIndent // below the name, where it does not fit beside
		fmt.Fprintf(b, "  %s  %s\n%s%s\n", resultOf(row.Result, paint), row.name, strings.Repeat(" ", label), fitting(width)(label, found))
	} else {
		fmt.Fprintf(b, "  %s  %-*s  %s\n", resultOf(row.Result, paint), names, row.name, fitting(width)(label, found))
	}
	if row.Do != "" {
		fmt.Fprintf(b, "%s%s %s\n", strings.Repeat(" ", label), paint(text.FgCyan, "→"), fitting(width)(label+2, row.Do))
	}
}

// resultOf is a result as wide as all of them.
func resultOf(r doctor.Result, paint paintFunc) string {
	colour := map[doctor.Result]text.Color{doctor.OK: text.FgGreen, doctor.Warning: text.FgYellow, doctor.Fails: text.FgRed, doctor.Unchecked: text.FgHiBlack}[r]
	padding := strings.Repeat(" ", resultWidth-len(r))
	word := string(r)
	if r == doctor.Fails || r == doctor.Warning {
		word = strings.ToUpper(word)
	}
	return paint(colour, word) + padding
}

// summary counts what there is to do.
func summary(r doctor.Report, paint paintFunc) string {
	var parts []string
	for _, c := range []struct {
		result doctor.Result
		words  string
		colour text.Color
	}{
		{doctor.Fails, "fail", text.FgRed}, {doctor.Warning, "warn", text.FgYellow}, {doctor.OK, "are fine", text.FgGreen}, {doctor.Unchecked, "were not checked", text.FgHiBlack},
	} {
		if n := r.Counts[c.result]; n > 0 {
			parts = append(parts, paint(c.colour, fmt.Sprintf("%d %s", n, c.words)))
		}
	}
	return strings.Join(parts, ", ") + "."
}
