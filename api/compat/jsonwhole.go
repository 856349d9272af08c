// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// whole compares the keywords that look at a value as a whole. It returns the types that are left for the others:
// what has been reported as a type is not reported once more as its parts.
func (c *comparer) whole(f facts, o *jsonschema.Schema, path string) types {
	if f.scalars() {
		c.listed(f, o, path)
		return 0
	}
	left := f.types & c.typesOf(o)
	if more := f.types &^ left; more != 0 {
		c.typesGrew(f.types, c.typesOf(o), more, path)
	}
	if o.Enum != nil || o.Const != nil {
		if !f.finite {
			if left != 0 {
				c.breaks(path, ValuesOpened, "may now be any %s, where the old schema accepts %s only", f.types, enumerated(o))
			}
			return left
		}
		c.listed(f, &jsonschema.Schema{Enum: o.Enum, Const: o.Const, Location: o.Location}, path)
	}
	if left&numberType != 0 {
		c.numbers(f, o, path)
	}
	if left&stringType != 0 {
		c.strings(f, o, path)
	}
	// The formats that a validator knows are of texts.
	if o.Format != nil && (left&stringType != 0 || c.formats[o.Format.Name]) {
		c.format(f, o, path)
	}
	return left
}

// listed compares values that are known one by one.
func (c *comparer) listed(f facts, o *jsonschema.Schema, path string) {
	if o.Format != nil && c.formats[o.Format.Name] {
		c.format(f, o, path)
	}
	if o.ContentSchema != nil && f.types&stringType != 0 {
		c.undecided(path, "its content")
	}
	for _, v := range f.values {
		if c.failed() {
			return
		}
		if c.passes(set{o}, v) {
			continue
		}
		switch {
		case v == nil:
			c.breaks(path, Nullable, "may now be null")
		case c.typesOf(o)&typeOf(v) == 0:
			c.breaks(path, TypeWidened, "may now be %s, where the old schema accepts %s", text(v), c.typesOf(o))
		default:
			c.breaks(path, ValueAdded, "may now be %s, which the old schema does not accept", text(v))
		}
	}
}

func (c *comparer) format(f facts, o *jsonschema.Schema, path string) {
	if !has(f.all, func(s *jsonschema.Schema) bool { return s.Format != nil && s.Format.Name == o.Format.Name }) {
		c.breaks(path, FormatChanged, "no longer has the format %.40q", o.Format.Name)
	}
}

func (c *comparer) typesGrew(now, before, more types, path string) {
	switch {
	case more == nullType:
		c.breaks(path, Nullable, "may now be null")
	case now&before == 0:
		c.breaks(path, TypeChanged, "is now %s and was %s", now, before)
	case more == fractionType:
		c.breaks(path, TypeWidened, "may now have a fraction, where the old schema accepts integer only")
	default:
		c.breaks(path, TypeWidened, "may now be %s, where the old schema accepts %s only", more, before)
	}
}

func has(all set, is func(*jsonschema.Schema) bool) bool {
	return slices.ContainsFunc(all, is)
}

// bound is a limit of numbers.
type bound struct {
	at   *big.Rat
	open bool // the limit itself is excluded
}

// tighter returns the tighter of two lower limits.
func tighter(a, b bound) bound {
	switch {
	case a.at == nil:
		return b
	case b.at == nil:
		return a
	}
	if d := a.at.Cmp(b.at); d > 0 || (d == 0 && a.open) {
		return a
	}
	return b
}

// covers reports whether a lower limit lets nothing through that another does not.
func (b bound) covers(other bound) bool {
	if b.at == nil {
		return false
	}
	d := b.at.Cmp(other.at)
	return d > 0 || (d == 0 && (b.open || !other.open))
}

// lower is the lower limit of a schema; upper ones are compared as lower ones of the negated numbers.
func lower(s *jsonschema.Schema, negate bool) bound {
	closed, open := s.Minimum, s.ExclusiveMinimum
	if negate {
		closed, open = s.Maximum, s.ExclusiveMaximum
	}
	sign := func(r *big.Rat) *big.Rat {
		if r == nil || !negate {
			return r
		}
		return new(big.Rat).Neg(r)
	}
	return tighter(bound{sign(closed), false}, bound{sign(open), true})
}

func (c *comparer) numbers(f facts, o *jsonschema.Schema, path string) {
	for _, negate := range []bool{false, true} {
		want := lower(o, negate)
		if want.at == nil {
			continue
		}
		var got bound
		for _, s := range f.all {
			got = tighter(got, lower(s, negate))
		}
		if f.types&fractionType == 0 && got.at != nil && (got.open || !got.at.IsInt()) {
			got = bound{nextInteger(got), false}
		}
		name, word := "minimum", "lower"
		if negate {
			name, word = "maximum", "higher"
		}
		if got.covers(want) {
			continue
		}
		if got.at == nil {
			c.breaks(path, LimitLoosened, "no longer has the %s of %s", name, number(want, negate))
		} else {
			c.breaks(path, LimitLoosened, "has a %s %s of %s, which was %s", word, name, number(got, negate), number(want, negate))
		}
	}
	if o.MultipleOf == nil || o.MultipleOf.Sign() == 0 {
		return
	}
	divides := func(m *big.Rat) bool { return m != nil && new(big.Rat).Quo(m, o.MultipleOf).IsInt() }
	whole := f.types&fractionType == 0 && divides(big.NewRat(1, 1))
	if !whole && !has(f.all, func(s *jsonschema.Schema) bool { return divides(s.MultipleOf) }) {
		c.breaks(path, LimitLoosened, "no longer has to be a multiple of %s", rat(o.MultipleOf))
	}
}

// nextInteger is the least integer that a lower limit lets through.
func nextInteger(b bound) *big.Rat {
	q, m := new(big.Int).DivMod(b.at.Num(), b.at.Denom(), new(big.Int))
	if m.Sign() != 0 || b.open {
		q.Add(q, big.NewInt(1))
	}
	return new(big.Rat).SetInt(q)
}

func number(b bound, negate bool) string {
	at := b.at
	if negate {
		at = new(big.Rat).Neg(at)
	}
	if b.open {
		return rat(at) + " (excluded)"
	}
	return rat(at)
}

func rat(r *big.Rat) string {
	if f, exact := r.Float64(); exact || !r.IsInt() {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return clip(r.Num().String())
}

func (c *comparer) strings(f facts, o *jsonschema.Schema, path string) {
	c.atLeast(f, o.MinLength, func(s *jsonschema.Schema) *int { return s.MinLength }, 0, path, "characters")
	c.atMost(f, o.MaxLength, func(s *jsonschema.Schema) *int { return s.MaxLength }, path, "characters")
	if o.Pattern != nil && !has(f.all, func(s *jsonschema.Schema) bool { return s.Pattern != nil && s.Pattern.String() == o.Pattern.String() }) {
		c.breaks(path, PatternChanged, "no longer has to match the pattern %.80q", o.Pattern.String())
	}
	if o.ContentEncoding != nil && !has(f.all, func(s *jsonschema.Schema) bool {
		return s.ContentEncoding != nil && s.ContentEncoding.Name == o.ContentEncoding.Name
	}) {
		c.breaks(path, FormatChanged, "no longer has the encoding %.40q", o.ContentEncoding.Name)
	}
	if o.ContentMediaType != nil && !has(f.all, func(s *jsonschema.Schema) bool {
		return s.ContentMediaType != nil && s.ContentMediaType.Name == o.ContentMediaType.Name &&
			(s.ContentEncoding == nil) == (o.ContentEncoding == nil)
	}) {
		c.breaks(path, FormatChanged, "no longer has the media type %.40q", o.ContentMediaType.Name)
	}
	if o.ContentSchema != nil && !has(f.all, func(s *jsonschema.Schema) bool {
		return s.ContentSchema != nil && c.equal(s.ContentSchema, o.ContentSchema)
	}) {
		c.undecided(path, "its content")
	}
}

// atLeast compares lower limits of a count; implied is what is known without one.
func (c *comparer) atLeast(f facts, want *int, of func(*jsonschema.Schema) *int, implied int, path, what string) {
	got := implied
	for _, s := range f.all {
		if at := of(s); at != nil {
			got = max(got, *at)
		}
	}
	if want != nil && got < *want {
		c.breaks(path, LimitLoosened, "may now have %d %s, where the old schema accepts %d or more", max(got, 0), what, *want)
	}
}

// atMost compares upper limits of a count.
func (c *comparer) atMost(f facts, want *int, of func(*jsonschema.Schema) *int, path, what string) {
	if want == nil {
		return
	}
	got := most(f, of)
	switch {
	case got == nil:
		c.breaks(path, LimitLoosened, "may now have any number of %s, where the old schema accepts up to %d", what, *want)
	case *got > *want:
		c.breaks(path, LimitLoosened, "may now have up to %d %s, where the old schema accepts up to %d", *got, what, *want)
	}
}

// most is the least of upper limits, or nil.
func most(f facts, of func(*jsonschema.Schema) *int) *int {
	var got *int
	for _, s := range f.all {
		if at := of(s); at != nil && (got == nil || *at < *got) {
			got = at
		}
	}
	return got
}

// maxText bounds how much of a value is quoted.
const maxText = 60

func clip(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}

// text quotes a value.
func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "a value"
	}
	if len(data) > maxText {
		return strings.ToValidUTF8(string(data[:maxText]), "") + "…"
	}
	return string(data)
}

// enumerated lists the first values of an enumeration.
func enumerated(o *jsonschema.Schema) string {
	if o.Const != nil {
		return text(*o.Const)
	}
	const most = 5
	var out []string
	for _, v := range o.Enum.Values[:min(len(o.Enum.Values), most)] {
		out = append(out, text(v))
	}
	if len(o.Enum.Values) > most {
		out = append(out, "…")
	}
	return strings.Join(out, ", ")
}
