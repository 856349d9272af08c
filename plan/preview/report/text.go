// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
)

// style is how a part of the text looks on a terminal that has colours, by the number of the escape sequence.
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// text writes for people.
type text struct {
	out  *bytes.Buffer
	opts Options
}

func (t *text) paint(s style, what string) string {
	if !t.opts.Color {
		return what
	}
	return "\x1b[" + string(s) + "m" + what + "\x1b[0m"
}

func (t *text) print(indent int, what string) {
	t.out.WriteString(strings.Repeat(" ", indent) + what + "\n")
}

func writeText(out *bytes.Buffer, p preview.Preview, opts Options) {
	t := &text{out: out, opts: opts}
	for _, r := range p.Releases {
		if shown(r) {
			t.release(r)
		}
	}
	if lines := Lots(p.Lots, markdown.Line); len(lines) > 0 {
		t.print(0, t.paint(bold, "lots"))
		for _, line := range lines {
			t.print(2, line)
		}
		t.print(0, "")
	}
	if lines := Resources(p.Resources, markdown.Line); len(lines) > 0 {
		t.print(0, t.paint(bold, "resources"))
		for _, line := range lines {
			t.print(2, line)
		}
		t.print(0, "")
	}
	if lines := Data(p.Data, markdown.Line); len(lines) > 0 {
		t.print(0, t.paint(bold, "data access"))
		for _, line := range lines {
			t.print(2, line)
		}
		t.print(0, "")
	}
	for _, trouble := range p.Troubles {
		t.print(0, t.paint(red, "cluster "+markdown.Line(trouble.Cluster)+" could not be asked")+": "+markdown.Line(trouble.Err)+"\n")
	}
	for _, note := range p.Notes {
		t.print(0, t.paint(dim, "note: "+markdown.Line(note)))
	}
	if !p.Changes() && !p.Failed() {
		t.print(0, fmt.Sprintf("nothing would change from %s to %s", markdown.Line(p.From), markdown.Line(p.To)))
	} else {
		t.print(0, fmt.Sprintf("from %s to %s", markdown.Line(p.From), markdown.Line(p.To)))
	}
	t.print(0, t.paint(bold, countsOf(p).String()))
}

var releaseStyles = map[preview.Action]style{
	preview.Create: green, preview.Change: yellow, preview.Remove: red, preview.Fail: red, preview.Unchanged: dim,
}

func (t *text) release(r preview.Release) {
	head := t.paint(bold, markdown.Line(r.ID.String())) + "  " + t.paint(releaseStyles[r.Action], wordOf(r.Action))
	if objects := objects(r); objects != "" {
		head += t.paint(dim, " ("+objects+")")
	}
	t.print(0, head)
	if r.Held.Hold != "" {
		t.print(2, t.paint(yellow, "held")+" by "+markdown.Line(string(r.Held.Hold))+": "+markdown.Line(r.Held.Reason))
	}
	if r.Err != "" {
		t.print(2, t.paint(red, "error")+": "+indented(r.Err, 4))
	}
	for _, s := range r.Steps {
		t.step(s)
	}
	t.print(0, "")
}

// signs stand before what happens to an object.
var signs = map[plan.Action]struct {
	sign  string
	style style
}{
	plan.Create: {"+", green}, plan.Adopt: {"~", yellow}, plan.Update: {"~", yellow}, plan.Delete: {"-", red},
	plan.Keep: {"=", dim}, plan.Blocked: {"!", yellow},
}

func (t *text) step(s preview.Step) {
	sign := signs[s.Action]
	if s.Err != "" {
		sign.sign, sign.style = "!", red
	}
	t.print(2, t.paint(sign.style, sign.sign+" "+markdown.Line(s.Ref.String()))+"  "+markdown.Line(happening(s)))
	if s.Err != "" {
		t.print(6, t.paint(red, indented(s.Err, 6)))
	}
	if s.Note != "" {
		t.print(6, t.paint(dim, indented(s.Note, 6)))
	}
	for _, d := range s.Drift {
		t.print(6, t.paint(cyan, "drift")+": "+markdown.Line(drifting(d)))
	}
	if t.opts.Brief || s.Action == plan.Delete {
		return // what is deleted needs no reading, only its name
	}
	for l := range strings.Lines(s.Diff) {
		l = markdown.Visible(strings.TrimSuffix(l, "\n"))
		switch {
		case strings.HasPrefix(l, "@@"):
			l = t.paint(cyan, l)
		case strings.HasPrefix(l, "+"):
			l = t.paint(green, l)
		case strings.HasPrefix(l, "-"):
			l = t.paint(red, l)
		}
		t.print(6, l)
	}
}

// indented returns a text of several lines, of which all but the first are indented.
func indented(s string, n int) string {
	return strings.ReplaceAll(strings.TrimSpace(markdown.Visible(s)), "\n", "\n"+strings.Repeat(" ", n))
}
