// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Asked is a question with the answer that it has so far.
type Asked struct {
	Question

	// Answer is what was given, or else the default filled in.
	Answer string
	// Given reports whether someone gave the answer.
	Given bool
	// Wrong says why the answer cannot be taken; empty if it can.
	Wrong string
}

// Ask goes through the questions of a template. An answer to a question that there is not is an error.
func (t *Template) Ask(f Facts, given map[string]string) ([]Asked, error) {
	var names []string
	for _, q := range t.Questions {
		names = append(names, q.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			if len(names) == 0 {
				return nil, fmt.Errorf("the template %q asks for nothing, so %q is not an answer", t.Name, name)
			}
			return nil, fmt.Errorf("the template %q does not ask for %q: %s", t.Name, name, v1alpha1.Instead(name, names))
		}
	}
	var out []Asked
	for _, q := range t.Questions {
		a := Asked{Question: q}
		if a.Answer, a.Given = given[q.Name]; !a.Given {
			answer, err := fillIn("default", q.Default, f.values())
			if err != nil {
				return nil, fmt.Errorf("the default of %q in the template %q: %w", q.Name, t.Name, err)
			}
			a.Answer = string(answer)
		}
		a.Wrong = q.Check(a.Answer)
		out = append(out, a)
	}
	return out, nil
}

// Check says why an answer cannot be taken; nothing if it can.
func (q Question) Check(answer string) string {
	switch {
	case len(answer) > maxText:
		return fmt.Sprintf("it is longer than %d bytes", maxText)
	case strings.ContainsFunc(answer, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return "it holds characters that cannot be printed"
	case q.pattern.MatchString(answer):
		return ""
	case answer == "":
		return "it is empty"
	default:
		return fmt.Sprintf("%q does not match %s", answer, q.Pattern)
	}
}

// Missing says what is wrong with the answers, all of it, with the flags that fix it; nil if nothing is.
func Missing(asked []Asked) error {
	var lines []string
	for _, a := range asked {
		switch {
		case a.Wrong == "":
		case a.Given:
			lines = append(lines, fmt.Sprintf("  --set %s=…  %s: %s", a.Name, a.Prompt, a.Wrong))
		default:
			lines = append(lines, fmt.Sprintf("  --set %s=…  %s", a.Name, a.Prompt))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("answers are missing or wrong; give them with:\n%s", strings.Join(lines, "\n"))
}

// Answers returns the answers by name.
func Answers(asked []Asked) map[string]string {
	out := map[string]string{}
	for _, a := range asked {
		out[a.Name] = a.Answer
	}
	return out
}
