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
	// perRule is how many problems of one rule and severity are shown; a mistake that everybody has made is understood by then.
	perRule = 12
	// maxSteps is how many steps of a trace are shown: the first ones and the last.
	maxSteps = 16
	// maxExplained is how many rules are named at the end.
	maxExplained = 10
	// minWidth is the least width that text is wrapped to.
	minWidth = 40
)

// text writes a report for people.
type text struct {
	out    *bytes.Buffer
	color  bool
	width  int
	quotes quotes
}

func writeText(out *bytes.Buffer, r Report, opts Options) {
	t := &text{out: out, color: opts.Color, width: opts.Width}
	if t.width > 0 {
		t.width = max(t.width, minWidth)
	}
	shown, hidden := r.few()
	t.quotes = r.quote(shown)
	for _, p := range shown {
		t.problem(p)
		t.out.WriteByte('\n')
	}
	for _, h := range hidden {
		of := ""
		if h.rule != "" {
			of = " of " + name(h.rule)
		}
		t.print(t.paint(dim, "… and "+number.Of(h.count)+" more "+h.word+"s"+of+"; -o json shows all"))
	}
	if len(hidden) > 0 {
		t.out.WriteByte('\n')
	}
	t.end(r)
}

// group is problems of one rule and severity.
type group struct {
	rule, word string
	count      int
}

// few returns the problems to show, and how many of which rules are left out.
func (r Report) few() (shown []v1alpha1.Problem, hidden []group) {
	type key struct{ rule, word string }
	seen := map[key]int{}
	at := map[key]int{}
	for _, p := range r.Problems {
		k := key{p.Rule, word(p)}
		seen[k]++
		if seen[k] <= perRule {
			shown = append(shown, p)
			continue
		}
		if _, ok := at[k]; !ok {
			at[k] = len(hidden)
			hidden = append(hidden, group{rule: k.rule, word: k.word})
		}
		hidden[at[k]].count++
	}
	return shown, hidden
}

func (t *text) print(line string) {
	t.out.WriteString(strings.TrimRight(line, " "))
	t.out.WriteByte('\n')
}

// wrapped prints a text behind a prefix that takes a number of columns; further lines are indented.
func (t *text) wrapped(prefix string, taken, indent int, body string, s style) {
	for i, l := range wrap(body, t.width-taken, t.width-indent) {
		if i > 0 {
			prefix = strings.Repeat(" ", indent)
		}
		t.print(prefix + t.paint(s, l))
	}
}

// problem prints one problem: what is wrong, where, the line, the steps it is made of, and what to do.
func (t *text) problem(p v1alpha1.Problem) {
	mark := red
	if isWarning(p) {
		mark = yellow
	}
	head := word(p)
	if p.Rule != "" {
		head += "[" + name(p.Rule) + "]"
	}
	taken := cells(head) + 2
	indent := taken
	if t.width-indent < minWidth {
		indent = len("error: ")
	}
	t.wrapped(t.paint(mark, head)+t.paint(bold, ":")+" ", taken, indent, sentence(p), bold)

	f := &frame{text: t, gutter: t.gutter(p)}
	steps, left := walk(p)
	label := ""
	if len(steps) > 0 && steps[0].Position == p.Position {
		label = steps[0].label()
		steps = steps[1:]
	}
	f.place(p.Position, p.Path, mark, "^", label)
	for i, s := range steps {
		if left > 0 && i == len(steps)-1 {
			f.note(none, "", "… "+number.Count(left, "further step")+"; -o json shows all")
		}
		f.place(s.Position, "", blue, "-", s.label())
	}
	if hint := clean(p.Hint, maxMessage); hint != "" {
		f.note(cyan, "help: ", hint)
	}
}

// step is one step of a trace, numbered from 1.
type step struct {
	v1alpha1.Step
	number int
}

func (s step) label() string {
	return strings.TrimSpace(strconv.Itoa(s.number) + ". " + clean(s.Message, maxMessage))
}

// walk returns the steps of a trace to show, and how many are left out before the last one.
func walk(p v1alpha1.Problem) (steps []step, left int) {
	for i, s := range p.Trace {
		if len(p.Trace) > maxSteps && i >= maxSteps-1 && i < len(p.Trace)-1 {
			left++
			continue
		}
		steps = append(steps, step{Step: s, number: i + 1})
	}
	return steps, left
}

// gutter is how many columns the numbers of the lines of a problem take.
func (t *text) gutter(p v1alpha1.Problem) int {
	width := 1
	fit := func(at v1alpha1.Position) {
		if _, ok := t.quotes.at(at); ok {
			width = max(width, len(strconv.Itoa(at.Line)))
		}
	}
	fit(p.Position)
	steps, _ := walk(p)
	for _, s := range steps {
		fit(s.Position)
	}
	return width
}

// end prints what was found in all, and where to read about it.
func (t *text) end(r Report) {
	found := r.tally()
	s := green
	switch {
	case found.errors > 0:
		s = red
	case found.warnings > 0:
		s = yellow
	}
	verdict := found.verdict()
	// Further lines are indented, so that the name of a branch cannot pass for a problem.
	const indent = 2
	for i, l := range wrap(r.sentence(), t.width, t.width-indent) {
		if rest, ok := strings.CutPrefix(l, verdict); ok && i == 0 {
			l = t.paint(s, verdict) + rest
		}
		if i > 0 {
			l = strings.Repeat(" ", indent) + l
		}
		t.print(l)
	}
	for _, remark := range r.remarks() {
		t.wrapped("", 0, indent, remark, dim)
	}
	t.explain(r)
}

// explain names the commands that print the pages of the broken rules.
func (t *text) explain(r Report) {
	var ids []string
	longest := 0
	for _, id := range r.broken() {
		if _, ok := r.Rules[id]; ok && id != "" {
			ids = append(ids, id)
			longest = max(longest, cells(name(id)))
		}
	}
	left := max(0, len(ids)-maxExplained)
	for i, id := range ids[:len(ids)-left] {
		before := "explain: "
		if i > 0 {
			before = strings.Repeat(" ", len(before))
		}
		command := "trunkline policy explain " + name(id)
		line := t.paint(cyan, before) + command
		if title := clean(r.Rules[id].Title, maxName); title != "" {
			taken := len(before) + cells(command)
			pad := longest - cells(name(id)) + 2
			if t.width == 0 || taken+pad+cells(title) <= t.width {
				line += strings.Repeat(" ", pad) + t.paint(dim, title)
			}
		}
		t.print(line)
	}
	if left > 0 {
		t.print(fmt.Sprintf("         … and %s more; trunkline policy list", number.Of(left)))
	}
}
