// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Load reads and resolves the declarations of a tree. The library holds the embedded blueprints, a folder
// each. The problems are those of [Catalog.Problems]. An error means that the tree could not be read, which says
// nothing about what it declares.
func Load(tree, library fs.FS) (*Catalog, v1alpha1.Problems, error) {
	c := &Catalog{self: &token{}, frame: &frame{}, tree: tree, library: library, units: &btree.Map[string, *unit]{}}
	if err := c.load(func(string) *unit { return nil }); err != nil {
		return nil, nil, err
	}
	return c, c.Problems(), nil
}

func newUnits() *btree.Map[string, *unit] { return &btree.Map[string, *unit]{} }

func newFindings() *btree.Map[string, []finding] { return &btree.Map[string, []finding]{} }

// load reads all files, and links everything. Old returns what a file held before.
func (c *Catalog) load(old func(file string) *unit) error {
	c.units, c.found = newUnits(), newFindings()
	if err := c.readPlatform(old); err != nil {
		return err
	}
	k := &checker{c: c}
	if c.Platform != nil {
		c.findSources(k)
		c.roots = c.findRoots(k)
		c.governing = c.findGoverning(k)
		if k.unreadable != nil {
			return k.unreadable
		}
		names, err := c.walk()
		if err != nil {
			return err
		}
		units := make([]*unit, len(names))
		err = parallel(len(names), func(i int) error {
			u, err := readUnit(c.tree, names[i], old(names[i]))
			units[i] = u
			return err
		})
		if err != nil {
			return err
		}
		for i, u := range units {
			if u != nil {
				c.units.Set(names[i], u)
			}
		}
	}
	c.found.Set("roots", k.findings)
	return c.linkAll()
}

// parallel calls f for 0 to n-1, as many at a time as there are processors, and returns the error of the lowest number.
func parallel(n int, f func(i int) error) error {
	var next atomic.Int64
	var group sync.WaitGroup
	var mu sync.Mutex
	lowest := n
	var failed error
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					mu.Lock()
					if i < lowest {
						lowest, failed = i, err
					}
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return failed
}

// readPlatform reads the file that declares the platform. Without it nothing else is looked at.
func (c *Catalog) readPlatform(old func(file string) *unit) error {
	c.frame = &frame{}
	wrong := func(message, hint string) {
		c.found.Set("platform", []finding{{Problem: v1alpha1.Problem{
			Rule: RulePlatform, Position: v1alpha1.Position{File: PlatformFile}, Severity: v1alpha1.Deny, Message: message, Hint: hint,
		}}})
	}
	const hint = `create it with a document of "apiVersion: trunkline.dev/v1alpha1" and "kind: Platform"`
	info, err := fs.Stat(c.tree, PlatformFile)
	switch {
	case err == nil && throughLink(c.tree, PlatformFile):
		wrong("is a symbolic link: whoever owns the file that it leads to would own the platform", "declare the platform in the file itself")
		return nil
	case errors.Is(err, fs.ErrNotExist):
		wrong("the file is missing: it declares the platform", hint)
		return nil
	case err != nil && !throughLink(c.tree, PlatformFile):
		return fmt.Errorf("reading %s: %w", PlatformFile, err)
	case err != nil:
		wrong("cannot be read: "+err.Error(), hint)
		return nil //nolint:nilerr // where a link leads is the author's, and a problem like any other
	case !info.Mode().IsRegular():
		wrong("is not a file; the platform is declared there", hint)
		return nil
	}
	u, err := readUnit(c.tree, PlatformFile, old(PlatformFile))
	if err != nil {
		return err
	}
	c.units.Set(PlatformFile, u)
	for _, doc := range u.Documents {
		k := &checker{c: c, doc: doc}
		if doc.Kind == v1alpha1.KindPlatform && k.name(doc.Name, "metadata", "name") {
			c.Platform, c.platformDoc = doc.Object.(*v1alpha1.Platform), doc
			break
		}
	}
	if outside.IsPointer(u.data) {
		wrong(outside.Check("the file", u.data).Error(), "")
		return nil
	}
	if c.Platform == nil && !u.Problems.Denied() && !slices.ContainsFunc(u.Documents, func(d *v1alpha1.Document) bool { return d.Kind == v1alpha1.KindPlatform }) {
		wrong("the file declares no Platform", `add a document of "apiVersion: trunkline.dev/v1alpha1" and "kind: Platform"`)
	}
	return nil
}

// findRoots returns the folders to search. Those that cannot be are reported.
func (c *Catalog) findRoots(k *checker) []string {
	declared := c.Platform.Spec.Roots
	if len(declared) == 0 {
		return []string{"."} // sources are below it
	}
	k.doc = c.platformDoc
	var roots []string
	for i, r := range declared {
		if root := path.Clean(r); k.folder(root, r, "spec", "roots", i) {
			roots = append(roots, root)
		}
	}
	for _, s := range c.included {
		if !slices.Contains(c.absent, s.Name) {
			roots = append(roots, SourceDir(s.Name))
		}
	}
	return roots
}

// walk lists the files below the roots that may hold declarations, each once, sorted.
func (c *Catalog) walk() ([]string, error) {
	var names []string
	for _, root := range c.roots {
		err := fs.WalkDir(c.tree, root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				if hidden(path.Base(name)) && name != root {
					return fs.SkipDir
				}
			case entry.Type().IsRegular() && declarationName(name) && name != PlatformFile:
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the declarations below %s: %w", root, err)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// linkAll links everything that the units declare.
func (c *Catalog) linkAll() error {
	c.whole, c.relinked = true, nil
	c.declared, c.projects = &btree.Map[string, *v1alpha1.Document]{}, &btree.Map[string, *Project]{}
	c.readers, c.spaces, c.places = &btree.Set[string]{}, &btree.Set[string]{}, &btree.Set[string]{}
	c.lots, c.resources, c.airflows = &btree.Set[string]{}, &btree.Set[string]{}, &btree.Set[string]{}
	c.dirs, c.unsettled = &btree.Set[string]{}, &btree.Set[string]{}
	c.homes, c.misplaced = &btree.Set[string]{}, &btree.Set[string]{}
	c.broken, c.unread = map[docKey]int{}, 0
	for _, key := range c.found.Keys() {
		if key != "platform" && key != "roots" {
			c.found.Delete(key)
		}
	}
	c.units.Scan(func(name string, u *unit) bool {
		if u.declares(v1alpha1.KindProject) {
			c.homes.Insert(homeKey(name))
		}
		return true
	})
	c.units.Scan(func(name string, u *unit) bool {
		c.takeUnit(name, u)
		return true
	})
	embedded, err := loadLibrary(c.library)
	if err != nil {
		return err
	}
	k := c.linkFrame(embedded)
	if k.unreadable != nil {
		return k.unreadable
	}
	c.found.Set("frame", k.findings)
	if c.Platform == nil {
		return nil
	}
	names := map[docKey]bool{}
	c.declared.Scan(func(_ string, doc *v1alpha1.Document) bool {
		names[docKey{doc.Kind, doc.Name}] = true
		return true
	})
	for key := range names {
		c.checkTwice(key)
	}
	var all []*Project
	for doc := range c.Documents(v1alpha1.KindProject) {
		if p := c.takeProject(doc); p != nil {
			all = append(all, p)
		}
	}
	m := newMeetings()
	for env := range c.Environments {
		m.airflows[env] = true
	}
	if err := c.linkProjects(all, m); err != nil {
		return err
	}
	c.findCycles()
	return nil
}

// takeUnit adds what a file declares.
func (c *Catalog) takeUnit(name string, u *unit) {
	k := &checker{c: c}
	for _, p := range u.Problems {
		k.findings = append(k.findings, finding{Problem: p})
	}
	if u.Unread {
		c.unread++
	}
	for _, doc := range u.Broken {
		c.broken[docKey{doc.Kind, doc.Name}]++
	}
	for _, doc := range u.Documents {
		if k.doc = doc; k.foreign() || k.misplaced() {
			c.misplaced.Insert(declaredKey(doc))
			c.broken[docKey{doc.Kind, doc.Name}]++
			continue
		}
		c.declared.Set(declaredKey(doc), doc)
	}
	c.set("file"+sep+name, k.findings)
}

// checkTwice refuses further declarations of a kind and name, and platforms that are not where they belong.
func (c *Catalog) checkTwice(key docKey) {
	origin := "name" + sep + string(key.kind) + sep + key.name
	k := &checker{c: c}
	var before *v1alpha1.Document
	prefix := string(key.kind) + sep + key.name + sep
	c.declared.Ascend(prefix, func(at string, doc *v1alpha1.Document) bool {
		if len(at) < len(prefix) || at[:len(prefix)] != prefix {
			return false
		}
		k.doc = doc
		switch {
		case key.kind == v1alpha1.KindPlatform && !k.name(doc.Name, "metadata", "name"):
		case key.kind == v1alpha1.KindPlatform && doc != c.platformDoc && (before == nil || doc.File != PlatformFile):
			k.at(RulePlatform, nil, "a platform is declared once, in "+PlatformFile, "")
		case before != nil:
			k.at(v1alpha1.RuleDuplicate, []any{"metadata", "name"}, fmt.Sprintf("%s %q is already declared at %s",
				doc.Kind, doc.Name, before.Position("metadata", "name")), "names are unique in a platform")
			k.findings[len(k.findings)-1].Elsewhere = &v1alpha1.Problem{
				Position: before.Position("metadata", "name"), Path: "metadata.name", About: About(before, "metadata", "name"),
				Message: fmt.Sprintf("%s %q is already declared at %s", doc.Kind, doc.Name, doc.Position("metadata", "name")),
			}
		}
		if before == nil {
			before = doc
		}
		return true
	})
	c.set(origin, k.findings)
}

// set keeps what was found at an origin, in place of what was found there before.
func (c *Catalog) set(origin string, findings []finding) {
	if len(findings) == 0 {
		c.found.Delete(origin)
		return
	}
	c.found.Set(origin, findings)
}

// takeProject adds a project, if its name is one.
func (c *Catalog) takeProject(doc *v1alpha1.Document) *Project {
	k := &checker{c: c, doc: doc}
	if !k.name(doc.Name, "metadata", "name") {
		c.set("project"+sep+doc.Name, k.findings)
		return nil
	}
	p := newProject(doc)
	c.projects.Set(p.Name, p)
	c.dirs.Insert(p.Dir() + sep + p.Name)
	return p
}

// linkProjects links projects that were added, puts their shares into the indexes, and checks what meets there.
func (c *Catalog) linkProjects(projects []*Project, m meetings) error {
	checkers := make([]*checker, len(projects))
	err := parallel(len(projects), func(i int) error {
		checkers[i] = c.linkProject(projects[i])
		return checkers[i].unreadable
	})
	if err != nil {
		return err
	}
	for i, p := range projects {
		c.set("project"+sep+p.Name, checkers[i].findings)
		if p.unsettled {
			c.unsettled.Insert(p.Name)
		}
		for _, key := range p.readers {
			c.readers.Insert(key)
		}
		for _, key := range p.spaces {
			c.spaces.Insert(key)
		}
		for _, key := range p.places {
			c.places.Insert(key)
		}
		for _, key := range p.lots {
			c.lots.Insert(key)
		}
		for _, key := range p.resources {
			c.resources.Insert(key)
		}
		for _, key := range p.airflow {
			c.airflows.Insert(key)
		}
		m.of(p)
	}
	c.checkMeetings(m)
	return nil
}

// findCycles looks at the whole graph.
func (c *Catalog) findCycles() {
	c.cycles = slices.Concat(c.Graph().Cycles(), c.dependencies().Cycles())
	var findings []finding
	for _, cycle := range c.cycles {
		findings = append(findings, finding{Problem: c.cycleProblem(cycle)})
	}
	c.set("cycles", findings)
}
