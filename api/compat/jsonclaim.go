// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// comparer compares two JSON Schemas.
type comparer struct {
	ledger[string]
	ids     map[*jsonschema.Schema]int
	types   map[*jsonschema.Schema]types
	reach   map[*jsonschema.Schema]types
	shallow map[*jsonschema.Schema]shallow
	bares   map[*jsonschema.Schema]*jsonschema.Schema
	// equals and differs remember which schemas say the same.
	equals, differs map[[2]*jsonschema.Schema]bool
	// only are schemas of a type and nothing else, const those of one value.
	only   map[types]*jsonschema.Schema
	consts map[string]*jsonschema.Schema
	// nothing is the schema that takes no value.
	nothing *jsonschema.Schema
	// formats of the old schema that nobody can check.
	formats map[string]bool
}

func newComparer(formats map[string]bool) *comparer {
	no := false
	return &comparer{
		ledger: newLedger[string](), ids: map[*jsonschema.Schema]int{},
		types: map[*jsonschema.Schema]types{}, reach: map[*jsonschema.Schema]types{},
		shallow: map[*jsonschema.Schema]shallow{}, bares: map[*jsonschema.Schema]*jsonschema.Schema{},
		equals: map[[2]*jsonschema.Schema]bool{}, differs: map[[2]*jsonschema.Schema]bool{},
		only: map[types]*jsonschema.Schema{}, consts: map[string]*jsonschema.Schema{},
		nothing: &jsonschema.Schema{Bool: &no, Location: location}, formats: formats,
	}
}

// key names a claim.
func (c *comparer) key(n set, o *jsonschema.Schema) string {
	id := func(s *jsonschema.Schema) int {
		if _, ok := c.ids[s]; !ok {
			c.ids[s] = len(c.ids) + 1
		}
		return c.ids[s]
	}
	numbers := make([]int, len(n))
	for i, s := range n {
		numbers[i] = id(s)
	}
	slices.Sort(numbers)
	var b strings.Builder
	for _, i := range slices.Compact(numbers) {
		b.WriteString(strconv.Itoa(i))
		b.WriteByte(' ')
	}
	b.WriteByte('>')
	b.WriteString(strconv.Itoa(id(o)))
	return b.String()
}

// claims proves that what meets all schemas of a set meets the old schema, or reports what does not.
func (c *comparer) claims(n set, o *jsonschema.Schema, path string) {
	if o == nil || (o.Bool != nil && *o.Bool) || !c.step(1+len(n)) {
		return
	}
	o = c.bare(o)
	given := n
	n = make(set, len(given))
	for i, s := range given {
		n[i] = c.bare(s)
	}
	c.claim(c.key(n, o), func() {
		f := c.know(n)
		if c.void(n) {
			return
		}
		for _, s := range f.all {
			if c.equal(s, o) {
				return
			}
		}
		if o.Bool != nil {
			c.breaks(path, FieldAdded, "may now be present, where the old schema accepts nothing")
			return
		}
		c.claims(n, o.Ref, path)
		for _, a := range o.AllOf {
			c.claims(n, a, path)
		}
		left := c.whole(f, o, path)
		if left&arrayType != 0 {
			c.arrays(f, o, path)
		}
		if left&objectType != 0 {
			c.objects(f, o, path)
		}
		c.choices(n, f, o, path)
	})
}

// bare follows references from schemas that say nothing else, so that what is the same has one name.
func (c *comparer) bare(s *jsonschema.Schema) *jsonschema.Schema {
	if s.Ref == nil {
		return s
	}
	to, ok := c.bares[s]
	if !ok {
		to = s
		if own := *s; s.DynamicRef == nil && s.RecursiveRef == nil {
			own.Ref = nil
			if c.equal(&own, &jsonschema.Schema{Location: location}) {
				to = c.bare(s.Ref)
			}
		}
		c.bares[s] = to
	}
	return to
}

// proves reports whether a claim holds.
func (c *comparer) proves(n set, o *jsonschema.Schema) bool {
	return c.try(func() { c.claims(n, o, "") })
}

func (c *comparer) breaks(path string, kind Kind, message string, a ...any) {
	c.report(Change{Path: path, Kind: kind, Message: fmt.Sprintf(message, a...)})
}

func (c *comparer) undecided(path, what string) {
	c.report(Change{Path: path, Kind: Undecidable, Undecided: true, Message: "whether readers can handle " + what + " cannot be decided"})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
