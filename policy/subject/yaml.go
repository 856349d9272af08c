// SPDX-License-Identifier: Apache-2.0

package subject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// MaxFileBytes bounds a file of a policy folder.
	MaxFileBytes = 1 << 20
	// maxNodes bounds the values of a file once its aliases are expanded.
	maxNodes = 100_000
	// maxDepth bounds nesting.
	maxDepth = 64
)

// Document is a document of a YAML or JSON file, as plain JSON values.
type Document struct {
	File  string
	Value any
	root  *yaml.Node
}

// Object returns the document as a mapping; nil if it is none.
func (d Document) Object() map[string]any {
	m, _ := d.Value.(map[string]any)
	return m
}

// Position finds a field by the keys (string) and indexes (int) that lead to it. For a field that is not there it returns
// the place of the nearest one above.
func (d Document) Position(path ...any) v1alpha1.Position {
	n := d.root
	for _, step := range path {
		next := child(n, step)
		if next == nil {
			break
		}
		n = next
	}
	return v1alpha1.Position{File: d.File, Line: n.Line, Column: n.Column}
}

func child(n *yaml.Node, step any) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch step := step.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && step >= 0 && step < len(n.Content) {
			return n.Content[step]
		}
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// ParseYAML reads the documents of a YAML or JSON file. Empty ones are passed over. Size, depth and the number of values,
// with aliases expanded, are bounded. The error is a [v1alpha1.Problem].
func ParseYAML(file string, data []byte) ([]Document, *v1alpha1.Problem) {
	fail := func(n *yaml.Node, rule, message string) *v1alpha1.Problem {
		p := &v1alpha1.Problem{Rule: rule, Position: v1alpha1.Position{File: file}, Severity: v1alpha1.Deny, Message: message}
		if n != nil {
			p.Position.Line, p.Position.Column = n.Line, n.Column
		}
		return p
	}
	if len(data) > MaxFileBytes {
		return nil, fail(nil, v1alpha1.RuleLimit, fmt.Sprintf("the file is too large: a file of a policy folder has at most %d bytes", MaxFileBytes))
	}
	var docs []Document
	r := &reader{budget: maxNodes}
	for parser := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var node yaml.Node
		err := parser.Decode(&node)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			p := v1alpha1.ExplainSyntax(file, err, data)
			return nil, &p
		}
		if len(node.Content) != 1 || node.Content[0].Tag == "!!null" {
			continue
		}
		value := r.value(node.Content[0], 0)
		if r.at != nil {
			return nil, fail(r.at, r.rule, r.message)
		}
		docs = append(docs, Document{File: file, Value: value, root: node.Content[0]})
	}
}

// reader turns nodes into plain values, and remembers the first thing that is wrong.
type reader struct {
	budget        int
	at            *yaml.Node
	rule, message string
}

func (r *reader) fail(n *yaml.Node, rule, message string) any {
	if r.at == nil {
		r.at, r.rule, r.message = n, rule, message
	}
	return nil
}

func (r *reader) value(n *yaml.Node, depth int) any {
	r.budget--
	switch {
	case r.at != nil:
		return nil
	case r.budget < 0:
		return r.fail(n, v1alpha1.RuleLimit, fmt.Sprintf("the file has more than %d values once its aliases are expanded", maxNodes))
	case depth > maxDepth:
		return r.fail(n, v1alpha1.RuleLimit, fmt.Sprintf("the file is nested deeper than %d levels", maxDepth))
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, c := range n.Content {
			list[i] = r.value(c, depth+1)
		}
		return list
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		r.mapping(n, m, depth, false)
		return m
	default:
		return r.scalar(n)
	}
}

// mapping fills m; what is merged into it does not replace what is there.
func (r *reader) mapping(n *yaml.Node, m map[string]any, depth int, merged bool) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Tag == "!!merge" {
			continue
		}
		if k.Kind != yaml.ScalarNode {
			r.fail(k, v1alpha1.RuleWrongType, "a key must be a plain text")
			return
		}
		if _, there := m[k.Value]; there {
			if !merged {
				r.fail(k, v1alpha1.RuleDuplicate, fmt.Sprintf("the key %q is duplicated", Line(k.Value)))
				return
			}
			continue
		}
		m[k.Value] = r.value(v, depth+1)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag == "!!merge" {
			r.merge(n.Content[i+1], m, depth+1)
		}
	}
}

func (r *reader) merge(n *yaml.Node, m map[string]any, depth int) {
	r.budget--
	if r.budget < 0 || depth > maxDepth {
		r.fail(n, v1alpha1.RuleLimit, fmt.Sprintf("the file has more than %d values, or more than %d levels, once its merges are expanded", maxNodes, maxDepth))
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		r.mapping(n, m, depth, true)
	case yaml.SequenceNode:
		for _, c := range n.Content {
			r.merge(c, m, depth+1)
		}
	default:
		r.fail(n, v1alpha1.RuleWrongType, "what is merged must be a mapping")
	}
}

func (r *reader) scalar(n *yaml.Node) any {
	if n.Tag == "!!str" {
		return n.Value
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return r.fail(n, v1alpha1.RuleWrongType, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	switch x := value.(type) {
	case nil, string, bool, int64:
		return x
	case int:
		return int64(x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return n.Value // JSON has no such numbers
		}
		return x
	case uint64:
		return float64(x)
	default:
		return n.Value // dates and the like are texts in JSON
	}
}
