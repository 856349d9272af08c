// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"sync"

	"go.yaml.in/yaml/v3"
)

// nodes is a document as parsed.
type nodes struct {
	root *yaml.Node

	mu sync.Mutex
	// indexes are those of long mappings.
	indexes map[*yaml.Node]map[string]int
}

// descend follows the path as far as it leads.
func (t *nodes) descend(path []any) *yaml.Node {
	n := t.root
	for _, p := range path {
		next := t.child(n, p)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func (t *nodes) child(n *yaml.Node, step any) *yaml.Node {
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
		_, value := t.lookup(n, step)
		return value
	}
	return nil
}

// longMapping is how many nodes a mapping has from which on its keys are indexed.
const longMapping = 64

// lookup is like the function of this name, and does not search a long mapping from its beginning each time.
func (t *nodes) lookup(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode || len(n.Content) < longMapping {
		return lookup(n, key)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	index, ok := t.indexes[n]
	if !ok {
		index = make(map[string]int, len(n.Content)/2)
		for i := len(n.Content) - 2; i >= 0; i -= 2 {
			index[n.Content[i].Value] = i // the first of equal keys stays
		}
		if t.indexes == nil {
			t.indexes = map[*yaml.Node]map[string]int{}
		}
		t.indexes[n] = index
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
