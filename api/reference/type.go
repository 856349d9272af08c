// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"reflect"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Type is what is written at a field.
type Type string

// The types.
const (
	Text     Type = "text"
	Number   Type = "whole number"
	Boolean  Type = "true or false"
	Choice   Type = "choice"
	Duration Type = "duration"
	Time     Type = "time"
	Date     Type = "day"
	Days     Type = "number of days"
	Quantity Type = "quantity"
	Amount   Type = "amount"
	Currency Type = "currency"
	Join     Type = "join"
	Mapping  Type = "mapping"
	List     Type = "list"
	Object   Type = "object"
	// NamesOrMapping is a list of names, or a mapping from names to objects.
	NamesOrMapping Type = "list of names, or mapping"
	// TextOrObject is an object, or the text of its first field alone.
	TextOrObject Type = "text, or object"
	// Anything is whatever the reader of the value takes.
	Anything Type = "anything"
)

// Scalar reports whether a value of the type is a single one.
func (t Type) Scalar() bool {
	switch t {
	case Mapping, List, Object, NamesOrMapping, TextOrObject, Anything:
		return false
	default:
		return true
	}
}

// Syntax says how a value of the type is written; empty where the type says it all.
func (t Type) Syntax() string {
	switch t {
	case Duration:
		return `a number and a unit of h, m or s, or several of them, such as "90s" or "1h30m"; more than 0 and at most 366 days`
	case Time:
		return `an instant in UTC, such as "2026-01-01T00:00:00Z"`
	case Date:
		return `a day in UTC, such as "2027-01-01"`
	case Days:
		return `a number of days, such as "90d", from 1d to 36500d`
	case Quantity:
		return `a Kubernetes quantity, such as "500m", "2" or "4Gi"; more than 0`
	case Amount:
		return `a decimal number that is not negative, such as 12 or "0.0425", with at most 9 digits before and behind the point`
	case Currency:
		return `the three letters of a currency, such as "EUR"`
	case Join:
		return `"all", "any", or how many, from 1 to 9999`
	case Number:
		return "from 0 to 2147483647"
	default:
		return ""
	}
}

// Form is the whole of what is written at a field: its type, and the types of its parts.
type Form struct {
	Type Type
	// Of is the form of the items of a list, or of the values of a mapping; nil for other types.
	Of *Form
	// Struct is the type's own name, fields and all, of an [Object] and what is like one.
	Struct *Struct
	// Values are those that a [Choice] takes.
	Values []Value
	// MayBeEmpty reports whether the text of a [TextOrObject] may be empty, which is as good as none.
	MayBeEmpty bool
	// Folded reports whether the case of the letters of a value does not matter.
	Folded bool
}

// Value is one that a choice takes.
type Value struct {
	Value string
	// Doc says what it means; empty if it says so itself.
	Doc string
}

// String names the form, as in "list of texts"; a choice by what there is to choose.
func (f *Form) String() string {
	switch f.Type {
	case List:
		return "list of " + f.Of.plural()
	case Mapping:
		if f.Of.Type == Anything {
			return "mapping"
		}
		return "mapping of names to " + f.Of.plural()
	case Choice:
		values := make([]string, len(f.Values))
		for i, v := range f.Values {
			values[i] = v.Value
		}
		return strings.Join(values, " | ")
	default:
		return string(f.Type)
	}
}

func (f *Form) plural() string {
	switch f.Type {
	case Text, Object, Time, Duration, Amount:
		return string(f.Type) + "s"
	case TextOrObject:
		return "texts or objects"
	case Choice:
		return "texts (" + f.String() + ")"
	case List:
		return "lists of " + f.Of.plural()
	case Mapping:
		if f.Of.Type == Anything {
			return "mappings"
		}
		return "mappings of names to " + f.Of.plural()
	default:
		return string(f.Type)
	}
}

// scalars are the types of api/v1alpha1 that are one value.
func scalars() map[reflect.Type]Type {
	return map[reflect.Type]Type{
		reflect.TypeFor[v1alpha1.Duration](): Duration,
		reflect.TypeFor[v1alpha1.Time]():     Time,
		reflect.TypeFor[v1alpha1.Date]():     Date,
		reflect.TypeFor[v1alpha1.Days]():     Days,
		reflect.TypeFor[v1alpha1.Quantity](): Quantity,
		reflect.TypeFor[v1alpha1.Amount]():   Amount,
		reflect.TypeFor[v1alpha1.Currency](): Currency,
		reflect.TypeFor[v1alpha1.Join]():     Join,
	}
}

// form reads a Go type.
func (b *builder) form(t reflect.Type) *Form {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := b.scalars[t]; ok {
		return &Form{Type: s}
	}
	comment := b.comments[t.Name()]
	switch t {
	case reflect.TypeFor[v1alpha1.Read]():
		return &Form{Type: TextOrObject, Struct: b.structure(t)}
	case reflect.TypeFor[v1alpha1.Image]():
		return &Form{Type: TextOrObject, Struct: b.structure(t), MayBeEmpty: true}
	case reflect.TypeFor[v1alpha1.ProjectEnvironments]():
		return &Form{Type: NamesOrMapping, Of: b.form(t.Elem())}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &Form{Type: Boolean}
	case reflect.Int:
		return &Form{Type: Number}
	case reflect.Interface:
		return &Form{Type: Anything}
	case reflect.Slice:
		return &Form{Type: List, Of: b.form(t.Elem())}
	case reflect.Map:
		return &Form{Type: Mapping, Of: b.form(t.Elem())}
	case reflect.Struct:
		return &Form{Type: Object, Struct: b.structure(t)}
	default:
		return textForm(comment)
	}
}

// textForm is that of a type that is a text: free, or one of those that its comments list.
func textForm(comment comment) *Form {
	if len(comment.values) > 0 {
		values := make([]Value, len(comment.values))
		for i, v := range comment.values {
			values[i] = Value{Value: v.value, Doc: plain(v.doc, nil)}
		}
		return &Form{Type: Choice, Values: values, Folded: comment.folded}
	}
	return &Form{Type: Text}
}
