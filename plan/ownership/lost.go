// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"slices"
	"time"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"trunkline.dev/trunkline/api/field"
)

// Field is a declared field that is not ours in the cluster.
type Field struct {
	Path field.Path
	// Manager is who owns it now; empty if nobody does, as when it was removed.
	Manager string
	// Subresource is the one that Manager wrote through, such as "scale"; empty for the object itself.
	Subresource string
	// Time is when Manager last changed the object; zero if that is not known.
	Time time.Time
}

// Lost returns the fields that an object declares and that are not in our entry: someone has changed or removed
// them since, or owned them before. They are sorted by path. What the API server keeps for itself (apiVersion, kind,
// name, namespace, status) is nobody's and not looked at.
//
// A declared field that the API server drops, such as one that a definition does not know, counts as lost for ever: so
// whoever has just applied the object compares with what is lost right then.
func Lost(declared map[string]any, owners Owners) ([]Field, error) {
	ours, err := parse(owners.Ours)
	if err != nil {
		return nil, err
	}
	union := ours
	others := make([]*fieldpath.Set, len(owners.Others))
	for i, m := range owners.Others {
		if others[i], err = parse(m.Fields); err != nil {
			return nil, err
		}
		union = union.Union(others[i])
	}
	var lost []Field
	w := walker{union: union, leaf: func(p field.Path, at fieldpath.Path) {
		if ours.Has(at) {
			return
		}
		f := Field{Path: p}
		for i, set := range others {
			if m := owners.Others[i]; set.Has(at) && (f.Manager == "" || m.Time.After(f.Time)) {
				f.Manager, f.Subresource, f.Time = m.Name, m.Subresource, m.Time
			}
		}
		lost = append(lost, f)
	}}
	w.object(declared)
	slices.SortFunc(lost, func(a, b Field) int { return a.Path.Compare(b.Path) })
	return lost, nil
}

// Who returns who owns a field that is in no list, and whether we do. Without an owner the manager is empty.
func Who(owners Owners, p field.Path) (Manager, bool, error) {
	at := make(fieldpath.Path, len(p))
	for i := range p {
		at[i] = fieldpath.PathElement{FieldName: &p[i].Field}
	}
	ours, err := parse(owners.Ours)
	if err != nil || ours.Has(at) {
		return Manager{}, err == nil, err
	}
	var owner Manager
	for _, m := range owners.Others {
		set, err := parse(m.Fields)
		if err != nil {
			return Manager{}, false, err
		}
		if set.Has(at) && (owner.Name == "" || m.Time.After(owner.Time)) {
			owner = m
		}
	}
	return owner, false, nil
}
