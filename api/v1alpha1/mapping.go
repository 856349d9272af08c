package v1alpha1

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// pairs lists what a mapping holds, with its merge keys ("<<") expanded; what the mapping says itself wins.
func (d *decoder) pairs(n *yaml.Node, path []any) ([]pair, bool) {
	if n.Kind != yaml.MappingNode {
		d.report(n, path, "expected a mapping, got "+describe(n), "")
		return nil, false
	}
	var own []pair
	var merged []*yaml.Node
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.report(key, path, "a key must be a plain text", "")
			continue
		}
		if before, ok := first[key.Value]; ok {
			d.report(key, path, fmt.Sprintf("the key %q is there twice; the first is in line %d", key.Value, before.Line), "")
			continue
		}
		first[key.Value] = key
		own = append(own, pair{key, value})
	}
	for _, m := range merged {
		for _, source := range mergeSources(m) {
			// What is merged is walked through each time that it is merged, whether it adds anything or not.
			if !d.spend(m, with(path, "<<"), 1+len(source.Content)/2) {
				return own, true
			}
			more, ok := d.pairs(source, with(path, "<<"))
			if !ok {
				continue
			}
			for _, p := range more {
				if _, ok := first[p.key.Value]; !ok {
					first[p.key.Value] = p.key
					own = append(own, p)
				}
			}
		}
	}
	return own, true
}

// mergeSources gives the mappings that a merge key names: one, or a list of them.
func mergeSources(n *yaml.Node) []*yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	sources := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		sources[i] = resolve(c)
	}
	return sources
}

// field is a field of a declaration's type as the decoder sees it.
type field struct {
	name     string
	index    int
	required bool
}

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields = append(fields, field{name: name, index: i, required: t.Field(i).Tag.Get("required") == "true"})
	}
	return fields
}

// decodeNode reads the environments of a project: a list of names, or a map from name to [Override].
func (e *ProjectEnvironments) decodeNode(d *decoder, n *yaml.Node, path []any) {
	*e = ProjectEnvironments{}
	if n.Kind != yaml.SequenceNode {
		type plain map[string]Override // without this method, which would call itself
		var m plain
		d.mapping(n, reflect.ValueOf(&m).Elem(), path)
		maps.Copy((*e), m)
		return
	}
	for i, item := range n.Content {
		var name string
		d.decode(item, reflect.ValueOf(&name).Elem(), with(path, i))
		if _, ok := (*e)[name]; ok {
			d.report(item, with(path, i), fmt.Sprintf("the environment %q is there twice", name), "")
		}
		if name != "" {
			(*e)[name] = Override{}
		}
	}
}
