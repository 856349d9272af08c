// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// maxTrace is how many further places of a finding are told.
	maxTrace = 12
	// maxOpen is how many problems are shown without being asked to.
	maxOpen = 10
)

// finding tells of a problem, as an item of a list.
func finding(r Review, f Finding) string {
	var parts []string
	if f.Rule != "" {
		parts = append(parts, "<b>"+markdown.Code(f.Rule)+"</b>")
	}
	if f.Position.File != "" {
		parts = append(parts, markdown.Code(place(f.Position)))
	}
	text := capital(sentence(markdown.Prose(f.Message, maxMessage)))
	if f.Hint != "" {
		text += " " + capital(sentence(markdown.Prose(f.Hint, maxMessage)))
	}
	if f.Old {
		text += " It is in the base already."
	}
	if why := r.rule(f.Rule); why != "" {
		text += " " + why
	}
	var b strings.Builder
	b.WriteString("- " + strings.Join(append(parts, text), " · "))
	for i, s := range f.Trace {
		if i == maxTrace {
			fmt.Fprintf(&b, "\n  - %d more places", len(f.Trace)-i)
			break
		}
		b.WriteString("\n  - " + markdown.Code(place(s.Position)) + " " + markdown.Prose(s.Message, maxMessage))
	}
	return b.String()
}

// rule links to the page of a rule.
func (r Review) rule(rule string) string {
	if r.RulesURL == "" || rule == "" || strings.ContainsFunc(rule, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') }) {
		return ""
	}
	why := markdown.Link("why", r.RulesURL+rule)
	if why == "why" {
		return ""
	}
	return why
}

// problems are the findings that refuse: the first of them open, since they are what there is to do.
func problems(r Review) section {
	return section{rank: 3, share: 40, write: func(room int) (string, string) {
		var open, more []string
		for i, f := range r.denied() {
			if i < maxOpen {
				open = append(open, finding(r, f))
			} else {
				more = append(more, finding(r, f))
			}
		}
		text, left := items(open, room)
		if len(more) > 0 && left == 0 {
			folded, n := listed(number.Count(len(more), "more problem"), more, room-len(text))
			return text + folded, some(n, "problem")
		}
		return text, some(left+len(more), "problem")
	}}
}

// warnings are the other findings, folded.
func warnings(r Review) section {
	return section{rank: 8, share: 25, write: func(room int) (string, string) {
		var lines []string
		for _, f := range r.severe(v1alpha1.Warn) {
			lines = append(lines, finding(r, f))
		}
		text, left := listed("⚠️ "+number.Count(len(lines), "warning"), lines, room)
		return text, some(left, "warning")
	}}
}

// repaired are the findings that the last push fixed: they are struck through once, and gone with the next push.
func repaired(s State) section {
	return section{rank: 9, share: 10, write: func(room int) (string, string) {
		var lines []string
		for _, f := range s.Fixed {
			text := "<del>" + markdown.Code(f.Place) + " " + markdown.Prose(f.Text, maxTold) + "</del>"
			if f.Rule != "" {
				text = "<b>" + markdown.Code(f.Rule) + "</b> · " + text
			}
			lines = append(lines, "- "+text)
		}
		text, left := listed(number.Count(len(lines), "problem")+" fixed by the last push", lines, room)
		return text, some(left, "fixed problem")
	}}
}

// listed folds a list, and returns how many lines do not fit.
func listed(summary string, lines []string, room int) (text string, left int) {
	if len(lines) == 0 {
		return "", 0
	}
	text, left = items(lines, room-foldSize(summary))
	if text == "" {
		return "", len(lines)
	}
	return fold(summary, text), left
}
