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
	// envelope is true while the document's own mapping is read, which has apiVersion and kind beside the
	// fields of the type.
	envelope bool
}

// enum is a string type with a fixed set of values.
type enum interface{ values() []string }

// nodeDecoder is a type that reads itself from more than one form of YAML.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node, path []any)
}

func (d *decoder) report(n *yaml.Node, path []any, message, hint string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{
			Position: positionOf(d.file, n), Path: FieldPath(path...), Severity: Deny, Message: message, Hint: hint,
		})
	}
}

// spend takes values from the document's budget and reports once when there is none left.
func (d *decoder) spend(n *yaml.Node, path []any, values int) bool {
	before := d.budget
	d.budget -= values
	if before >= 0 && d.budget < 0 {
		d.report(n, path, fmt.Sprintf("the document has more than %d values once its aliases are expanded", maxNodes), "")
	}
	if len(path) > maxDepth {
		d.report(n, path, fmt.Sprintf("the document is nested deeper than %d levels", maxDepth), "")
		return false
	}
	return d.budget >= 0
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value, path []any) {
	if !d.spend(n, path, 1) {
		return
	}
	n = resolve(n)
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch t := v.Addr().Interface().(type) {
	case nodeDecoder:
		t.decodeNode(d, n, path)
		return
	case encoding.TextUnmarshaler:
		d.text(n, t, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.sequence(n, v, path)
	case reflect.String:
		d.str(n, v, path)
	case reflect.Bool:
		if d.scalar(n, "!!bool", "true or false", path) {
			v.SetBool(strings.EqualFold(n.Value, "true"))
		}
	case reflect.Int:
		if d.scalar(n, "!!int", "a whole number", path) {
			i, err := strconv.ParseInt(n.Value, 0, 32)
			if err != nil || i < 0 {
				d.report(n, path, fmt.Sprintf("%s is out of range: 0 to 2147483647", n.Value), "")
				return
			}
			v.SetInt(i)
		}
	case reflect.Interface:
		if value := d.free(n, path); value != nil {
			v.Set(reflect.ValueOf(value))
		}
	default:
		panic("v1alpha1: no decoding for " + v.Type().String())
	}
}

// scalar checks that the node is a single value with one of the YAML tags (space-separated).
func (d *decoder) scalar(n *yaml.Node, tags, what string, path []any) bool {
	if n.Kind == yaml.ScalarNode && slices.Contains(strings.Fields(tags), n.Tag) {
		return true
	}
	hint := ""
	if tags == "!!str" && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		hint = fmt.Sprintf("put it in quotes: %q", shorten(n.Value))
	}
	d.report(n, path, fmt.Sprintf("expected %s, got %s", what, describe(n)), hint)
	return false
}

func (d *decoder) text(n *yaml.Node, t encoding.TextUnmarshaler, path []any) {
	if !d.scalar(n, "!!str !!int !!float !!timestamp", "a text", path) {
		return
	}
	if err := t.UnmarshalText([]byte(n.Value)); err != nil {
		d.report(n, path, err.Error(), "")
	}
}

func (d *decoder) str(n *yaml.Node, v reflect.Value, path []any) {
	if !d.scalar(n, "!!str", "a text", path) {
		return
	}
	if e, ok := reflect.TypeAssert[enum](v.Addr()); ok && !slices.Contains(e.values(), n.Value) {
		d.report(n, path, fmt.Sprintf("unknown value %q", shorten(n.Value)), Suggest(n.Value, e.values()))
		return
	}
	v.SetString(n.Value)
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path []any) {
	if n.Kind != yaml.SequenceNode {
		d.report(n, path, "expected a list, got "+describe(n), "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		d.decode(item, v.Index(i), with(path, i))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path []any) {
	pairs, ok := d.pairs(n, path)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(pairs)))
	for _, p := range pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(p.value, value, with(path, p.key.Value))
		v.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(v.Type().Key()), value)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path []any) {
	envelope := d.envelope
	d.envelope = false
	var pairs []pair
	// "prod:" with nothing behind it is an empty mapping.
	if n.Tag != "!!null" {
		var ok bool
		if pairs, ok = d.pairs(n, path); !ok {
			return
		}
	}
	fields := fieldsOf(v.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	seen, meant := map[string]bool{}, map[string]bool{}
	for _, p := range pairs {
		if envelope && (p.key.Value == "apiVersion" || p.key.Value == "kind") {
			continue
		}
		i := slices.Index(names, p.key.Value)
		if i < 0 {
			d.report(p.key, path, fmt.Sprintf("unknown field %q", shorten(p.key.Value)), Suggest(p.key.Value, names))
			if name, near := nearest(p.key.Value, names); near {
				meant[name] = true // one typing error is one problem, not also a missing field
			}
			continue
		}
		seen[p.key.Value] = true
		if resolve(p.value).Tag == "!!null" {
			continue // "field:" with nothing behind it is the same as no field
		}
		d.decode(p.value, v.Field(fields[i].index), with(path, p.key.Value))
	}
	for _, f := range fields {
		if f.required && !meant[f.name] && (!seen[f.name] || empty(v.Field(f.index))) && !d.reported(with(path, f.name)) {
			d.report(n, path, fmt.Sprintf("the field %q is missing or empty", f.name), "")
		}
	}
}

// empty tells that a field says nothing: a list or mapping without anything in it says no more than none.
func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// reported tells whether a problem was already found at the path or below it.
func (d *decoder) reported(path []any) bool {
	at := FieldPath(path...)
	return slices.ContainsFunc(d.problems, func(p Problem) bool { return strings.HasPrefix(p.Path, at) })
}

// free decodes a value of no declared shape, such as a blueprint's parameters.
func (d *decoder) free(n *yaml.Node, path []any) any {
	switch n.Kind {
	case yaml.SequenceNode:
		var list []any
		d.sequence(n, reflect.ValueOf(&list).Elem(), path)
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		d.mapping(n, reflect.ValueOf(&m).Elem(), path)
		return m
	default:
		var value any
		if err := n.Decode(&value); err != nil {
			d.report(n, path, err.Error(), "")
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
}

func with(path []any, step any) []any { return append(slices.Clip(path), step) }

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
