// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"iter"
	"slices"

	"trunkline.dev/trunkline/catalog"
)

// releaseSet is what a catalog declares, and what of it is new since the catalog before.
type releaseSet struct {
	// all are in the order of their ids.
	all []*catalog.Release
	// linked are the projects that were linked again; nil if all were.
	linked map[string]bool
	// again are the releases that were rendered again.
	again map[catalog.ReleaseID]bool
}

// releasesOf resolves the releases of a catalog. Those of projects that were not linked again since before are taken over.
func releasesOf(c *catalog.Catalog, before *releaseSet) *releaseSet {
	next := &releaseSet{again: map[catalog.ReleaseID]bool{}}
	relinked, whole := c.Relinked()
	if whole || before == nil {
		for rel := range c.Releases() {
			next.all = append(next.all, &rel)
		}
		return next
	}
	next.linked = make(map[string]bool, len(relinked))
	for _, name := range relinked {
		next.linked[name] = true
	}
	next.all = make([]*catalog.Release, 0, len(before.all))
	rest := before.all
	for p := range c.Projects() {
		for len(rest) > 0 && rest[0].ID.Project < p.Name {
			rest = rest[1:]
		}
		if next.linked[p.Name] {
			for _, id := range c.ReleasesOf(p) {
				rel := c.Release(p, id)
				next.all = append(next.all, &rel)
			}
			continue
		}
		for len(rest) > 0 && rest[0].ID.Project == p.Name {
			next.all, rest = append(next.all, rest[0]), rest[1:]
		}
	}
	return next
}

// fresh reports whether the releases of a project may be other values than before.
func (s *releaseSet) fresh(project string) bool { return s.linked == nil || s.linked[project] }

func (s *releaseSet) renderAgain(id catalog.ReleaseID) { s.again[id] = true }

// find returns the place of a release, and false if it is not declared.
func (s *releaseSet) find(id catalog.ReleaseID) (int, bool) {
	return slices.BinarySearchFunc(s.all, id, func(rel *catalog.Release, id catalog.ReleaseID) int { return rel.ID.Compare(id) })
}

// walk goes through the places of two sets side by side: of each release, with -1 where a set does not have it.
func walk(a, b *releaseSet) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		i, j := 0, 0
		for i < len(a.all) || j < len(b.all) {
			order := 0
			switch {
			case i == len(a.all):
				order = 1
			case j == len(b.all):
				order = -1
			case a.all[i] != b.all[j]: // most are taken over, and the same value
				order = a.all[i].ID.Compare(b.all[j].ID)
			}
			x, y := i, j
			if order <= 0 {
				i++
			} else {
				x = -1
			}
			if order >= 0 {
				j++
			} else {
				y = -1
			}
			if !yield(x, y) {
				return
			}
		}
	}
}

// Len returns the number of releases that are declared.
func (e *Evaluation) Len() int {
	if e.releases == nil {
		return 0
	}
	return len(e.releases.all)
}

// Releases returns the releases in the order of their ids, once they are rendered. They must not be changed.
func (e *Evaluation) Releases() iter.Seq[*catalog.Release] {
	return func(yield func(*catalog.Release) bool) {
		for i := range e.Len() {
			if !yield(e.releases.all[i]) {
				return
			}
		}
	}
}

// News returns the releases that may not be what they were before: declared again, or rendered again; and those that the caller
// wants in any case.
func (e *Evaluation) News(also map[catalog.ReleaseID]bool) (out []catalog.Release) {
	for rel := range e.Releases() {
		if e.releases.fresh(rel.ID.Project) || e.releases.again[rel.ID] || also[rel.ID] {
			out = append(out, *rel)
		}
	}
	return out
}

// anyNews reports whether [Evaluation.News] has any.
func (e *Evaluation) anyNews() bool {
	if e.releases == nil {
		return false
	}
	if e.releases.linked == nil || len(e.releases.again) > 0 {
		return len(e.releases.all) > 0
	}
	for project := range e.releases.linked {
		i, _ := e.releases.find(catalog.ReleaseID{Project: project}) // its first one is here, or would be
		if i < len(e.releases.all) && e.releases.all[i].ID.Project == project {
			return true
		}
	}
	return false
}

// Rendered returns what a release renders to, and false if it is not declared or was not wanted.
func (e *Evaluation) Rendered(id catalog.ReleaseID) (Rendered, bool) {
	if e.releases == nil {
		return Rendered{}, false
	}
	if i, ok := e.releases.find(id); ok && e.at(i) != nil {
		return *e.at(i), true
	}
	return Rendered{}, false
}

// at is what the release at a place renders to; nil if it was not wanted, or is not rendered yet.
func (e *Evaluation) at(i int) *Rendered {
	if e.results == nil {
		return nil
	}
	return e.results[i]
}

// these returns some releases, in the order of their ids, with what they render to; nil if that was not wanted.
func (e *Evaluation) these(ids []catalog.ReleaseID) iter.Seq2[*catalog.Release, *Rendered] {
	return func(yield func(*catalog.Release, *Rendered) bool) {
		if e.releases == nil {
			return
		}
		for _, id := range ids {
			if i, ok := e.releases.find(id); ok && !yield(e.releases.all[i], e.at(i)) {
				return
			}
		}
	}
}

// everything returns all releases likewise.
func (e *Evaluation) everything() iter.Seq2[*catalog.Release, *Rendered] {
	return func(yield func(*catalog.Release, *Rendered) bool) {
		for i := range e.Len() {
			if !yield(e.releases.all[i], e.at(i)) {
				return
			}
		}
	}
}
