// SPDX-License-Identifier: Apache-2.0

// Package rights decides which rights on data in the cloud the runs of workloads need: those by which a run does what it is made for, and no other. It
// follows from what is declared to be read and written, and from where runs read and write, which flow/run decides.
//
// It is pure. Of Trunkline it imports api, catalog, flow/manifest and flow/run.
package rights

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/location"
)

// Right is what may be done with the objects of a place; several are one value.
type Right uint8

// The rights.
const (
	// List lists objects by what their keys begin with.
	List Right = 1 << iota
	// Get reads an object.
	Get
	// Create writes an object that is not there, and Replace also one that is.
	Create
	Replace
	// Delete deletes an object.
	Delete
)

// Has reports whether all of some rights are among these.
func (r Right) Has(some Right) bool { return r&some == some }

// String names the rights, such as "list, read".
func (r Right) String() string {
	var names []string
	for i, name := range []string{"list", "read", "create", "replace", "delete"} {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Part says which objects below a folder are meant.
type Part uint8

// The parts. Each is within the one before.
const (
	// Whole is all below the folder.
	Whole Part = iota
	// Attempts are what attempts at lots write: all below "lot=…/attempt=…/".
	Attempts
	// Hidden is what is no data of these: what has a part that begins with "_" or ".".
	Hidden
)

// String names the part.
func (p Part) String() string { return [...]string{"", "lot=*/attempt=*/", "lot=*/attempt=*/_*"}[p] }

// Grant are rights on the objects of a place.
type Grant struct {
	Rights Right
	Place  location.Location
	Part   Part
}

// Where is the place, for people.
func (g Grant) Where() string { return g.Place.String() + g.Part.String() }

// Table is a table of a catalog, and whether it is changed.
type Table struct {
	Table  location.Table
	Change bool
}

// Right names what may be done with it.
func (t Table) Right() string {
	if t.Change {
		return "change"
	}
	return "read"
}

// Where is the table's address, for people.
func (t Table) Where() string {
	return t.Table.Scheme + "://" + t.Table.Catalog + "/" + strings.Join(append(slices.Clone(t.Table.Namespace), t.Table.Name), "/")
}

// Needs are all that an account needs.
type Needs struct {
	// Grants are sorted by place, and each place and part is there once.
	Grants []Grant
	Tables []Table
	// Notes are what is needed and cannot be derived, for people.
	Notes []string
	// Wrong is what cannot be granted in any cloud.
	Wrong []Wrong
}

// Wrong is a place that no cloud gives rights on.
type Wrong struct {
	// Store is the one of the environment that it is in; empty: that of the manifests.
	Store string
	Why   string
}

// add adds rights on a place.
func (n *Needs) add(place location.Location, part Part, r Right) {
	for i := range n.Grants {
		if g := &n.Grants[i]; g.Place == place && g.Part == part {
			g.Rights |= r
			return
		}
	}
	n.Grants = append(n.Grants, Grant{r, place, part})
}

func (n *Needs) table(t location.Table, change bool) {
	for i := range n.Tables {
		if same(n.Tables[i].Table, t) {
			n.Tables[i].Change = n.Tables[i].Change || change
			return
		}
	}
	n.Tables = append(n.Tables, Table{t, change})
}

func same(a, b location.Table) bool {
	return a.Scheme == b.Scheme && a.Catalog == b.Catalog && a.Name == b.Name && slices.Equal(a.Namespace, b.Namespace)
}

// finish sorts, and leaves out of a part what is granted on a wider one of the same folder.
func (n *Needs) finish() {
	covered := func(g Grant) (have Right) {
		for _, o := range n.Grants {
			if o.Place == g.Place && o.Part < g.Part {
				have |= o.Rights
			}
		}
		return have | implied(have)
	}
	var out []Grant
	for _, g := range n.Grants {
		g.Rights &^= covered(g)
		if g.Rights.Has(Replace) {
			g.Rights &^= Create
		}
		if g.Rights != 0 {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b Grant) int {
		return cmp.Or(strings.Compare(a.Place.String(), b.Place.String()), cmp.Compare(a.Part, b.Part))
	})
	n.Grants = out
	slices.SortFunc(n.Tables, func(a, b Table) int { return strings.Compare(a.Where(), b.Where()) })
	slices.Sort(n.Notes)
	n.Notes = slices.Compact(n.Notes)
	slices.SortFunc(n.Wrong, func(a, b Wrong) int { return cmp.Or(strings.Compare(a.Store, b.Store), strings.Compare(a.Why, b.Why)) })
	n.Wrong = slices.Compact(n.Wrong)
}

// implied are the rights that others have in them.
func implied(r Right) Right {
	if r.Has(Replace) {
		return Create
	}
	return 0
}
