// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// onlyOf is the schema of some types and nothing else.
func (c *comparer) onlyOf(t types) *jsonschema.Schema {
	s, ok := c.only[t]
	if !ok {
		s = &jsonschema.Schema{Location: location}
		c.only[t], c.types[s] = s, t
	}
	return s
}

// constOf is the schema of one value, which is no array and no object.
func (c *comparer) constOf(v any) *jsonschema.Schema {
	key := text(v)
	if t, ok := v.(string); ok {
		key = "\"" + t // whole, where the other may be cut
	}
	s, ok := c.consts[key]
	if !ok {
		s = &jsonschema.Schema{Const: &v, Location: location}
		c.consts[key] = s
	}
	return s
}

// choices compares the keywords that combine other schemas.
func (c *comparer) choices(n set, f facts, o *jsonschema.Schema, path string) {
	if len(o.AnyOf) > 0 {
		c.alternatives(n, f, o.AnyOf, false, path)
	}
	if len(o.OneOf) > 0 {
		c.alternatives(n, f, o.OneOf, true, path)
	}
	if o.Not != nil && !c.excludes(n, f, o.Not) {
		c.undecided(path, "what the old schema excludes by \"not\"")
	}
	if o.If != nil && !c.conditional(n, f, o) {
		c.undecided(path, "what the old schema accepts by \"if\"")
	}
	if o.DynamicRef != nil || o.RecursiveRef != nil {
		c.undecided(path, "what the old schema refers to by \"$dynamicRef\" or \"$recursiveRef\"")
	}
}

// alternatives compares with a list of schemas of which a value has to meet one: exactly one, or at least one. Each
// type of the value is looked at for itself, since most alternatives are of one type.
func (c *comparer) alternatives(n set, f facts, list []*jsonschema.Schema, exactly bool, path string) {
	if !exactly && c.covered(n, list, 0) {
		return
	}
	if f.scalars() {
		for _, v := range f.values {
			if !c.oneMeets(n.and(c.constOf(v)), list, exactly) {
				c.breaks(path, ValueAdded, "may now be %s, which matches no alternative of the old schema", text(v))
			}
		}
		return
	}
	var none types
	for _, t := range f.types.each() {
		part := n.and(c.onlyOf(t))
		var likely []*jsonschema.Schema
		for _, s := range list {
			if !c.void(part.and(s)) {
				likely = append(likely, s)
			}
		}
		switch {
		case c.void(part):
		case len(likely) == 0:
			none |= t
		case len(likely) == 1:
			c.claims(part, likely[0], path)
		case !c.oneMeets(part, likely, exactly):
			c.undecided(path, "each "+t.String()+" as one of the old schema's alternatives")
		}
	}
	switch {
	case none == nullType:
		c.breaks(path, Nullable, "may now be null")
	case none != 0:
		c.breaks(path, TypeWidened, "may now be %s, which matches no alternative of the old schema", none)
	}
}

// oneMeets reports whether each value of a set meets one of a list: exactly one, or at least one.
func (c *comparer) oneMeets(n set, list []*jsonschema.Schema, exactly bool) bool {
	if !exactly || c.apart(n, list) {
		return c.covered(n, list, maxSplits)
	}
	for i, s := range list {
		alone := true
		for j, other := range list {
			alone = alone && (i == j || c.void(n.and(other)))
		}
		if alone && c.proves(n, s) {
			return true
		}
	}
	return false
}

// apart reports whether no value of a set meets two of a list.
func (c *comparer) apart(n set, list []*jsonschema.Schema) bool {
	for i, a := range list {
		for _, b := range list[:i] {
			if !c.step(1) || !c.void(n.and(a, b)) {
				return false
			}
		}
	}
	return true
}

// maxSplits bounds how often a set is split into cases to find an alternative for each.
const maxSplits = 3

// covered reports whether each value of a set meets one of a list.
func (c *comparer) covered(n set, list []*jsonschema.Schema, splits int) bool {
	if c.void(n) {
		return true
	}
	for _, s := range list {
		if c.proves(n, s) {
			return true
		}
	}
	if splits == 0 {
		return false
	}
	f := c.know(n)
	for _, cases := range c.cases(f) {
		ok := true
		for _, one := range cases {
			ok = ok && c.step(1) && c.covered(n.and(one), list, splits-1)
		}
		if ok {
			return true
		}
	}
	return false
}

// cases returns ways to split a set, each of which leaves no value out.
func (c *comparer) cases(f facts) [][]*jsonschema.Schema {
	var ways [][]*jsonschema.Schema
	if f.scalars() {
		var values []*jsonschema.Schema
		for _, v := range f.values {
			values = append(values, c.constOf(v))
		}
		return append(ways, values)
	}
	for _, s := range f.all {
		for _, list := range [][]*jsonschema.Schema{s.AnyOf, s.OneOf} {
			if len(list) > 0 {
				ways = append(ways, list)
			}
		}
		if s.If != nil && s.Then != nil && s.Else != nil {
			ways = append(ways, []*jsonschema.Schema{s.Then, s.Else})
		}
	}
	if t := f.types.each(); len(t) > 1 {
		var each []*jsonschema.Schema
		for _, t := range t {
			each = append(each, c.onlyOf(t))
		}
		ways = append(ways, each)
	}
	return ways
}

// excludes reports whether no value of a set meets a schema.
func (c *comparer) excludes(n set, f facts, not *jsonschema.Schema) bool {
	if c.void(n.and(not)) {
		return true
	}
	// What the new schema excludes includes what the old one does.
	return has(f.all, func(s *jsonschema.Schema) bool { return s.Not != nil && c.proves(set{not}, s.Not) })
}

func (c *comparer) conditional(n set, f facts, o *jsonschema.Schema) bool {
	then := func(n set) bool { return c.proves(n, o.Then) }
	other := func(n set) bool { return c.proves(n, o.Else) }
	switch {
	case then(n) && other(n):
		return true
	case c.void(n.and(o.If)):
		return other(n)
	case c.proves(n, o.If):
		return then(n)
	}
	return has(f.all, func(s *jsonschema.Schema) bool {
		if s.If == nil || !c.equal(s.If, o.If) {
			return false
		}
		return then(with(n, s.Then)) && other(with(n, s.Else))
	})
}

func with(n set, s *jsonschema.Schema) set {
	if s == nil {
		return n
	}
	return n.and(s)
}
