// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/render"
)

// maxManifest bounds a file in which a field is looked for.
const maxManifest = 4 << 20

// manifests are the documents of a file.
type manifests struct{ docs []*yaml.Node }

// declared finds the line of a file at which a field of an object is written: in the file that the object is from, or in a
// patch, which is another one that was read for it. In a template no field has one.
func (m *misfits) declared(e *render.MisfitError, files []string) (v1alpha1.Position, bool) {
	if !slices.Contains(files, e.Source) {
		return v1alpha1.Position{}, false
	}
	files = append([]string{e.Source}, files...)
	for i, file := range files {
		if i > 0 && file == e.Source {
			continue
		}
		for _, doc := range m.open(file).docs {
			if !isOf(doc, e) {
				continue
			}
			if n := locate(doc, e.Fault.Path, e); n != nil {
				return v1alpha1.Position{File: file, Line: n.Line, Column: n.Column}, true
			}
		}
	}
	return v1alpha1.Position{}, false
}

// open reads a file once. One that is no YAML has no documents.
func (m *misfits) open(file string) *manifests {
	if known := m.sources[file]; known != nil {
		return known
	}
	out := &manifests{}
	if m.sources == nil {
		m.sources = map[string]*manifests{}
	}
	m.sources[file] = out
	if ext := path.Ext(file); ext != ".yaml" && ext != ".yml" && ext != ".json" {
		return out
	}
	data, err := fs.ReadFile(m.tree, file)
	if err != nil || len(data) > maxManifest {
		return out
	}
	for parser := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		if parser.Decode(&doc) != nil {
			return out // what is behind a mistake was not rendered either
		}
		if len(doc.Content) == 1 {
			out.docs = append(out.docs, items(doc.Content[0])...)
		}
	}
}

// items takes the items out of a list of objects.
func items(doc *yaml.Node) []*yaml.Node {
	kind, list := value(doc, "kind"), value(doc, "items")
	if kind == nil || list == nil || list.Kind != yaml.SequenceNode || !strings.HasSuffix(kind.Value, "List") {
		return []*yaml.Node{doc}
	}
	return list.Content
}

// isOf reports whether a document is an object, or a patch of it: it has its kind, and its name but for what Kustomize puts
// before and behind it.
func isOf(doc *yaml.Node, e *render.MisfitError) bool {
	kind, name := value(doc, "kind"), value(value(doc, "metadata"), "name")
	if kind == nil || name == nil {
		return false
	}
	return (kind.Value == e.Kind || e.Fault.Value == kind.Value) && strings.Contains(e.Name, name.Value)
}

// value returns what a mapping has under a key.
func value(n *yaml.Node, key string) *yaml.Node {
	if _, v := entry(n, key); v != nil {
		return v
	}
	return nil
}

func entry(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n = resolved(n); n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

func resolved(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// locate finds the node of a field: its key, or an item of a list. A patch may have put other items before it, so that each
// item of a list may be the one, if the field in it has the value.
func locate(n *yaml.Node, path []any, e *render.MisfitError) *yaml.Node {
	if len(path) == 0 {
		return resolved(n)
	}
	switch step := path[0].(type) {
	case string:
		k, v := entry(n, step)
		switch {
		case v == nil:
			return nil
		case len(path) > 1:
			return locate(v, path[1:], e)
		case e.Fault.Unknown || says(v, e.Fault.Value):
			return k
		}
	case int:
		if n = resolved(n); n.Kind != yaml.SequenceNode {
			return nil
		}
		order := n.Content
		if step < len(order) {
			order = append([]*yaml.Node{order[step]}, order...)
		}
		for _, item := range order {
			if len(path) == 1 {
				if says(item, e.Fault.Value) {
					return resolved(item)
				}
			} else if found := locate(item, path[1:], e); found != nil {
				return found
			}
		}
	}
	return nil
}

// says reports whether a node has a value. What is more than a single value is not looked into.
func says(n *yaml.Node, want any) bool {
	n = resolved(n)
	switch want.(type) {
	case map[string]any:
		return n.Kind == yaml.MappingNode
	case []any:
		return n.Kind == yaml.SequenceNode
	case nil:
		return n.Tag == "!!null"
	}
	var is any
	if n.Kind != yaml.ScalarNode || n.Decode(&is) != nil {
		return false
	}
	return fmt.Sprint(is) == fmt.Sprint(want)
}
