// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"weak"

	"go.yaml.in/yaml/v3"
)

// Document is one decoded declaration, together with where each of its fields stands.
type Document struct {
	Kind Kind
	Name string
	File string
	// Object is a *Platform, *Cluster, *Environment, *Blueprint, *Project, *Policy, *PolicyTest or *Access, as Kind
	// says; or a *DaemonConfiguration.
	Object any

	// data is the file's content, and ordinal the number of the document in it. The nodes are parsed again when
	// a place is asked for: kept for every declaration of a large platform they would take several times
	// as much memory as everything else.
	data    []byte
	ordinal int

	mu    sync.Mutex
	nodes weak.Pointer[nodes]
}

// Ordinal is the number of the document in its file, from 0.
func (d *Document) Ordinal() int { return d.ordinal }

// Order tells the documents of a file apart; it sorts as they stand in it.
func (d *Document) Order() string { return fmt.Sprintf("%06d", d.ordinal) }

// parsed returns the nodes of the document. They stay as long as there is memory for them.
func (d *Document) parsed() *nodes {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.nodes.Value(); n != nil {
		return n
	}
	parser := yaml.NewDecoder(bytes.NewReader(d.data))
	var node yaml.Node
	for range d.ordinal + 1 {
		node = yaml.Node{}
		if err := parser.Decode(&node); err != nil {
			break // it was parsed before, so this does not happen; a place without a line is the worst of it
		}
	}
	n := &nodes{root: &node}
	if len(node.Content) == 1 {
		n.root = node.Content[0]
	}
	d.nodes = weak.Make(n)
	return n
}

// Value returns the declaration as it is written, as values of JSON.
func (d *Document) Value() map[string]any {
	free := &decoder{file: d.File, budget: maxNodes}
	value, _ := free.free(resolve(d.parsed().root)).(map[string]any)
	return value
}

// Position returns the place of a field, addressed by the keys (string) and indexes (int) that lead to it. For a
// field that is not there it returns that of the nearest one above, so that a missing field has a place too.
func (d *Document) Position(path ...any) Position {
	return positionOf(d.File, d.parsed().descend(path))
}

// KeyPosition is like Position, but returns the place of the last key rather than of its value.
func (d *Document) KeyPosition(path ...any) Position {
	if len(path) == 0 {
		return d.Position()
	}
	n := d.parsed()
	if key, ok := path[len(path)-1].(string); ok {
		if k, _ := n.lookup(n.descend(path[:len(path)-1]), key); k != nil {
			return positionOf(d.File, k)
		}
	}
	return d.Position(path...)
}

// IndexOf finds a text in the list at a path; -1 if it is not there, or if there is no list.
func (d *Document) IndexOf(value string, path ...any) int {
	n := resolve(d.parsed().descend(path))
	if n.Kind != yaml.SequenceNode {
		return -1
	}
	return slices.IndexFunc(n.Content, func(c *yaml.Node) bool { return resolve(c).Value == value })
}

// FieldPath prints a path as people write it, as in "spec.workloads[2].reads.raw".
func FieldPath(path ...any) string {
	var b strings.Builder
	for _, p := range path {
		switch p := p.(type) {
		case int:
			b.WriteString("[" + strconv.Itoa(p) + "]")
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			if strings.ContainsAny(p, ".[]") || printable(p) != p {
				p = strconv.Quote(p)
			}
			b.WriteString(p)
		}
	}
	return b.String()
}

func positionOf(file string, n *yaml.Node) Position {
	if n == nil {
		return Position{File: file}
	}
	return Position{File: file, Line: n.Line, Column: n.Column}
}
