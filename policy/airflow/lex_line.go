// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"fmt"
	"strings"
)

// shape holds a line to its first word: a statement with a block has a colon, and only such a line ends with one;
// an import has names.
func (l *lexer) shape(start int, atEnd bool) *lexError {
	end := start
	for end < len(l.src) && isWord(l.src[end]) {
		end++
	}
	switch word := string(l.src[start:end]); word {
	case "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class", "async":
		if !l.colon {
			at := len(bytes.TrimRight(l.flat[:l.pos], " \t\r\n"))
			return &lexError{at: at, message: fmt.Sprintf("the line begins with %q and has no colon", word), hint: "put a colon at its end"}
		}
	case "match", "case":
	case "from", "import":
		line := bytes.TrimRight(l.flat[start:l.pos], " \t\r\n")
		switch {
		case line[len(line)-1] == ',':
			return &lexError{at: start + len(line) - 1, message: "a comma after the last name that is imported", hint: "put the names into parentheses, or take the comma away"}
		case !bytes.Contains(line, []byte("import")):
			return &lexError{at: start + len(line), message: `the line begins with "from" and has no "import"`, hint: `write from … import …`}
		}
	default:
		if atEnd {
			at := len(bytes.TrimRight(l.flat[:l.pos], " \t\r\n")) - 1
			return &lexError{at: at, message: "the line ends with a colon, and begins no block", hint: "take the colon away, or look whether the first word is right"}
		}
	}
	return nil
}

// dangling refuses a line that ends with something that needs more after it. The grammar would look for that on the
// next line.
func (l *lexer) dangling(begin int) *lexError {
	line := bytes.TrimRight(l.flat[begin:l.pos], " \t\r\n")
	word := line[bytes.LastIndexFunc(line, func(r rune) bool { return !isWordRune(r) })+1:]
	switch string(word) {
	case "and", "or", "not", "in", "is", "if", "elif", "else", "import", "from", "as", "with", "def", "class", "for", "while", "lambda",
		"del", "assert", "global", "nonlocal", "async", "await", "try", "finally", "except":
		if rest := bytes.TrimSuffix(line, word); !bytes.HasSuffix(rest, []byte(".")) {
			return &lexError{at: begin + len(line) - len(word), message: fmt.Sprintf("the line ends after %q, which needs more", word), hint: "put what belongs together into parentheses, or on one line"}
		}
	case "":
		last := line[len(line)-1]
		number := len(line) > 1 && line[len(line)-2] >= '0' && line[len(line)-2] <= '9'
		if strings.IndexByte("=+-/%@&|^~<>*.", last) < 0 || last == '*' && importsAll(line) || last == '.' && (number || bytes.HasSuffix(line, []byte("..."))) {
			return nil
		}
		return &lexError{at: begin + len(line) - 1, message: fmt.Sprintf("the line ends after %q, which needs more", string(last)), hint: "put what belongs together into parentheses, or on one line"}
	}
	return nil
}

func importsAll(line []byte) bool {
	return bytes.HasSuffix(bytes.TrimRight(bytes.TrimSuffix(line, []byte("*")), " \t"), []byte("import"))
}

// margin reads the blanks at the beginning of a line. When the line goes on after a backslash, the blanks before
// that count.
func (l *lexer) margin() indent {
	at, first := l.blanks()
	if first.column > 0 {
		return first
	}
	return at
}

func (l *lexer) blanks() (at, first indent) {
	for ; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case ' ':
			at.column++
			at.alternative++
		case '\t':
			at.column = (at.column/8 + 1) * 8
			at.alternative++
		case '\f':
			at = indent{}
			l.flat[l.pos] = ' '
		case '\\':
			l.pos++
			n := l.newline()
			if n == 0 {
				l.pos--
				return at, first
			}
			l.blank(l.pos-1, l.pos+n)
			l.pos += n - 1
			if first.column == 0 {
				first = at
			}
			at = indent{}
		default:
			return at, first
		}
	}
	return at, first
}

// indentation holds the beginning of a line against the blocks that are open.
func (l *lexer) indentation(at indent) *lexError {
	top := l.indents[len(l.indents)-1]
	tabs := &lexError{at: l.pos, message: "tabs and spaces are mixed in the indentation", hint: "indent with spaces only"}
	switch {
	case at.column == top.column:
		if at.alternative != top.alternative {
			return tabs
		}
		if l.opener >= 0 {
			return l.noBlock(l.pos)
		}
	case at.column > top.column:
		if at.alternative <= top.alternative {
			return tabs
		}
		if l.opener < 0 {
			return &lexError{at: l.pos, message: "the line is indented, but no block begins here", hint: "indent it like the line above"}
		}
		if len(l.indents) > maxIndents {
			return &lexError{at: l.pos, message: fmt.Sprintf("more than %d blocks in each other", maxIndents)}
		}
		l.indents = append(l.indents, at)
	default:
		if l.opener >= 0 {
			return l.noBlock(l.pos)
		}
		for at.column < l.indents[len(l.indents)-1].column {
			l.indents = l.indents[:len(l.indents)-1]
		}
		switch top := l.indents[len(l.indents)-1]; {
		case at.column != top.column:
			return &lexError{at: l.pos, message: "the indentation matches that of no block around it", hint: "indent it like the block that it belongs to"}
		case at.alternative != top.alternative:
			return tabs
		}
	}
	return nil
}

func (l *lexer) noBlock(at int) *lexError {
	line := 1 + bytes.Count(l.src[:l.opener], []byte("\n"))
	return &lexError{
		at:      at,
		message: fmt.Sprintf("an indented block is expected after line %d", line),
		hint:    `indent what belongs to it, or write "pass"`,
	}
}
