// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"unicode"
)

const (
	// tab is how many columns a tab adds a quoted line.
	tab = 4
	// wide is how many columns of a line are quoted where there is no terminal whose width counts.
	wide = 160
	// narrow is how many columns of a line are quoted at least.
	narrow = 20
)

// snippet is the part of a line that is shown, with the token that it is about.
type snippet struct {
	// text has spaces for tabs, and nothing that cannot be shown.
	text string
	// from and to are the columns of the token in the text, the first one 0.
	from, to int
}

// cutLine takes out of a line what fits into a number of columns: all of it, or the surroundings of the token that reaches
// from one character to another.
func cutLine(l []rune, from, to, room int) snippet {
	for len(l) > to && unicode.IsSpace(l[len(l)-1]) {
		l = l[:len(l)-1]
	}
	from = min(from, len(l))
	to = min(max(to, from), len(l))
	left, right := window(l, from, room)
	var b strings.Builder
	s := snippet{from: -1, to: -1}
	column := 0
	if left > 0 {
		b.WriteString("…")
		column++
	}
	for i := left; i < right; i++ {
		if i == from {
			s.from = column
		}
		if i == to {
			s.to = column
		}
		if l[i] == '\t' {
			b.WriteString(strings.Repeat(" ", tab))
		} else {
			b.WriteRune(shown(l[i]))
		}
		column += width(l[i])
	}
	if s.from < 0 {
		s.from = column
	}
	if right < len(l) {
		b.WriteString("…")
		column++
	}
	if s.to < 0 {
		s.to = column
	}
	s.text = command.ReplaceAllString(b.String(), "#\uFFFD$1")
	return s
}

func shown(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

func width(r rune) int {
	if r == '\t' {
		return tab
	}
	return runeCells(shown(r))
}

// window chooses the characters of a line that are shown when not all fit: a third of the room for what is before the
// token, the rest for it and what comes after; and more for one where the other needs less. No more is looked at than
// is shown, however long the line.
func window(l []rune, at, room int) (left, right int) {
	left, right = at, at
	used := 0
	// Characters without a width are bounded too.
	const perColumn = 4
	grow := func(to int) {
		for right < len(l) && used+width(l[right]) <= to && right-left < perColumn*room {
			used += width(l[right])
			right++
		}
	}
	shrink := func(to int) {
		for left > 0 && used+width(l[left-1]) <= to && right-left < perColumn*room {
			left--
			used += width(l[left])
		}
	}
	room -= 2 // for the marks of what is left out
	shrink(room / 3)
	grow(room)
	shrink(room)
	if left == 0 {
		room++
		grow(room)
	}
	if right == len(l) {
		room++
		shrink(room)
	}
	return left, right
}
