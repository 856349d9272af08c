// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"maps"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"trunkline.dev/trunkline/api/field"
)

// Added lists the fields that others own and we do not: what they have added to an object of ours, sorted by path. An element
// of a list that they added is one field, whatever is in it. Fields of the manager that is named by us are not others'.
func Added(owners Owners, us string) ([]Field, error) {
	if owners.Ours == "" || len(owners.Others) == 0 {
		return nil, nil // what we own nothing of is not ours
	}
	ours, err := parse(owners.Ours)
	if err != nil {
		return nil, err
	}
	added := map[string]Field{}
	for _, m := range owners.Others {
		if m.Name == us {
			continue
		}
		theirs, err := parse(m.Fields)
		if err != nil {
			return nil, err
		}
		visit(theirs.Difference(ours), nil, func(p field.Path) {
			key := p.String()
			if before, ok := added[key]; ok && !m.Time.After(before.Time) {
				return
			}
			added[key] = Field{Path: p, Manager: m.Name, Subresource: m.Subresource, Time: m.Time}
		})
	}
	return slices.SortedFunc(maps.Values(added), func(a, b Field) int { return a.Path.Compare(b.Path) }), nil
}

// visit calls with each field of a set, and with an element of a list instead of all that is in it.
func visit(set *fieldpath.Set, at field.Path, leaf func(field.Path)) {
	if len(at) >= maxDepth {
		leaf(at)
		return
	}
	set.Members.Iterate(func(pe fieldpath.PathElement) {
		if _, more := set.Children.Get(pe); more && pe.FieldName != nil {
			return // a table counts by what is in it
		}
		leaf(append(slices.Clip(at), elementOf(pe)))
	})
	set.Children.Iterate(func(pe fieldpath.PathElement) {
		if pe.FieldName == nil && set.Members.Has(pe) {
			return
		}
		child, _ := set.Children.Get(pe)
		visit(child, append(slices.Clip(at), elementOf(pe)), leaf)
	})
}

// elementOf names a step of a path for people.
func elementOf(pe fieldpath.PathElement) field.Element {
	switch {
	case pe.FieldName != nil:
		return field.Element{Field: *pe.FieldName}
	case pe.Key != nil:
		e := field.Element{List: true}
		for _, k := range *pe.Key {
			e.Keys = append(e.Keys, field.Key{Name: k.Name, Value: value.ToString(k.Value)})
		}
		return e
	case pe.Value != nil:
		v := *pe.Value
		if v.IsString() {
			return field.Element{Field: v.AsString()} // an element of a set is its own name
		}
		return field.Element{Field: value.ToString(v)}
	case pe.Index != nil:
		return field.Element{List: true, Index: *pe.Index}
	}
	return field.Element{}
}
