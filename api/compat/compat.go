// SPDX-License-Identifier: Apache-2.0

// Package compat reports whether a change of a dataset's schema breaks those who read the dataset.
//
// The direction is the whole point. A dataset is written with the new schema from the merge on, and is read by
// consumers that were built for the old one. So each record that the new schema takes has to be one that the old
// schema takes: the new may be narrower, and must not be wider. A field that becomes required is fine, a field that
// becomes optional breaks; an enumeration may lose values and must not gain one; "integer" may follow "number" and
// not the other way round. It is what registries call forward compatibility, checked against the version before.
//
// JSON Schema: the comparison proves, keyword by keyword, that what the new schema takes the old one takes. Where a
// schema is open (a JSON Schema is, unless it says otherwise), a field that the new schema no longer declares may
// hold anything from then on, and that breaks, too. Whether formats are asserted is up to the reader; here they are.
// Annotations (title, description, examples, default, $comment and the like) and the order of keys do not matter.
//
// Avro: the reader's schema is the old one and the writer's is the new one, and Avro's rules of schema resolution
// decide: promotions, defaults and aliases of the old schema. Logical types, which those rules know of decimals
// only, are held to the same idea: what the reader takes for a timestamp in milliseconds has to be one.
//
// What cannot be decided is not fine. Implication between two schemas with "not", "if" or overlapping alternatives
// is as hard as logic gets; where the comparison can neither prove it nor see what breaks it, the change is
// undecided, and the caller treats it as one that breaks, and says so.
//
// Schemas come from the repository: they are bounded in bytes, depth and steps, and refer to nothing but themselves.
//
// The package is pure. Of Trunkline it may import api/schema only.
package compat

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/schema"
)

// Format is the language of a schema.
type Format string

const (
	// JSONSchema is JSON Schema of any draft from 4 on, in JSON.
	JSONSchema Format = "json-schema"
	// Avro is an Avro schema in JSON.
	Avro Format = "avro"
)

// Kind says what sort of change it is. It is stable; messages are not.
type Kind string

// What breaks readers. Each is from the reader's point of view.
const (
	FieldRemoved    Kind = "field-removed"
	FieldOptional   Kind = "field-optional"
	FieldAdded      Kind = "field-added" // to an object that had to have no others
	FieldsOpened    Kind = "fields-opened"
	TypeChanged     Kind = "type-changed"
	TypeWidened     Kind = "type-widened"
	Nullable        Kind = "nullable"
	ValueAdded      Kind = "value-added" // to an enumeration
	ValuesOpened    Kind = "values-opened"
	LimitLoosened   Kind = "limit-loosened"
	PatternChanged  Kind = "pattern-changed"
	FormatChanged   Kind = "format-changed"
	ItemsChanged    Kind = "items-changed"
	DependencyGone  Kind = "dependency-removed"
	NameChanged     Kind = "name-changed"
	LogicalChanged  Kind = "logical-type-changed"
	Undecidable     Kind = "undecidable"
	TooMuch         Kind = "too-much" // the comparison was given up
	refutedInsideOf Kind = "refuted"
)

// Change is one way in which a record of the new schema may not be one of the old.
type Change struct {
	// Path leads to the part of a record, as in "lines[].amount"; ".*" are fields without a name of their own. It is
	// empty for the record as a whole.
	Path    string
	Kind    Kind
	Message string
	// Undecided reports whether it could not be decided whether this breaks. It has to be taken for breaking.
	Undecided bool
}

// Error is a schema that cannot be compared.
type Error struct {
	// Old tells which of the two it is.
	Old bool
	Err error
}

// Error says which schema it is, and what is wrong with it.
func (e *Error) Error() string {
	if e.Old {
		return "the old schema: " + e.Err.Error()
	}
	return "the new schema: " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// MaxBytes bounds each schema.
const MaxBytes = schema.MaxBytes

// MaxChanges bounds how many changes are given.
const MaxChanges = 100

// Check returns why a schema is not valid, or is beyond the bounds of what can be compared; nil if it is neither.
func Check(format Format, data []byte) error {
	var err error
	switch format {
	case JSONSchema:
		_, err = load(data)
	case Avro:
		_, err = parseAvro(data)
	}
	return err
}

// Compare returns what breaks readers of the old schema when records are written with the new one, ordered by path;
// nothing if nothing does. An [*Error] says which schema is not valid, or too large.
func Compare(format Format, old, fresh []byte) ([]Change, error) {
	var changes []Change
	var err error
	switch format {
	case JSONSchema:
		changes, err = compareJSON(old, fresh)
	case Avro:
		changes, err = compareAvro(old, fresh)
	default:
		return nil, fmt.Errorf("schemas of the format %.40q cannot be compared; want one of: %s, %s", format, Avro, JSONSchema)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Message, b.Message))
	})
	changes = slices.Compact(changes)
	return changes[:min(len(changes), MaxChanges)], nil
}

// maxPath bounds a path: recursive schemas have deep ones.
const maxPath = 300

// field appends the name of a field to a path.
func field(path, name string) string {
	plain := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	switch {
	case len(path) > maxPath:
		return path
	case !plain || len(name) > 60:
		return fmt.Sprintf("%s[%.60q]", path, name)
	case path == "":
		return name
	}
	return path + "." + name
}

// below appends what is not a name to a path, such as "[]".
func below(path, part string) string {
	if len(path) > maxPath {
		return path
	}
	return path + part
}
