// SPDX-License-Identifier: Apache-2.0

package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxMessage bounds a message, hint or label where people read it, in characters.
	maxMessage = 2000
	// maxName bounds a name of a file, field or rule there, in characters.
	maxName = 1000
)

// command is how CI systems mark a command anywhere in a line of a log: ##[group], ##vso[…], ##teamcity[…].
var command = regexp.MustCompile(`##([A-Za-z]*\[)`)

// clean makes a text that others chose fit to be shown on one line: without anything that a terminal would obey, that turns
// the direction of writing, or that a CI system takes for a command; not longer than limit characters.
func clean(s string, limit int) string {
	if !plain(s) {
		s = harmless(strings.Join(strings.Fields(s), " "))
	}
	return cut(s, limit)
}

// name is clean for names, which keep their spaces.
func name(s string) string {
	if !plain(s) {
		s = harmless(s)
	}
	return cut(s, maxName)
}

// cut shortens a text to a number of characters.
func cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// plain reports whether a text is of printable ASCII, with single spaces and no command in it.
func plain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~':
			return false
		case (c == ' ' || c == '#') && (i == 0 || i == len(s)-1 || s[i+1] == c):
			return false
		}
	}
	return true
}

// harmless replaces characters one by one, so that the places of the others stay. Bytes that are not UTF-8 are
// replaced likewise.
func harmless(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
	return command.ReplaceAllString(s, "#\uFFFD$1")
}
