// SPDX-License-Identifier: Apache-2.0

package edit

import (
	"errors"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// errUnclear says that a file is written in a way that this package does not follow. It is returned instead of a wrong edit.
var errUnclear = errors.New("the file is written in a way that cannot be edited safely; change it by hand")

// verify reports an error unless what was written is what was there before, but for the change.
func verify(before []*yaml.Node, out []byte, document int, c Change) error {
	after, err := parse(out)
	if err != nil || len(after) != len(before) {
		return errUnclear
	}
	for i := range before {
		if i != document {
			if !same(before[i], after[i]) {
				return errUnclear
			}
			continue
		}
		if len(after[i].Content) != 1 || !changed(before[i].Content[0], after[i].Content[0], c.Path, c) {
			return errUnclear
		}
	}
	return nil
}

// same reports whether two nodes say the same, wherever they stand.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Value != b.Value || a.ShortTag() != b.ShortTag() || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// changed reports whether after is before with the change at a path, and nothing else.
func changed(before, after *yaml.Node, path []any, c Change) bool {
	if len(path) == 0 {
		return means(after, c.Value)
	}
	if isNull(before) { // a mapping was made
		return !c.Remove && means(after, nested(path, c.Value)) || c.Remove && same(before, after)
	}
	if before.Kind != after.Kind || before.Anchor != after.Anchor {
		return false
	}
	if index, ok := path[0].(int); ok {
		return len(before.Content) == len(after.Content) && others(before, after, index, path, c)
	}
	at, was := position(before, path[0]), len(before.Content)
	switch {
	case at < 0 && c.Remove:
		return same(before, after)
	case at < 0:
		return len(after.Content) == was+2 && prefix(before, after) && after.Content[was].Value == path[0] &&
			after.Content[was].Kind == yaml.ScalarNode && means(after.Content[was+1], nested(path[1:], c.Value))
	case c.Remove && len(path) == 1:
		rest := *before
		rest.Content = append(append([]*yaml.Node{}, before.Content[:at-1]...), before.Content[at+1:]...)
		return same(&rest, after)
	}
	return was == len(after.Content) && others(before, after, at, path, c)
}

// others reports whether all but the item with an index is the same, and that one changed as it should.
func others(before, after *yaml.Node, at int, path []any, c Change) bool {
	for i := range before.Content {
		if i == at && !changed(before.Content[i], after.Content[i], path[1:], c) || i != at && !same(before.Content[i], after.Content[i]) {
			return false
		}
	}
	return true
}

func prefix(before, after *yaml.Node) bool {
	for i := range before.Content {
		if !same(before.Content[i], after.Content[i]) {
			return false
		}
	}
	return true
}

func position(n *yaml.Node, key any) int {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

func nested(path []any, value any) any {
	for _, p := range slices.Backward(path) {
		key, _ := p.(string)
		value = map[string]any{key: value}
	}
	return value
}

// means reports whether a node, which was written here and so has no aliases, stands for a value.
func means(n *yaml.Node, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		if n.Kind != yaml.MappingNode || len(n.Content) != 2*len(v) {
			return false
		}
		for i := 0; i < len(n.Content); i += 2 {
			item, ok := v[n.Content[i].Value]
			if !ok || n.Content[i].ShortTag() != "!!str" || !means(n.Content[i+1], item) {
				return false
			}
		}
		return true
	case []any:
		if n.Kind != yaml.SequenceNode || len(n.Content) != len(v) {
			return false
		}
		for i := range v {
			if !means(n.Content[i], v[i]) {
				return false
			}
		}
		return true
	case string:
		return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value == v
	}
	if n.Kind != yaml.ScalarNode {
		return false
	}
	var got any
	if err := n.Decode(&got); err != nil {
		return false
	}
	return equal(got, value)
}

// equal compares scalars; numbers by their values.
func equal(a, b any) bool {
	a, b = number(a), number(b)
	return reflect.DeepEqual(a, b)
}

func number(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return v
}
