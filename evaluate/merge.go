// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/render"
)

// maxNotes is how many objects are named in notes, for each thing that is said of them.
const maxNotes = 10

// Merge returns what happens to every release when the head is merged into the base, and what else is to be known of it:
// which objects move between releases, and which several declare. Both are rendered.
func Merge(base, head *Evaluation, now time.Time) ([]preview.Release, []string, error) {
	shared := unpacked{}
	was, err := base.side(shared)
	if err != nil {
		return nil, nil, err
	}
	is, err := head.side(shared)
	if err != nil {
		return nil, nil, err
	}
	releases, moves := preview.Merge(was, is, now), Moves(base, head)
	annotate(releases, moves)
	return releases, slices.Concat(notes(moves, "move"), head.Notes()), nil
}

// MoveNotes returns what is to be known of the objects that move between releases.
func MoveNotes(base, head *Evaluation) []string { return notes(Moves(base, head), "move") }

// Notes returns what is to be known of the objects that several releases declare.
func (e *Evaluation) Notes() []string { return notes(e.Shared(), "are declared by several releases") }

// notes names things, at most some of them.
func notes[T fmt.Stringer](things []T, what string) (out []string) {
	for i, t := range things {
		if i == maxNotes && len(things) > maxNotes+1 {
			return append(out, fmt.Sprintf("%d more objects %s", len(things)-i, what))
		}
		out = append(out, t.String())
	}
	return out
}

// annotate says of the steps that take an object away, or make it, where it goes to or comes from.
func annotate(releases []preview.Release, moves []Move) {
	type place struct {
		id  catalog.ReleaseID
		ref plan.Ref
	}
	said := map[place]string{}
	for _, m := range moves {
		said[place{m.From, m.Ref}] = "it moves to " + m.To.String()
		said[place{m.To, m.Ref}] = "it moves here from " + m.From.String()
	}
	for i := range releases {
		for j := range releases[i].Steps {
			s := &releases[i].Steps[j]
			if note := said[place{releases[i].ID, s.Ref}]; note != "" {
				if s.Note != "" {
					note += "; " + s.Note
				}
				s.Note = note
			}
		}
	}
}

// unpacked are the objects of what is packed; the sides of a merge have most of it in common.
type unpacked map[*render.Packed][]*unstructured.Unstructured

// Side returns the evaluation in the form in which previews are made. Releases that were not wanted are there without objects.
func (e *Evaluation) Side() (preview.Side, error) { return e.side(unpacked{}) }

func (e *Evaluation) side(objects unpacked) (preview.Side, error) {
	side := preview.Side{Catalog: e.catalog, Releases: make(map[catalog.ReleaseID]preview.Rendered, e.Len())}
	for rel := range e.Releases() {
		one := preview.Rendered{Suspended: rel.Suspended}
		if out, ok := e.results[rel.ID]; ok {
			one.Err = out.Err
			if access, ok := e.catalog.Access(rel.ID); ok {
				one.Access = render.Access(rel.ID, rel.Namespace, access)
			}
			if out.Objects != nil && objects[out.Objects] == nil {
				list, err := out.Objects.Unpack()
				if err != nil {
					return preview.Side{}, fmt.Errorf("%s: %w", rel.ID, err)
				}
				objects[out.Objects] = list
			}
			one.Objects = objects[out.Objects]
		}
		side.Releases[rel.ID] = one
	}
	return side, nil
}
