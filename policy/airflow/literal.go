// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// stringValue returns the text of a string, with the fields of an f-string filled in as far as they are constants.
func (m *machine) stringValue(n *node, in *scope) value {
	begin := n.children[0]
	prefix := strings.ToLower(m.text(begin))
	isRaw, binary := strings.Contains(prefix, "r"), strings.Contains(prefix, "b")
	if strings.Contains(prefix, "t") {
		return &unknown{} // a template, which is no text
	}
	format := strings.Contains(prefix, "f")
	var b strings.Builder
	known := true
	at := begin.end
	literal := func(to int) {
		s := string(n.in.data[at:to])
		if format {
			s = strings.NewReplacer("{{", "{", "}}", "}").Replace(s)
		}
		if !isRaw {
			var ok bool
			s, ok = unescape(s, binary)
			known = known && ok
		}
		b.WriteString(s)
	}
	end := n.children[len(n.children)-1].start
	for _, c := range n.children {
		if c.kind != "interpolation" {
			continue
		}
		literal(c.start)
		at = c.end
		v := m.eval(c.child("expression"), in)
		used(v)
		s, ok := display(v)
		if !ok || c.child("format_specifier") != nil || c.child("type_conversion") != nil || c.has("=") {
			known = false
		}
		b.WriteString(s)
	}
	literal(end)
	switch {
	case !known || b.Len() > maxText:
		return &unknown{}
	case binary:
		return raw(b.String())
	}
	return text(b.String())
}

// unescape returns what the escapes in a string stand for. It is false for those that it does not know.
func unescape(s string, binary bool) (string, bool) {
	if !strings.Contains(s, `\`) {
		return strings.ReplaceAll(s, "\r\n", "\n"), true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == '\n':
		case strings.IndexByte(`abfnrtv\'"`, c) >= 0:
			b.WriteByte("\a\b\f\n\r\t\v\\'\""[strings.IndexByte(`abfnrtv\'"`, c)])
		case c >= '0' && c <= '7':
			width := 1
			for width < 3 && i+width < len(s) && s[i+width] >= '0' && s[i+width] <= '7' {
				width++
			}
			r, _ := strconv.ParseUint(s[i:i+width], 8, 32)
			b.WriteRune(rune(r)) //nolint:gosec // at most three octal digits
			i += width - 1
		case c == 'x' || c == 'u' && !binary || c == 'U' && !binary:
			width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+width >= len(s) {
				return "", false
			}
			r, err := strconv.ParseUint(s[i+1:i+1+width], 16, 32)
			if err != nil || r > utf8.MaxRune {
				return "", false
			}
			b.WriteRune(rune(r))
			i += width
		case c == 'N' && !binary:
			return "", false
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
