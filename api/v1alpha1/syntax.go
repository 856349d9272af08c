// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	// conflict finds what git leaves in a file that it could not merge.
	conflict = regexp.MustCompile(`(?m)^(?:<{7} .*|\|{7} .*|={7}|>{7} .*)\r?$`)
	// template finds what a template engine replaces.
	template = regexp.MustCompile(`\{\{|\{%|<%`)
	// indicator finds a plain value that begins with a character that no plain value may begin with.
	indicator = regexp.MustCompile("(?m)(?:^|[:,\\[{-])[ ]+([@`%][^\\s,\\]}]*)")
	// starred finds a value that begins like an alias or an anchor, and is none.
	starred = regexp.MustCompile(`(?:^|[:,\[{-])[ ]+([*&][^,\]}#\r\n]*)`)
	// dashed finds a list item without a blank behind its dash, and joined a key without one behind its colon.
	dashed = regexp.MustCompile(`^\s*(-[A-Za-z][\w-]*:(?:\s|$))`)
	joined = regexp.MustCompile(`^\s*(?:- )?([A-Za-z][\w-]*:)[^\s/:]`)
	// anchor is the parser's message of an alias of nothing.
	anchor = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)
	// yamlLine takes the parser's message apart.
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s)(.*)`)
	// second finds where a line begins a second value: behind the second colon.
	second = regexp.MustCompile(`^[^#"']*?:\s+[^#"'\[{]*?:(?:\s|$)`)
)

const notYAML = "not valid YAML: "

// mistake is a text that YAML is not made of, and why.
type mistake struct {
	// at is the offset in the file.
	at            int
	message, hint string
}

// ExplainSyntax says what is wrong with a text that the parser does not read: where the mistake was made rather than where it
// was noticed, and in words that say what to do.
func ExplainSyntax(file string, err error, data []byte) Problem {
	p := Problem{Rule: RuleSyntax, Position: Position{File: file}, Severity: Deny, Message: err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Message = m[2]
		p.Position.Line, _ = strconv.Atoi(m[1]) // no line: the place is the file
	}
	if !bytes.Contains(data, []byte("\n")) {
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n")) // by which lines ended once, and which end one in YAML
	}
	s := stumbled{data: data, message: p.Message, line: p.Position.Line, located: locate(data)}
	if s.at == 0 {
		s.at, s.whole = s.line, s.line-1
	}
	for _, look := range []func() (mistake, bool){
		s.conflict, s.encoding, s.control, s.anchor, s.tab, s.indicator, s.template, s.unclosed, s.blank, s.colon, s.indented, s.variable, s.unexpected,
	} {
		if m, found := look(); found {
			p.Position.Line = bytes.Count(data[:m.at], []byte("\n")) + 1
			p.Position.Column = utf8.RuneCount(data[bytes.LastIndexByte(data[:m.at], '\n')+1:m.at]) + 1
			p.Message, p.Hint = m.message, m.hint
			return p
		}
	}
	if s.at > 0 {
		p.Position.Line = s.at
	}
	p.Message = notYAML + p.Message
	return p
}

// stumbled is a text that the parser does not read.
type stumbled struct {
	located

	data    []byte
	message string
	// line is the one that the parser names.
	line int
}

// near are the lines in which the parser may have stumbled.
func (s stumbled) near() []int {
	lines := []int{s.at}
	if s.whole+1 < s.at {
		lines = append(lines, s.whole+1)
	}
	if s.line != s.at && s.line != s.whole+1 {
		lines = append(lines, s.line)
	}
	return lines
}

// conflict looks for what git leaves in a file that it could not merge.
func (s stumbled) conflict() (mistake, bool) {
	found := conflict.FindAllIndex(s.data, -1)
	if len(found) < 2 || s.data[found[0][0]] != '<' {
		return mistake{}, false
	}
	return mistake{
		found[0][0], "the file has a merge conflict that is not resolved",
		"keep one side, or both, and remove the lines with <<<<<<<, ======= and >>>>>>>",
	}, true
}

// encoding looks for what is not UTF-8.
func (s stumbled) encoding() (mistake, bool) {
	if utf8.Valid(s.data) {
		return mistake{}, false
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(s.data[at:])
		if r == utf8.RuneError && size == 1 {
			return mistake{at, fmt.Sprintf(notYAML+"the byte 0x%02x is not UTF-8", s.data[at]), "save the file in UTF-8; it may be in Latin-1"}, true
		}
		at += size
	}
}

// control looks for a character that YAML does not allow anywhere.
func (s stumbled) control() (mistake, bool) {
	if !strings.Contains(s.message, "control characters") {
		return mistake{}, false
	}
	at := bytes.IndexFunc(s.data, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
	})
	if at < 0 {
		return mistake{}, false
	}
	r, _ := utf8.DecodeRune(s.data[at:])
	return mistake{at, fmt.Sprintf(notYAML+"the control character U+%04X is not allowed", r), `remove it, or write it in double quotes, such as "\x1b"`}, true
}

// anchor looks for an alias of nothing.
func (s stumbled) anchor() (mistake, bool) {
	m := anchor.FindStringSubmatch(s.message)
	if m == nil {
		return mistake{}, false
	}
	found := regexp.MustCompile(`\*` + regexp.QuoteMeta(m[1]) + `(?:[\s,\]}]|$)`).FindIndex(s.data)
	if found == nil {
		return mistake{}, false
	}
	return mistake{found[0], fmt.Sprintf(notYAML+"there is no anchor &%s before this", m[1]), "a text that begins with * needs quotes"}, true
}

// tab looks for a line that is indented with one.
func (s stumbled) tab() (mistake, bool) {
	if !strings.Contains(s.message, "cannot start any token") && !strings.Contains(s.message, "tab character") {
		return mistake{}, false
	}
	for _, near := range append(s.near(), s.at+1) {
		line, start := lineOf(s.data, near)
		blank := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(blank, '\t'); tab >= 0 {
			return mistake{start + tab, notYAML + "the line is indented with a tab", "YAML is indented with spaces, never with tabs"}, true
		}
	}
	return mistake{}, false
}

// indicator looks for a value that begins as none may.
func (s stumbled) indicator() (mistake, bool) {
	if strings.Contains(s.message, "expected alphabetic or numeric character") { // behind what would begin an alias or an anchor
		line, start := lineOf(s.data, s.at)
		if m := starred.FindSubmatchIndex(line); m != nil {
			value := strings.TrimSpace(string(line[m[2]:m[3]]))
			return mistake{start + m[2], fmt.Sprintf(notYAML+"a value cannot begin with %q", value[:1]), fmt.Sprintf("quote it: %q", shorten(value))}, true
		}
	}
	if !strings.Contains(s.message, "cannot start any token") {
		return mistake{}, false
	}
	for _, near := range s.near() {
		line, start := lineOf(s.data, near)
		if m := indicator.FindSubmatchIndex(line); m != nil {
			value := string(line[m[2]:m[3]])
			return mistake{start + m[2], fmt.Sprintf(notYAML+"a value cannot begin with %q", value[:1]), fmt.Sprintf("quote it: \"%s\"", shorten(value))}, true
		}
	}
	return mistake{}, false
}

const (
	isTemplate   = "this is a template"
	noTemplating = "nothing renders it here: write the value, or quote it if it is meant as it is"
)

// template looks for what a template engine was to replace.
func (s stumbled) template() (mistake, bool) {
	for _, near := range s.near() {
		line, start := lineOf(s.data, near)
		found := template.FindIndex(line)
		if found != nil && bytes.Count(line[:found[0]], []byte(`"`))%2 == 0 && bytes.Count(line[:found[0]], []byte("'"))%2 == 0 {
			return mistake{start + found[0], notYAML + isTemplate, noTemplating}, true
		}
	}
	return mistake{}, false
}

// unclosed looks for quotes and brackets that do not come in pairs.
func (s stumbled) unclosed() (mistake, bool) {
	text, start := lineOf(s.data, s.at)
	if s.whole+1 < s.at {
		_, start = lineOf(s.data, s.whole+1)
		last, end := lineOf(s.data, s.at)
		text = s.data[start : end+len(last)]
	}
	switch o := scanOpened(text); {
	case o.quote >= 0:
		return mistake{start + o.quote, fmt.Sprintf(notYAML+"the quote %c that opens here is not closed in its line", text[o.quote]), "close it, or begin the value with another quote if it holds this one"}, true
	case o.bracket >= 0:
		return mistake{start + o.bracket, fmt.Sprintf(notYAML+"the bracket %c that opens here is not closed", text[o.bracket]), "close it where the value ends, or quote a text that holds it"}, true
	case o.extra >= 0:
		return mistake{start + o.extra, fmt.Sprintf(notYAML+"the bracket %c closes none", text[o.extra]), "remove it, or quote a text that holds it"}, true
	case o.behind >= 0:
		return mistake{
			start + o.behind, notYAML + "there is text behind the quote that ends the value",
			`a quote within a value needs another kind around it, as in "it's" or 'say "hello"'`,
		}, true
	}
	return mistake{}, false
}

// indented looks for a line that begins in another column than its siblings.
func (s stumbled) indented() (mistake, bool) {
	line, start := lineOf(s.data, s.at)
	column := len(line) - len(bytes.TrimLeft(line, " "))
	item := isItem(line[column:])
	if !item && !isKey(line[column:]) {
		return mistake{}, false
	}
	sibling, found := s.sibling(column, item)
	if !found {
		return mistake{}, false
	}
	what := "key"
	if item {
		what = "list item"
	}
	return mistake{
		start + column,
		fmt.Sprintf(notYAML+"the %s begins in column %d, and what it stands beside in column %d (line %d)", what, column+1, sibling.column+1, sibling.line),
		fmt.Sprintf("indent it like line %d, or like what it belongs to", sibling.line),
	}, true
}

// level is a column in which a key or list item begins that what follows may stand beside.
type level struct {
	line, column int
	item         bool
}

// levels are those that are open before the line in which the parser stumbles, from the left to the right. They reports whether the
// line before it opens another one.
func (s stumbled) levels() (open []level, opens bool) {
	for n := 1; n < s.at; n++ {
		line, _ := lineOf(s.data, n)
		bare := bytes.TrimLeft(line, " ")
		text := bytes.TrimSpace(bare)
		switch {
		case bytes.HasPrefix(line, []byte("---")):
			open = nil
			continue
		case len(text) == 0 || text[0] == '#' || !isItem(bare) && !isKey(bare):
			continue
		}
		column := len(line) - len(bare)
		opens = bytes.HasSuffix(text, []byte(":")) || bytes.Equal(text, []byte("-"))
		for len(open) > 0 {
			if last := open[len(open)-1]; last.column < column || last.column == column && !last.item && isItem(bare) {
				break
			}
			open = open[:len(open)-1]
		}
		open = append(open, level{n, column, isItem(bare)})
		if inner := bytes.TrimLeft(bytes.TrimPrefix(bare, []byte("-")), " "); isItem(bare) && isKey(inner) {
			open = append(open, level{n, column + len(bare) - len(inner), false})
		}
	}
	return open, opens
}

// sibling returns what a key or list item was meant to stand beside, if it stands beside nothing and within nothing.
func (s stumbled) sibling(column int, item bool) (nearest level, found bool) {
	open, opens := s.levels()
	for _, l := range open {
		far := max(l.column-column, column-l.column)
		switch {
		case far == 0 && l.item == item:
			return level{}, false
		case !found || l.item == item && nearest.item != item || l.item == nearest.item && far <= max(nearest.column-column, column-nearest.column):
			nearest, found = l, true
		}
	}
	if found && opens && column > open[len(open)-1].column {
		return level{}, false
	}
	return nearest, found
}

func isItem(line []byte) bool {
	return bytes.HasPrefix(line, []byte("- ")) || bytes.Equal(bytes.TrimSpace(line), []byte("-"))
}

var keyForm = regexp.MustCompile(`^["']?[\w./-]+["']?:(?:\s|$)`)

func isKey(line []byte) bool { return keyForm.Match(line) }

// blank looks for a blank that is missing behind the dash of a list item, or behind the colon of a key.
func (s stumbled) blank() (mistake, bool) {
	for _, near := range append(s.near(), s.at-1) {
		line, start := lineOf(s.data, near)
		if m := dashed.FindSubmatchIndex(line); m != nil {
			return mistake{start + m[2], notYAML + "a blank is missing behind the dash", "write a list item as - " + string(bytes.TrimSpace(line[m[2]+1:m[3]]))}, true
		}
		if m := joined.FindSubmatchIndex(line); m != nil && strings.Contains(s.message, "could not find expected ':'") {
			return mistake{start + m[2], notYAML + "a blank is missing behind the colon", fmt.Sprintf("write it as %s VALUE", line[m[2]:m[3]])}, true
		}
	}
	return mistake{}, false
}

// quoting is what to do about a value that holds a colon.
const quoting = `a value that holds ": " needs quotes, and a key must be indented like its siblings`

// colon looks for a value that holds a colon with a blank behind it.
func (s stumbled) colon() (mistake, bool) {
	line, start := lineOf(s.data, s.at)
	found := second.FindIndex(line)
	if found == nil || !strings.Contains(s.message, "mapping values are not allowed") {
		return mistake{}, false
	}
	return mistake{start + len(bytes.TrimRight(line[:found[1]], " \t\r\n")) - 1, notYAML + s.message, quoting}, true
}

// variable looks for a variable of a shell: within braces or brackets its own braces begin a mapping.
func (s stumbled) variable() (mistake, bool) {
	for _, near := range s.near() {
		line, start := lineOf(s.data, near)
		if at := bytes.Index(line, []byte("${")); at >= 0 {
			return mistake{start + at, notYAML + "a variable of a shell", "nothing replaces it: write the value, or quote it if it is meant as it is"}, true
		}
	}
	return mistake{}, false
}

// unexpected is the line alone, with the parser's words.
func (s stumbled) unexpected() (mistake, bool) {
	line, start := lineOf(s.data, s.at)
	if len(bytes.TrimSpace(line)) == 0 {
		return mistake{}, false
	}
	hint := ""
	if strings.Contains(s.message, "mapping values are not allowed") {
		hint = quoting
	}
	return mistake{start + len(line) - len(bytes.TrimLeft(line, " \t")), notYAML + s.message, hint}, true
}

// lineOf returns a line by its number, and where it begins; nothing if there is none.
func lineOf(data []byte, number int) (line []byte, start int) {
	for n := 1; start < len(data); n++ {
		end := len(data)
		if i := bytes.IndexByte(data[start:], '\n'); i >= 0 {
			end = start + i + 1
		}
		if n == number {
			return data[start:end], start
		}
		start = end
	}
	return nil, 0
}
