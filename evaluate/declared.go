// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/render"
)

// object is an object of a cluster, as the API server tells objects apart.
type object struct {
	cluster string
	ref     plan.Ref
}

// Shared is an object that several releases declare: only one of them can have it.
type Shared struct {
	Cluster string
	Ref     plan.Ref
	// Releases are in the order of their ids.
	Releases []catalog.ReleaseID
}

// String says who declares what, as in "ConfigMap ns/limits is declared by 2 releases, and only one …".
func (s Shared) String() string {
	names := make([]string, len(s.Releases))
	for i, id := range s.Releases {
		names[i] = id.String()
	}
	return fmt.Sprintf("%s is declared by %d releases, and only one of them can have it: %s", s.Ref, len(names), strings.Join(names, ", "))
}

// Move is an object that another release declares than before.
type Move struct {
	Ref      plan.Ref
	From, To catalog.ReleaseID
}

// String says what moves where.
func (m Move) String() string { return fmt.Sprintf("%s moves from %s to %s", m.Ref, m.From, m.To) }

// declarers are the releases that declare each object, in the order of their ids.
type declarers map[object][]catalog.ReleaseID

// declarers returns the objects that the releases of one of the two evaluations declare that may differ, as far as they were
// rendered.
func (c *comparison) declarers(e *Evaluation) declarers {
	out := declarers{}
	for rel, rendered := range c.of(e) {
		if rendered == nil {
			continue
		}
		for _, part := range rendered.Objects.Parts() {
			out.add(rel.ID, objectOf(rel.ID, part))
		}
	}
	return out
}

func objectOf(id catalog.ReleaseID, part render.Part) object {
	return object{id.Cluster, plan.Ref{GroupKind: part.GroupKind, Namespace: part.Namespace, Name: part.Name}}
}

// add adds a release to an object.
func (d declarers) add(id catalog.ReleaseID, o object) {
	if list := d[o]; len(list) == 0 || list[len(list)-1] != id {
		d[o] = append(list, id)
	}
}

// shared returns the objects that several releases declare.
func (d declarers) shared() (out []Shared) {
	for o, releases := range d {
		if len(releases) > 1 {
			slices.SortFunc(releases, catalog.ReleaseID.Compare)
			out = append(out, Shared{Cluster: o.cluster, Ref: o.ref, Releases: releases})
		}
	}
	slices.SortFunc(out, func(a, b Shared) int { return cmp.Or(strings.Compare(a.Cluster, b.Cluster), a.Ref.Compare(b.Ref)) })
	return out
}

// shared returns the objects of the head that several releases of a cluster declare, at least one of which may differ.
func (c *comparison) shared() []Shared {
	declared := c.declarers(c.head)
	if !c.some {
		return declared.shared()
	}
	// An object of another name is another one. All objects of the platform are asked for theirs, and few for more.
	type name struct{ namespace, name string }
	names := map[name]bool{}
	for o := range declared {
		names[name{o.ref.Namespace, o.ref.Name}] = true
	}
	for rel, rendered := range c.head.everything() {
		if rendered == nil {
			continue
		}
		for _, part := range rendered.Objects.Parts() {
			if !names[name{part.Namespace, part.Name}] {
				continue
			}
			if o := objectOf(rel.ID, part); len(declared[o]) > 0 && !c.differs(rel.ID) {
				declared.add(rel.ID, o)
			}
		}
	}
	return declared.shared()
}

// moves returns the objects that one release declares in the base and another one in the head, as far as both were
// rendered. Both of the releases differ then.
func (c *comparison) moves() (out []Move) {
	is := c.declarers(c.head)
	for o, before := range c.declarers(c.base) {
		after := is[o]
		for _, from := range before {
			if len(after) == 0 || slices.Contains(after, from) || c.head.unknown(from) {
				continue
			}
			for _, to := range after {
				if !slices.Contains(before, to) {
					out = append(out, Move{Ref: o.ref, From: from, To: to})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Move) int {
		return cmp.Or(a.From.Compare(b.From), a.Ref.Compare(b.Ref), a.To.Compare(b.To))
	})
	return out
}

// unknown reports whether what becomes of a release is not known, since it does not render any more: it is left as it is.
func (e *Evaluation) unknown(id catalog.ReleaseID) bool {
	out, ok := e.Rendered(id)
	return ok && out.Err != nil
}
