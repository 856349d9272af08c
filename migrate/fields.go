// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// field says what becomes of a field that may be set. The zero value is one that is carried over, or that needs no
// counterpart; docs/migrate.md lists the latter.
type field struct {
	// why it is not carried over, and what to do instead.
	why, do string
	// unless is the value with which there is nothing to say.
	unless any
}

// fields maps the fields of a kind, by their path in the object. A path that ends in ".*" is for all below; "[]" stands
// for each item of a list.
type fields map[string]field

var carried = field{}

// lost makes a field that is not carried over.
func lost(why, do string) field { return field{why: why, do: do} }

// but is the same field, of which a value needs no note.
func (f field) but(value any) field {
	f.unless = value
	return f
}

// check notes what of an object's spec is not carried over.
func (m *migration) check(o Object, known fields) {
	m.checkValue(o, get(o.Object, "spec"), "spec", "spec", known)
}

func (m *migration) checkValue(o Object, value any, at, pattern string, known fields) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			m.checkField(o, value[key], at+"."+key, pattern+"."+key, known)
		}
	case []any:
		for i, item := range value {
			m.checkField(o, item, fmt.Sprintf("%s[%d]", at, i), pattern+"[]", known)
		}
	}
}

func (m *migration) checkField(o Object, value any, at, pattern string, known fields) {
	if f, ok := known[pattern]; ok {
		if f.why != "" && (f.unless == nil || !reflect.DeepEqual(f.unless, value)) {
			m.note(o, at, f.why, f.do)
		}
		return
	}
	if _, ok := known[pattern+".*"]; ok {
		return
	}
	for path := range known {
		if strings.HasPrefix(path, pattern+".") || strings.HasPrefix(path, pattern+"[]") {
			m.checkValue(o, value, at, pattern, known)
			return
		}
	}
	m.note(o, at, "it is not known here, and not carried over", "see what it does in the manual of its controller")
}
