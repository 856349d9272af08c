// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxFileBytes bounds the files that are looked at.
const maxFileBytes = 4 << 20

// errTooLarge is why a larger one is not read.
var errTooLarge = errors.New("it has more than 4 MiB")

// Object is an object, and the file it comes from as far as that is known.
type Object struct {
	*unstructured.Unstructured

	Source string
}

// safe is the content of an object that may not be there.
func (o Object) safe() map[string]any {
	if o.Unstructured == nil {
		return nil
	}
	return o.Object
}

// document is a YAML document of a file, as it is written there.
type document struct {
	Object

	node *yaml.Node
}

func describe(o Object) string {
	name := o.GetName()
	if ns := o.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return o.GetKind() + " " + name
}

// group is the API group of an object.
func group(o Object) string { return o.GroupVersionKind().Group }

// manifests lists the YAML and JSON files below a folder, without hidden ones and those that were made here.
func (m *migration) manifests(dir string) (out []string, err error) {
	err = fs.WalkDir(m.Tree, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != dir && strings.HasPrefix(path.Base(name), "."), name == m.To && entry.IsDir():
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular() && isManifest(name):
			out = append(out, name)
		}
		return nil
	})
	return out, err
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

// scan returns the objects of the whole tree that are of a group with a suffix. Files that are no YAML, such as the
// templates of charts, are left to those who render them.
func (m *migration) scan(suffix string) (out []document, err error) {
	return m.find(suffix, func(o Object) bool { g := group(o); return g == suffix || strings.HasSuffix(g, "."+suffix) })
}

// find returns the objects of the tree that a condition holds for, of files that have a text.
func (m *migration) find(having string, is func(Object) bool) (out []document, err error) {
	files, err := m.manifests(".")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := m.ctx.Err(); err != nil {
			return nil, err
		}
		data, err := fs.ReadFile(m.Tree, file)
		if err != nil || !bytes.Contains(data, []byte(having)) {
			continue
		}
		docs := m.documents(file)
		if err := m.unread[file]; err != nil && !m.inChart(file) {
			n := Note{File: file, What: "the file", Why: "it is not read: " + err.Error(), Do: "fix it, and run this again"}
			if !errors.Is(err, errTooLarge) {
				p := v1alpha1.ExplainSyntax(file, err, data)
				n.Line, n.Why = p.Position.Line, "it is not read: "+p.Message
			}
			m.notes = append(m.notes, n)
		}
		for _, d := range docs {
			if is(d.Object) {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// inChart reports whether a file is a template of a chart, and so no YAML before it is rendered.
func (m *migration) inChart(file string) bool {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" {
			if _, err := fs.Stat(m.Tree, path.Join(path.Dir(dir), "Chart.yaml")); err == nil {
				return true
			}
		}
	}
	return false
}

// documents returns the objects of a file; none if it is no YAML, and why not is in unread then.
func (m *migration) documents(file string) []document {
	if docs, done := m.docs[file]; done {
		return docs
	}
	var out []document
	data, err := fs.ReadFile(m.Tree, file)
	if err == nil {
		if err = errTooLarge; len(data) <= maxFileBytes {
			out, err = parse(file, data)
		}
	}
	m.docs[file], m.unread[file] = out, err
	return out
}

func parse(file string, data []byte) (out []document, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if len(node.Content) == 0 || node.Content[0].Kind != yaml.MappingNode {
			continue
		}
		content, err := valueOf(node.Content[0])
		if err != nil {
			return nil, err
		}
		o := Object{&unstructured.Unstructured{Object: content}, file}
		if o.GetKind() != "" && o.GetAPIVersion() != "" {
			out = append(out, document{o, node.Content[0]})
		}
	}
}

// valueOf reads a mapping as the API does, with whole numbers as such.
func valueOf(node *yaml.Node) (map[string]any, error) {
	var value map[string]any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, utiljson.Unmarshal(data, &out)
}

// readValues reads a file of values.
func readValues(data []byte) (map[string]any, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		return nil, err
	}
	if len(node.Content) == 0 || node.Content[0].Kind == yaml.ScalarNode && node.Content[0].Tag == "!!null" {
		return map[string]any{}, nil
	}
	return valueOf(node.Content[0])
}

// position finds a field of an object in the file that it comes from. Of a field that is not there, such as one that an
// overlay adds, it is that of what is around it.
func (m *migration) position(o Object, field string) (string, int) {
	for _, d := range m.documents(o.Source) {
		if d.GetKind() == o.GetKind() && (d.GetName() == o.GetName() || strings.Contains(o.GetName(), d.GetName())) {
			return o.Source, lineOf(d.node, strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' }))
		}
	}
	for _, d := range m.documents(o.Source) {
		if d.GetKind() == o.GetKind()+"Set" { // of which it was made
			return o.Source, d.node.Line
		}
	}
	return o.Source, 0
}

func lineOf(node *yaml.Node, at []string) int {
	line := node.Line
	for _, step := range at {
		var next *yaml.Node
		switch node.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == step {
					line, next = node.Content[i].Line, node.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(step); err == nil && i < len(node.Content) {
				next = node.Content[i]
				line = next.Line
			}
		case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode: // it ends here
		}
		if next == nil {
			return line
		}
		node = next
	}
	return line
}

// Reading fields of objects whose form nobody has checked: what is of another type is as if it were not there.

func get(value any, at ...string) any {
	for _, key := range at {
		table, _ := value.(map[string]any)
		value = table[key]
	}
	return value
}

func text(value any, at ...string) string {
	s, _ := get(value, at...).(string)
	return s
}

func flag(value any, at ...string) bool {
	b, _ := get(value, at...).(bool)
	return b
}

func list(value any, at ...string) []any {
	l, _ := get(value, at...).([]any)
	return l
}

func table(value any, at ...string) map[string]any {
	t, _ := get(value, at...).(map[string]any)
	return t
}

func texts(value any, at ...string) (out []string) {
	for _, item := range list(value, at...) {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func textTable(value any, at ...string) map[string]string {
	out := map[string]string{}
	for key, item := range table(value, at...) {
		if s, ok := item.(string); ok {
			out[key] = s
		}
	}
	return out
}

// lines are those of a file; none if it cannot be read.
func (m *migration) lines(file string) []string {
	data, err := fs.ReadFile(m.Tree, file)
	if err != nil || len(data) > maxFileBytes {
		return nil
	}
	return strings.Split(string(data), "\n")
}
