// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// splice puts a text in the place of a range.
func (s source) splice(from, to int, text string) []byte {
	return slices.Concat(s.data[:from], []byte(text), s.data[to:])
}

// replace writes a value where a node stands. In is what it is a value of.
func (e editor) replace(in, n *yaml.Node, value any) ([]byte, error) {
	if err := e.unshared(n); err != nil {
		return nil, err
	}
	from, err := e.value(n)
	if err != nil {
		return nil, err
	}
	to, err := e.end(n)
	if err != nil {
		return nil, err
	}
	if lost, err := e.commented(n, from, to); err != nil || lost {
		return nil, cmp.Or(err, fmt.Errorf("line %d: comments in it would be lost; change it by hand", n.Line))
	}
	text, err := flow(value, n.Style)
	if err != nil {
		return nil, err
	}
	if list, ok := value.([]any); ok && len(text) > maxLine && in.Kind == yaml.MappingNode && in.Style&yaml.FlowStyle == 0 {
		return e.replaceByLines(n, list, from, to)
	}
	block := n.Kind != yaml.AliasNode && n.Kind != yaml.ScalarNode && n.Style&yaml.FlowStyle == 0
	switch {
	case block:
		// The key is in a line above, or a dash before it.
		if from, err = e.before(from); err != nil {
			return nil, err
		}
		text = " " + text
	case from > 0 && e.data[from-1] == ':':
		text = " " + text // there was nothing
	}
	return e.splice(from, to, text), nil
}

// replaceByLines writes a list, with a line for each item, where the value of a key stands.
func (e editor) replaceByLines(n *yaml.Node, list []any, from, to int) (out []byte, err error) {
	start := e.lineStart(from)
	indent := string(e.data[start:e.blank(start)]) + "  "
	own := (n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) && n.Style&yaml.FlowStyle == 0 && e.blank(start) == from
	if own {
		indent = string(e.data[start:from]) // as it was
	}
	lines, err := items(list, indent, e.newline())
	switch {
	case err != nil:
		return nil, err
	case own: // the line above stays as it is
		return e.splice(start, to, lines), nil
	}
	from = len(bytes.TrimRight(e.data[:from], " \t"))
	return e.splice(from, to, e.newline()+lines), nil
}

// before returns where the text before a block collection ends.
func (e editor) before(from int) (int, error) {
	start := e.lineStart(from)
	if e.blank(start) != from {
		return len(bytes.TrimRight(e.data[:from], " \t")), nil // behind a dash
	}
	for start > 0 {
		at := e.lineStart(start - 1)
		line := e.data[at:e.lineEnd(at)]
		trimmed := bytes.TrimRight(line, " \t")
		if len(trimmed) > 0 && trimmed[0] != '#' && bytes.TrimLeft(trimmed, " \t")[0] != '#' {
			if !bytes.HasSuffix(trimmed, []byte(":")) {
				return 0, errors.New("what stands before it in the line above would be lost; change it by hand")
			}
			return at + len(trimmed), nil
		}
		if len(trimmed) > 0 {
			return 0, errors.New("a comment above it would be lost; change it by hand")
		}
		start = at
	}
	return 0, errors.New("its key was not found")
}

// commented reports whether there are comments within the text of a node, by what stands between its scalars.
func (s source) commented(n *yaml.Node, from, to int) (bool, error) {
	at, found := from, false
	var walk func(n *yaml.Node) error
	walk = func(n *yaml.Node) error {
		if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode {
			for _, c := range n.Content {
				if err := walk(c); err != nil {
					return err
				}
			}
			return nil
		}
		begin, err := s.value(n)
		if err != nil {
			return err
		}
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			begin = s.lineEnd(begin) // a block's header may have one
		}
		end, err := s.end(n)
		if err != nil {
			return err
		}
		found = found || begin > at && bytes.Contains(s.data[at:begin], []byte("#"))
		at = max(at, end)
		return nil
	}
	err := walk(n)
	return found || at < to && bytes.Contains(s.data[at:to], []byte("#")), err
}

// insert adds a key to a mapping, and what is below it.
func (e editor) insert(n *yaml.Node, path []any, value any) ([]byte, error) {
	for i := len(path) - 1; i > 0; i-- {
		key, ok := path[i].(string)
		if !ok {
			return nil, errors.New("there is no list to which it could be added")
		}
		value = map[string]any{key: value}
	}
	key, _ := path[0].(string)
	switch {
	case isNull(n):
		return e.replace(n, n, map[string]any{key: value})
	case len(n.Content) == 0:
		return e.replace(n, n, map[string]any{key: value})
	}
	if err := e.unshared(n); err != nil {
		return nil, err
	}
	last, err := e.end(n.Content[len(n.Content)-1])
	if err != nil {
		return nil, err
	}
	if n.Style&yaml.FlowStyle != 0 {
		pair, err := flow(map[string]any{key: value}, yaml.FlowStyle)
		if err != nil {
			return nil, err
		}
		text := ", " + pair[1:len(pair)-1]
		if comma := e.space(last); comma < len(e.data) && e.data[comma] == ',' {
			last, text = comma+1, text[1:]
		}
		return e.splice(last, last, text), nil
	}
	first, err := e.offset(n.Content[0])
	if err != nil {
		return nil, err
	}
	indent := strings.Repeat(" ", utf8.RuneCount(e.data[e.lineStart(first):first]))
	lines, err := block(key, value, indent, e.newline())
	if err != nil {
		return nil, err
	}
	end := e.lineEnd(last)
	if rest := e.blank(last); rest != end && e.data[rest] != '#' {
		return nil, fmt.Errorf("line %d: what follows it in its line is not understood; add the key by hand", n.Line)
	}
	return e.splice(end, end, e.newline()+lines), nil
}

// remove removes a key of a mapping and its value, whose index is at. The mapping has others.
func (e editor) remove(n *yaml.Node, at int) ([]byte, error) {
	value := n.Content[at]
	if err := e.unshared(value); err != nil {
		return nil, err
	}
	from, err := e.offset(n.Content[at-1])
	if err != nil {
		return nil, err
	}
	to, err := e.end(value)
	if err != nil {
		return nil, err
	}
	begin, err := e.value(value)
	if err != nil {
		return nil, err
	}
	if lost, err := e.commented(value, min(begin, to), to); err != nil || lost {
		return nil, cmp.Or(err, fmt.Errorf("line %d: comments in it would be lost; remove it by hand", value.Line))
	}
	if n.Style&yaml.FlowStyle != 0 {
		if at+1 < len(n.Content) {
			if to, err = e.offset(n.Content[at+1]); err != nil {
				return nil, err
			}
		} else if from, err = e.end(n.Content[at-2]); err != nil {
			return nil, err
		}
		if bytes.Contains(e.data[from:to], []byte("#")) {
			return nil, fmt.Errorf("line %d: a comment beside it would be lost; remove it by hand", value.Line)
		}
		return e.splice(from, to, ""), nil
	}
	start, end := e.lineStart(from), e.lineEnd(to)
	if e.blank(start) != from || e.blank(to) != end {
		return nil, fmt.Errorf("line %d: it shares its line with something else; remove it by hand", value.Line)
	}
	if end == len(e.data) && start > 0 { // the last line has no break, as before
		start = e.lineEnd(e.lineStart(start - 1))
	} else {
		end += breakAt(e.data, end)
	}
	return e.splice(start, end, ""), nil
}

// flow writes a value in one line. A text has quotes as the style says, or as it needs.
func flow(value any, style yaml.Style) (string, error) {
	switch v := value.(type) {
	case string:
		return text(v, style)
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			k, err := text(key, 0)
			if err != nil {
				return "", err
			}
			item, err := flow(v[key], 0)
			if err != nil {
				return "", err
			}
			parts = append(parts, k+": "+item)
		}
		return "{" + strings.Join(parts, ", ") + "}", nil
	case []any:
		var parts []string
		for _, item := range v {
			t, err := flow(item, 0)
			if err != nil {
				return "", err
			}
			parts = append(parts, t)
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	case nil, bool, int, int64, uint64, float64:
		data, err := yaml.Marshal(v)
		return strings.TrimSuffix(string(data), "\n"), err
	}
	return "", fmt.Errorf("a %T is no value of YAML", value)
}

// block writes a key and its value in lines, without the last break.
func block(key string, value any, indent, newline string) (string, error) {
	k, err := text(key, 0)
	if err != nil {
		return "", err
	}
	m, isMap := value.(map[string]any)
	if !isMap || len(m) == 0 {
		v, err := flow(value, 0)
		if list, ok := value.([]any); ok && len(v) > maxLine {
			lines, err := items(list, indent+"  ", newline)
			return indent + k + ":" + newline + lines, err
		}
		return indent + k + ": " + v, err
	}
	lines := []string{indent + k + ":"}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		line, err := block(key, m[key], indent+"  ", newline)
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, newline), nil
}

// maxLine is how long a list may be, in bytes, to be written in one line.
const maxLine = 120

// items writes the items of a list in lines, without the last break.
func items(list []any, indent, newline string) (string, error) {
	lines := make([]string, len(list))
	for i, item := range list {
		v, err := flow(item, 0)
		if err != nil {
			return "", err
		}
		lines[i] = indent + "- " + v
	}
	return strings.Join(lines, newline), nil
}

// plain are texts that need no quotes wherever they stand, if they are nothing else than a text.
var plain = regexp.MustCompile(`^[A-Za-z0-9_/.][A-Za-z0-9_./@+-]*(:[A-Za-z0-9_./@+-]+)*$`)

func text(s string, style yaml.Style) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("the text is not in UTF-8")
	}
	single := !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	switch {
	case style&yaml.SingleQuotedStyle != 0 && single:
		return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil
	case style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && plain.MatchString(s):
		if data, err := yaml.Marshal(s); err == nil && string(data) == s+"\n" {
			return s, nil
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if r >= 0x7f && r < 0xa0 || r == 0xfeff || r == 0xfffe || r == 0xffff { // JSON leaves what YAML breaks lines at, or refuses
			_, _ = fmt.Fprintf(&out, `\u%04x`, r) // a builder never fails
			continue
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}
