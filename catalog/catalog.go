// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// PlatformFile is where the platform itself is declared, at the root of the tree.
const PlatformFile = "trunkline.yaml"

// sep separates the parts of the keys of indexes. No name that gets into one holds it.
const sep = "\x00"

// Catalog is all declarations of one tree, resolved and linked. It does not change; [Catalog.Update] returns another
// that shares with it whatever is the same in both trees, and costs what has changed. It may be used by several
// goroutines.
type Catalog struct {
	*frame

	tree, library fs.FS

	// units are the files of declarations, by name.
	units *btree.Map[string, *unit]
	// declared are the declarations, by kind, name, file and place in it: of equal names the first counts.
	declared *btree.Map[string, *v1alpha1.Document]
	// broken counts the declarations that are there but have problems of their own, and unread the files that
	// may hold more of them: what refers to them is not reported too.
	broken map[docKey]int
	unread int

	projects *btree.Map[string, *Project]
	// readers are the references to datasets, resolved or not: the dataset and the workload; and those to projects:
	// "project/" and the project that depends on it.
	readers *btree.Set[string]
	// spaces are the namespaces of releases: cluster, namespace, project and environment.
	spaces *btree.Set[string]
	// places are the paths of datasets: path and dataset.
	places *btree.Set[string]
	// lots are the places of manifests: the store with the name and version of the dataset, the dataset, and the environment.
	lots *btree.Set[string]
	// resources are those of the cloud: kind, name and scope, who owns or uses it, and where that is declared.
	resources *btree.Set[string]
	// airflows are who runs the Airflow of an environment, and who has DAGs in it: environment, which of both, project, and what others depend on.
	airflows *btree.Set[string]
	// dirs are the folders that projects are declared in: folder and project.
	dirs *btree.Set[string]
	// homes are the files that declare a project, well or badly: the folder, in lower-case letters, and the file.
	homes *btree.Set[string]
	// misplaced are the declarations that do not count, because of where they are, by the keys of declared.
	misplaced *btree.Set[string]
	// unsettled are the projects whose problems depend on more than an update looks at.
	unsettled *btree.Set[string]
	// found is what is wrong, by what it was found at.
	found *btree.Map[string, []finding]
	// cycles are those of the graph.
	cycles []Cycle

	// relinked are the projects that the update which made this catalog has looked at, sorted; whole reports whether
	// there was no update, or that it had to look at all.
	relinked []string
	whole    bool

	// self is different for each catalog, and parent that of the one that it is an update of. They are not the
	// catalogs themselves, so that a catalog does not keep all those before it.
	self, parent *token

	// copying guards the indexes while they are marked as shared.
	copying sync.Mutex
}

// Project is a project of the catalog.
type Project struct {
	Name string
	// Document is the declaration, and Spec the body of it.
	Document *v1alpha1.Document
	Spec     *v1alpha1.ProjectSpec

	// datasets maps "name@version", and workloads the name, to the first of its kind in Spec; ids are those of
	// the datasets in Spec's order.
	datasets  map[string]int
	ids       []string
	workloads map[string]int
	// edges are those that the project's workloads make, and needs those to the projects that it depends on.
	edges, needs []Edge
	// dags are the project's DAG files, and dagEdges those that they make; dagPlaces and dagNodes say where that is written.
	dags      []DagSet
	dagEdges  []Edge
	dagPlaces map[Edge]v1alpha1.Position
	dagNodes  map[string]v1alpha1.Position
	// readers, spaces, places, lots, resources, airflow and unsettled are the project's share of the indexes.
	readers, spaces, places, lots, resources, airflow []string
	unsettled                                         bool
}

// Name is the platform's.
func (c *Catalog) Name() string { return c.Platform.Metadata.Name }

// Tree returns the tree that the catalog was read from.
func (c *Catalog) Tree() fs.FS { return c.tree }

// Project finds a project.
func (c *Catalog) Project(name string) (*Project, bool) { return c.projects.Get(name) }

// Projects returns all projects, by name.
func (c *Catalog) Projects() iter.Seq[*Project] {
	return func(yield func(*Project) bool) {
		c.projects.Scan(func(_ string, p *Project) bool { return yield(p) })
	}
}

// ProjectNames lists the names of all projects, sorted.
func (c *Catalog) ProjectNames() []string { return c.projects.Keys() }

// Document returns the declaration of a kind and name, if it is one that counts.
func (c *Catalog) Document(kind v1alpha1.Kind, name string) (*v1alpha1.Document, bool) {
	doc := c.first(docKey{kind, name})
	return doc, doc != nil
}

// MayDeclare reports whether a name that is not found may be that of a declaration with problems, or stand where nothing
// could be read: then its being missing says nothing.
func (c *Catalog) MayDeclare(kind v1alpha1.Kind, name string) bool {
	key := docKey{kind, name}
	return c.unread > 0 || c.broken[key] > 0 || c.first(key) != nil
}

// Documents returns all declarations of a kind, by name; of equal names, the first.
func (c *Catalog) Documents(kind v1alpha1.Kind) iter.Seq[*v1alpha1.Document] {
	return func(yield func(*v1alpha1.Document) bool) {
		last, prefix := "", string(kind)+sep
		c.declared.Ascend(prefix, func(key string, doc *v1alpha1.Document) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			if doc.Name == last {
				return true
			}
			last = doc.Name
			return yield(doc)
		})
	}
}

// Text returns the content of a file of declarations.
func (c *Catalog) Text(file string) ([]byte, bool) {
	if u, ok := c.units.Get(file); ok {
		return u.data, true
	}
	return nil, false
}

// token tells one catalog from all others; it is not empty, since values without size may share an address.
type token struct{ _ byte }

// UpdateOf reports whether the catalog was made by updating another.
func (c *Catalog) UpdateOf(o *Catalog) bool { return c.parent != nil && c.parent == o.self }

// FolderOf returns the nearest folder around a file that projects are declared in; empty if there is none.
func (c *Catalog) FolderOf(file string) string {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		for range below(c.dirs, dir+sep) {
			return dir
		}
		if dir == "." {
			return ""
		}
	}
}

// ProjectsIn returns the projects that are declared in a folder itself, by name.
func (c *Catalog) ProjectsIn(folder string) iter.Seq[*Project] {
	return func(yield func(*Project) bool) {
		for name := range below(c.dirs, folder+sep) {
			if p, ok := c.Project(name); ok && !yield(p) {
				return
			}
		}
	}
}

// Relinked lists the projects that the update which made the catalog has linked again, sorted: those that have
// changed, and those whose problems may have. All is true if that is every project, and the platform too.
func (c *Catalog) Relinked() (projects []string, all bool) { return slices.Clone(c.relinked), c.whole }

// first returns the declaration of a name that counts.
func (c *Catalog) first(key docKey) (first *v1alpha1.Document) {
	prefix := string(key.kind) + sep + key.name + sep
	c.declared.Ascend(prefix, func(k string, doc *v1alpha1.Document) bool {
		if strings.HasPrefix(k, prefix) {
			first = doc
		}
		return false
	})
	return first
}

// Problems returns all that is wrong, sorted. When it denies the tree, the catalog is incomplete and only good for
// looking at.
func (c *Catalog) Problems() v1alpha1.Problems {
	var all []finding
	c.found.Scan(func(_ string, f []finding) bool {
		all = append(all, f...)
		return true
	})
	slices.SortStableFunc(all, func(a, b finding) int { return a.Compare(b.Problem) })
	problems := make(v1alpha1.Problems, 0, len(all))
	hints := 0
	for _, f := range all {
		if f.hint != nil {
			if hints++; hints <= maxSuggested {
				f.Hint = f.hint()
			}
		}
		problems = append(problems, f.Problem)
	}
	return problems.Distinct()
}

// derive returns a catalog that shares all indexes with this one until one of them changes.
func (c *Catalog) derive(tree fs.FS) *Catalog {
	c.copying.Lock()
	defer c.copying.Unlock()
	return &Catalog{
		self: &token{}, parent: c.self, frame: c.frame, tree: tree, library: c.library,
		units: c.units.Copy(), declared: c.declared.Copy(), broken: maps.Clone(c.broken), unread: c.unread,
		projects: c.projects.Copy(), readers: c.readers.Copy(), spaces: c.spaces.Copy(), places: c.places.Copy(), lots: c.lots.Copy(), resources: c.resources.Copy(), airflows: c.airflows.Copy(), dirs: c.dirs.Copy(),
		homes: c.homes.Copy(), misplaced: c.misplaced.Copy(),
		unsettled: c.unsettled.Copy(), found: c.found.Copy(), cycles: c.cycles,
	}
}

// below returns the keys of a set that begin with a prefix, without it.
func below(set *btree.Set[string], prefix string) iter.Seq[string] {
	return func(yield func(string) bool) {
		set.Ascend(prefix, func(key string) bool {
			rest, ok := strings.CutPrefix(key, prefix)
			return ok && yield(rest)
		})
	}
}

func sortedKeys[M ~map[string]V, V any](m M) []string { return slices.Sorted(maps.Keys(m)) }

// declaredKey orders the declarations of one name by where they stand.
func declaredKey(doc *v1alpha1.Document) string {
	return strings.Join([]string{string(doc.Kind), doc.Name, doc.File, doc.Order()}, sep)
}

// Counts are how much a platform declares.
type Counts struct{ Files, Projects, Datasets, Workloads, Releases int }

// Counts counts what is declared.
func (c *Catalog) Counts() Counts {
	n := Counts{Files: c.units.Len()}
	if c.Platform == nil {
		return n
	}
	for p := range c.Projects() {
		n.Projects++
		n.Datasets += len(p.datasets)
		n.Workloads += len(p.workloads)
		n.Releases += len(c.ReleasesOf(p))
	}
	return n
}
