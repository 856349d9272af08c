// SPDX-License-Identifier: Apache-2.0

// Package sqltext reads SQL as far as it can be read without knowing the database: where texts, names in quotes and comments begin and end, how
// many statements there are, and which parameters, such as :start, they have. It knows the quotes of PostgreSQL and DuckDB.
//
// It is pure, and imports nothing of Trunkline.
package sqltext

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Statement is one statement of SQL.
type Statement struct {
	// pieces are the text, taken apart where parameters are: of each two, the first is text and the second is the name of a parameter.
	pieces []string
}

// quoted are what begins something in which nothing else counts.
var (
	dollarQuote = regexp.MustCompile(`^\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)
	parameter   = regexp.MustCompile(`^:([A-Za-z_][A-Za-z0-9_]*)`)
)

// One reads SQL that is one statement, with or without a semicolon at its end.
func One(sql string) (Statement, error) {
	if strings.ContainsRune(sql, 0) {
		return Statement{}, errors.New("it has a character that no SQL has")
	}
	var s Statement
	var text strings.Builder // of the piece that is read
	some, ended := false, false
	for rest, before := sql, byte(' '); rest != ""; {
		n, kind, err := next(rest, before)
		if err != nil {
			return Statement{}, err
		}
		token := rest[:n]
		switch {
		case kind == blank:
		case kind == end && !some:
			return Statement{}, errors.New("it has a semicolon, and no statement before it")
		case kind == end:
			ended = true
		case ended:
			return Statement{}, errors.New("it has several statements")
		default:
			some = true
		}
		switch {
		case ended:
		case kind == named:
			s.pieces = append(s.pieces, text.String(), token[1:])
			text.Reset()
		default:
			text.WriteString(token)
		}
		if rest, before = rest[n:], token[n-1]; kind == named {
			before = '0' // it becomes a number
		}
	}
	if !some {
		return Statement{}, errors.New("it has no statement")
	}
	s.pieces = append(s.pieces, text.String())
	return s, nil
}

// kind is what a token is.
type kind int

const (
	blank kind = iota // space, or a comment
	other
	named // a parameter
	end   // a semicolon
)

// next reads one token, of one byte at least, behind a byte.
func next(rest string, before byte) (n int, k kind, err error) {
	switch c := rest[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
		return 1, blank, nil
	case c == ';':
		return 1, end, nil
	case strings.HasPrefix(rest, "--"):
		if at := strings.IndexByte(rest, '\n'); at >= 0 {
			return at + 1, blank, nil
		}
		return len(rest), blank, nil
	case strings.HasPrefix(rest, "/*"):
		n, err := comment(rest)
		return n, blank, err
	case c == '\'':
		n, err := quote(rest, '\'', before == 'e' || before == 'E')
		return n, other, err
	case c == '"':
		n, err := quote(rest, '"', false)
		return n, other, err
	case c == '$' && !inName(before):
		if tag := dollarQuote.FindString(rest); tag != "" {
			at := strings.Index(rest[len(tag):], tag)
			if at < 0 {
				return 0, 0, fmt.Errorf("the text that begins with %s does not end", tag)
			}
			return 2*len(tag) + at, other, nil
		}
	case strings.HasPrefix(rest, "::"), strings.HasPrefix(rest, ":="):
		return 2, other, nil
	case c == ':':
		if m := parameter.FindString(rest); m != "" {
			return len(m), named, nil
		}
	}
	return 1, other, nil
}

// inName reports whether a byte may be part of a name.
func inName(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// comment is how long a comment is, which may have others in it.
func comment(text string) (int, error) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(text[i:], "*/"):
			depth--
			i++
		}
		if depth == 0 {
			return i + 1, nil
		}
	}
	return 0, errors.New("a comment that begins with /* does not end")
}

// quote is how long a text in quotes is: a quote in it is written twice, or, with escapes, behind a backslash.
func quote(text string, mark byte, escapes bool) (int, error) {
	for i := 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\':
			i++
		case text[i] != mark:
		case i+1 < len(text) && text[i+1] == mark:
			i++
		default:
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("a text that begins with %c does not end", mark)
}

// Parameters are the names of its parameters, each once, in the order in which they first are there.
func (s Statement) Parameters() (names []string) {
	for i := 1; i < len(s.pieces); i += 2 {
		if !slices.Contains(names, s.pieces[i]) {
			names = append(names, s.pieces[i])
		}
	}
	return names
}

// Numbered is the statement with its parameters as $1, $2 and so on, which are those of [Statement.Parameters] in their order. It has no semicolon
// at its end, and may have a comment there.
func (s Statement) Numbered() string {
	names := s.Parameters()
	var b strings.Builder
	for i, piece := range s.pieces {
		if i%2 == 1 {
			piece = "$" + strconv.Itoa(slices.Index(names, piece)+1)
			if before := s.pieces[i-1]; before != "" && inName(before[len(before)-1]) || i > 1 && before == "" {
				piece = " " + piece // behind a name it would be a part of it
			}
		}
		b.WriteString(piece)
	}
	return strings.Trim(b.String(), " \t\n\r\f\v")
}

// word is the first of a statement, behind spaces, parentheses and comments.
var word = regexp.MustCompile(`^(?:[\s(]|--[^\n]*(?:\n|$)|/\*(?s:.*?)\*/)*([A-Za-z_]+)`)

// FirstWord is its first word in upper case, such as SELECT; empty if it begins with something else.
func (s Statement) FirstWord() string {
	m := word.FindStringSubmatch(s.pieces[0])
	if m == nil {
		return ""
	}
	return strings.ToUpper(m[1])
}
