// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Change is one change of a document. Values are nil, booleans, numbers, texts, and maps and lists of them.
type Change struct {
	// Path leads to the value, by keys (string) and indexes (int). What is missing above the last key is made.
	Path []any
	// Value is what is to be there.
	Value any
	// Remove removes the last key instead. That it is not there is no error.
	Remove bool
}

// Apply makes changes in the document with a number, from 0, of a file. An error is for people, and then nothing is changed:
// the file cannot be parsed, the path leads into something that is no mapping or is shared by an alias, or a comment would be
// lost.
func Apply(data []byte, document int, changes ...Change) ([]byte, error) {
	for _, c := range changes {
		edited, err := apply(data, document, c)
		if err != nil {
			return nil, fmt.Errorf("cannot change %s: %w", v1alpha1.FieldPath(c.Path...), err)
		}
		data = edited
	}
	return data, nil
}

var bom = []byte("\xef\xbb\xbf")

func apply(whole []byte, document int, c Change) ([]byte, error) {
	data, marked := bytes.CutPrefix(whole, bom)
	docs, err := parse(data)
	if err != nil {
		return nil, err
	}
	if document < 0 || document >= len(docs) {
		return nil, fmt.Errorf("the file has no document number %d", document+1)
	}
	if len(c.Path) == 0 {
		return nil, errors.New("a whole document is not changed in place")
	}
	s := source{data: data, lines: lineStarts(data)}
	e := editor{source: s, root: docs[document]}
	out, err := e.change(c)
	if err != nil {
		return nil, err
	}
	if err := verify(docs, out, document, c); err != nil {
		return nil, err
	}
	if marked {
		out = slices.Concat(bom, out)
	}
	return out, nil
}

// parse returns the nodes of all documents of a file.
func parse(data []byte) ([]*yaml.Node, error) {
	if len(data) > v1alpha1.MaxFileBytes {
		return nil, fmt.Errorf("the file is larger than %d bytes", v1alpha1.MaxFileBytes)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("the file is not in UTF-8")
	}
	parser := yaml.NewDecoder(bytes.NewReader(data))
	var docs []*yaml.Node
	for {
		n := &yaml.Node{}
		switch err := parser.Decode(n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, fmt.Errorf("not valid YAML: %w", err)
		}
		docs = append(docs, n)
	}
}

// editor changes one document of a source.
type editor struct {
	source

	root *yaml.Node
}

// change walks down the path and makes the change where it ends.
func (e editor) change(c Change) ([]byte, error) {
	n := e.root
	if n.Kind != yaml.DocumentNode || len(n.Content) != 1 {
		return nil, errors.New("the document is empty")
	}
	n = n.Content[0]
	for i, step := range c.Path {
		if err := e.unshared(n); err != nil {
			return nil, err
		}
		at, err := e.find(n, step)
		if err != nil {
			return nil, err
		}
		if at >= 0 {
			if i == len(c.Path)-1 {
				return e.atValue(c, i, n, at)
			}
			n = n.Content[at]
			continue
		}
		if c.Remove {
			return e.data, nil
		}
		return e.insert(n, c.Path[i:], c.Value)
	}
	return nil, errors.New("the path is empty")
}

// atValue changes or removes the value with an index in the content of its collection; i is the index of its step.
func (e editor) atValue(c Change, i int, in *yaml.Node, at int) ([]byte, error) {
	if !c.Remove {
		return e.replace(in, in.Content[at], c.Value)
	}
	if in.Kind != yaml.MappingNode {
		return nil, errors.New("only keys of mappings are removed")
	}
	if len(in.Content) == 2 && i > 0 {
		return e.replace(in, in, map[string]any{})
	}
	return e.remove(in, at)
}

// find returns the index in a collection's content of the value that a step leads to; -1 if the key is not there.
func (e editor) find(n *yaml.Node, step any) (int, error) {
	switch step := step.(type) {
	case int:
		if n.Kind != yaml.SequenceNode || step < 0 || step >= len(n.Content) {
			return 0, fmt.Errorf("line %d: there is no list with an item number %d", n.Line, step+1)
		}
		return step, nil
	case string:
		if isNull(n) {
			return -1, nil
		}
		if n.Kind == yaml.AliasNode {
			return 0, fmt.Errorf("line %d: what is there stands for *%s; write it out", n.Line, n.Value)
		}
		if n.Kind != yaml.MappingNode {
			return 0, fmt.Errorf("line %d: %q is no key of it, since it is no mapping", n.Line, step)
		}
		found := -1
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i]; k.Kind == yaml.ScalarNode && k.Value == step {
				if found >= 0 {
					return 0, fmt.Errorf("line %d: the key %q is there twice; remove one of them", k.Line, step)
				}
				found = i + 1
			}
		}
		return found, nil
	}
	return 0, fmt.Errorf("%v is neither a key nor an index", step)
}

// unshared refuses a node that stands in other places too.
func (e editor) unshared(n *yaml.Node) error {
	if n.Anchor == "" {
		return nil
	}
	if line := aliasOf(e.root, n); line > 0 {
		return fmt.Errorf("line %d: line %d uses &%s too, and would change with it; write it out there", n.Line, line, n.Anchor)
	}
	return nil
}

// aliasOf returns the line of an alias of a node; 0 if there is none.
func aliasOf(in, of *yaml.Node) int {
	if in.Kind == yaml.AliasNode && in.Alias == of {
		return in.Line
	}
	for _, c := range in.Content {
		if line := aliasOf(c, of); line > 0 {
			return line
		}
	}
	return 0
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
