// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"strconv"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// items returns the schemas of the first items of an array, and that of the rest; nil says nothing.
func (c *comparer) items(s *jsonschema.Schema) (first []*jsonschema.Schema, rest *jsonschema.Schema) {
	first, rest = s.PrefixItems, s.Items2020
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		return nil, items
	case []*jsonschema.Schema:
		first = items
		switch a := s.AdditionalItems.(type) {
		case bool:
			if !a {
				rest = c.nothing
			}
		case *jsonschema.Schema:
			rest = a
		}
	}
	return first, rest
}

// arrays compares the keywords that look at arrays.
func (c *comparer) arrays(f facts, o *jsonschema.Schema, path string) {
	c.atLeast(f, o.MinItems, func(s *jsonschema.Schema) *int { return s.MinItems }, 0, path, "items")
	longest := most(f, func(s *jsonschema.Schema) *int { return s.MaxItems })
	length := 0
	for _, s := range f.all.and(o) {
		first, _ := c.items(s)
		length = max(length, len(first))
	}
	at := func(s *jsonschema.Schema, i int) *jsonschema.Schema {
		first, rest := c.items(s)
		if i < len(first) {
			return first[i]
		}
		return rest
	}
	all := func(i int) set {
		var out set
		for _, s := range f.all {
			if item := at(s, i); item != nil {
				out = append(out, item)
			}
		}
		return out
	}
	if longest == nil {
		// An array ends before the first item that nothing can be.
		for i := range length + 1 {
			if c.step(1) && c.void(all(i)) {
				longest = &i
				break
			}
		}
	}
	if o.MaxItems != nil && (longest == nil || *longest > *o.MaxItems) {
		bounded := f
		if longest != nil {
			bounded.all = f.all.and(&jsonschema.Schema{MaxItems: longest})
		}
		c.atMost(bounded, o.MaxItems, func(s *jsonschema.Schema) *int { return s.MaxItems }, path, "items")
	}
	if o.UniqueItems && (longest == nil || *longest > 1) && !has(f.all, func(s *jsonschema.Schema) bool { return s.UniqueItems }) {
		c.breaks(path, LimitLoosened, "may now have the same item twice")
	}
	for i := range length + 1 {
		if longest != nil && *longest <= i {
			break
		}
		part := "[]"
		if i < length {
			part = "[" + strconv.Itoa(i) + "]"
		}
		c.claims(all(i), at(o, i), below(path, part))
	}
	c.contains(f, o, path)
	if u := o.UnevaluatedItems; u != nil && (u.Bool == nil || !*u.Bool) {
		c.undecided(path, "its items, by the old schema's \"unevaluatedItems\",")
	}
}

// contains compares what has to be among the items.
func (c *comparer) contains(f facts, o *jsonschema.Schema, path string) {
	if o.Contains == nil || (o.MaxContains == nil && o.MinContains != nil && *o.MinContains <= 0) {
		return
	}
	if has(f.all, func(s *jsonschema.Schema) bool {
		return s.Contains != nil && c.equal(s.Contains, o.Contains) && leastContained(s) >= leastContained(o) &&
			(o.MaxContains == nil || (s.MaxContains != nil && *s.MaxContains <= *o.MaxContains))
	}) {
		return
	}
	c.undecided(path, "arrays without what the old schema wants them to contain")
}

func leastContained(s *jsonschema.Schema) int {
	if s.MinContains == nil {
		return 1
	}
	return *s.MinContains
}
