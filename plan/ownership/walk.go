// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"trunkline.dev/trunkline/api/field"
)

// maxDepth bounds how deep an object is walked. What is deeper counts as one field.
const maxDepth = 64

// walker visits the fields of an object at the grain at which the API server tells owners apart: the grain is that
// of all entries together, since only they know which lists are merged by keys.
type walker struct {
	union *fieldpath.Set
	leaf  func(field.Path, fieldpath.Path)
}

// unowned are parts of an object that no manager owns under server-side apply.
var unowned = map[string]bool{"apiVersion": true, "kind": true, "status": true}

// unownedMetadata are those of its metadata.
var unownedMetadata = map[string]bool{
	"name": true, "namespace": true, "uid": true, "resourceVersion": true, "generation": true, "creationTimestamp": true,
	"managedFields": true, "selfLink": true, "deletionTimestamp": true, "deletionGracePeriodSeconds": true,
}

func (w walker) object(o map[string]any) {
	for key, v := range o {
		if unowned[key] {
			continue
		}
		pe := fieldpath.PathElement{FieldName: &key}
		set, _ := w.union.Children.Get(pe)
		if metadata, ok := v.(map[string]any); ok && key == "metadata" {
			for name, v := range metadata {
				if !unownedMetadata[name] {
					w.member(set, field.Path{{Field: key}}, fieldpath.Path{pe}, name, v)
				}
			}
			continue
		}
		w.value(set, w.union.Members.Has(pe), field.Path{{Field: key}}, fieldpath.Path{pe}, v)
	}
}

func (w walker) member(in *fieldpath.Set, p field.Path, at fieldpath.Path, key string, v any) {
	pe := fieldpath.PathElement{FieldName: &key}
	var set *fieldpath.Set
	member := false
	if in != nil {
		set, _ = in.Children.Get(pe)
		member = in.Members.Has(pe)
	}
	w.value(set, member, append(slices.Clip(p), field.Element{Field: key}), append(slices.Clip(at), pe), v)
}

// value visits what is at a path. The set says what is owned below it; nil if nothing is. A path that someone owns
// (member) with nothing below is owned as a whole.
func (w walker) value(set *fieldpath.Set, member bool, p field.Path, at fieldpath.Path, v any) {
	if v == nil {
		return // server-side apply takes null as not there
	}
	whole := member && set == nil || len(p) >= maxDepth
	switch v := v.(type) {
	case map[string]any:
		if whole || len(v) == 0 {
			break
		}
		for key, v := range v {
			w.member(set, p, at, key, v)
		}
		return
	case []any:
		if whole || set == nil || len(v) == 0 {
			break
		}
		elements := elementsOf(set)
		for i, item := range v {
			w.item(set, elements, p, at, i, item)
		}
		return
	}
	w.leaf(p, at)
}

// item visits an element of a list that is merged by keys, or by values.
func (w walker) item(set *fieldpath.Set, elements []fieldpath.PathElement, p field.Path, at fieldpath.Path, i int, item any) {
	pe, ok := find(elements, item)
	element := field.Element{Index: i, Keys: keysOf(pe, elements, item), List: true}
	if !ok {
		// Nobody has it: it was removed. It is reported as a whole.
		w.leaf(append(slices.Clip(p), element), append(slices.Clip(at), pe))
		return
	}
	child, _ := set.Children.Get(pe)
	w.value(child, set.Members.Has(pe), append(slices.Clip(p), element), append(slices.Clip(at), pe), item)
}

// elementsOf lists the elements of a list that someone owns something of.
func elementsOf(set *fieldpath.Set) []fieldpath.PathElement {
	var out []fieldpath.PathElement
	add := func(pe fieldpath.PathElement) {
		if pe.FieldName == nil {
			out = append(out, pe)
		}
	}
	set.Members.Iterate(add)
	set.Children.Iterate(func(pe fieldpath.PathElement) {
		if !set.Members.Has(pe) {
			add(pe)
		}
	})
	return out
}

// find returns the element of a list that is the item: by its keys, where one that the item leaves out has been filled
// in by the API server, or by its value. Without one it returns the item's own value.
func find(elements []fieldpath.PathElement, item any) (fieldpath.PathElement, bool) {
	best, found, most := fieldpath.PathElement{}, false, -1
	table, isTable := item.(map[string]any)
	v := value.NewValueInterface(item)
	for _, pe := range elements {
		switch {
		case pe.Value != nil && value.Equals(*pe.Value, v):
			return pe, true
		case pe.Key != nil && isTable:
			if same, ok := matches(*pe.Key, table); ok && same > most {
				best, found, most = pe, true, same
			}
		}
	}
	if !found {
		best = fieldpath.PathElement{Value: &v}
	}
	return best, found
}

// matches counts the keys that an item shares; false if one of them differs.
func matches(keys value.FieldList, item map[string]any) (int, bool) {
	same := 0
	for _, k := range keys {
		v, ok := item[k.Name]
		if !ok {
			continue
		}
		if !value.Equals(k.Value, value.NewValueInterface(v)) {
			return 0, false
		}
		same++
	}
	return same, true
}

// keysOf names an element of a list for people: by the keys that the item itself has.
func keysOf(pe fieldpath.PathElement, elements []fieldpath.PathElement, item any) []field.Key {
	table, ok := item.(map[string]any)
	if !ok {
		return nil
	}
	if pe.Key == nil {
		for _, other := range elements {
			if other.Key != nil {
				pe = other
				break
			}
		}
	}
	if pe.Key == nil {
		return nil
	}
	var keys []field.Key
	for _, k := range *pe.Key {
		if v, ok := table[k.Name]; ok {
			keys = append(keys, field.Key{Name: k.Name, Value: value.ToString(value.NewValueInterface(v))})
		}
	}
	return keys
}
