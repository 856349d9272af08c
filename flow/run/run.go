// SPDX-License-Identifier: Apache-2.0

package run

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
)

// Run is one attempt of a workload to make one lot of what it writes.
type Run struct {
	Release  catalog.ReleaseID
	Platform string
	// Dir is the folder of the project in the tree.
	Dir      string
	Workload catalog.Workload
	Lot      lot.Lot
	Attempt  string
	// Inputs are what it reads, and Sinks what it writes, by role.
	Inputs []Input
	Sinks  []Sink
	// Need is how many of the inputs that trigger the workload have to be there, and Within how long the rest is waited for, from the end of
	// the lot at the earliest; 0 for ever.
	Need   int
	Within time.Duration
	// States is the folder in which Clusterless keeps how far it is with lots, and Arc what it calls the workload; empty if the workload
	// has no states there.
	States string
	Arc    catalog.Arc
}

// Place is where a dataset is.
type Place struct {
	// ID is "project/name@version", and Name what manifests call it.
	ID   string
	Name manifest.Dataset
	// Store is the address of its manifests; empty for a dataset that is one whole.
	Store string
	// Location is where all of its data are.
	Location string
}

// Input is a dataset that is read.
type Input struct {
	Role string
	Place
	// Triggers reports whether the run waits for its lots.
	Triggers bool
	// Lots are those that are read, in order.
	Lots []lot.Lot
}

// Sink is a dataset that is written.
type Sink struct {
	Role string
	Place
	// Attempt is where this attempt writes: for a dataset that is one whole, and for a table of a catalog, where all of its data are.
	Attempt string
	// Apart is the folder in which a program leaves manifests of its own for a table; empty: they lie in Attempt.
	Apart string
}

// Table reports whether the dataset is a table of a catalog instead of a folder: nothing can be listed there.
func (s Sink) Table() bool { return location.IsTable(s.Location) }

// Of resolves an attempt of a workload. The release is one of the catalog's, and the graph that of its environment.
func Of(cat *catalog.Catalog, g *plan.Graph, id catalog.ReleaseID, workload string, l lot.Lot, attempt string) (Run, error) {
	if err := CheckAttempt(attempt); err != nil {
		return Run{}, err
	}
	name := id.Project + "/" + workload
	p, ok := cat.Project(id.Project)
	if !ok {
		return Run{}, fmt.Errorf("there is no project %q", id.Project)
	}
	rel := cat.Release(p, id)
	i := slices.IndexFunc(rel.Workloads, func(w catalog.Workload) bool { return w.Name == workload })
	arc, lots := g.Arc(name)
	switch {
	case i < 0:
		return Run{}, fmt.Errorf("%s does not run in the environment %q: it is excluded there", name, id.Environment)
	case !lots:
		return Run{}, fmt.Errorf("%s has no lots: none of the datasets that it writes comes in lots", name)
	case arc.Stop == plan.Arrives:
		return Run{}, fmt.Errorf("%s is a boundary, of which nothing runs: the daemon makes its lots of what arrives", name)
	}
	r := Run{Release: id, Platform: rel.Platform, Dir: rel.Dir, Workload: rel.Workloads[i], Lot: l, Attempt: attempt, Need: arc.Need, Within: arc.Within}
	if err := r.checkLot(g, arc); err != nil {
		return Run{}, err
	}
	if folder, arc, ok := cat.States(id.Project, workload, id.Environment); ok {
		r.States, r.Arc = folder, arc
	}
	reads := map[string]plan.Read{}
	for _, read := range arc.Reads {
		reads[read.Role] = read
		if read.Trigger && arc.Need == 0 {
			r.Need++
		}
	}
	inputs := g.Inputs(name, l)
	for _, role := range slices.Sorted(maps.Keys(r.Workload.Reads)) {
		place, err := placeOf(cat, g, id.Environment, r.Workload.Reads[role], catalog.Reads)
		if err != nil {
			return Run{}, err
		}
		r.Inputs = append(r.Inputs, Input{role, place, reads[role].Trigger, inputs[role]})
	}
	for _, role := range slices.Sorted(maps.Keys(r.Workload.Writes)) {
		place, err := placeOf(cat, g, id.Environment, r.Workload.Writes[role], catalog.Writes)
		if err != nil {
			return Run{}, err
		}
		s := Sink{role, place, place.Location, ""}
		switch {
		case s.Table():
			s.Attempt = strings.TrimSuffix(place.Location, "/")
			if place.Store != "" {
				s.Apart = apart(place, l, attempt)
			}
		case place.Store != "":
			s.Attempt = AttemptLocation(place.Location, l, attempt)
		}
		r.Sinks = append(r.Sinks, s)
	}
	return r, r.checkNames()
}

// checkLot returns why the workload has no such lot.
func (r Run) checkLot(g *plan.Graph, arc plan.Arc) error {
	late := ""
	for _, id := range arc.Writes {
		s, ok := g.Series(id)
		switch {
		case !ok:
		case s.Unit != r.Lot.Unit:
			return fmt.Errorf("%s makes %s lots, and %s is one of %s; one of its own is %s", arc.ID, s.Unit, r.Lot, r.Lot.Unit, s.Unit.At(r.Lot.Start))
		case r.Lot.Start.Before(s.Since):
			late = fmt.Sprintf("the lots of %s begin with %s, as its declaration says in lots.since; %s is before that", id, s.Unit.At(s.Since), r.Lot)
		default:
			return nil
		}
	}
	return fmt.Errorf("%s", late)
}

// placeOf finds where a dataset is.
func placeOf(cat *catalog.Catalog, g *plan.Graph, env string, ref catalog.DatasetRef, kind catalog.EdgeKind) (Place, error) {
	_, local, _ := strings.Cut(ref.ID, "/")
	name, version, _ := strings.Cut(local, "@")
	p := Place{ID: ref.ID, Name: manifest.Dataset{Name: name, Version: version}, Location: ref.URI}
	if _, lots := g.Series(ref.ID); !lots {
		return p, nil
	}
	store, ok := cat.Manifests(ref.ID, env, kind)
	if !ok {
		return Place{}, fmt.Errorf("the environment %q keeps no lots: say in spec.lots.manifests of it where manifests are", env)
	}
	p.Store = store
	return p, nil
}
