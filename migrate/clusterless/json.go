// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxBytes is how many bytes a file may have.
const MaxBytes = 4 << 20

// maxDepth bounds how deep it may be nested.
const maxDepth = 50

// kind is what a JSON value is.
type kind string

const (
	object  kind = "an object"
	list    kind = "a list"
	text    kind = "a text"
	number  kind = "a number"
	boolean kind = "true or false"
	null    kind = "null"
)

// node is a JSON value, and the line that it begins in.
type node struct {
	kind kind
	line int
	// fields are in the order of the file, items those of a list.
	fields []field
	items  []*node
	// text is that of a text, and the digits of a number.
	text string
	yes  bool
}

type field struct {
	name  string
	value *node
}

// get returns a field; nil if it is not there, or null.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for _, f := range n.fields {
		if f.name == name && f.value.kind != null {
			return f.value
		}
	}
	return nil
}

// parseJSON reads a value. An error says in which line.
func parseJSON(name string, data []byte) (*node, error) {
	bad := func(line int, format string, a ...any) error {
		return fmt.Errorf("%s:%d: %s", name, line, fmt.Sprintf(format, a...))
	}
	if len(data) > MaxBytes {
		return nil, bad(1, "it has more than %d MiB", MaxBytes>>20)
	}
	if !utf8.Valid(data) {
		return nil, bad(1, "it is not UTF-8")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, bad(1, "it is empty")
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		line := 1
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			line += bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		}
		hint := ""
		if strings.HasSuffix(name, "sonnet") {
			hint = `; Jsonnet is rendered first: jsonnet FILE | trunkline new --from clusterless -`
		}
		return nil, bad(line, "it is not JSON: %v%s", err, hint)
	}
	r := &reader{decoder: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1}
	r.decoder.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, bad(r.line, "%v", err)
	}
	return n, nil
}

// reader reads what is known to be JSON.
type reader struct {
	decoder *json.Decoder
	data    []byte
	seen    int
	line    int
}

// token returns the next one, and counts lines. A token has no line break in it.
func (r *reader) token() (json.Token, error) {
	t, err := r.decoder.Token()
	end := int(r.decoder.InputOffset())
	r.line += bytes.Count(r.data[r.seen:end], []byte("\n"))
	r.seen = end
	return t, err
}

func (r *reader) value(depth int) (*node, error) {
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	n := &node{line: r.line}
	switch t := t.(type) {
	case string:
		n.kind, n.text = text, t
	case json.Number:
		n.kind, n.text = number, t.String()
	case bool:
		n.kind, n.yes = boolean, t
	case nil:
		n.kind = null
	case json.Delim:
		if depth == maxDepth {
			return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
		n.kind = list
		if t == '{' {
			n.kind = object
		}
		return n, r.inside(n, depth+1)
	}
	return n, nil
}

// inside reads what is in an object or a list.
func (r *reader) inside(n *node, depth int) error {
	for r.decoder.More() {
		name := ""
		if n.kind == object {
			t, err := r.token()
			if err != nil {
				return err
			}
			name, _ = t.(string)
			for _, f := range n.fields {
				if f.name == name {
					return fmt.Errorf("the field %.100q is there twice", name)
				}
			}
		}
		v, err := r.value(depth)
		if err != nil {
			return err
		}
		if n.kind == object {
			n.fields = append(n.fields, field{name, v})
		} else {
			n.items = append(n.items, v)
		}
	}
	_, err := r.token()
	return err
}
