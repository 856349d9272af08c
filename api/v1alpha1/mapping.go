// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// pair is a key of a mapping and its value.
type pair struct{ key, value *yaml.Node }

// mergeKey is the key under which a mapping names others to take over.
const mergeKey = "<<"

// pairs lists what a mapping holds, with its merge keys ("<<") expanded; what the mapping says itself wins.
func (d *decoder) pairs(n *yaml.Node) ([]pair, bool) {
	if n.Kind != yaml.MappingNode {
		d.report(n, "expected a mapping, got "+describe(n), asMapping(n), RuleWrongType)
		return nil, false
	}
	own := pairList{pairs: make([]pair, 0, len(n.Content)/2)}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		if k.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if templated(k) {
			d.report(k, isTemplate, noTemplating, RuleSyntax)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			d.report(k, "a key must be a plain text", "", RuleWrongType)
			continue
		}
		if before := own.add(pair{k, value}); before != nil {
			d.report(k, fmt.Sprintf("the key %q is duplicated: it is already in line %d", shorten(k.Value), before.Line), "", RuleDuplicate)
		}
	}
	for _, m := range merged {
		for _, source := range mergeSources(m) {
			name := mergeKey
			var more []pair
			ok := false
			d.within(key(&name), func() {
				// What is merged is walked through each time that it is merged, whether it adds anything or not.
				if d.spend(m, 1+len(source.Content)/2) {
					more, ok = d.pairs(source)
				}
			})
			if d.budget < 0 {
				return own.pairs, true
			}
			if !ok {
				continue
			}
			for _, p := range more {
				own.add(p)
			}
		}
	}
	return own.pairs, true
}

// pairList is a list of pairs with keys that are all different.
type pairList struct {
	pairs []pair
	// index finds the pair of a key, from the length on from which a search takes longer.
	index map[string]int
}

// add adds a pair, or returns the key that was there before.
func (l *pairList) add(p pair) (before *yaml.Node) {
	const short = 24
	if l.index == nil {
		for i := range l.pairs {
			if l.pairs[i].key.Value == p.key.Value {
				return l.pairs[i].key
			}
		}
	} else if i, ok := l.index[p.key.Value]; ok {
		return l.pairs[i].key
	}
	l.pairs = append(l.pairs, p)
	switch {
	case l.index != nil:
		l.index[p.key.Value] = len(l.pairs) - 1
	case len(l.pairs) > short:
		l.index = make(map[string]int, 2*len(l.pairs))
		for i := range l.pairs {
			l.index[l.pairs[i].key.Value] = i
		}
	}
	return nil
}

// mergeSources returns the mappings that a merge key names: one, or a list of them.
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

// shape is a struct type as the decoder sees it.
type shape struct {
	fields []field
	// names are those of the fields, in their order.
	names []string
}

// field is a field of a declaration's type as the decoder sees it.
type field struct {
	name     string
	index    int
	required bool
	// stated fields may be left out, but not be there with nothing behind them: who wrote that meant something.
	stated bool
}

// shapes remembers the shapes of types; they never change.
var shapes sync.Map

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{fields: fieldsOf(t)}
	for _, f := range s.fields {
		s.names = append(s.names, f.name)
	}
	s.names = slices.Clip(s.names)
	known, _ := shapes.LoadOrStore(t, s)
	return known.(*shape)
}

// fieldsOf lists the fields of a struct; there are at most 64.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		tag := t.Field(i).Tag
		fields = append(fields, field{name: name, index: i, required: tag.Get("required") == "true", stated: tag.Get("bare") == "refused"})
	}
	return fields
}
