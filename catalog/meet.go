// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// meetings are the places in which projects can get into each other's way.
type meetings struct {
	// spaces are clusters and namespaces, places the paths of datasets, lots the places of their manifests, and resources those of the
	// cloud. Airflows are environments.
	spaces, places, lots, resources, airflows map[string]bool
}

func newMeetings() meetings {
	return meetings{spaces: map[string]bool{}, places: map[string]bool{}, lots: map[string]bool{}, resources: map[string]bool{}, airflows: map[string]bool{}}
}

// of adds those of a project.
func (m meetings) of(p *Project) {
	for _, key := range p.spaces {
		cluster, rest, _ := strings.Cut(key, sep)
		ns, _, _ := strings.Cut(rest, sep)
		m.spaces[cluster+sep+ns] = true
	}
	for _, key := range p.places {
		place, _, _ := strings.Cut(key, sep)
		m.places[place] = true
	}
	for _, key := range p.lots {
		place, _, _ := strings.Cut(key, sep)
		m.lots[place] = true
	}
	for _, key := range p.resources {
		place, _, _ := strings.Cut(key, sep)
		m.resources[place] = true
	}
	for _, key := range p.airflow {
		env, _, _ := strings.Cut(key, sep)
		m.airflows[env] = true
	}
}

// checkMeetings looks again at who meets whom.
func (c *Catalog) checkMeetings(m meetings) {
	for space := range m.spaces {
		c.set("space"+sep+space, c.meet(space))
	}
	for place := range m.lots {
		c.set("lots"+sep+place, c.sameManifests(place))
	}
	for place := range m.resources {
		c.set("resource"+sep+place, c.sameResource(place))
	}
	for env := range m.airflows {
		c.set("airflow"+sep+env, c.sameAirflow(env))
	}
	for place := range m.places {
		c.set("place"+sep+place, c.overlap(place))
		// What lies below a path that came or went may have lost or found who it lies in.
		for at := range c.placesBelow(place) {
			c.set("place"+sep+at, c.overlap(at))
		}
	}
}

// placesBelow returns the paths that lie below a path and that it is the nearest reason to look at.
func (c *Catalog) placesBelow(place string) map[string]bool {
	out := map[string]bool{}
	c.places.Ascend(place, func(key string) bool {
		at, _, _ := strings.Cut(key, sep)
		if !strings.HasPrefix(at, place) {
			return false
		}
		if at != place {
			out[at] = true
		}
		return true
	})
	return out
}

// meet refuses releases that would share a namespace: "a" in "b-c" and "a-b" in "c" must not meet. The space is
// the cluster and the namespace.
func (c *Catalog) meet(space string) []finding {
	k := &checker{c: c}
	cluster, ns, _ := strings.Cut(space, sep)
	var before ReleaseID
	for rest := range below(c.spaces, space+sep) {
		project, env, _ := strings.Cut(rest, sep)
		id := ReleaseID{Project: project, Environment: env, Cluster: cluster}
		if before == (ReleaseID{}) {
			before = id
			continue
		}
		p, _ := c.projects.Get(project)
		k.doc = p.Document
		k.at(RuleCollision, []any{"metadata", "name"}, fmt.Sprintf("the releases %s and %s would share the namespace %q",
			before, id, ns), "rename one, or change spec.namespace of an environment")
		k.elsewhere(docKey{v1alpha1.KindProject, before.Project}, "metadata", "name")
	}
	return k.findings
}

// placeOf returns a path in the form in which one is the beginning of another exactly if it lies around it.
func placeOf(store, rest string) string {
	var b strings.Builder
	b.WriteString(store + "://")
	for part := range strings.SplitSeq(rest, "/") {
		if part != "" && part != "." {
			b.WriteString(part + "/")
		}
	}
	return b.String()
}

// overlap refuses datasets whose data would lie in one folder, or one in the other's: who reads the one would read
// the other, and a retention of the one would delete it. It is reported of the inner one, and of equals for all but
// the first.
func (c *Catalog) overlap(place string) []finding {
	k := &checker{c: c}
	var first, around string
	for end := strings.Index(place, "://") + len("://"); end < len(place); end += strings.IndexByte(place[end:], '/') + 1 {
		for id := range below(c.places, place[:end]+sep) {
			around = id // the nearest is the last that is found
			break
		}
	}
	for id := range below(c.places, place+sep) {
		other, how := around, "lies within that of"
		if first != "" {
			other, how = first, "is that of"
		} else {
			first = id
		}
		if other == "" {
			continue
		}
		mine, theirs := c.placeHolder(id, place), c.placeHolder(other, "")
		rule, hint := RuleOverlap, "give each dataset, and each version of it, a folder of its own"
		if mine.checkpoint || theirs.checkpoint {
			rule, hint = RuleCheckpoint, "give each stream a checkpoint in a folder of its own, outside of all datasets"
		}
		k.doc = mine.project.Document
		k.at(rule, mine.at, fmt.Sprintf("the %s %s %s", mine.folder, how, theirs.title), hint)
		k.findings[len(k.findings)-1].Cause = mine.project.Name + "/" + theirs.project.Name
		k.elsewhere(docKey{v1alpha1.KindProject, theirs.project.Name}, theirs.at...)
		how = map[string]string{"lies within that of": "lies around that of", "is that of": "is that of"}[how]
		if last := k.findings[len(k.findings)-1].Elsewhere; last != nil {
			last.Message = fmt.Sprintf("the %s %s %s", theirs.folder, how, mine.title)
		}
	}
	return k.findings
}

// holder is what has a folder of a store: a dataset, or a stream with its checkpoint.
type holder struct {
	project    *Project
	checkpoint bool
	// at is where the folder is declared, folder says whose it is, and title who that is.
	at            []any
	folder, title string
}

// placed returns a dataset by its id, its project, and its place in the list of datasets.
func (c *Catalog) placed(id string) (*Project, *v1alpha1.Dataset, int) {
	p, d, _ := c.Dataset(id)
	_, i, _ := p.Dataset(d.Name + "@" + d.Version)
	return p, d, i
}

// placeHolder finds what has a folder: a dataset by its id, or a stream by that of its workload.
func (c *Catalog) placeHolder(id, place string) holder {
	if !strings.Contains(id, "@") {
		return c.placedCheckpoint(id, place)
	}
	p, d, i := c.placed(id)
	return holder{project: p, at: []any{"spec", "datasets", i, "path"}, folder: fmt.Sprintf("path %q of %s", d.Path, id), title: id}
}
