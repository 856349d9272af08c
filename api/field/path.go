// SPDX-License-Identifier: Apache-2.0

// Package field names fields inside of objects, as people write them and as the API server tells them apart.
//
// It is pure and imports nothing of ours.
package field

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Path names a field inside an object.
type Path []Element

// Element is one step of a path: a field of a table, or an element of a list.
type Element struct {
	// Field is the name of a field; empty for an element of a list.
	Field string
	// List tells an element of a list, which Keys name, if it has keys, and Index otherwise.
	List  bool
	Keys  []Key
	Index int
	// Any stands for every field or element, in a pattern only.
	Any bool
}

// Key is a field by which the elements of a list are told apart, and its value in JSON.
type Key struct{ Name, Value string }

// String writes a path like ".spec.containers[name=\"main\"].image". A field whose name is not a plain word is in
// brackets, as in ".metadata.labels[\"app.kubernetes.io/name\"]".
func (p Path) String() string {
	var b strings.Builder
	for _, e := range p {
		switch {
		case e.Any && e.List:
			b.WriteString("[*]")
		case e.Any:
			b.WriteString(".*")
		case e.List && len(e.Keys) > 0:
			b.WriteByte('[')
			for i, k := range e.Keys {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(k.Name + "=" + k.Value)
			}
			b.WriteByte(']')
		case e.List:
			fmt.Fprintf(&b, "[%d]", e.Index)
		case word.MatchString(e.Field):
			b.WriteString("." + e.Field)
		default:
			b.WriteString("[" + strconv.Quote(e.Field) + "]")
		}
	}
	return b.String()
}

var word = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// Compare orders paths as text.
func (p Path) Compare(o Path) int { return cmp.Compare(p.String(), o.String()) }

// Has reports whether the path leads to, or into, what the pattern names.
func (p Path) Has(pattern Path) bool {
	if len(p) < len(pattern) {
		return false
	}
	for i, want := range pattern {
		if !p[i].is(want) {
			return false
		}
	}
	return true
}

func (e Element) is(want Element) bool {
	switch {
	case e.List != want.List:
		return false
	case want.Any:
		return true
	case !e.List:
		return e.Field == want.Field
	case len(want.Keys) == 0:
		return e.Index == want.Index
	}
	for _, k := range want.Keys {
		if !slices.Contains(e.Keys, k) {
			return false
		}
	}
	return true
}

// Limits of a pattern.
const (
	maxPattern  = 512
	maxElements = 32
)

// pieces are the steps of a pattern: a plain word, a quoted field, an index, a star, or keys.
var pieces = regexp.MustCompile(`^(?:\.([A-Za-z_$][A-Za-z0-9_$-]*)|\.(\*)|\[(\*)\]|\[("(?:[^"\\]|\\.)*")\]|\[([0-9]{1,4})\]|\[([A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|[\w.-]+)(?:,[A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|[\w.-]+))*)\])`)

var pair = regexp.MustCompile(`([A-Za-z_]\w*)=("(?:[^"\\]|\\.)*"|[\w.-]+)`)

// ParsePattern reads a pattern of fields, such as ".spec.replicas", ".metadata.annotations" or
// ".spec.template.spec.containers[name=main].image". It stands for the field and everything below it. A "*" takes the
// place of any field or, in brackets, of any element; fields with other characters are quoted in brackets.
func ParsePattern(s string) (Path, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("a pattern of fields has at most %d characters", maxPattern)
	}
	if s == "" {
		return nil, errors.New(`a pattern of fields is like ".spec.replicas"`)
	}
	var p Path
	for rest := s; rest != ""; {
		m := pieces.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("cannot read the fields %q at %q: write them like %s", s, rest, `".spec.replicas" or ".metadata.labels[\"a/b\"]"`)
		}
		if len(p) == maxElements {
			return nil, fmt.Errorf("a pattern of fields has at most %d steps", maxElements)
		}
		rest = rest[len(m[0]):]
		switch {
		case m[1] != "":
			p = append(p, Element{Field: m[1]})
		case m[2] != "":
			p = append(p, Element{Any: true})
		case m[3] != "":
			p = append(p, Element{Any: true, List: true})
		case m[4] != "":
			field, err := strconv.Unquote(m[4])
			if err != nil {
				return nil, fmt.Errorf("cannot read the fields %q: %s is not a quoted text", s, m[4])
			}
			p = append(p, Element{Field: field})
		case m[5] != "":
			i, _ := strconv.Atoi(m[5]) // at most four digits
			p = append(p, Element{List: true, Index: i})
		default:
			p = append(p, Element{List: true, Keys: keys(m[6])})
		}
	}
	return p, nil
}

// keys reads "name=main,protocol=\"TCP\"". A value that is a plain word is a text, unless it is a number.
func keys(s string) []Key {
	var out []Key
	for _, m := range pair.FindAllStringSubmatch(s, -1) {
		v := m[2]
		if _, err := strconv.Atoi(v); err != nil && v[0] != '"' {
			v = strconv.Quote(v)
		}
		out = append(out, Key{Name: m[1], Value: v})
	}
	return out
}
