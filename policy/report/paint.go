// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// style is how a part of the text looks on a terminal that has colours, by the number of the escape sequence.
type style string

const (
	none   style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	green  style = "1;32"
	yellow style = "1;33"
	blue   style = "1;34"
	cyan   style = "1;36"
)

// paint returns a text its style, or leaves it alone where there are no colours.
func (t *text) paint(s style, text string) string {
	if !t.color || s == none || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// runeCells is how many columns a character takes. What is ambiguous takes one, whatever the language of the machine.
func runeCells(r rune) int {
	if r < 0x7f {
		return 1
	}
	return (&runewidth.Condition{}).RuneWidth(r)
}

// cells is how many columns a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

// wrap breaks a text into lines between words: the first may take first columns, the others rest. A word that is longer
// than a line keeps a line of its own, so that it can be copied. With a width of 0 there is one line.
//
// No line but the first begins with two colons: GitHub would take it for a command.
func wrap(s string, first, rest int) []string {
	if rest <= 0 || cells(s) <= first {
		return []string{s}
	}
	var lines []string
	var now strings.Builder
	width, room := 0, first
	for word := range strings.FieldsSeq(s) {
		n := cells(word)
		if width > 0 && width+1+n > room && !strings.HasPrefix(word, "::") {
			lines = append(lines, now.String())
			now.Reset()
			width, room = 0, rest
		}
		if width > 0 {
			now.WriteByte(' ')
			width++
		}
		now.WriteString(word)
		width += n
	}
	return append(lines, now.String())
}
