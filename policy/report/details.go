// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxDetails is how many steps of a trace are listed where the lines are not quoted.
const maxDetails = 50

// sentence is the message of a problem on one line. One without a message is a mistake of its rule, and still a problem.
func sentence(p v1alpha1.Problem) string {
	if s := clean(p.Message, maxMessage); s != "" {
		return s
	}
	return "the rule has no message"
}

// details lists what there is to a problem besides its message, a line each. Each begins with a word of our
// own: at the beginning of a line GitHub takes two colons for a command.
func details(p v1alpha1.Problem) []string {
	var lines []string
	if p.Path != "" {
		lines = append(lines, "field: "+name(p.Path))
	}
	for i, s := range p.Trace {
		if i == maxDetails {
			lines = append(lines, fmt.Sprintf("… and %s", number.Count(len(p.Trace)-i, "further step")))
			break
		}
		line := fmt.Sprintf("%d. %s", i+1, clean(s.Message, maxMessage))
		if s.Position.File != "" {
			line += " (" + place(s.Position) + ")"
		}
		lines = append(lines, line)
	}
	if hint := clean(p.Hint, maxMessage); hint != "" {
		lines = append(lines, "help: "+hint)
	}
	return lines
}

// place is where something is, as editors and terminals make it clickable.
func place(at v1alpha1.Position) string {
	at.File = name(at.File)
	switch {
	case at.Line <= 0:
		return at.File
	case at.Column <= 0:
		return fmt.Sprintf("%s:%d", at.File, at.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", at.File, at.Line, at.Column)
	}
}
