package catalog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// PlatformFile is where the platform itself is declared, at the root of the tree.
const PlatformFile = "trunkline.yaml"

// Catalog is all declarations of one tree, resolved and linked.
type Catalog struct {
	Platform     *v1alpha1.Platform
	Clusters     map[string]*v1alpha1.Cluster
	Environments map[string]*v1alpha1.Environment
	Blueprints   map[string]*Blueprint
	Projects     map[string]*v1alpha1.Project
	// Releases are those to make, in the order of their ids.
	Releases []Release
	// Graph is the DAG of all projects' datasets and workloads.
	Graph *Graph
}

// Load reads and resolves the declarations of a tree. The library holds the embedded blueprints, a folder
// each. The problems are sorted; when they deny the tree, the catalog is incomplete and only good for looking
// at. An error means that the tree could not be read, which says nothing about what it declares.
func Load(tree, library fs.FS) (*Catalog, v1alpha1.Problems, error) {
	l := &linker{
		tree: tree,
		catalog: &Catalog{
			Clusters:     map[string]*v1alpha1.Cluster{},
			Environments: map[string]*v1alpha1.Environment{},
			Blueprints:   map[string]*Blueprint{},
			Projects:     map[string]*v1alpha1.Project{},
		},
		docs:          map[docKey]*v1alpha1.Document{},
		schemas:       map[string]*schema.Schema{},
		broken:        map[docKey]bool{},
		sizes:         map[string]map[string]v1alpha1.Size{},
		missingStores: map[[2]string]bool{},
	}
	if err := l.loadLibrary(library); err != nil {
		return nil, nil, err
	}
	if err := l.loadTree(); err != nil {
		return nil, nil, err
	}
	if l.catalog.Platform != nil {
		l.link()
	}
	if l.unreadable != nil {
		return nil, nil, l.unreadable
	}
	return l.catalog, l.problems.Distinct(), nil
}

// loadLibrary takes in the embedded blueprints. They are part of the program: a problem with them is an error.
func (l *linker) loadLibrary(library fs.FS) error {
	files, err := fs.Glob(library, "*/blueprint.yaml")
	if err != nil {
		return fmt.Errorf("listing the embedded blueprints: %w", err)
	}
	for _, file := range files {
		data, err := fs.ReadFile(library, file)
		if err != nil {
			return fmt.Errorf("reading the embedded blueprint %s: %w", file, err)
		}
		docs, problems := v1alpha1.Decode(file, data)
		if len(problems) > 0 || len(docs) != 1 {
			return fmt.Errorf("the embedded blueprint %s is broken: %s", file, problems)
		}
		bp, ok := docs[0].Object.(*v1alpha1.Blueprint)
		if !ok {
			return fmt.Errorf("the embedded blueprint %s declares a %s", file, docs[0].Kind)
		}
		l.catalog.Blueprints[bp.Metadata.Name] = &Blueprint{
			Name: bp.Metadata.Name, Spec: bp.Spec, Embedded: true,
			Source: path.Join(path.Dir(file), bp.Spec.Source), Position: docs[0].Position(),
		}
	}
	return nil
}

// loadTree reads the platform, then every declaration below its roots.
func (l *linker) loadTree() error {
	if err := l.loadPlatform(); err != nil || l.catalog.Platform == nil {
		return err
	}
	seen := map[string]bool{PlatformFile: true}
	for _, root := range l.roots() {
		err := fs.WalkDir(l.tree, root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir():
				// What tools keep beside the sources, such as .github, is theirs; a root was asked for by name.
				if strings.HasPrefix(path.Base(name), ".") && name != root {
					return fs.SkipDir
				}
				return nil
			case seen[name] || !entry.Type().IsRegular() || !declarationName(name):
				return nil
			}
			seen[name] = true
			data, err := readDeclarations(l.tree, name)
			if err != nil {
				return err
			}
			if data != nil {
				l.file(name, data)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reading the declarations below %s: %w", root, err)
		}
	}
	return nil
}

// loadPlatform reads the file that declares the platform. Without it nothing else is looked at.
func (l *linker) loadPlatform() error {
	at := v1alpha1.Position{File: PlatformFile}
	const hint = "create it with a document of kind Platform"
	info, err := l.stat(PlatformFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.problem(at, "", "the file is missing: it declares the platform", hint)
		return nil
	case err != nil && !l.throughLink(PlatformFile):
		return fmt.Errorf("reading %s: %w", PlatformFile, err)
	case err != nil:
		l.problem(at, "", "cannot be read: "+err.Error(), hint)
		return nil //nolint:nilerr // where a link leads is the author's, and a problem like any other
	case !info.Mode().IsRegular():
		l.problem(at, "", "is not a file; the platform is declared there", hint)
		return nil
	}
	data, err := readBounded(l.tree, PlatformFile)
	if err != nil {
		return err
	}
	l.file(PlatformFile, data)
	if l.catalog.Platform == nil && !l.problems.Denied() {
		l.problem(at, "", "the file declares no Platform", "add a document of kind Platform")
	}
	return nil
}

// roots are the folders to search. Those that cannot be are reported.
func (l *linker) roots() []string {
	declared := l.catalog.Platform.Spec.Roots
	if len(declared) == 0 {
		return []string{"."}
	}
	doc := l.docs[docKey{v1alpha1.KindPlatform, l.catalog.Platform.Metadata.Name}]
	var roots []string
	for i, r := range declared {
		root := path.Clean(r)
		if l.checkFolder(doc, root, r, "spec", "roots", i) {
			roots = append(roots, root)
		}
	}
	return roots
}

func declarationName(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// readDeclarations gives the content of a file that declares something, and nil for any other file. Large
// files, which are somebody's data, are not read whole to find that out.
func readDeclarations(tree fs.FS, name string) ([]byte, error) {
	data, err := readBounded(tree, name)
	if err != nil || !v1alpha1.Declares(data) {
		return nil, err
	}
	return data, nil
}

// readBounded reads a file, or so much of it that it is seen to be too large for declarations.
func readBounded(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, v1alpha1.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return data, nil
}

// file takes in the declarations of one file.
func (l *linker) file(name string, data []byte) {
	f := v1alpha1.DecodeFile(name, data)
	l.problems = append(l.problems, f.Problems...)
	l.unread = l.unread || f.Unread
	for _, doc := range f.Broken {
		l.broken[docKey{doc.Kind, doc.Name}] = true
	}
	for _, doc := range f.Documents {
		l.document(doc)
	}
}

func (l *linker) document(doc *v1alpha1.Document) {
	key := docKey{doc.Kind, doc.Name}
	if !l.checkName(doc, doc.Name, "metadata", "name") {
		l.broken[key] = true
		return
	}
	if before, ok := l.docs[key]; ok {
		l.at(doc, []any{"metadata", "name"}, fmt.Sprintf("%s %q is already declared at %s",
			doc.Kind, doc.Name, before.Position("metadata", "name")), "names are unique in a platform")
		return
	}
	l.docs[key] = doc
	switch o := doc.Object.(type) {
	case *v1alpha1.Platform:
		if doc.File != PlatformFile || l.catalog.Platform != nil {
			l.at(doc, nil, "a platform is declared once, in "+PlatformFile, "")
			return
		}
		l.catalog.Platform = o
	case *v1alpha1.Cluster:
		l.catalog.Clusters[doc.Name] = o
	case *v1alpha1.Environment:
		l.catalog.Environments[doc.Name] = o
	case *v1alpha1.Project:
		l.catalog.Projects[doc.Name] = o
	case *v1alpha1.Blueprint:
		if bp, ok := l.catalog.Blueprints[doc.Name]; ok && bp.Embedded {
			l.at(doc, []any{"metadata", "name"},
				fmt.Sprintf("the blueprint %q is embedded in Trunkline and cannot be replaced", doc.Name), "choose another name")
			return
		}
		l.catalog.Blueprints[doc.Name] = &Blueprint{
			Name: doc.Name, Spec: o.Spec, Source: path.Join(path.Dir(doc.File), o.Spec.Source), Position: doc.Position(),
		}
	}
}
