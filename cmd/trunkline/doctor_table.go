// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"trunkline.dev/trunkline/doctor"
)

// resultWidth and doIndent are the columns before what was found, and before what to do about it.
const (
	resultWidth = len(doctor.Unchecked)
	doIndent    = 2 + resultWidth + 2
)

// printReport prints what was found for people: by area, each with what to do about it, and in the end how much there is of what. On a terminal
// (width > 0) it is coloured and fits the width.
func printReport(w io.Writer, r doctor.Report, width int) error {
	paint := painter(width > 0)
	names := 0
	for _, f := range r.Findings {
		names = max(names, len(checkName(f)))
	}
	var b strings.Builder
	for _, area := range doctor.Areas() {
		fmt.Fprintf(&b, "%s\n", paint(text.Bold, strings.ToUpper(string(area))))
		for _, f := range r.Findings {
			if f.Area == area {
				printFinding(&b, f, names, width, paint)
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

// checkName is the name of a check without its area, below which it stands.
func checkName(f doctor.Finding) string {
	_, name, _ := strings.Cut(string(f.Check), "-")
	return name
}

func printFinding(b *strings.Builder, f doctor.Finding, names, width int, paint paintFunc) {
	found := f.Found
	if f.Where != "" {
		found = f.Where + ": " + found
	}
	label := doIndent + names + 2
	if width > 0 && width-label < 30 {
		label = doIndent // below the name, where it does not fit beside
		fmt.Fprintf(b, "  %s  %s\n%s%s\n", resultOf(f.Result, paint), checkName(f), strings.Repeat(" ", label), fitting(width)(label, found))
	} else {
		fmt.Fprintf(b, "  %s  %-*s  %s\n", resultOf(f.Result, paint), names, checkName(f), fitting(width)(label, found))
	}
	if f.Do != "" {
		fmt.Fprintf(b, "%s%s %s\n", strings.Repeat(" ", label), paint(text.FgCyan, "→"), fitting(width)(label+2, f.Do))
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
