// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// CheckText is what a check says. The title is short enough for the description of a commit status, and all of its words are
// ours; summary and text are Markdown.
type CheckText struct {
	Title, Summary, Text string
	Annotations          []Annotation
}

// Annotation is a finding at a line of a file of the head; title and message are plain text.
type Annotation struct {
	Path          string
	Line, EndLine int
	Level         Level
	Title         string
	Message       string
}

// Level is how grave an annotation is, as the forge calls it.
type Level string

// The levels.
const (
	Notice  Level = "notice"
	Warning Level = "warning"
	Failure Level = "failure"
)

const (
	// maxAnnotationTitle and maxAnnotation bound an annotation, in characters.
	maxAnnotationTitle, maxAnnotation = 200, 4_000
)

// Check returns what the check of a head says: what is to be decided by in the summary, and what it is based on in the text.
func Check(r Review) CheckText {
	end, groups := footer(r), r.groups()
	summary := compose([]section{
		fixed(0, "what to do next", next(r, groups)), caution(r, groups), problems(r), troubles(r), table(r), cost(r), own(r),
	}, r.ReportURL, limit-len(end)) + end
	text := ""
	if o := r.outcome(); o != Conflict && o != Untouched {
		record := r.record()
		text = compose([]section{warnings(r), holds(r), diffs(r, groups), costs(r), notes(r)}, r.ReportURL, limit-len(record)) + record
	}
	return CheckText{Title: capital(title(r)), Summary: summary, Text: text, Annotations: annotations(r)}
}

// annotations are the findings at all lines that they are made of, as far as these are in files of the head: each line once
// for each finding.
func annotations(r Review) (out []Annotation) {
	for _, f := range r.Findings {
		known := map[string]bool{}
		add := func(at v1alpha1.Position, message string) {
			if a, ok := r.annotation(f, at, message); ok && !known[place(at)] {
				known[place(at)] = true
				out = append(out, a)
			}
		}
		message := f.Message
		if f.Hint != "" {
			message = sentence(message) + " " + capital(f.Hint)
		}
		add(f.Position, message)
		for _, s := range f.Trace {
			add(s.Position, sentence(s.Message)+" It is a part of: "+f.Message)
		}
	}
	slices.SortStableFunc(out, func(a, b Annotation) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Title, b.Title), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(out)
}

func (r Review) annotation(f Finding, at v1alpha1.Position, message string) (Annotation, bool) {
	line := max(at.Line, 1) // of a file as a whole, its first
	if line > r.Lines[at.File] {
		return Annotation{}, false
	}
	a := Annotation{
		Path: at.File, Line: line, EndLine: line, Level: Failure, Title: markdown.Clip(cmp.Or(f.Rule, "problem"), maxAnnotationTitle),
		Message: markdown.Clip(message, maxAnnotation),
	}
	switch {
	case f.Severity == v1alpha1.Deny:
	case f.Old:
		a.Level = Notice
	default:
		a.Level = Warning
	}
	return a, true
}
