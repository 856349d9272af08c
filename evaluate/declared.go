// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
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

// declarers returns the releases that declare each object, in the order of their ids.
func (e *Evaluation) declarers() map[object][]catalog.ReleaseID {
	out := map[object][]catalog.ReleaseID{}
	for rel := range e.Releases() {
		seen := map[object]bool{}
		for _, part := range e.results[rel.ID].Objects.Parts() {
			o := object{rel.ID.Cluster, plan.Ref{GroupKind: part.GroupKind, Namespace: part.Namespace, Name: part.Name}}
			if !seen[o] {
				seen[o] = true
				out[o] = append(out[o], rel.ID)
			}
		}
	}
	return out
}

// Shared returns the objects that several releases of a cluster declare, as far as the releases were rendered.
func (e *Evaluation) Shared() (out []Shared) {
	for o, releases := range e.declarers() {
		if len(releases) > 1 {
			out = append(out, Shared{Cluster: o.cluster, Ref: o.ref, Releases: releases})
		}
	}
	slices.SortFunc(out, func(a, b Shared) int { return cmp.Or(strings.Compare(a.Cluster, b.Cluster), a.Ref.Compare(b.Ref)) })
	return out
}

// Moves returns the objects that one release declares in the base and another one in the head, as far as both were rendered.
func Moves(base, head *Evaluation) (out []Move) {
	is := head.declarers()
	for o, before := range base.declarers() {
		after := is[o]
		for _, from := range before {
			if len(after) == 0 || slices.Contains(after, from) || head.unknown(from) {
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
