// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// What the folders of lots and attempts begin with.
const (
	LotPart     = run.LotPart
	AttemptPart = run.AttemptPart
)

// tables is the blueprint that keeps tables of catalogs.
const tables = "catalog"

// Of derives what all of some uses need together.
func Of(uses []catalog.DataUse) Needs {
	n := Needs{}
	for _, u := range uses {
		n.use(u)
	}
	n.finish()
	return n
}

// use adds what one dataset is needed for.
func (n *Needs) use(u catalog.DataUse) {
	place, ok := location.Location{}, false
	if location.IsTable(u.Location) {
		n.catalogTable(u)
	} else if place, ok = n.place(u.Store, u.Location, "the data of "+u.Dataset); !ok {
		return
	}
	counted, kept := location.Location{}, false
	if u.Manifests != "" {
		if counted, kept = n.place("", u.Manifests, "the manifests of "+u.Dataset); !kept {
			return
		}
	}
	d := datasetOf(u.Dataset)
	of := counted
	of.Folder += d.Prefix()
	switch {
	case u.Kind == catalog.Reads:
		if ok {
			n.add(place, Whole, List|Get)
		}
		if u.PerLot && kept {
			n.add(of, Whole, n.readsManifests(u))
		}
	case u.PerLot && kept:
		n.lots(u, place, of, ok)
		if !ok { // of a table, a program leaves the manifest beside those that count
			counted.Folder += run.ReturnedFolder + "name=" + d.Name + "/version=" + d.Version + "/"
			n.add(counted, Attempts, Create)
			n.add(counted, Attempts, Get) // what it wrote before is compared
		}
	default:
		n.whole(u, place, of, ok, kept)
	}
}

// readsManifests are the rights on the manifests of lots that are read. Which lots there were before is listed by programs that ask for it.
func (*Needs) readsManifests(u catalog.DataUse) Right {
	if u.Builtin == "" || u.Builtin == tables {
		return List | Get
	}
	return Get
}

// lots adds what a run needs that makes a lot: it writes to the folder of its attempt, and the keeper writes the manifest that counts. A program of
// a project may go on from an earlier lot, and removes what is no data; those that are built in do neither, unless they say so.
func (n *Needs) lots(u catalog.DataUse, place, manifests location.Location, folder bool) {
	if !folder {
		return
	}
	n.add(place, Attempts, Create)
	switch {
	case u.Builtin == "":
		n.add(place, Whole, List|Get)
		n.add(place, Hidden, Replace|Delete)
		n.add(manifests, Whole, List|Get)
	case u.Recalls:
		n.add(place, Whole, List|Get)
		n.add(manifests, Whole, Get)
	default:
		n.add(place, Attempts, List) // what it wrote is listed for a manifest of its own
		n.add(place, Hidden, Get)    // and that is compared with what is there
	}
}

// whole adds what a program needs that keeps a dataset by itself: one that comes in no lots, or whose lots it makes by the clock.
func (n *Needs) whole(u catalog.DataUse, place, manifests location.Location, folder, kept bool) {
	switch {
	case folder && u.Builtin == "":
		n.add(place, Whole, List|Get|Replace|Delete)
	case folder:
		n.add(place, Whole, Replace)
	}
	if kept && u.Builtin == "" {
		n.add(manifests, Whole, List|Get|Create)
	}
}

// catalogTable adds what a table needs.
func (n *Needs) catalogTable(u catalog.DataUse) {
	t, err := location.ParseTable(u.Location)
	switch {
	case err != nil:
		n.Wrong = append(n.Wrong, Wrong{u.Store, err.Error()})
	case t.Scheme == "glue":
		n.table(t, u.Kind == catalog.Writes)
		if u.Kind == catalog.Reads {
			n.Notes = append(n.Notes, fmt.Sprintf("where the data of the table %s are is known to its catalog only: rights on them are not derived", u.Dataset))
		}
	default:
		n.Notes = append(n.Notes, fmt.Sprintf("%s is a table of the catalog %q, which has rights of its own: none are derived", u.Dataset, t.Catalog))
	}
}

// place reads an address that rights can be given on.
func (n *Needs) place(store, address, what string) (location.Location, bool) {
	l, err := location.Parse(address)
	switch {
	case err != nil:
		n.Wrong = append(n.Wrong, Wrong{store, what + ": " + err.Error()})
	case l.Scheme == "file":
		n.Wrong = append(n.Wrong, Wrong{store, fmt.Sprintf("%s are in a folder of a machine, %s, on which no cloud gives rights", what, l)})
	default:
		return l, true
	}
	return location.Location{}, false
}

// datasetOf is what manifests call a dataset.
func datasetOf(id string) manifest.Dataset {
	_, local, _ := strings.Cut(id, "/")
	name, version, _ := strings.Cut(local, "@")
	return manifest.Dataset{Name: name, Version: version}
}
