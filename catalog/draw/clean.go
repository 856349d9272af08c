// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// maxName bounds a name where people read it, in characters.
	maxName = 200
	// maxSentence bounds a sentence with several names.
	maxSentence = 1000
	// maxBox bounds what a box of a picture says, and maxLabel what one of dot and Mermaid says, in characters.
	maxBox, maxLabel = 34, 60
)

// clean makes a text that others chose fit to be shown on one line: without anything that ends the line, that a terminal
// would obey, or that turns the direction of writing.
func clean(s string) string { return cut(harmless(s), maxName) }

// harmless is clean for texts of any length.
func harmless(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return strings.Map(func(r rune) rune {
				if unicode.IsPrint(r) {
					return r
				}
				return unicode.ReplacementChar
			}, s)
		}
	}
	return s
}

// cut takes out the middle of a text that is longer than so many characters: names differ at the end, and so do versions.
func cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	runes := []rune(s)
	tail := limit / 2
	return string(runes[:limit-tail-1]) + "…" + string(runes[len(runes)-tail:])
}

// label is what a box says of a node.
func (n *Node) label() string {
	if n.Label != "" {
		return named(clean(n.Label))
	}
	return named(clean(strings.TrimPrefix(n.ID, n.Project+"/")))
}

// named returns what has a blank name one that can be seen.
func named(s string) string {
	if strings.TrimSpace(s) == "" {
		return "(no name)"
	}
	return s
}

// name is a node as someone calls it who is in a project: without the project where it is the same.
func (n *Node) name(project string) string {
	if n.folded() || n.Project != project {
		if n.ID == "" {
			return n.label()
		}
		return named(clean(n.ID))
	}
	return named(clean(strings.TrimPrefix(n.ID, n.Project+"/")))
}

// flags are the words that a node is marked with.
func (n *Node) flags() []string {
	var words []string
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	add(n.Missing, "not declared")
	add(n.Suspended && !n.Missing, "suspended")
	add(n.Excluded && !n.Missing, "excluded")
	add(n.Cycle, "holds a cycle")
	add(n.Change != "", string(n.Change))
	return words
}

// holds says what a folded node stands for.
func (n *Node) holds() string {
	var parts []string
	if n.Kind == Owner {
		parts = append(parts, number.Count(n.Holds.Projects, "project"))
	}
	if n.Holds.Datasets > 0 {
		parts = append(parts, number.Count(n.Holds.Datasets, "dataset"))
	}
	if n.Holds.Workloads > 0 {
		parts = append(parts, number.Count(n.Holds.Workloads, "workload"))
	}
	return strings.Join(parts, ", ")
}

// about tells all of a node in one sentence, for what is shown when one points at it.
func (n *Node) about() string {
	id := n.ID
	if id == "" {
		id = n.label()
	}
	parts := []string{string(n.Kind) + " " + clean(id)}
	add := func(s string) {
		if s != "" {
			parts = append(parts, clean(s))
		}
	}
	add(n.Detail)
	if n.folded() {
		add(n.holds())
	}
	if n.Owner != "" && n.Kind != Owner {
		add("owned by " + n.Owner)
	}
	parts = append(parts, n.flags()...)
	add(place(n.Position))
	return strings.Join(parts, " · ")
}

// about tells all of an edge in one sentence.
func (e *Edge) about(from, to *Node) string {
	var parts []string
	if e.Kind == Feeds {
		parts = append(parts, to.name("")+" needs "+from.name("")+": "+e.carried(6, "")+" ("+number.Count(e.Count, "edge")+")")
	} else {
		parts = append(parts, clean(e.because()))
		if e.Role != "" && e.Kind != After {
			parts = append(parts, "as "+clean(e.Role))
		}
	}
	if e.Cycle {
		parts = append(parts, "part of a cycle")
	}
	if e.Change != "" {
		parts = append(parts, string(e.Change))
	}
	if p := place(e.Position); p != "" {
		parts = append(parts, clean(p))
	}
	return strings.Join(parts, " · ")
}

// carried lists the datasets that a folded edge carries, the first of them by name; those of the project without it.
func (e *Edge) carried(most int, project string) string {
	if len(e.Datasets) == 0 {
		return "after"
	}
	var names []string
	for i, d := range e.Datasets {
		if i == most-1 && len(e.Datasets) > most {
			names = append(names, number.Of(len(e.Datasets)-i)+" more")
			break
		}
		names = append(names, clean(strings.TrimPrefix(d, project+"/")))
	}
	return strings.Join(names, ", ")
}

func place(p v1alpha1.Position) string {
	if p.File == "" {
		return ""
	}
	return p.String()
}
