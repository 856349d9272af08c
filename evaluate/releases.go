// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"iter"

	"trunkline.dev/trunkline/catalog"
)

// releaseSet is what a catalog declares, and what of it is new since the catalog before.
type releaseSet struct {
	// all are in the order of their ids.
	all []catalog.Release
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
			next.all = append(next.all, rel)
		}
		return next
	}
	next.linked = make(map[string]bool, len(relinked))
	for _, name := range relinked {
		next.linked[name] = true
	}
	next.all = make([]catalog.Release, 0, len(before.all))
	rest := before.all
	for p := range c.Projects() {
		for len(rest) > 0 && rest[0].ID.Project < p.Name {
			rest = rest[1:]
		}
		if next.linked[p.Name] {
			for _, id := range c.ReleasesOf(p) {
				next.all = append(next.all, c.Release(p, id))
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
			if !yield(&e.releases.all[i]) {
				return
			}
		}
	}
}

// News returns the releases that may not be what they were before: declared again, or rendered again.
func (e *Evaluation) News() (out []catalog.Release) {
	for rel := range e.Releases() {
		if e.releases.fresh(rel.ID.Project) || e.releases.again[rel.ID] {
			out = append(out, *rel)
		}
	}
	return out
}

// Rendered returns what a release renders to, and false if it is not declared or was not wanted.
func (e *Evaluation) Rendered(id catalog.ReleaseID) (Rendered, bool) {
	out, ok := e.results[id]
	return out, ok
}
