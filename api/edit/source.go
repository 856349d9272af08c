// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is the text of a file, without a byte order mark.
type source struct {
	data []byte
	// lines are the offsets at which lines begin.
	lines []int
}

// breakAt returns how long the line break at an offset is, by the breaks of YAML 1.1 that the parser counts; 0: there is none.
func breakAt(data []byte, i int) int {
	rest := data[i:]
	switch {
	case bytes.HasPrefix(rest, []byte("\r\n")):
		return 2
	case len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r'):
		return 1
	case bytes.HasPrefix(rest, []byte("\u0085")):
		return 2
	case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
		return 3
	}
	return 0
}

func lineStarts(data []byte) []int {
	starts := []int{0}
	for i := 0; i < len(data); {
		if n := breakAt(data, i); n > 0 {
			i += n
			starts = append(starts, i)
			continue
		}
		i++
	}
	return starts
}

// offset returns where a node begins.
func (s source) offset(n *yaml.Node) (int, error) {
	if n.Line < 1 || n.Line > len(s.lines) {
		return 0, errors.New("its place in the file is not known")
	}
	i := s.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(s.data[min(i, len(s.data)):])
		i += size
	}
	return min(i, len(s.data)), nil
}

// lineEnd returns where the line of an offset ends, without its break.
func (s source) lineEnd(i int) int {
	for i < len(s.data) && breakAt(s.data, i) == 0 {
		i++
	}
	return i
}

// lineStart returns where the line of an offset begins.
func (s source) lineStart(i int) int {
	at := 0
	for _, start := range s.lines {
		if start > i {
			break
		}
		at = start
	}
	return at
}

// newline returns the line break that a file uses.
func (s source) newline() string {
	if end := s.lineEnd(0); end < len(s.data) {
		return string(s.data[end : end+breakAt(s.data, end)])
	}
	return "\n"
}

// blank skips spaces and tabs.
func (s source) blank(i int) int {
	for i < len(s.data) && (s.data[i] == ' ' || s.data[i] == '\t') {
		i++
	}
	return i
}

// space skips blanks, line breaks and comments.
func (s source) space(i int) int {
	for i < len(s.data) {
		switch c := s.data[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == '#' && i > 0 && (s.data[i-1] == ' ' || s.data[i-1] == '\t' || s.lineStart(i) == i):
			i = s.lineEnd(i)
		default:
			n := breakAt(s.data, i)
			if n == 0 {
				return i
			}
			i += n
		}
	}
	return i
}

// value returns where a node begins behind its anchor. A tag is refused.
func (s source) value(n *yaml.Node) (int, error) {
	i, err := s.offset(n)
	if err != nil {
		return 0, err
	}
	if n.Anchor != "" && n.Kind != yaml.AliasNode {
		if !bytes.HasPrefix(s.data[i:], []byte("&"+n.Anchor)) {
			return 0, fmt.Errorf("line %d: its anchor is not where it is expected", n.Line)
		}
		i = s.space(i + 1 + len(n.Anchor))
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return 0, fmt.Errorf("line %d: it has the tag %s; remove the tag", n.Line, n.Tag)
	}
	return i, nil
}

// end returns where the text of a node ends, without what follows it in its line.
func (s source) end(n *yaml.Node) (int, error) {
	if (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode) && n.Style&yaml.FlowStyle == 0 {
		if len(n.Content) == 0 {
			return 0, fmt.Errorf("line %d: it is empty", n.Line)
		}
		return s.end(n.Content[len(n.Content)-1])
	}
	i, err := s.value(n)
	if err != nil {
		return 0, err
	}
	unclear := fmt.Errorf("line %d: it cannot be told where it ends; write it in one line", n.Line)
	switch {
	case n.Kind == yaml.AliasNode:
		return i + 1 + len(n.Value), nil
	case n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode:
		if len(n.Content) > 0 {
			if i, err = s.end(n.Content[len(n.Content)-1]); err != nil {
				return 0, err
			}
		} else {
			i++
		}
		i = s.space(i)
		if i < len(s.data) && s.data[i] == ',' {
			i = s.space(i + 1)
		}
		if i < len(s.data) && (s.data[i] == '}' || s.data[i] == ']') {
			return i + 1, nil
		}
		return 0, unclear
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return s.blockEnd(i, n), nil
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i++; i < len(s.data); i++ {
			switch s.data[i] {
			case '\\':
				i++
			case '"':
				return i + 1, nil
			}
		}
		return 0, unclear
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i++; i < len(s.data); i++ {
			if s.data[i] == '\'' {
				if i+1 < len(s.data) && s.data[i+1] == '\'' {
					i++
					continue
				}
				return i + 1, nil
			}
		}
		return 0, unclear
	}
	end, ok := s.plainEnd(i, n.Value)
	if !ok {
		return 0, unclear
	}
	return end, nil
}

// plainEnd follows the text of a plain scalar, which may be folded over lines.
func (s source) plainEnd(i int, text string) (int, bool) {
	for text != "" {
		if text[0] == ' ' || text[0] == '\n' {
			text = strings.TrimLeft(text, " \n")
			from := i
			for i < len(s.data) {
				if n := breakAt(s.data, i); n > 0 {
					i += n
				} else if s.data[i] == ' ' || s.data[i] == '\t' {
					i++
				} else {
					break
				}
			}
			if i == from {
				return 0, false
			}
			continue
		}
		if i >= len(s.data) || s.data[i] != text[0] {
			return 0, false
		}
		i, text = i+1, text[1:]
	}
	return i, true
}

// blockEnd returns where the last line of a block scalar ends, whose header is at an offset.
func (s source) blockEnd(i int, n *yaml.Node) int {
	header := s.data[i:s.lineEnd(i)]
	end, indent := s.lineEnd(i), -1
	if keep := bytes.IndexByte(header, '#'); keep >= 0 {
		header = header[:keep]
	}
	if strings.Trim(n.Value, "\n") == "" {
		return end
	}
	for at := end; at < len(s.data); {
		start := at + breakAt(s.data, at)
		stop := s.lineEnd(start)
		text := s.data[start:stop]
		spaces := len(text) - len(bytes.TrimLeft(text, " "))
		blank := spaces == len(text)
		if indent < 0 && !blank {
			indent = spaces
		}
		switch {
		case blank && bytes.Contains(header, []byte("+")):
			end = stop
		case blank:
		case spaces < indent && !explicit(header):
			return end
		case spaces == 0:
			return end
		case explicit(header) && spaces < s.contentIndent(n):
			return end
		default:
			end = stop
		}
		at = stop
	}
	return end
}

// explicit reports whether the header of a block scalar says how far its content is indented.
func explicit(header []byte) bool { return bytes.ContainsAny(header, "123456789") }

// contentIndent is the least indentation that content with an explicit indentation can have: that of its line, and one.
func (s source) contentIndent(n *yaml.Node) int {
	start := s.lines[n.Line-1]
	return s.blank(start) - start + 1
}
