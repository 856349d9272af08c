// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/resource"
	"trunkline.dev/trunkline/render"
)

// maxNotes is how many objects are named in notes, for each thing that is said of them.
const maxNotes = 10

// Merged is what happens when a head is merged into a base.
type Merged struct {
	// Releases are those that may differ, in the order of their ids; that nothing happens to one is said.
	Releases []preview.Release
	// Same is how many others there are.
	Same int
	// Lots are those that are computed, and those that become nobody's.
	Lots lots.Merged
	// Resources are what is made in the cloud, changed or not declared any more.
	Resources []resource.Change
	// Data are the rights on data that accounts need in the cloud, more or fewer than before.
	Data []rights.Change
	// Notes are what else is to be known: which objects move between releases, and which several declare.
	Notes []string
}

// Merge returns what happens when the head is merged into the base. Both are rendered. If the head was evaluated after the
// base, that costs what changed between the two, and little more.
func Merge(base, head *Evaluation, now time.Time) (Merged, error) {
	c := compare(base, head)
	shared := unpacked{}
	was, err := base.side(shared, c.of(base))
	if err != nil {
		return Merged{}, err
	}
	is, err := head.side(shared, c.of(head))
	if err != nil {
		return Merged{}, err
	}
	was.Others, is.Others = c.others, c.others
	moves := c.moves()
	m := Merged{
		Releases: preview.Merge(was, is, now), Lots: lots.Merge(base.catalog, head.catalog, now), Resources: resource.Merge(base.catalog, head.catalog),
		Data:  rights.Merge(base.catalog, head.catalog),
		Notes: slices.Concat(notes(moves, "move"), notes(c.shared(), "are declared by several releases")),
	}
	annotate(m.Releases, moves)
	head.usual(m.Lots.Compute)
	for _, n := range c.others {
		m.Same += n
	}
	return m, nil
}

// usual says of lots to be computed how long each takes, where that is not declared and is known of the runs before.
func (e *Evaluation) usual(compute []lots.Compute) {
	if e.estimate == nil {
		return
	}
	for i := range compute {
		c := &compute[i]
		project, workload, _ := strings.Cut(c.Arc, "/")
		env := e.catalog.Environments[c.Environment]
		p, declared := e.catalog.Project(project)
		if c.Each > 0 || env == nil || !declared {
			continue
		}
		if rel, ok := e.estimate.Release(catalog.ReleaseID{Project: project, Environment: c.Environment, Cluster: e.catalog.LotsOn(p, workload, c.Environment)}); ok {
			c.Each = rel.TakesPerLot(workload)
		}
	}
}

// Same returns the releases that [Merge] leaves out, in the order of their ids.
func Same(base, head *Evaluation) (out []preview.Release) {
	c := compare(base, head)
	for rel, rendered := range head.everything() {
		if !c.differs(rel.ID) {
			out = append(out, preview.Release{ID: rel.ID, Action: preview.Unchanged, Unchanged: rendered.Objects.Len() + len(head.access(rel))})
		}
	}
	return out
}

// MoveNotes returns what is to be known of the objects that move between releases.
func MoveNotes(base, head *Evaluation) []string { return notes(compare(base, head).moves(), "move") }

// Notes returns what is to be known of the objects that several releases declare.
func (e *Evaluation) Notes() []string {
	return notes((&comparison{head: e}).shared(), "are declared by several releases")
}

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
func (e *Evaluation) Side() (preview.Side, error) {
	return e.side(unpacked{}, e.everything())
}

// side returns some releases.
func (e *Evaluation) side(objects unpacked, of iter.Seq2[*catalog.Release, *Rendered]) (preview.Side, error) {
	side := preview.Side{Catalog: e.catalog, Releases: map[catalog.ReleaseID]preview.Rendered{}}
	for rel, out := range of {
		one := preview.Rendered{Suspended: rel.Suspended}
		if out != nil {
			one.Err = out.Err
			one.Access = e.access(rel)
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

// access are the objects by which the account that deploys a release may do so.
func (e *Evaluation) access(rel *catalog.Release) []*unstructured.Unstructured {
	access, ok := e.catalog.Access(rel.ID)
	if !ok {
		return nil
	}
	return render.Access(rel.ID, rel.Namespace, access)
}
