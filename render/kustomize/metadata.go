// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// Release is the release of Kustomize that is built in. The label that buildMetadata asks for names it.
const Release = "v5.8.2"

// The annotations that buildMetadata asks for.
const (
	originAnnotation          = "config.kubernetes.io/origin"
	transformationsAnnotation = "alpha.config.kubernetes.io/transformations"
)

// metadata makes what a kustomization asks for with buildMetadata what the program makes of it, also where the kustomization
// was built as a part of another one, or a chart was rendered beside the tree.
type metadata struct {
	*types.Kustomization

	// root is what was built, and dir the folder of the kustomization, by the paths that Kustomize uses.
	root, dir string
	// charts are the files that charts were rendered to, and what their objects come from.
	charts map[string]resource.Origin
}

// source returns the file of the tree that an object comes from.
func (m metadata) source(built string) string {
	if origin, ofChart := m.charts[built]; ofChart {
		return origin.ConfiguredIn
	}
	return strings.TrimPrefix(built, treeRoot+"/")
}

func (m metadata) finish(o *unstructured.Unstructured) error {
	annotations := o.GetAnnotations()
	if text, there := annotations[originAnnotation]; there && (m.root == overlayRoot || len(m.charts) > 0) {
		switch {
		case slices.Contains(m.BuildMetadata, types.OriginAnnotations):
			var origin resource.Origin
			if err := m.moved(text, &origin, func() { m.move(&origin) }); err != nil {
				return err
			}
			var err error
			if annotations[originAnnotation], err = origin.String(); err != nil {
				return err
			}
		default:
			if delete(annotations, originAnnotation); len(annotations) == 0 {
				annotations = nil
			}
		}
		o.SetAnnotations(annotations)
	}
	if text, there := annotations[transformationsAnnotation]; there && m.root == overlayRoot {
		var all resource.Transformations
		err := m.moved(text, &all, func() {
			for _, origin := range all {
				m.move(origin)
			}
		})
		if err != nil {
			return err
		}
		if annotations[transformationsAnnotation], err = all.String(); err != nil {
			return err
		}
		o.SetAnnotations(annotations)
	}
	if slices.Contains(m.BuildMetadata, types.ManagedByLabelOption) {
		labels := o.GetLabels()
		labels[konfig.ManagedbyLabelKey] = "kustomize-" + Release
		o.SetLabels(labels)
	}
	return nil
}

// moved reads an annotation and changes what it says.
func (m metadata) moved(text string, into any, change func()) error {
	if err := kyaml.Unmarshal([]byte(text), into); err != nil {
		return err
	}
	change()
	return nil
}

// move has an origin begin at the kustomization.
func (m metadata) move(origin *resource.Origin) {
	if of, ofChart := m.charts[path.Join(m.root, origin.Path)]; ofChart && origin.Path != "" {
		*origin = of
		origin.ConfiguredIn = m.relative(path.Join(treeRoot, of.ConfiguredIn))
		return
	}
	if origin.Path != "" {
		origin.Path = m.relative(path.Join(m.root, origin.Path))
	}
	if origin.ConfiguredIn != "" {
		origin.ConfiguredIn = m.relative(path.Join(m.root, origin.ConfiguredIn))
	}
}

func (m metadata) relative(name string) string {
	rel, err := filepath.Rel(m.dir, name)
	if err != nil {
		return name // both are absolute
	}
	return rel
}
