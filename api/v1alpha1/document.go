package v1alpha1

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Document is one decoded declaration, together with where each of its fields stands.
type Document struct {
	Kind Kind
	Name string
	File string
	// Object is a *Platform, *Cluster, *Environment, *Blueprint or *Project, as Kind says.
	Object any

	root *yaml.Node

	mu      sync.Mutex
	indexes map[*yaml.Node]map[string]int
}

// Position gives the place of a field, addressed by the keys (string) and indexes (int) that lead to it. For a
// field that is not there it gives the nearest one above, so that a missing field has a place too.
func (d *Document) Position(path ...any) Position {
	return positionOf(d.File, d.descend(path))
}

// KeyPosition is like Position, but gives the place of the last key rather than of its value.
func (d *Document) KeyPosition(path ...any) Position {
	if len(path) == 0 {
		return d.Position()
	}
	parent := d.descend(path[:len(path)-1])
	if key, ok := path[len(path)-1].(string); ok {
		if k, _ := d.lookup(parent, key); k != nil {
			return positionOf(d.File, k)
		}
	}
	return d.Position(path...)
}

// IndexOf finds a text in the list at a path; -1 if it is not there, or if there is no list.
func (d *Document) IndexOf(value string, path ...any) int {
	n := resolve(d.descend(path))
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

// descend follows the path as far as it leads.
func (d *Document) descend(path []any) *yaml.Node {
	n := d.root
	for _, p := range path {
		next := d.child(n, p)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func (d *Document) child(n *yaml.Node, step any) *yaml.Node {
	n = resolve(n)
	if n == nil {
		return nil
	}
	switch step := step.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && step < len(n.Content) {
			return n.Content[step]
		}
	case string:
		_, value := d.lookup(n, step)
		return value
	}
	return nil
}

// longMapping is how many nodes a mapping has from which on its keys are indexed.
const longMapping = 64

// lookup is like the function of this name, and does not search a long mapping from its beginning each time.
func (d *Document) lookup(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) < longMapping {
		return lookup(n, key)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	index, ok := d.indexes[n]
	if !ok {
		index = make(map[string]int, len(n.Content)/2)
		for i := len(n.Content) - 2; i >= 0; i -= 2 {
			index[n.Content[i].Value] = i // the first of equal keys stays
		}
		if d.indexes == nil {
			d.indexes = map[*yaml.Node]map[string]int{}
		}
		d.indexes[n] = index
	}
	if i, ok := index[key]; ok {
		return n.Content[i], n.Content[i+1]
	}
	return nil, nil
}

// lookup finds a key of a mapping.
func lookup(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	// The parser makes an alias point to an anchor, never to another alias.
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
