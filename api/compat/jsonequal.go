// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"math/big"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// equal reports whether two schemas say the same, but for annotations. Pairs that are met again on the way count as
// equal, so that recursive schemas end; if the whole turns out to differ, what was assumed is forgotten.
func (c *comparer) equal(a, b *jsonschema.Schema) bool {
	pair := [2]*jsonschema.Schema{a, b}
	if a == b || c.equals[pair] {
		return true
	}
	e := &equality{comparer: c, assumed: map[[2]*jsonschema.Schema]bool{}}
	if !e.same(a, b, 0) {
		return false
	}
	for _, pair := range e.order {
		c.equals[pair] = true
	}
	return true
}

type equality struct {
	*comparer
	// assumed are the pairs that are equal unless something is found, and order has them as they came.
	assumed map[[2]*jsonschema.Schema]bool
	order   [][2]*jsonschema.Schema
}

func (e *equality) same(a, b *jsonschema.Schema, depth int) bool {
	pair := [2]*jsonschema.Schema{a, b}
	switch {
	case a == b, e.equals[pair], e.assumed[pair]:
		return true
	case a == nil, b == nil, depth > maxNested, e.differs[pair], !e.step(1):
		return false
	}
	began := len(e.order)
	e.assumed[pair] = true
	e.order = append(e.order, pair)
	if !e.sameOwn(a, b) || !e.sameParts(a, b, depth+1) {
		// They differ even if all that was assumed is equal; what was found equal may rest on these being so.
		e.differs[pair] = true
		for _, p := range e.order[began:] {
			delete(e.assumed, p)
		}
		e.order = e.order[:began]
		return false
	}
	return true
}

// sameOwn compares the keywords without schemas in them.
func (e *equality) sameOwn(a, b *jsonschema.Schema) bool {
	if a.DynamicRef != nil || b.DynamicRef != nil || a.RecursiveRef != nil || b.RecursiveRef != nil {
		return false // what they refer to depends on where they stand
	}
	name := func(s *jsonschema.Schema) [3]string {
		var out [3]string
		if s.Format != nil {
			out[0] = s.Format.Name
		}
		if s.ContentEncoding != nil {
			out[1] = s.ContentEncoding.Name
		}
		if s.ContentMediaType != nil {
			out[2] = s.ContentMediaType.Name
		}
		return out
	}
	return same(a.Bool, b.Bool) && declared(a) == declared(b) && name(a) == name(b) && e.sameValues(values(a), values(b)) &&
		same(a.MinLength, b.MinLength) && same(a.MaxLength, b.MaxLength) && same(a.MinItems, b.MinItems) && same(a.MaxItems, b.MaxItems) &&
		same(a.MinProperties, b.MinProperties) && same(a.MaxProperties, b.MaxProperties) &&
		same(a.MinContains, b.MinContains) && same(a.MaxContains, b.MaxContains) && a.UniqueItems == b.UniqueItems &&
		sameRat(a.Minimum, b.Minimum) && sameRat(a.Maximum, b.Maximum) && sameRat(a.MultipleOf, b.MultipleOf) &&
		sameRat(a.ExclusiveMinimum, b.ExclusiveMinimum) && sameRat(a.ExclusiveMaximum, b.ExclusiveMaximum) &&
		sameText(a.Pattern, b.Pattern) && sameNames(a.Required, b.Required)
}

// sameParts compares the keywords with schemas in them.
func (e *equality) sameParts(a, b *jsonschema.Schema, depth int) bool {
	pairs := [][2]*jsonschema.Schema{
		{a.Ref, b.Ref},
		{a.Not, b.Not},
		{a.If, b.If},
		{a.Then, b.Then},
		{a.Else, b.Else},
		{a.PropertyNames, b.PropertyNames},
		{a.UnevaluatedProperties, b.UnevaluatedProperties},
		{a.UnevaluatedItems, b.UnevaluatedItems},
		{a.Contains, b.Contains},
		{a.Items2020, b.Items2020},
		{a.ContentSchema, b.ContentSchema},
	}
	for _, p := range pairs {
		if !e.same(p[0], p[1], depth) {
			return false
		}
	}
	return e.sameLists(a.AllOf, b.AllOf, false, depth) && e.sameLists(a.AnyOf, b.AnyOf, false, depth) &&
		e.sameLists(a.OneOf, b.OneOf, false, depth) && e.sameLists(a.PrefixItems, b.PrefixItems, true, depth) &&
		e.sameMaps(a.Properties, b.Properties, depth) && e.sameMaps(byText(a.PatternProperties), byText(b.PatternProperties), depth) &&
		e.sameMaps(a.DependentSchemas, b.DependentSchemas, depth) && sameDependents(a.DependentRequired, b.DependentRequired) &&
		e.sameAny(a.AdditionalProperties, b.AdditionalProperties, depth) && e.sameAny(a.Items, b.Items, depth) &&
		e.sameAny(a.AdditionalItems, b.AdditionalItems, depth) && e.sameDependencies(a.Dependencies, b.Dependencies, depth)
}

func (e *equality) sameMaps(a, b map[string]*jsonschema.Schema, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for _, name := range sortedKeys(a) {
		if b[name] == nil || !e.same(a[name], b[name], depth) {
			return false
		}
	}
	return true
}

// sameLists compares lists, in order or in any.
func (e *equality) sameLists(a, b []*jsonschema.Schema, ordered bool, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	left := slices.Clone(b)
	for i, s := range a {
		at := slices.Index(left, b[i]) // most often they are in the same order
		if at < 0 || !e.same(s, b[i], depth) {
			at = slices.IndexFunc(left, func(o *jsonschema.Schema) bool { return !ordered && e.same(s, o, depth) })
		}
		if at < 0 {
			return false
		}
		left = slices.Delete(left, at, at+1)
	}
	return true
}

func (e *equality) sameAny(a, b any, depth int) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case *jsonschema.Schema:
		b, ok := b.(*jsonschema.Schema)
		return ok && e.same(a, b, depth)
	case []*jsonschema.Schema:
		b, ok := b.([]*jsonschema.Schema)
		return ok && e.sameLists(a, b, true, depth)
	case []string:
		b, ok := b.([]string)
		return ok && sameNames(a, b)
	}
	return false
}

func (e *equality) sameDependencies(a, b map[string]any, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for _, name := range sortedKeys(a) {
		if !e.sameAny(a[name], b[name], depth) {
			return false
		}
	}
	return true
}

// sameValues compares enumerations, in any order.
func (e *equality) sameValues(a, b []string) bool {
	return e.step(len(a)+len(b)) && slices.Equal(a, b)
}

// values are the values of an enumeration as texts, sorted.
func values(s *jsonschema.Schema) []string {
	var out []string
	add := func(v any, before string) {
		data, err := json.Marshal(v)
		if err == nil {
			out = append(out, before+string(data))
		}
	}
	if s.Const != nil {
		add(*s.Const, "const ")
	}
	if s.Enum != nil {
		out = append(out, "enum")
		for _, v := range s.Enum.Values {
			add(v, "enum ")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameRat(a, b *big.Rat) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Cmp(b) == 0
}

func sameText(a, b jsonschema.Regexp) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.String() == b.String()
}

func sameNames(a, b []string) bool {
	sorted := func(names []string) []string {
		out := slices.Clone(names)
		slices.Sort(out)
		return slices.Compact(out)
	}
	return slices.Equal(sorted(a), sorted(b))
}

func sameDependents(a, b map[string][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, names := range a {
		if other, ok := b[name]; !ok || !sameNames(names, other) {
			return false
		}
	}
	return true
}

func byText(m map[jsonschema.Regexp]*jsonschema.Schema) map[string]*jsonschema.Schema {
	out := make(map[string]*jsonschema.Schema, len(m))
	for re, s := range m {
		out[re.String()] = s
	}
	return out
}
