// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// frame prints the places of one problem, all beside a gutter of the same width.
type frame struct {
	*text
	// gutter is how many columns the numbers of lines take.
	gutter int
	// open is whether a line was quoted last, so that what follows keeps its distance.
	open bool
}

// bar is the gutter of a line that has no number.
func (f *frame) bar() string { return f.paint(blue, strings.Repeat(" ", f.gutter)+" |") }

// place prints one place: the arrow that points at it, and the line with the token marked and labelled.
func (f *frame) place(at v1alpha1.Position, path string, s style, mark, label string) {
	quoted, ok := f.quotes.at(at)
	f.close()
	if at.File != "" {
		f.arrow(at, path)
	}
	if !ok {
		if label != "" {
			f.note(s, "", label)
		}
		return
	}
	f.print(f.bar())
	f.open = true
	room := wide
	if f.width > 0 {
		room = max(narrow, f.width-f.gutter-len(" | "))
	}
	from := max(0, at.Column-1)
	to := token(quoted, min(from, len(quoted)), isYAML(at.File))
	cut := cutLine(quoted, from, to, room)
	n := strconv.Itoa(at.Line)
	f.print(f.paint(blue, strings.Repeat(" ", f.gutter-len(n))+n+" |") + " " + cut.text)
	if at.Column > 0 {
		f.marks(cut, s, mark, label)
	} else if label != "" {
		f.note(s, "", label)
	}
}

// close ends what is quoted.
func (f *frame) close() {
	if f.open {
		f.print(f.bar())
	}
	f.open = false
}

// arrow prints a place in the form that editors and terminals make clickable, and the field behind it if it fits.
func (f *frame) arrow(at v1alpha1.Position, path string) {
	at.File = name(at.File)
	place := at.File
	if at.Line > 0 {
		place += ":" + strconv.Itoa(at.Line)
		if at.Column > 0 {
			place += ":" + strconv.Itoa(at.Column)
		}
	}
	arrow := strings.Repeat(" ", f.gutter) + "--> "
	taken := len(arrow) + cells(place)
	path = name(path)
	line := f.paint(blue, arrow) + place
	switch {
	case path == "":
	case f.width == 0 || taken+2+cells(path) <= f.width:
		line += "  " + f.paint(dim, path)
	default:
		f.print(line)
		line = strings.Repeat(" ", len(arrow)) + f.paint(dim, "in "+path) // never the name alone: see wrap
	}
	f.print(line)
}

// marks prints the line below a quoted one: marks below the token and the label behind them, or below where it does not fit.
func (f *frame) marks(cut snippet, s style, mark, label string) {
	marks := strings.Repeat(mark, max(1, cut.to-cut.from))
	line := f.bar() + " " + strings.Repeat(" ", cut.from) + f.paint(s, marks)
	taken := f.gutter + len(" | ") + cut.from + len(marks)
	if label == "" || f.width == 0 || taken+1+cells(label) <= f.width {
		f.print(line + " " + f.paint(s, label))
		return
	}
	f.print(line)
	indent := f.gutter + len(" | ") + cut.from
	if longest := cells(label); indent+longest > f.width {
		indent = max(f.gutter+len(" | "), f.width-longest)
	}
	pad := strings.Repeat(" ", indent-f.gutter-len(" |"))
	for _, l := range wrap(label, f.width-indent, f.width-indent) {
		f.print(f.bar() + pad + f.paint(s, l))
	}
}

// note prints what belongs to the problem as a whole.
func (f *frame) note(s style, title, body string) {
	f.close()
	indent := f.gutter + len(" = ") + len(title)
	f.wrapped(f.paint(blue, strings.Repeat(" ", f.gutter)+" = ")+f.paint(s, title), indent, indent, body, none)
}
