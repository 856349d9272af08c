// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
)

// overlay is a folder to build, and what a controller does to its objects. What is more than the folder goes into a
// kustomization of its own, which leaves the folder as it is.
type overlay struct {
	// dir is a folder with a kustomization; or else files are what a folder without one has.
	dir   string
	files []string

	components                        []string
	namePrefix, nameSuffix, namespace string
	images, replicas, patches         []any
	// labels and annotations are put on objects alone. The common ones go to pods and selectors, too, as Kustomize does.
	labels, annotations             map[string]string
	commonLabels, commonAnnotations map[string]string
	withSelectors                   bool
	// drops are the objects that are not rendered.
	drops []target
	// substitute are the values of variables.
	substitute map[string]string
}

// target selects objects.
type target struct {
	Group     string `yaml:"group,omitempty"`
	Kind      string `yaml:"kind,omitempty"`
	Name      string `yaml:"name,omitempty"`
	Namespace string `yaml:"namespace,omitempty"`
}

// plain reports whether the folder can be built as it is.
func (o *overlay) plain() bool {
	return o.files == nil && o.components == nil && o.namePrefix == "" && o.nameSuffix == "" && o.namespace == "" && o.images == nil &&
		o.replicas == nil && o.patches == nil && len(o.labels)+len(o.annotations)+len(o.commonLabels)+len(o.commonAnnotations) == 0 && o.drops == nil
}

// without leaves out the files of a folder without a kustomization that have nothing to render, and returns what selects the
// other objects that are not rendered.
func (o *overlay) without(objects []Object, out []dropped) map[target]bool {
	from := func(file string, object Object) bool { return object.Source == file || below(object.Source, file) }
	listed := func(object Object) bool {
		return slices.ContainsFunc(o.files, func(file string) bool { return from(file, object) })
	}
	// Patches may be for what is in such a file, and a folder may have objects of files elsewhere.
	if o.patches == nil && o.components == nil && !slices.ContainsFunc(objects, func(object Object) bool { return !listed(object) }) {
		o.files = slices.DeleteFunc(slices.Clone(o.files), func(file string) bool {
			return !slices.ContainsFunc(objects, func(object Object) bool { return from(file, object) })
		})
	}
	drops := map[target]bool{}
	for _, d := range out {
		if o.files == nil || listed(d.Object) {
			drops[d.by] = true
		}
	}
	return drops
}

// folder makes the overlay of a folder: of its kustomization, or of all manifests in it, as Flux does.
func (m *migration) folder(dir string) (*overlay, error) {
	if m.hasKustomization(dir) {
		return &overlay{dir: dir}, nil
	}
	files, err := m.resources(dir)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("the folder %q has no manifests", dir)
	}
	return &overlay{files: files}, err
}

func (m *migration) hasKustomization(dir string) bool {
	return slices.ContainsFunc(konfig.RecognizedKustomizationFileNames(), func(name string) bool { return m.isFile(path.Join(dir, name)) })
}

// resources are the manifests below a folder, and the folders with a kustomization of their own.
func (m *migration) resources(dir string) (out []string, err error) {
	entries, err := fs.ReadDir(m.Tree, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."), name == m.To:
		case e.IsDir() && m.hasKustomization(name):
			out = append(out, name)
		case e.IsDir():
			more, err := m.resources(name)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		case isManifest(name) && len(m.documents(name)) > 0:
			out = append(out, name)
		}
	}
	return out, nil
}

// kustomization is the file of an overlay in a folder.
type kustomizationFile struct {
	APIVersion        string            `yaml:"apiVersion"`
	Kind              string            `yaml:"kind"`
	Resources         []string          `yaml:"resources"`
	Components        []string          `yaml:"components,omitempty"`
	Namespace         string            `yaml:"namespace,omitempty"`
	NamePrefix        string            `yaml:"namePrefix,omitempty"`
	NameSuffix        string            `yaml:"nameSuffix,omitempty"`
	Labels            []labelsOf        `yaml:"labels,omitempty"`
	CommonAnnotations map[string]string `yaml:"commonAnnotations,omitempty"`
	Images            []any             `yaml:"images,omitempty"`
	Replicas          []any             `yaml:"replicas,omitempty"`
	Patches           []any             `yaml:"patches,omitempty"`
}

type labelsOf struct {
	Pairs            map[string]string `yaml:"pairs"`
	IncludeSelectors bool              `yaml:"includeSelectors,omitempty"`
	IncludeTemplates bool              `yaml:"includeTemplates,omitempty"`
}

type patchOf struct {
	Target target `yaml:"target"`
	Patch  string `yaml:"patch"`
}

// listed is written above the resources of a folder that has no kustomization.
const listed = "# The manifests of a folder that has no kustomization: name new ones here, too.\n"

// kustomization writes the overlay for a folder.
func (o *overlay) kustomization(at string) ([]byte, error) {
	k := kustomizationFile{
		APIVersion: "kustomize.config.k8s.io/v1beta1", Kind: "Kustomization", Namespace: o.namespace, NamePrefix: o.namePrefix, NameSuffix: o.nameSuffix,
		CommonAnnotations: o.commonAnnotations, Images: o.images, Replicas: o.replicas, Patches: slices.Clone(o.patches),
	}
	if o.files == nil {
		k.Resources = []string{relative(at, o.dir)}
	}
	for _, file := range o.files {
		k.Resources = append(k.Resources, relative(at, file))
	}
	for _, c := range o.components {
		k.Components = append(k.Components, relative(at, c))
	}
	if len(o.labels) > 0 {
		k.Labels = append(k.Labels, labelsOf{Pairs: o.labels})
	}
	if len(o.commonLabels) > 0 {
		k.Labels = append(k.Labels, labelsOf{Pairs: o.commonLabels, IncludeSelectors: o.withSelectors})
	}
	for _, t := range o.drops {
		patch := map[string]any{"$patch": "delete", "apiVersion": "v1", "kind": orAny(t.Kind), "metadata": map[string]any{"name": "any"}}
		data, err := encode(patch)
		if err != nil {
			return nil, err
		}
		k.Patches = append(k.Patches, patchOf{t, string(data)})
	}
	if len(o.annotations) > 0 {
		patch := map[string]any{"apiVersion": "v1", "kind": "Any", "metadata": map[string]any{"name": "any", "annotations": o.annotations}}
		data, err := encode(patch)
		if err != nil {
			return nil, err
		}
		k.Patches = append(k.Patches, patchOf{target{Name: ".*"}, string(data)})
	}
	data, err := encode(k)
	if err == nil && o.files != nil {
		data = append([]byte(listed), data...)
	}
	return data, err
}

func orAny(kind string) string {
	if kind == "" {
		return "Any"
	}
	return kind
}

// encode writes YAML as people do.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
