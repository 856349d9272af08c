// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"strings"
)

// text reads a string whose quote is here. A string with "f" or "t" in its prefix has replacement fields, which
// hold expressions; depth is how many such strings are around it.
func (l *lexer) text(prefix string, depth int) *lexError {
	begin, quote := l.pos, l.peek(0)
	width := 1
	if l.peek(1) == quote && l.peek(2) == quote {
		width = 3
	}
	l.pos += width
	fields := strings.ContainsAny(prefix, "ft")
	raw := strings.Contains(prefix, "r")
	for l.pos < len(l.src) {
		c := l.peek(0)
		switch {
		case c == quote && (width == 1 || l.peek(1) == quote && l.peek(2) == quote):
			l.pos += width
			return nil
		case c == '\\':
			l.escape(fields, raw)
		case (c == '\n' || c == '\r') && width == 1:
			return l.unterminated(begin, width)
		case fields && (c == '{' || c == '}') && l.peek(1) == c:
			l.pos += 2
		case fields && c == '{':
			if err := l.field(begin, quote, width, depth); err != nil {
				return err
			}
		case fields && c == '}':
			return &lexError{at: l.pos, message: `a single "}" in an f-string`, hint: `write "}}" for the character itself`}
		default:
			l.pos++
		}
	}
	return l.unterminated(begin, width)
}

func (l *lexer) unterminated(begin, width int) *lexError {
	if width == 3 {
		return &lexError{at: begin, message: "a string with three quotes that is never closed", hint: "close it with the same three quotes"}
	}
	return &lexError{at: begin, message: "a string that is not closed on its line", hint: "close it with the same quote"}
}

// escape reads a backslash and what it escapes. In an f-string the braces of \N{DASH} open no field, and a brace
// after a backslash does.
func (l *lexer) escape(fields, raw bool) {
	next := l.peek(1)
	if fields && (next == '{' || next == '}') {
		l.pos++
		return
	}
	if fields && !raw && next == 'N' && l.peek(2) == '{' {
		l.pos += 3
		for l.pos < len(l.src) && isCharacterName(l.src[l.pos]) {
			l.pos++
		}
		if l.peek(0) == '}' {
			l.pos++
		}
		return
	}
	l.pos += 2
	if next == '\r' && l.peek(0) == '\n' {
		l.pos++
	}
	l.pos = min(l.pos, len(l.src))
}

func isCharacterName(c byte) bool { return isWord(c) || c == ' ' || c == '-' }

// field reads a replacement field: an expression, and perhaps a conversion and a format.
func (l *lexer) field(begin int, quote byte, width, depth int) *lexError {
	if depth >= maxFormats {
		return &lexError{at: begin, message: fmt.Sprintf("more than %d f-strings in each other", maxFormats), unsure: true}
	}
	floor, empty := len(l.open), true
	l.pos++
	for l.pos < len(l.src) {
		c := l.peek(0)
		inner := len(l.open) > floor
		switch {
		case !inner && (c == '}' || c == ':' || c == '!' && l.peek(1) != '='):
			if empty {
				return &lexError{at: l.pos, message: "a replacement field of an f-string without an expression", hint: `write "{{}}" for the characters themselves`}
			}
			if c == '}' {
				l.pos++
				return nil
			}
			return l.format(begin, quote, width, depth)
		case c == '"' || c == '\'':
			if err := l.text("", depth+1); err != nil {
				return err
			}
		case strings.IndexByte(")]}", c) >= 0:
			if err := l.closes(c, floor); err != nil {
				return err
			}
			l.pos++
		case c == '#':
			l.comment()
		case l.newline() > 0:
			l.blank(l.pos, l.pos+1)
			l.pos++
			continue
		case c == '_' || isWord(c) && (c < '0' || c > '9'):
			if err := l.fieldWord(depth); err != nil {
				return err
			}
		default:
			if err := l.token(); err != nil {
				return err
			}
		}
		empty = empty && (c == ' ' || c == '\t' || c == '#')
	}
	return l.unterminated(begin, width)
}

// fieldWord reads a name within a field, or a string with a prefix, which may have fields itself.
func (l *lexer) fieldWord(depth int) *lexError {
	begin := l.pos
	for isWord(l.peek(0)) {
		l.pos++
	}
	if c := l.peek(0); c == '"' || c == '\'' {
		if prefix := strings.ToLower(string(l.src[begin:l.pos])); isPrefix(prefix) {
			return l.text(prefix, depth+1)
		}
	}
	return nil
}

// format reads the conversion and the format of a field, up to its closing brace. The format is text with fields.
func (l *lexer) format(begin int, quote byte, width, depth int) *lexError {
	for l.pos < len(l.src) {
		c := l.peek(0)
		switch {
		case c == '}':
			l.pos++
			return nil
		case c == '{':
			if err := l.field(begin, quote, width, depth+1); err != nil {
				return err
			}
		case c == quote && (width == 1 || l.peek(1) == quote && l.peek(2) == quote), (c == '\n' || c == '\r') && width == 1:
			return &lexError{at: l.pos, message: `a replacement field of an f-string that is never closed`, hint: `close it with "}", or write "{{" for the character itself`}
		default:
			l.pos++
		}
	}
	return l.unterminated(begin, width)
}
