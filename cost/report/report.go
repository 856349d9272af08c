// SPDX-License-Identifier: Apache-2.0

// Package report writes estimates of costs for people and programs.
//
// The package is pure. Of Trunkline it may import api, catalog and cost.
package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/cost"
)

// Report is an estimate, and what it takes to tell of it.
type Report struct {
	Platform string
	// Revision is what was estimated, and Base what it is compared with; empty without one.
	Revision, Base string
	Estimate       *cost.Estimate
	// Diff is the change since Base; nil without one.
	Diff *cost.Diff
	// By is what costs are added up by.
	By cost.Group
	// Exceeded are the budgets that are, in sentences.
	Exceeded []string
}

// Format is a way to write a report.
type Format string

// The formats.
const (
	// Text is for people at a terminal.
	Text Format = "text"
	// JSON is for programs, and has everything; docs/cost.md documents it.
	JSON Format = "json"
	// CSV is for spreadsheets: a row for each line of the estimate, or for each difference.
	CSV Format = "csv"
)

// ParseFormat finds the format of a name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains([]Format{Text, JSON, CSV}, f) {
		return f, nil
	}
	return "", fmt.Errorf("there is no format %q; there are text, json, csv", name)
}

// Write writes the report; text fits into so many columns, and into 80 at least, which it takes if that is 0. A name that is
// longer than a line is not broken. Nothing is written when the report
// cannot be made.
func Write(w io.Writer, format Format, r Report, columns int) error {
	var b bytes.Buffer
	var err error
	switch format {
	case JSON:
		err = writeJSON(&b, r)
	case CSV:
		err = writeCSV(&b, r)
	default:
		writeText(&b, r, columns)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// maxText is how long a text from a repository may be where people read it, in bytes.
const maxText = 300

// clean takes line breaks and what a terminal would obey out of a text from a repository, and cuts it.
func clean(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
