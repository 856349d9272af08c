// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"bytes"
	"path"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"trunkline.dev/trunkline/api/field"
)

// Predecessors returns the managers whose whole entry is ours once we apply an object: Git has taken their place. What they
// have set and nobody declares goes with the next apply, as it does when kubectl itself goes over to server-side apply.
func Predecessors() []string {
	return []string{"kubectl-client-side-apply", "kubectl-create", "before-first-apply", "helm"}
}

// byHand are patterns of managers by which people change single fields. What they own beside us is ours alone once it is
// declared: otherwise it would stay when it is not declared any more.
var byHand = []string{"kubectl", "kubectl-*", "Mozilla*", "dashboard", "k9s", "Lens*"}

// Disown returns the entries without the fields that people have set by hand and that we own as well, and whether that is
// another list. Entries of ours and of those who apply server-side, and those of subresources, stay as they are.
func Disown(entries []metav1.ManagedFieldsEntry, manager string) ([]metav1.ManagedFieldsEntry, bool, error) {
	i := ourEntry(entries, manager)
	if i < 0 {
		return entries, false, nil
	}
	ours, err := decode(entries[i])
	if err != nil {
		return nil, false, err
	}
	return rewrite(entries, i, func(e metav1.ManagedFieldsEntry, theirs *fieldpath.Set) *fieldpath.Set {
		if e.Operation != metav1.ManagedFieldsOperationUpdate || !anyOf(byHand, e.Manager) {
			return nil
		}
		return theirs.Intersection(ours)
	}, nil)
}

// Reclaim returns the entries with some fields of others moved to ours, and whether that is another list: applying the
// object then removes them, since they are not declared.
func Reclaim(entries []metav1.ManagedFieldsEntry, manager string, fields []Field) ([]metav1.ManagedFieldsEntry, bool, error) {
	i := ourEntry(entries, manager)
	if i < 0 || len(fields) == 0 {
		return entries, false, nil
	}
	ours, err := decode(entries[i])
	if err != nil {
		return nil, false, err
	}
	return rewrite(entries, i, func(_ metav1.ManagedFieldsEntry, theirs *fieldpath.Set) *fieldpath.Set {
		moved := fieldpath.NewSet()
		theirs.Iterate(func(at fieldpath.Path) {
			p := make(field.Path, len(at))
			for j, pe := range at {
				p[j] = elementOf(pe)
			}
			if slices.ContainsFunc(fields, func(f Field) bool { return p.Has(f.Path) }) {
				moved.Insert(at.Copy())
			}
		})
		return moved
	}, ours)
}

// rewrite takes fields out of the entries of others, and adds them to ours unless that is nil. An entry with nothing left is
// dropped. The given entries are not changed.
func rewrite(entries []metav1.ManagedFieldsEntry, us int, drop func(metav1.ManagedFieldsEntry, *fieldpath.Set) *fieldpath.Set, ours *fieldpath.Set) ([]metav1.ManagedFieldsEntry, bool, error) {
	var out []metav1.ManagedFieldsEntry
	changed, at := false, -1
	for i, e := range entries {
		if i == us {
			at = len(out)
		}
		if i == us || e.FieldsV1 == nil || e.Subresource != "" || e.APIVersion != entries[us].APIVersion {
			out = append(out, e)
			continue
		}
		theirs, err := decode(e)
		if err != nil {
			return nil, false, err
		}
		gone := drop(e, theirs)
		if gone == nil || gone.Empty() {
			out = append(out, e)
			continue
		}
		changed = true
		if ours != nil {
			ours = ours.Union(gone)
		}
		if rest := theirs.Difference(gone); !rest.Empty() {
			if e, err = encode(e, rest); err != nil {
				return nil, false, err
			}
			out = append(out, e)
		}
	}
	if changed && ours != nil {
		var err error
		if out[at], err = encode(out[at], ours); err != nil {
			return nil, false, err
		}
	}
	return out, changed, nil
}

// ourEntry finds the entry of server-side apply by our manager; -1 if there is none.
func ourEntry(entries []metav1.ManagedFieldsEntry, manager string) int {
	return slices.IndexFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" && e.FieldsV1 != nil
	})
}

func anyOf(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

func decode(e metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	return parse(e.FieldsV1.GetRawString())
}

// encode returns the entry with other fields.
func encode(e metav1.ManagedFieldsEntry, set *fieldpath.Set) (metav1.ManagedFieldsEntry, error) {
	data, err := set.ToJSON()
	if err != nil {
		return e, err
	}
	e.FieldsV1 = &metav1.FieldsV1{}
	e.FieldsV1.SetRawBytes(bytes.Clone(data))
	return e, nil
}
