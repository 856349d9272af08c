// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxFileBytes bounds a file of declarations. A larger one is refused before it is parsed.
const MaxFileBytes = 1 << 20

// ours finds an apiVersion of Trunkline's in a file without parsing it, in YAML and in JSON. Between the key and
// the value there may be comments, an anchor and a tag; JSON may escape the slash.
var ours = regexp.MustCompile(`\bapiVersion["']?\s*:\s*(?:#.*\s+|[&!]\S*\s+)*["']?trunkline\.dev\\?/`)

// Declares reports whether a file seems to hold declarations. It may say yes to a file that turns out to hold
// none. It says no only to one that goes out of its way to hide what it is, such as by an alias or an escape.
func Declares(data []byte) bool { return ours.Match(data) }

// Decode reads every declaration of a file, in YAML or JSON, several documents a file. Documents with an
// foreign apiVersion are passed over. It is strict: an unknown field, a duplicate key or a wrong type
// is a problem, and all problems are reported, not the first only. A document with problems is not returned.
func Decode(file string, data []byte) ([]*Document, Problems) {
	f := DecodeFile(file, data)
	return f.Documents, f.Problems
}

// File is what a file declares.
type File struct {
	// Documents are the declarations that have no problems.
	Documents []*Document
	// Broken are declarations with problems, as far as their kind and name could be read. Only those two, and
	// where they stand, are good for anything.
	Broken []*Document
	// Unread reports whether something is in the file of which it is not known what it declares.
	Unread   bool
	Problems Problems
}

// DecodeFile is like [Decode], and also tells what it could not read.
func DecodeFile(file string, data []byte) (f File) {
	if len(data) > MaxFileBytes {
		f.Problems = Problems{{
			Rule: RuleLimit, Position: Position{File: file}, Severity: Deny,
			Message: fmt.Sprintf("the file is too large: a file of declarations has at most %d bytes", MaxFileBytes),
			Hint:    "split it into several files",
		}}
		f.Unread = true
		return f
	}
	f, empty := decodeDocuments(file, data)
	if empty && ours.Match(data) {
		return commented(file, data)
	}
	return f
}

// decodeDocuments decodes the documents of a file, and reports whether there are none at all.
func decodeDocuments(file string, data []byte) (f File, empty bool) {
	empty = true
	parser := yaml.NewDecoder(bytes.NewReader(data))
	for ordinal := 0; ; ordinal++ {
		var node yaml.Node
		err := parser.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// The parser cannot find its way back after a syntax error: what follows stays unread.
			f.Problems = append(f.Problems, ExplainSyntax(file, err, data))
			f.Unread, empty = true, false
			break
		}
		empty = empty && (len(node.Content) == 0 || node.Content[0].Tag == "!!null")
		doc, problems := decodeDocument(file, &node)
		if doc != nil {
			doc.data, doc.ordinal = data, ordinal
		}
		f.Problems = append(f.Problems, problems...)
		switch {
		case doc != nil && !problems.Denied():
			f.Documents = append(f.Documents, doc)
		case doc != nil && doc.Name != "":
			f.Broken = append(f.Broken, doc)
		case problems.Denied():
			f.Unread = true
		}
	}
	f.Problems.Sort()
	return f, empty
}

func decodeDocument(file string, node *yaml.Node) (*Document, Problems) {
	return decodeAs(file, node, newObject, Kinds())
}

// decodeAs decodes a document as one of some kinds.
func decodeAs(file string, node *yaml.Node, newObject func(Kind) any, kinds []Kind) (*Document, Problems) {
	if node.Kind != yaml.DocumentNode || len(node.Content) != 1 {
		return nil, nil
	}
	root := node.Content[0]
	_, version := lookup(root, "apiVersion")
	if version == nil || !strings.HasPrefix(version.Value, "trunkline.dev/") {
		return stray(file, root, kinds)
	}
	d := &decoder{file: file, budget: maxNodes, path: make([]step, 0, 16)}
	if version.Value != Version {
		d.reportAt(version, "apiVersion", fmt.Sprintf("unknown version %q", shorten(version.Value)), "write "+Version)
		return nil, d.problems
	}
	kindNode := root
	if _, n := lookup(root, "kind"); n != nil {
		kindNode = n
	}
	object := newObject(Kind(kindNode.Value))
	if object == nil {
		message := fmt.Sprintf("unknown kind %q", shorten(kindNode.Value))
		if kindNode == root {
			message = "the declaration has no kind"
		}
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = string(k)
		}
		d.reportAt(kindNode, "kind", message, Suggest(kindNode.Value, names))
		return nil, d.problems
	}
	d.envelope = true
	d.decode(root, reflect.ValueOf(object).Elem())
	doc := &Document{Kind: Kind(kindNode.Value), File: file, Object: object}
	if _, meta := lookup(root, "metadata"); meta != nil {
		if _, name := lookup(meta, "name"); name != nil {
			doc.Name = name.Value
		}
	}
	return doc, d.problems
}

// reportAt reports what is wrong with the envelope of a declaration.
func (d *decoder) reportAt(n *yaml.Node, field, message, hint string) {
	d.within(key(&field), func() { d.report(n, message, hint, RuleUnknownKind) })
}
