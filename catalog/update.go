// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Update returns the catalog of another tree, which differs from this one's in the files named. It is equal to what
// [Load] returns for that tree, and looks only at what the files can have changed.
func (c *Catalog) Update(tree fs.FS, changed []string) (*Catalog, v1alpha1.Problems, error) {
	next := c.derive(tree)
	var err error
	if c.Platform == nil || slices.Contains(changed, PlatformFile) || c.rootsMayChange(tree, changed) {
		err = next.load(func(file string) *unit {
			u, _ := c.units.Get(file)
			return u
		})
	} else {
		err = next.update(c, changed)
	}
	if err != nil {
		return nil, nil, err
	}
	return next, next.Problems(), nil
}

// rootsMayChange reports whether folders that are searched have come or gone, or are reached through links.
func (c *Catalog) rootsMayChange(tree fs.FS, changed []string) bool {
	for _, folder := range c.governing {
		if slices.ContainsFunc(changed, func(name string) bool { return within(folder, name) }) || throughLink(tree, folder) {
			return true
		}
	}
	for _, s := range c.included {
		if info, err := fs.Stat(tree, SourceDir(s.Name)); (err == nil && info.IsDir()) == slices.Contains(c.absent, s.Name) {
			return true
		}
	}
	for _, declared := range c.Platform.Spec.Roots {
		root := path.Clean(declared)
		if !fs.ValidPath(root) {
			continue
		}
		info, err := fs.Stat(tree, root)
		there := err == nil && info.IsDir()
		if there != slices.Contains(c.roots, root) || slices.Contains(changed, root) || throughLink(tree, root) {
			return true
		}
	}
	return false
}

// update brings a derived catalog up to date.
func (c *Catalog) update(old *Catalog, changed []string) error {
	touched := map[docKey]bool{}
	dirty := map[string]bool{}
	moved := false
	for _, name := range changed {
		c.owners(name, dirty)
		keys, err := c.replaceUnit(name)
		if err != nil {
			return err
		}
		moved = moved || c.homes.Contains(homeKey(name)) != old.homes.Contains(homeKey(name))
		maps.Copy(touched, keys)
	}
	readable := c.unread == old.unread && maps.Equal(c.broken, old.broken)
	if c.frameTouched(touched, changed) || c.asked && !readable || moved && c.placesChange() {
		return c.linkAll()
	}
	for key := range touched {
		c.checkTwice(key)
		dirty[key.name] = true
	}
	if !readable || len(touched) > 0 {
		old.unsettled.Scan(func(name string) bool {
			dirty[name] = true
			return true
		})
	}
	for name := range dirty {
		c.replaceProject(name)
	}
	for _, name := range slices.Collect(maps.Keys(dirty)) {
		if !c.sameContract(old, name) {
			c.readersOf(old, name, dirty)
		}
	}
	c.withAirflow(old, dirty)
	return c.relink(old, dirty)
}

// owners marks the projects in whose folders a file is.
func (c *Catalog) owners(file string, dirty map[string]bool) {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		for name := range below(c.dirs, dir+sep) {
			dirty[name] = true
		}
		if dir == "." {
			return
		}
	}
}

// replaceUnit reads a file again, and tells which declarations that may change.
func (c *Catalog) replaceUnit(name string) (map[docKey]bool, error) {
	if !covers(c.roots, name) {
		return nil, nil
	}
	before, _ := c.units.Get(name)
	var after *unit
	info, err := fs.Lstat(c.tree, name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
	case err != nil:
		return nil, fmt.Errorf("reading %q: %w", name, err)
	case info.Mode().IsRegular():
		if after, err = readUnit(c.tree, name, before); err != nil {
			return nil, err
		}
	}
	if before == after {
		return nil, nil
	}
	touched := before.keys()
	if before != nil {
		c.dropUnit(name, before)
	}
	if after != nil {
		c.units.Set(name, after)
		if after.declares(v1alpha1.KindProject) {
			c.homes.Insert(homeKey(name))
		}
		c.takeUnit(name, after)
		if touched == nil {
			touched = map[docKey]bool{}
		}
		maps.Copy(touched, after.keys())
	}
	return touched, nil
}

// dropUnit forgets what a file declared.
func (c *Catalog) dropUnit(name string, u *unit) {
	c.units.Delete(name)
	c.homes.Delete(homeKey(name))
	c.found.Delete("file" + sep + name)
	if u.Unread {
		c.unread--
	}
	for _, doc := range u.Broken {
		c.notBroken(doc)
	}
	for _, doc := range u.Documents {
		key := declaredKey(doc)
		c.declared.Delete(key)
		if c.misplaced.Contains(key) {
			c.misplaced.Delete(key)
			c.notBroken(doc)
		}
	}
}

// notBroken takes back that a declaration is there but has problems.
func (c *Catalog) notBroken(doc *v1alpha1.Document) {
	key := docKey{doc.Kind, doc.Name}
	if c.broken[key]--; c.broken[key] == 0 {
		delete(c.broken, key)
	}
}

// frameTouched reports whether anything has changed that all projects are checked against.
func (c *Catalog) frameTouched(touched map[docKey]bool, changed []string) bool {
	for key := range touched {
		if key.kind != v1alpha1.KindProject && key.kind != v1alpha1.KindPolicyTest {
			return true
		}
	}
	if c.linked {
		return true
	}
	for source, there := range c.sources {
		near := slices.ContainsFunc(changed, func(name string) bool {
			return name == source || strings.HasPrefix(name, source+"/") || strings.HasPrefix(source, name+"/")
		})
		if !near {
			continue
		}
		if info, err := fs.Stat(c.tree, source); (err == nil && info.IsDir()) != there || throughLink(c.tree, source) {
			return true
		}
	}
	return slices.ContainsFunc(c.Platform.Spec.Policies, func(declared string) bool {
		folder := path.Clean(declared)
		return slices.ContainsFunc(changed, func(name string) bool {
			return within(name, folder) || strings.HasPrefix(folder, name+"/")
		})
	})
}

// replaceProject takes a project out of the indexes, and its declaration in again, if there is one.
func (c *Catalog) replaceProject(name string) {
	if p, ok := c.projects.Get(name); ok {
		c.projects.Delete(name)
		c.dirs.Delete(p.Dir() + sep + name)
		c.unsettled.Delete(name)
		for _, key := range p.readers {
			c.readers.Delete(key)
		}
		for _, key := range p.spaces {
			c.spaces.Delete(key)
		}
		for _, key := range p.places {
			c.places.Delete(key)
		}
		for _, key := range p.lots {
			c.lots.Delete(key)
		}
		for _, key := range p.resources {
			c.resources.Delete(key)
		}
		for _, key := range p.airflow {
			c.airflows.Delete(key)
		}
	}
	c.found.Delete("project" + sep + name)
	if doc := c.first(docKey{v1alpha1.KindProject, name}); doc != nil {
		c.takeProject(doc)
	}
}

// sameContract reports whether a project is the same to those who read its datasets.
func (c *Catalog) sameContract(old *Catalog, name string) bool {
	a, was := old.projects.Get(name)
	b, is := c.projects.Get(name)
	if !was || !is {
		return was == is
	}
	if a.Document == b.Document {
		return true
	}
	return reflect.DeepEqual(a.contract(), b.contract())
}

// contract is what those who refer to a project depend on: its datasets, who writes them, and where it is deployed.
func (p *Project) contract() any {
	type writer struct {
		Writes           map[string]string
		Suspend, Exclude bool
	}
	writers := map[string]writer{}
	for _, w := range p.Spec.Workloads {
		writers[w.Name] = writer{w.Writes, w.Suspend, w.Exclude}
	}
	type place struct {
		Suspend   *bool
		Workloads map[string][2]*bool
		Cluster   *v1alpha1.Placement
		Image     v1alpha1.Image
	}
	places := map[string]place{}
	for env, over := range p.Spec.Environments {
		at := place{Suspend: over.Suspend, Workloads: map[string][2]*bool{}, Cluster: over.Cluster, Image: over.Image}
		for name, w := range over.Workloads {
			at.Workloads[name] = [2]*bool{w.Suspend, w.Exclude}
		}
		places[env] = at
	}
	return []any{p.Spec.Datasets, writers, places, p.Spec.Suspend, p.Spec.Owner, p.Spec.Image}
}

// readersOf marks the projects that refer to a project or its datasets, whether they are there or not.
func (c *Catalog) readersOf(old *Catalog, name string, dirty map[string]bool) {
	for _, set := range []*Catalog{old, c} {
		for rest := range below(set.readers, name+"/") {
			_, workload, _ := strings.Cut(rest, sep)
			reader, _, _ := strings.Cut(workload, "/")
			dirty[reader] = true
		}
	}
}

// relink links the projects that are dirty, and looks for the cycles that their new edges close.
func (c *Catalog) relink(old *Catalog, dirty map[string]bool) error {
	var projects []*Project
	m := newMeetings()
	for name := range dirty {
		before, was := old.projects.Get(name)
		if was {
			m.of(before)
		}
		if p, is := c.projects.Get(name); is && p == before {
			c.replaceProject(name) // what others know of it stays: a value of its own for what is linked again
		}
		if p, is := c.projects.Get(name); is {
			projects = append(projects, p)
		}
	}
	slices.SortFunc(projects, func(a, b *Project) int { return strings.Compare(a.Name, b.Name) })
	if err := c.linkProjects(projects, m); err != nil {
		return err
	}
	c.relinked = slices.Sorted(maps.Keys(dirty))
	if len(old.cycles) > 0 || c.closesCycle(old, projects) {
		c.findCycles()
	}
	return nil
}

// closesCycle reports whether one of the edges that are new since the old catalog closes a cycle.
func (c *Catalog) closesCycle(old *Catalog, projects []*Project) bool {
	for _, p := range projects {
		had := map[[2]string]bool{}
		if before, ok := old.projects.Get(p.Name); ok {
			for _, e := range before.links() {
				had[[2]string{e.From, e.To}] = true
			}
		}
		for _, e := range p.links() {
			if !had[[2]string{e.From, e.To}] && c.closes(e) {
				return true
			}
		}
	}
	return false
}
