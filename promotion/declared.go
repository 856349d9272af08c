// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Declared is the declaration of a project in a tree.
type Declared struct {
	Project string
	// File is where it is, and Number that of the document in the file.
	File   string
	Number int
	Spec   *v1alpha1.ProjectSpec

	tree fs.FS
}

// Of returns the declaration of a project that was decoded from a tree.
func Of(tree fs.FS, doc *v1alpha1.Document) *Declared {
	spec := &v1alpha1.ProjectSpec{}
	if p, ok := doc.Object.(*v1alpha1.Project); ok {
		spec = &p.Spec
	}
	return &Declared{Project: doc.Name, File: doc.File, Number: doc.Ordinal(), Spec: spec, tree: tree}
}

// Read reads the declaration of a project from a file of a tree.
func Read(tree fs.FS, file, project string) (*Declared, error) {
	data, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, fmt.Errorf("reading the declaration of %q: %w", project, err)
	}
	return decode(tree, file, project, data)
}

func decode(tree fs.FS, file, project string, data []byte) (*Declared, error) {
	docs, problems := v1alpha1.Decode(file, data)
	for _, doc := range docs {
		if doc.Kind == v1alpha1.KindProject && doc.Name == project {
			return Of(tree, doc), nil
		}
	}
	if problems.Denied() {
		return nil, fmt.Errorf("%s: the declaration of %q cannot be read: %s", file, project, problems[0].Message)
	}
	return nil, fmt.Errorf("%s: there is no project %q in it", file, project)
}

// Dir is the folder of the declaration; the files that it names are relative to it.
func (d *Declared) Dir() string { return path.Dir(d.File) }

// In reports whether the project is deployed to an environment.
func (d *Declared) In(environment string) bool {
	_, ok := d.Spec.Environments[environment]
	return ok
}

// Part is what a promotion moves of one workload.
type Part struct {
	// Image is the one that runs, wherever it is declared.
	Image string `json:"image,omitempty"`
	// Params are those of the workload, without those that the project keeps.
	Params map[string]any `json:"params,omitempty"`
}

// Parts returns what a promotion moves from an environment, by the names of the workloads.
func (d *Declared) Parts(environment string) map[string]Part {
	over := d.Spec.Environments[environment]
	out := map[string]Part{}
	for i := range d.Spec.Workloads {
		w := &d.Spec.Workloads[i]
		mine := over.Workloads[w.Name]
		image := cmp.Or(mine.Image, w.Image, over.Image, d.Spec.Image).Reference()
		params := map[string]any{}
		maps.Copy(params, w.Params)
		maps.Copy(params, mine.Params)
		maps.DeleteFunc(params, func(name string, _ any) bool { return slices.Contains(d.kept(), name) })
		out[w.Name] = Part{Image: image, Params: params}
	}
	return out
}

// kept are the names of the parameters that belong to environments.
func (d *Declared) kept() []string { return d.Spec.Promotion.Keep }

func equal(a, b any) bool { return reflect.DeepEqual(a, b) }
