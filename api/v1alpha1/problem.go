// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Position is a place in a file of the tree. Lines and columns count from 1; 0 means that the place is the
// file as a whole.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String returns the form that editors and terminals make clickable: file:line:column.
func (p Position) String() string {
	file := printable(p.File)
	switch {
	case p.Line == 0:
		return file
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", file, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
	}
}

// printable takes out of a text what would let it pass for more than one line, or make a terminal obey it:
// names of files, keys and values are chosen by whoever writes the repository.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// Compare orders positions by file, line and column.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.File, o.File), cmp.Compare(p.Line, o.Line), cmp.Compare(p.Column, o.Column))
}

// Severity says what a problem does to the commit that holds it.
type Severity string

const (
	// Deny refuses the commit: nothing of it is applied.
	Deny Severity = "deny"
	// Warn is shown and changes nothing.
	Warn Severity = "warn"
)

// Problem is one thing that is wrong with the declarations of a tree: where, what, and what to do about it.
type Problem struct {
	// Rule is the stable id of the rule that is broken, such as "dag-cycle"; its page says why there is such a rule.
	Rule     string   `json:"rule,omitempty"`
	Position Position `json:"position"`
	// Path is the field, as in "spec.workloads[2].reads.raw"; empty when the problem is not of one field.
	Path     string   `json:"path,omitempty"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	// Hint says what to do; empty when the message says it already.
	Hint string `json:"hint,omitempty"`
	// About names what the problem is of, as far as it is of one thing.
	About About `json:"about,omitzero"`
	// Trace lists the further places that the problem is made of, such as the edges of a cycle.
	Trace []Step `json:"trace,omitempty"`

	// Cause names the mistake that the problem is of, for all problems that one mistake leads to; empty if it is one of its own.
	Cause string `json:"-"`
	// Elsewhere is the same problem as it looks from the other declaration that it is made of. Where it is known what has changed,
	// the one that did is to blame.
	Elsewhere *Problem `json:"-"`
	// Confidential says that the line must not be quoted: it holds a secret.
	Confidential bool `json:"-"`
}

// About names things of the platform.
type About struct {
	Project  string `json:"project,omitempty"`
	Workload string `json:"workload,omitempty"`
	// Dataset is "name@version" of the project.
	Dataset     string `json:"dataset,omitempty"`
	Environment string `json:"environment,omitempty"`
}

// Step is one further place that a problem is made of.
type Step struct {
	Position Position `json:"position"`
	Message  string   `json:"message"`
}

// String prints the problem as a compiler would: the place and the message, and below it its steps and the hint.
func (p Problem) String() string {
	var b strings.Builder
	word := "error"
	if p.Severity == Warn {
		word = "warning"
	}
	fmt.Fprintf(&b, "%s: %s: ", p.Position, word)
	if p.Path != "" {
		fmt.Fprintf(&b, "%s: ", printable(p.Path))
	}
	b.WriteString(printable(oneLine(p.Message)))
	width := 0
	for _, s := range p.Trace {
		width = max(width, utf8.RuneCountInString(s.Message))
	}
	for _, s := range p.Trace {
		fmt.Fprintf(&b, "\n    %-*s  %s", width, printable(s.Message), s.Position)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "\n    hint: %s", printable(oneLine(p.Hint)))
	}
	return b.String()
}

// oneLine joins the lines of a text that others made.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// Problems is a list of problems, in the order of [Problems.Sort].
type Problems []Problem

// Sort orders the problems by place, then by text, so that reports are deterministic.
func (ps Problems) Sort() { slices.SortStableFunc(ps, Problem.Compare) }

// Compare orders problems by place, then by text.
func (p Problem) Compare(o Problem) int {
	return cmp.Or(p.Position.Compare(o.Position), cmp.Compare(p.Path, o.Path), cmp.Compare(p.Message, o.Message),
		cmp.Compare(p.Severity, o.Severity), cmp.Compare(p.Rule, o.Rule), cmp.Compare(p.Hint, o.Hint))
}

// Distinct returns the problems sorted, each once: what two environments have wrong in common is one problem.
func (ps Problems) Distinct() Problems {
	sorted := slices.Clone(ps)
	sorted.Sort()
	return slices.CompactFunc(sorted, func(a, b Problem) bool {
		return a.Position == b.Position && a.Path == b.Path && a.Severity == b.Severity && a.Message == b.Message
	})
}

// Denied reports whether any problem refuses the commit.
func (ps Problems) Denied() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Deny })
}

// String prints one problem after the other, each on lines of its own.
func (ps Problems) String() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
