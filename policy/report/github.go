// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// maxAnnotations is how many annotations of a severity GitHub shows of one step; it drops further ones in silence.
	maxAnnotations = 10
	// maxAnnotation bounds the text of an annotation, in characters. GitHub takes 64 KB.
	maxAnnotation = 8000
)

// writeGitHub writes the first errors and the first warnings as workflow commands, and a line that says what was found in
// all: for the log, or as one more command where problems are left out. Nothing else is in the output that could be taken
// for a command.
func writeGitHub(out *bytes.Buffer, r Report) {
	quotes := r.annotated()
	left := 0
	for _, wanted := range []string{"error", "warning"} {
		shown := 0
		for _, p := range r.Problems {
			switch {
			case word(p) != wanted:
			case shown == maxAnnotations:
				left++
			default:
				shown++
				annotate(out, p, quotes)
			}
		}
	}
	for _, remark := range r.remarks() {
		fmt.Fprintf(out, "::notice title=%s validate::%s\n", property(clean(r.Tool.name(), maxName)), data(remark))
	}
	if left == 0 {
		fmt.Fprintln(out, r.sentence())
		return
	}
	fmt.Fprintf(out, "::notice title=%s validate::%s; %s of them are not shown here, since GitHub shows %d errors and %d warnings of a step\n",
		property(clean(r.Tool.name(), maxName)), data(r.sentence()), number.Of(left), maxAnnotations, maxAnnotations)
}

// annotated returns the lines of the problems that are shown.
func (r Report) annotated() quotes {
	var shown v1alpha1.Problems
	seen := map[string]int{}
	for _, p := range r.Problems {
		if seen[word(p)]++; seen[word(p)] <= maxAnnotations {
			p.Trace = nil
			shown = append(shown, p)
		}
	}
	return r.quote(shown)
}

// annotate writes one problem as a command.
func annotate(out *bytes.Buffer, p v1alpha1.Problem, q quotes) {
	var properties []string
	add := func(key, value string) { properties = append(properties, key+"="+property(value)) }
	at := p.Position
	if at.File != "" {
		add("file", name(at.File))
	}
	if at.File != "" && at.Line > 0 {
		add("line", strconv.Itoa(at.Line))
	}
	if at.File != "" && at.Line > 0 && at.Column > 0 {
		add("col", strconv.Itoa(at.Column))
		if end := q.location(at).PhysicalLocation.Region.EndColumn; end > at.Column {
			add("endColumn", strconv.Itoa(end))
		}
	}
	add("title", ruleID(p.Rule))
	text := cut(strings.Join(append([]string{sentence(p)}, details(p)...), "\n"), maxAnnotation)
	fmt.Fprintf(out, "::%s %s::%s\n", word(p), strings.Join(properties, ","), data(text))
}

// data escapes the text of a command, as the runner takes it apart.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes a value among the properties of a command.
func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
