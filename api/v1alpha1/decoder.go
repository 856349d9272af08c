// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxNodes bounds how many values a document may have once its aliases are expanded, so that a few lines
	// of nested aliases cannot fill the memory.
	maxNodes = 100_000
	// maxDepth bounds nesting; the recursion below is as deep as the document.
	maxDepth = 64
	// maxProblems bounds what one document reports; nobody reads the thousandth.
	maxProblems = 100
)

// decoder fills one declaration from the nodes of its document, and collects what is wrong with it.
type decoder struct {
	file     string
	problems Problems
	budget   int
	// path leads to the value that is being decoded: keys (string) and indexes (int).
	path []step
	// envelope is true while the document's own mapping is read, which has apiVersion and kind beside the
	// fields of the type.
	envelope bool
}

// step is one step of a path: a key, or an index if the key is nil.
type step struct {
	key   *string
	index int
}

func key(name *string) step { return step{key: name} }

// enum is a string type with a fixed set of values.
type enum interface{ values() []string }

// foldedEnum is an enum whose values may be written in letters of any case.
type foldedEnum interface{ folded() bool }

// nodeDecoder is a type that reads itself from more than one form of YAML.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node)
}

func (d *decoder) report(n *yaml.Node, message, hint, rule string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{
			Rule: rule, Position: positionOf(d.file, n), Path: d.fieldPath(), Severity: Deny, Message: message, Hint: hint,
		})
	}
}

func (d *decoder) fieldPath() string {
	path := make([]any, len(d.path))
	for i, s := range d.path {
		if path[i] = s.index; s.key != nil {
			path[i] = *s.key
		}
	}
	return FieldPath(path...)
}

// within decodes something one step further down the path.
func (d *decoder) within(s step, decode func()) {
	d.path = append(d.path, s)
	decode()
	d.path = d.path[:len(d.path)-1]
}

// descend decodes the value one step further down the path.
func (d *decoder) descend(s step, n *yaml.Node, v reflect.Value) {
	d.path = append(d.path, s)
	d.decode(n, v)
	d.path = d.path[:len(d.path)-1]
}

// spend takes values from the document's budget and reports once when there is none left.
func (d *decoder) spend(n *yaml.Node, values int) bool {
	before := d.budget
	d.budget -= values
	if before >= 0 && d.budget < 0 {
		d.report(n, fmt.Sprintf("the document has more than %d values once its aliases are expanded", maxNodes), "", RuleLimit)
	}
	if len(d.path) > maxDepth {
		d.report(n, fmt.Sprintf("the document is nested deeper than %d levels", maxDepth), "", RuleLimit)
		return false
	}
	return d.budget >= 0
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value) {
	if !d.spend(n, 1) {
		return
	}
	n = resolve(n)
	if templated(n) {
		d.report(n, isTemplate, noTemplating, RuleSyntax)
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch t := v.Addr().Interface().(type) {
	case *string: // by far the most frequent
		d.str(n, v)
		return
	case nodeDecoder:
		t.decodeNode(d, n)
		return
	case encoding.TextUnmarshaler:
		d.text(n, t)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.sequence(n, v)
	case reflect.String:
		d.str(n, v)
	case reflect.Bool:
		if d.scalar(n, "!!bool", "true or false") {
			v.SetBool(strings.EqualFold(n.Value, "true"))
		}
	case reflect.Int:
		if d.scalar(n, "!!int", "a whole number") {
			i, err := strconv.ParseInt(n.Value, 0, 32)
			if err != nil || i < 0 {
				d.report(n, fmt.Sprintf("%s is out of range: 0 to 2147483647", shorten(n.Value)), "", RuleInvalidValue)
				return
			}
			v.SetInt(i)
		}
	case reflect.Interface:
		if value := d.free(n); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		panic("v1alpha1: no decoding for " + v.Type().String())
	}
}

// scalar checks that the node is a single value with one of the YAML tags.
func (d *decoder) scalar(n *yaml.Node, tag, what string, more ...string) bool {
	if n.Kind == yaml.ScalarNode && (n.Tag == tag || slices.Contains(more, n.Tag)) {
		return true
	}
	hint := ""
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode:
		hint = "write it without brackets: " + flowText(n.Content[0].Value)
	case tag == "!!str" && n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		hint = fmt.Sprintf("put it in quotes: %q", shorten(n.Value))
	}
	d.report(n, fmt.Sprintf("expected %s, got %s", what, describe(n)), hint, RuleWrongType)
	return false
}

func (d *decoder) text(n *yaml.Node, t encoding.TextUnmarshaler) {
	if !d.scalar(n, "!!str", "a text", "!!int", "!!float", "!!timestamp") {
		return
	}
	if err := t.UnmarshalText([]byte(n.Value)); err != nil {
		d.report(n, err.Error(), "", RuleInvalidValue)
	}
}

func (d *decoder) str(n *yaml.Node, v reflect.Value) {
	if !d.scalar(n, "!!str", "a text") {
		return
	}
	e, isEnum := reflect.TypeAssert[enum](v.Addr())
	if !isEnum || slices.Contains(e.values(), n.Value) {
		v.SetString(n.Value)
		return
	}
	if f, ok := e.(foldedEnum); ok && f.folded() {
		for _, value := range e.values() {
			if strings.EqualFold(value, n.Value) {
				v.SetString(value)
				return
			}
		}
	}
	d.report(n, fmt.Sprintf("unknown value %q", shorten(n.Value)), Suggest(n.Value, e.values()), RuleInvalidValue)
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.report(n, "expected a list, got "+describe(n), asList(n), RuleWrongType)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.descend(step{index: i}, item, v.Index(i))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	pairs, ok := d.pairs(n)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(pairs)))
	keyType, elem := v.Type().Key(), v.Type().Elem()
	for _, p := range pairs {
		value := reflect.New(elem).Elem()
		d.descend(key(&p.key.Value), p.value, value)
		v.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(keyType), value)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	envelope := d.envelope
	d.envelope = false
	var pairs []pair
	// "prod:" with nothing behind it is an empty mapping.
	if n.Tag != "!!null" {
		var ok bool
		if pairs, ok = d.pairs(n); !ok {
			return
		}
	}
	shape := shapeOf(v.Type())
	var seen, meant uint64
	for _, p := range pairs {
		if envelope && (p.key.Value == "apiVersion" || p.key.Value == "kind") {
			continue
		}
		i := slices.Index(shape.names, p.key.Value)
		if i < 0 {
			d.report(p.key, fmt.Sprintf("unknown field %q", shorten(p.key.Value)), Suggest(p.key.Value, shape.names), RuleUnknownField)
			if name, near := nearest(p.key.Value, shape.names); near {
				meant |= 1 << slices.Index(shape.names, name) // one typing error is one problem, not also a missing field
			}
			continue
		}
		seen |= 1 << i
		if resolve(p.value).Tag == "!!null" {
			if shape.fields[i].stated {
				d.within(key(&shape.names[i]), func() {
					d.report(p.key, fmt.Sprintf("the field %q is empty", p.key.Value), "give it a value, or remove it", RuleMissingField)
				})
			}
			continue // "field:" with nothing behind it is the same as no field
		}
		d.descend(key(&shape.names[i]), p.value, v.Field(shape.fields[i].index))
	}
	for i, f := range shape.fields {
		if f.required && meant&(1<<i) == 0 && (seen&(1<<i) == 0 || empty(v.Field(f.index))) && !d.reported(f.name) {
			d.report(n, fmt.Sprintf("the field %q is missing or empty", f.name), "", RuleMissingField)
		}
	}
}

// empty reports whether a field says nothing: a list or mapping without anything in it says no more than none.
func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// reported reports whether a problem was already found at a field or below it.
func (d *decoder) reported(field string) (found bool) {
	if len(d.problems) == 0 {
		return false
	}
	d.within(key(&field), func() {
		at := d.fieldPath()
		found = slices.ContainsFunc(d.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, at) })
	})
	return found
}

// free decodes a value of no declared shape, such as a blueprint's parameters.
func (d *decoder) free(n *yaml.Node) any {
	if n.Kind == yaml.SequenceNode {
		var list []any
		d.sequence(n, reflect.ValueOf(&list).Elem())
		return list
	}
	if n.Kind == yaml.MappingNode {
		m := map[string]any{}
		d.mapping(n, reflect.ValueOf(&m).Elem())
		return m
	}
	if n.Tag == "!!str" {
		return n.Value
	}
	var value any
	if err := n.Decode(&value); err != nil {
		d.report(n, err.Error(), "", RuleWrongType)
		return nil
	}
	switch x := value.(type) {
	case nil, string, bool, float64:
		return x
	case int:
		return int64(x)
	case int64:
		return x
	default:
		return n.Value // dates and the like are texts to everybody downstream
	}
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		if n.Tag == "!!null" {
			return "nothing"
		}
		if n.Tag == "!!str" {
			return fmt.Sprintf("the text %q", shorten(n.Value))
		}
		return fmt.Sprintf("%s (%s)", shorten(n.Value), strings.TrimPrefix(n.Tag, "!!"))
	}
}

// shorten keeps a message readable when the value it tells of is a page long.
func shorten(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
