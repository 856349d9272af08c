// SPDX-License-Identifier: Apache-2.0

package report

import "unicode"

// maxToken bounds how far a token is followed, and how far back is looked for what it stands in, in characters.
const maxToken = 4096

// token returns the end of the token that begins at a character of a line: of a key, a quoted text, a plain one, a list in
// brackets, a name of a program. Where no token begins it is that of the character itself.
func token(l []rune, at int, yaml bool) int {
	if at >= len(l) || unicode.IsSpace(l[at]) {
		return at
	}
	end := min(len(l), at+maxToken)
	switch c := l[at]; {
	case c == '"' || c == '\'':
		return quoted(l, at, end, yaml)
	case !yaml:
		return identifier(l, at, end)
	case c == '{' || c == '[':
		return brackets(l, at, end)
	case c == '|' || c == '>' || c == '&' || c == '*' || c == '!':
		return until(l, at, end, unicode.IsSpace)
	case c == '-' && (at+1 == len(l) || l[at+1] == ' '), c == '#', c == '}', c == ']', c == ',':
		return at + 1
	default:
		return plainScalar(l, at, end)
	}
}

func until(l []rune, at, end int, stop func(rune) bool) int {
	for at < end && !stop(l[at]) {
		at++
	}
	return at
}

// trimmed takes spaces off the end.
func trimmed(l []rune, at, end int) int {
	for end > at && unicode.IsSpace(l[end-1]) {
		end--
	}
	return end
}

// quoted ends behind the closing quote, or with the line.
func quoted(l []rune, at, end int, yaml bool) int {
	quote := l[at]
	for i := at + 1; i < end; i++ {
		switch {
		case l[i] == '\\' && (quote == '"' || !yaml):
			i++
		case l[i] == quote && yaml && quote == '\'' && i+1 < end && l[i+1] == quote:
			i++
		case l[i] == quote:
			return i + 1
		}
	}
	return trimmed(l, at, end)
}

// identifier ends where a name of a program does.
func identifier(l []rune, at, end int) int {
	return max(at+1, until(l, at, end, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
}

// brackets ends behind the bracket that closes this one. When that is on another line, this one stands for all.
func brackets(l []rune, at, end int) int {
	depth := 0
	for i := at; i < end; i++ {
		switch c := l[i]; {
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		case (c == '"' || c == '\'') && begins(l, i):
			i = quoted(l, i, end, true) - 1
		}
	}
	return at + 1
}

// plainScalar ends where a text without quotes does: at the colon of a key, at a comment, in brackets at a comma or
// bracket. Whether the text stands in brackets that were opened on an earlier line, it has to tell from the text.
func plainScalar(l []rune, at, end int) int {
	flow := inBrackets(l, at)
	comma := -1 // the first one that ends the text if this is in brackets after all
	for i := at; i < end; i++ {
		last := i+1 == len(l)
		space := last || unicode.IsSpace(l[i+1])
		switch c := l[i]; {
		case c == ':' && (space || flow && (l[i+1] == ',' || l[i+1] == '}' || l[i+1] == ']')):
			if comma >= 0 {
				return comma // a key cannot hold a comma outside of brackets, or is not one that anybody means
			}
			return trimmed(l, at, max(i, at+1))
		case c == ',' && space && comma < 0:
			comma = i
			if flow {
				return trimmed(l, at, i)
			}
		case flow && (c == ',' || c == '{' || c == '}' || c == '[' || c == ']'):
			return trimmed(l, at, max(i, at+1))
		case c == '#' && i > at && unicode.IsSpace(l[i-1]):
			return trimmed(l, at, i)
		}
	}
	end = trimmed(l, at, end)
	if comma == end-1 {
		return comma // the line ends with a comma: it is one of several in brackets
	}
	return end
}

// inBrackets reports whether a bracket is open at a character of the line.
func inBrackets(l []rune, at int) bool {
	depth := 0
	for i := max(0, at-maxToken); i < at; i++ {
		switch c := l[i]; {
		case (c == '{' || c == '[') && (depth > 0 || begins(l, i)):
			depth++
		case (c == '}' || c == ']') && depth > 0:
			depth--
		case (c == '"' || c == '\'') && begins(l, i):
			i = quoted(l, i, at, true) - 1
		}
	}
	return depth > 0
}

// begins reports whether a character is the first of a text, and not inside of one, as the apostrophe in "it's" is.
func begins(l []rune, at int) bool {
	if at == 0 {
		return true
	}
	switch c := l[at-1]; c {
	case '{', '[', ',', ':', '(':
		return true
	default:
		return unicode.IsSpace(c)
	}
}
