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
	data, err := fs.ReadFile(l.tree, PlatformFile)
	if errors.Is(err, fs.ErrNotExist) {
		l.problem(v1alpha1.Position{File: PlatformFile}, "", "the file is missing: it declares the platform",
			"create it with a document of kind Platform")
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", PlatformFile, err)
	}
	l.file(PlatformFile, data)
	if l.catalog.Platform == nil {
		if !l.problems.Denied() {
			l.problem(v1alpha1.Position{File: PlatformFile}, "", "the file declares no Platform",
				"add a document of kind Platform")
		}
		return nil
	}
	seen := map[string]bool{PlatformFile: true}
	for i, root := range l.roots() {
		err := fs.WalkDir(l.tree, root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == root:
				at := l.docs[docKey{v1alpha1.KindPlatform, l.catalog.Platform.Metadata.Name}]
				l.problem(at.Position("spec", "roots", i), v1alpha1.FieldPath("spec", "roots", i),
					fmt.Sprintf("the folder %q is not in the tree", root), "")
				return fs.SkipDir
			case err != nil:
				return err
			case entry.IsDir():
				if strings.HasPrefix(path.Base(name), ".") && name != "." {
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

func (l *linker) roots() []string {
	roots := l.catalog.Platform.Spec.Roots
	if len(roots) == 0 {
		return []string{"."}
	}
	cleaned := make([]string, len(roots))
	for i, r := range roots {
		cleaned[i] = path.Clean(r)
	}
	return cleaned
}

func declarationName(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// readDeclarations gives the content of a file that declares something, and nil for any other file. Large
// files, which are somebody's data, are not read whole to find that out.
func readDeclarations(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, v1alpha1.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if !v1alpha1.Declares(data) {
		return nil, nil
	}
	return data, nil
}

// file takes in the declarations of one file.
func (l *linker) file(name string, data []byte) {
	docs, problems := v1alpha1.Decode(name, data)
	l.problems = append(l.problems, problems...)
	for _, doc := range docs {
		l.document(doc)
	}
}

func (l *linker) document(doc *v1alpha1.Document) {
	if !l.checkName(doc, doc.Name, "metadata", "name") {
		return
	}
	key := docKey{doc.Kind, doc.Name}
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
