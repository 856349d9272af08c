// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexError is what Python's own reader would stop at, before it looks at the grammar.
type lexError struct {
	at            int
	message, hint string
	// unsure is set where Python may well go on: the file is then undecided.
	unsure bool
}

// lexer reads a file as Python's reader of tokens does: strings, brackets, indentation and characters. It finds
// what the grammar of tree-sitter lets pass, it finds the place of a bracket that is not closed, and it takes away
// from the grammar what makes it slow or wrong: brackets without an end, line breaks within brackets, comments.
type lexer struct {
	src []byte
	// flat is what the grammar gets to see: as long as src, so that places stay the same.
	flat []byte
	pos  int
	// open are the places of the brackets that are not closed yet.
	open []int
	// indents are the columns of the blocks that are open, with tabs to eight columns and with tabs as one.
	indents []indent
	// opener is the place of the line that ends with a colon, and so needs a block; -1 if the last one does not.
	opener int
	// colon is set when the line has a colon outside of brackets.
	colon bool
}

type indent struct{ column, alternative int }

const (
	// maxBrackets is how deep CPython lets brackets be in each other.
	maxBrackets = 200
	// maxIndents is how deep CPython lets blocks be in each other.
	maxIndents = 99
	// maxTokens bounds the words, signs and blanks of a statement. The grammar takes time that grows with the square
	// of a statement that is wrong.
	maxTokens = 20_000
	// maxFormats bounds how deep f-strings are in each other; CPython takes more.
	maxFormats = 30
)

// lex reads a whole file. It returns the file with line breaks within brackets, continued lines and comments blanked.
func lex(src []byte) ([]byte, *lexError) {
	l := &lexer{src: src, flat: bytes.Clone(src), opener: -1, indents: []indent{{}}}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		l.blank(0, 3)
		l.pos = 3
	}
	for l.pos < len(l.src) {
		if err := l.line(); err != nil {
			return nil, err
		}
	}
	if l.opener >= 0 {
		return nil, l.noBlock(len(l.src))
	}
	return l.flat, nil
}

func (l *lexer) blank(from, to int) {
	for i := from; i < to; i++ {
		l.flat[i] = ' '
	}
}

// peek returns a byte after the current one, or 0 at the end. A file holds no 0 when it gets here.
func (l *lexer) peek(offset int) byte {
	if l.pos+offset < len(l.src) {
		return l.src[l.pos+offset]
	}
	return 0
}

// newline reports how long the line break is that begins here: 0 if none does.
func (l *lexer) newline() int {
	switch {
	case l.peek(0) == '\n':
		return 1
	case l.peek(0) == '\r' && l.peek(1) == '\n':
		return 2
	case l.peek(0) == '\r':
		l.flat[l.pos] = '\n'
		return 1
	}
	return 0
}

// line reads one logical line, which ends at a line break outside of brackets.
func (l *lexer) line() *lexError {
	begin := l.pos
	at := l.margin()
	if l.pos == len(l.src) || l.newline() > 0 || l.peek(0) == '#' {
		l.comment()
		if n := l.newline(); n > 0 {
			l.pos += n
		}
		return nil
	}
	if err := l.indentation(at); err != nil {
		return err
	}
	last, start, tokens := byte(0), l.pos, 0
	l.colon = false
	for l.pos < len(l.src) {
		c := l.peek(0)
		if n := l.newline(); n > 0 {
			if len(l.open) == 0 {
				l.pos += n
				break
			}
			l.blank(l.pos, l.pos+n)
			l.pos += n
			continue
		}
		if c == '#' {
			l.comment()
			continue
		}
		if tokens++; tokens > maxTokens {
			return &lexError{at: start, message: fmt.Sprintf("a statement has more than %d parts", maxTokens), hint: "take generated data out of the file", unsure: true}
		}
		if err := l.token(); err != nil {
			return err
		}
		if c != ' ' && c != '\t' && c != '\f' && c != '\\' {
			last = c
		}
	}
	if len(l.open) > 0 {
		at := l.open[len(l.open)-1]
		return &lexError{at: at, message: fmt.Sprintf("%q was never closed", string(l.src[at])), hint: "close it, or take it away"}
	}
	l.opener = -1
	if last == ':' {
		l.opener = begin
	}
	if err := l.shape(start, last == ':'); err != nil {
		return err
	}
	return l.dangling(begin)
}

// comment makes a comment blank.
func (l *lexer) comment() {
	begin := l.pos
	for l.pos < len(l.src) && l.src[l.pos] != '\n' && l.src[l.pos] != '\r' {
		l.pos++
	}
	l.blank(begin, l.pos)
}

// token reads what begins here, and at least one byte.
func (l *lexer) token() *lexError {
	c := l.peek(0)
	switch {
	case c == '"' || c == '\'':
		return l.text("", 0)
	case c == '_' || c >= utf8.RuneSelf || unicode.IsLetter(rune(c)):
		return l.word()
	case c >= '0' && c <= '9':
		for l.pos < len(l.src) && isWord(l.src[l.pos]) || l.peek(0) == '.' {
			l.pos++
		}
		return nil
	case strings.IndexByte("([{", c) >= 0:
		if len(l.open) >= maxBrackets {
			return &lexError{at: l.pos, message: fmt.Sprintf("more than %d brackets in each other", maxBrackets)}
		}
		l.open = append(l.open, l.pos)
	case strings.IndexByte(")]}", c) >= 0:
		if err := l.closes(c, 0); err != nil {
			return err
		}
	case c == '\\':
		return l.continued()
	case c == ':':
		l.colon = l.colon || len(l.open) == 0
	case c == '!' && l.peek(1) == '=':
		l.pos++
	case c == '\f':
		l.flat[l.pos] = ' '
	case strings.IndexByte("$?`!", c) >= 0 || c < ' ' && c != '\t' || c == 0x7f:
		return &lexError{at: l.pos, message: fmt.Sprintf("the character %q means nothing in Python", string(c)), hint: "take it away, or put it into a string"}
	}
	l.pos++
	return nil
}

// closes takes a closing bracket; floor are the brackets that are none of its business.
func (l *lexer) closes(c byte, floor int) *lexError {
	if len(l.open) <= floor {
		return &lexError{at: l.pos, message: fmt.Sprintf("%q closes nothing", string(c)), hint: "take it away, or open it before"}
	}
	at := l.open[len(l.open)-1]
	if pairs := "()[]{}"; pairs[strings.IndexByte(pairs, l.src[at])+1] != c {
		line := 1 + bytes.Count(l.src[:at], []byte("\n"))
		return &lexError{
			at: l.pos, message: fmt.Sprintf("%q does not match the %q of line %d", string(c), string(l.src[at]), line),
			hint: "close brackets in the reverse order of opening them",
		}
	}
	l.open = l.open[:len(l.open)-1]
	return nil
}

// continued reads a backslash, which has to be the last character of its line.
func (l *lexer) continued() *lexError {
	begin := l.pos
	l.pos++
	n := l.newline()
	if n == 0 || l.pos+n >= len(l.src) {
		return &lexError{at: begin, message: "a backslash outside of a string is followed by something other than the next line", hint: "make it the last character of its line"}
	}
	l.blank(begin, l.pos+n)
	l.pos += n
	return nil
}

func isWord(c byte) bool { return isWordRune(rune(c)) }

func isWordRune(c rune) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word reads a name, or a string with a prefix.
func (l *lexer) word() *lexError {
	begin := l.pos
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		if isWord(c) {
			l.pos++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, size := utf8.DecodeRune(l.src[l.pos:])
		if neverInNames(r) {
			return &lexError{at: l.pos, message: fmt.Sprintf("the character %q (%U) means nothing in Python", string(r), r), hint: "take it away, or put it into a string; it may come from a copied text"}
		}
		l.pos += size
	}
	if c := l.peek(0); c == '"' || c == '\'' {
		if prefix := strings.ToLower(string(l.src[begin:l.pos])); isPrefix(prefix) {
			return l.text(prefix, 0)
		}
	}
	return nil
}

func isPrefix(s string) bool {
	switch s {
	case "r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

// neverInNames is true for what no version of Unicode lets be part of a name: punctuation, blanks, control
// characters, but for those few that Unicode grandfathers in.
func neverInNames(r rune) bool {
	switch r {
	case 0xB7, 0x387, 0x2118, 0x212E, 0x309B, 0x309C, 0x203F, 0x2040, 0x2054, 0x200C, 0x200D, 0x30FB, 0xFF65:
		return false
	}
	return unicode.In(r, unicode.Pd, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf, unicode.Po, unicode.Z, unicode.Cc, unicode.Cf, unicode.Sc, unicode.Sm)
}
