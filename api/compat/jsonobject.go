// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// additional is what a schema says of fields that it neither names nor has a pattern for; nil when it says nothing.
func (c *comparer) additional(s *jsonschema.Schema) *jsonschema.Schema {
	switch a := s.AdditionalProperties.(type) {
	case bool:
		if !a {
			return c.nothing
		}
		return nil
	case *jsonschema.Schema:
		return a
	}
	if s.UnevaluatedProperties != nil && !branches(s) {
		return s.UnevaluatedProperties // there is nothing else that could evaluate a field
	}
	return nil
}

// branches reports whether a schema has parts that look at the same value.
func branches(s *jsonschema.Schema) bool {
	return has(sameValue(s), func(p *jsonschema.Schema) bool { return p != nil })
}

// member is what one schema says of a field by name.
func (c *comparer) member(s *jsonschema.Schema, name string) (said set, named bool) {
	if p, ok := s.Properties[name]; ok {
		said, named = append(said, p), true
	}
	for pattern, p := range s.PatternProperties {
		if c.step(1) && pattern.MatchString(name) {
			said, named = append(said, p), true
		}
	}
	if a := c.additional(s); !named && a != nil {
		said = append(said, a)
	}
	return said, named
}

// memberOf is what several schemas say of a field.
func (c *comparer) memberOf(all set, name string) set {
	var out set
	for _, s := range all {
		said, _ := c.member(s, name)
		out = append(out, said...)
	}
	return out
}

// objects compares the keywords that look at objects.
func (c *comparer) objects(f facts, o *jsonschema.Schema, path string) {
	for _, name := range o.Required {
		if f.required[name] {
			continue
		}
		at := field(path, name)
		if has(f.all, func(s *jsonschema.Schema) bool { _, ok := s.Properties[name]; return ok }) {
			c.breaks(at, FieldOptional, "is no longer required")
		} else {
			c.breaks(at, FieldRemoved, "is removed, but the old schema requires it")
		}
	}
	c.atLeast(f, o.MinProperties, func(s *jsonschema.Schema) *int { return s.MinProperties }, len(f.required), path, "fields")
	if o.MaxProperties != nil {
		if n, closed := c.closed(f); !closed || n > *o.MaxProperties {
			c.atMost(f, o.MaxProperties, func(s *jsonschema.Schema) *int { return s.MaxProperties }, path, "fields")
		}
	}
	c.named(f, o, path)
	c.unnamed(f, o, path)
	c.names(f, o, path)
	c.dependencies(f, o, path)
	if o.UnevaluatedProperties != nil && branches(o) && (o.UnevaluatedProperties.Bool == nil || !*o.UnevaluatedProperties.Bool) {
		c.undecided(path, "what it now accepts, by the old schema's \"unevaluatedProperties\",")
	}
}

// closed reports whether only named fields can be there, and how many.
func (c *comparer) closed(f facts) (int, bool) {
	for _, s := range f.all {
		if a := c.additional(s); a != nil && a.Bool != nil && !*a.Bool && len(s.PatternProperties) == 0 {
			return len(s.Properties), true
		}
	}
	return 0, false
}

// named compares the fields that either side names.
func (c *comparer) named(f facts, o *jsonschema.Schema, path string) {
	names := map[string]bool{}
	for _, s := range f.all.and(o) {
		for name := range s.Properties {
			names[name] = true
		}
	}
	for _, name := range sortedKeys(names) {
		if !c.step(1) {
			return
		}
		at := field(path, name)
		now := c.memberOf(f.all, name)
		said, known := c.member(o, name)
		_, declared := o.Properties[name]
		named := has(f.all, func(s *jsonschema.Schema) bool { _, ok := c.member(s, name); return ok })
		switch {
		case declared && !named && !c.void(now) && len(said) > 0 && !c.provesAll(now, said):
			if f.required[name] || !slices.Contains(o.Required, name) { // else it has been said
				c.breaks(at, FieldRemoved, "is no longer declared, so that it may now hold anything")
			}
		case !known && len(said) > 0 && said[0] == c.nothing:
			if !c.void(now) {
				c.breaks(at, FieldAdded, "is new, and the old schema accepts no fields that it does not declare")
			}
		default:
			for _, s := range said {
				c.claims(now, s, at)
			}
		}
	}
}

func (c *comparer) provesAll(n set, all set) bool {
	return c.try(func() {
		for _, o := range all {
			c.claims(n, o, "")
		}
	})
}

// unnamed compares the fields that neither side names: those with a pattern, and all others.
func (c *comparer) unnamed(f facts, o *jsonschema.Schema, path string) {
	patterns := map[string]*jsonschema.Schema{} // of the old schema
	for re, s := range o.PatternProperties {
		patterns[re.String()] = s
	}
	for _, re := range sortedKeys(patterns) {
		c.claims(c.matching(f.all, re), patterns[re], below(path, ".*"))
	}
	rest := c.additional(o)
	if rest == nil {
		return
	}
	fresh := map[string]bool{}
	for _, s := range f.all {
		for re := range s.PatternProperties {
			if patterns[re.String()] == nil {
				fresh[re.String()] = true
			}
		}
	}
	open := func(now set) {
		if rest != c.nothing && (rest.Bool == nil || *rest.Bool) {
			c.claims(now, rest, below(path, ".*"))
		} else if !c.void(now) {
			c.breaks(path, FieldsOpened, "may now have fields that the old schema does not declare, where it accepts no others")
		}
	}
	for _, re := range sortedKeys(fresh) {
		open(c.matching(f.all, re))
	}
	var others set
	for _, s := range f.all {
		if a := c.additional(s); a != nil {
			others = append(others, a)
		}
	}
	open(others)
}

// matching is what is known for sure of unnamed fields whose name matches a pattern. What a schema with other
// patterns says of them is not known: whether two patterns match the same names is not looked into.
func (c *comparer) matching(all set, pattern string) set {
	var out set
	for _, s := range all {
		if len(s.PatternProperties) == 0 {
			if a := c.additional(s); a != nil {
				out = append(out, a)
			}
		}
		for re, p := range s.PatternProperties {
			if re.String() == pattern {
				out = append(out, p)
			}
		}
	}
	return out
}

// names compares what names of fields have to be like.
func (c *comparer) names(f facts, o *jsonschema.Schema, path string) {
	if o.PropertyNames == nil {
		return
	}
	now := set{c.onlyOf(stringType)}
	for _, s := range f.all {
		if s.PropertyNames != nil {
			now = append(now, s.PropertyNames)
		}
	}
	if c.proves(now, o.PropertyNames) {
		return
	}
	if _, closed := c.closed(f); closed {
		ok := true
		names := map[string]bool{}
		for _, s := range f.all {
			for name := range s.Properties {
				names[name] = true
			}
		}
		for _, name := range sortedKeys(names) {
			ok = ok && (c.void(c.memberOf(f.all, name)) || c.proves(set{c.constOf(name)}, o.PropertyNames))
		}
		if ok {
			return
		}
	}
	c.breaks(path, FieldsOpened, "may now have fields with names that the old schema does not accept")
}

// dependencies compares what one field asks of others.
func (c *comparer) dependencies(f facts, o *jsonschema.Schema, path string) {
	for _, name := range sortedKeys(o.DependentRequired) {
		c.dependents(f, name, o.DependentRequired[name], path)
	}
	for _, name := range sortedKeys(o.DependentSchemas) {
		c.dependent(f, name, o.DependentSchemas[name], path)
	}
	for _, name := range sortedKeys(o.Dependencies) {
		switch d := o.Dependencies[name].(type) {
		case []string:
			c.dependents(f, name, d, path)
		case *jsonschema.Schema:
			c.dependent(f, name, d, path)
		}
	}
}

func (c *comparer) dependents(f facts, name string, wanted []string, path string) {
	if c.void(c.memberOf(f.all, name)) {
		return // it is never there
	}
	given := map[string]bool{}
	for _, s := range f.all {
		for _, d := range s.DependentRequired[name] {
			given[d] = true
		}
		if d, ok := s.Dependencies[name].([]string); ok {
			for _, d := range d {
				given[d] = true
			}
		}
	}
	for _, d := range wanted {
		if !f.required[d] && !given[d] && d != name {
			c.breaks(field(path, d), DependencyGone, "is no longer required by %.60q", name)
		}
	}
}

func (c *comparer) dependent(f facts, name string, wanted *jsonschema.Schema, path string) {
	if c.void(c.memberOf(f.all, name)) {
		return
	}
	now := f.all.and()
	for _, s := range f.all {
		if d := s.DependentSchemas[name]; d != nil {
			now = append(now, d)
		}
		if d, ok := s.Dependencies[name].(*jsonschema.Schema); ok {
			now = append(now, d)
		}
	}
	if !c.proves(now, wanted) {
		c.undecided(path, "what it may be when it has the field "+text(name))
	}
}
