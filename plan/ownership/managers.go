// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// maxFields bounds the size of one entry that is read, in bytes; the API server bounds a whole object to 1.5 MiB. It
// keeps a hostile object from costing more than its share each time that it changes.
const maxFields = 256 << 10

// Manager is who owns fields of an object, in the words of metadata.managedFields.
type Manager struct {
	// Name is what the client calls itself, such as "kubectl-edit".
	Name string
	// Operation is "Apply" or "Update".
	Operation string
	// Subresource is the one that was written, such as "scale"; empty for the object itself.
	Subresource string
	// Time is when the entry last changed; zero if the API server does not say.
	Time time.Time
	// Fields are what it owns, as FieldsV1 in JSON.
	Fields string
}

// String names the manager, and the subresource that it wrote through.
func (m Manager) String() string {
	if m.Subresource == "" {
		return m.Name
	}
	return m.Name + " (" + m.Subresource + ")"
}

// Owners are those who own fields of one object.
type Owners struct {
	// Ours is the entry of server-side apply by our field manager, as FieldsV1 in JSON; empty if there is none.
	Ours string
	// Others are all other entries but those of the status, sorted by name and subresource.
	Others []Manager
}

// Of reads the owners from an object's managedFields; we are the one that applies as manager.
func Of(entries []metav1.ManagedFieldsEntry, manager string) Owners {
	var o Owners
	for _, e := range entries {
		if e.FieldsV1 == nil || e.Subresource == "status" {
			continue
		}
		// Objects of one blueprint have the same fields, and so the same text: it is kept once.
		fields := unique.Make(e.FieldsV1.GetRawString()).Value()
		if e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			o.Ours = fields
			continue
		}
		m := Manager{Name: e.Manager, Operation: string(e.Operation), Subresource: e.Subresource, Fields: fields}
		if e.Time != nil {
			m.Time = e.Time.Time
		}
		o.Others = append(o.Others, m)
	}
	slices.SortFunc(o.Others, func(a, b Manager) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Subresource, b.Subresource), cmp.Compare(a.Operation, b.Operation))
	})
	return o
}

// parse reads FieldsV1.
func parse(fields string) (*fieldpath.Set, error) {
	set := &fieldpath.Set{}
	if fields == "" {
		return set, nil
	}
	if len(fields) > maxFields {
		return nil, fmt.Errorf("an entry of managedFields has %d bytes; at most %d are read", len(fields), maxFields)
	}
	if err := set.FromJSON(bytes.NewReader([]byte(fields))); err != nil {
		return nil, fmt.Errorf("reading managedFields: %w", err)
	}
	return set, nil
}
