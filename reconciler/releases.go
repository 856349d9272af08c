package reconciler

import "trunkline.dev/trunkline/catalog"

// releaseSet is what a catalog declares, and what of it is new since the last that was accepted.
type releaseSet struct {
	// all are in the order of their ids.
	all []catalog.Release
	// linked are the projects that were linked anew; nil if all were.
	linked map[string]bool
	// again are the releases that were rendered anew.
	again map[catalog.ReleaseID]bool
}

// releasesOf resolves the releases of a catalog. Those of projects that were not linked anew since before are taken over.
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

// fresh tells that the releases of a project may be other values than before.
func (s *releaseSet) fresh(project string) bool { return s.linked == nil || s.linked[project] }

func (s *releaseSet) renderAgain(id catalog.ReleaseID) { s.again[id] = true }

// news lists the releases that somebody has to be told of.
func (s *releaseSet) news() []catalog.Release {
	var out []catalog.Release
	for i := range s.all {
		if id := s.all[i].ID; s.fresh(id.Project) || s.again[id] {
			out = append(out, s.all[i])
		}
	}
	return out
}
