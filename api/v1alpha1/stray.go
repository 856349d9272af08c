// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"
)

// kindLine finds a kind of Trunkline's in a file without parsing it.
var kindLine = regexp.MustCompile(`(?m)^[\s{]*["']?kind["']?\s*:\s*["']?(?:Platform|Cluster|Environment|Blueprint|Project|Policy|PolicyTest|Access)\b`)

// Stray reads a file that does not seem to hold declarations, for those that were meant to be some: without an apiVersion, with
// one that is nearly right, or in another encoding. It reports whether there are any; they are among the broken ones.
func Stray(file string, data []byte) (f File, strays bool) {
	if len(data) > MaxFileBytes {
		return f, false
	}
	if wide(data) {
		if f = inUTF16(file, data); !f.Problems.Denied() {
			return f, false
		}
		return f, true
	}
	if !kindLine.Match(data) && !bytes.Contains(data, []byte("trunkline.dev/")) {
		return f, false
	}
	f = DecodeFile(file, data)
	if len(f.Broken) == 0 {
		return File{}, false // a template, or what others declare
	}
	return f, true
}

// wide reports whether a text is in UTF-16: by its mark, or by a zero in every second byte.
func wide(data []byte) bool {
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return true
	}
	return len(data) >= 4 && (data[1] == 0 && data[3] == 0 || data[0] == 0 && data[2] == 0)
}

// inUTF16 reads what a file in UTF-16 would declare in UTF-8, and refuses it.
func inUTF16(file string, data []byte) (f File) {
	narrow := bytes.ReplaceAll(bytes.TrimPrefix(bytes.TrimPrefix(data, []byte{0xff, 0xfe}), []byte{0xfe, 0xff}), []byte{0}, nil)
	if !Declares(narrow) {
		return f
	}
	meant := DecodeFile(file, narrow)
	f.Broken = slices.Concat(meant.Documents, meant.Broken)
	f.Unread = len(f.Broken) == 0
	f.Problems = Problems{{
		Rule: RuleSyntax, Severity: Deny, Position: Position{File: file}, Message: "the file is in UTF-16, so that what it declares would not count",
		Hint: "save it in UTF-8",
	}}
	return f
}

// commented returns what a file would declare of which every line is a comment; nothing if it is prose.
func commented(file string, data []byte) (f File) {
	var plain bytes.Buffer
	line, n := 0, 0
	for text := range bytes.Lines(data) {
		n++
		rest := bytes.TrimSpace(text)
		switch {
		case len(rest) == 0 || bytes.Equal(rest, []byte("---")):
			plain.Write(text)
			continue
		case rest[0] != '#':
			return f
		}
		if line == 0 && ours.Match(text) {
			line = n
		}
		rest = bytes.TrimPrefix(text[bytes.IndexByte(text, '#')+1:], []byte(" "))
		plain.Write(rest)
	}
	meant, _ := decodeDocuments(file, plain.Bytes())
	f.Broken = slices.Concat(meant.Documents, meant.Broken)
	if len(f.Broken) == 0 {
		return File{}
	}
	f.Problems = Problems{{
		Rule: RuleStray, Severity: Deny, Position: Position{File: file, Line: line},
		Message: fmt.Sprintf("the %s %q is commented out, so that it does not count", f.Broken[0].Kind, f.Broken[0].Name),
		Hint:    "delete the file to remove it, or take the comments away",
	}}
	return f
}

// stray decodes a document that has no apiVersion of Trunkline's and nevertheless is one of its declarations, as far as one can
// see: it has a kind and a name, and an apiVersion is missing or nearly right.
func stray(file string, root *yaml.Node, kinds []Kind) (*Document, Problems) {
	_, kindNode := lookup(root, "kind")
	_, meta := lookup(root, "metadata")
	_, name := lookup(meta, "name")
	if kindNode == nil || name == nil || name.Value == "" || !ofKinds(kinds, kindNode.Value) {
		return nil, nil
	}
	d := &decoder{file: file, budget: maxNodes}
	_, version := lookup(root, "apiVersion")
	switch {
	case version != nil && !nearly(version.Value):
		return nil, nil // someone else's kind of the same name
	case version != nil:
		d.reportAt(version, "apiVersion", fmt.Sprintf("unknown version %q, so that the declaration would not count", shorten(version.Value)), "write "+Version)
	default:
		if key := misspelt(root); key != nil && strings.HasPrefix(key.Value, "\ufeff") {
			d.reportAt(key, "apiVersion", "a byte order mark stands before apiVersion, so that the declaration would not count",
				"remove it: it may be at the beginning of a file only")
		} else if key == nil {
			d.reportAt(kindNode, "kind", fmt.Sprintf("the %s %q has no apiVersion, so that it would not count", kindNode.Value, shorten(name.Value)), "write apiVersion: "+Version)
		} else {
			d.reportAt(key, "apiVersion", fmt.Sprintf("%q is not apiVersion, so that the declaration would not count", shorten(key.Value)), "write apiVersion: "+Version)
		}
	}
	return &Document{Kind: Kind(kindNode.Value), Name: name.Value, File: file, Object: newObject(Kind(kindNode.Value))}, d.problems
}

func ofKinds(kinds []Kind, kind string) bool {
	for _, k := range kinds {
		if string(k) == kind {
			return true
		}
	}
	return false
}

// nearly reports whether an apiVersion was meant to be Trunkline's.
func nearly(version string) bool {
	const far = 5
	return len(version) <= maxSuggest && (version == "" || strings.Contains(strings.ToLower(version), "trunkline") || version == "v1alpha1" ||
		levenshtein.ComputeDistance(strings.ToLower(version), Version) <= far)
}

// misspelt returns the key whose value is an apiVersion of Trunkline's.
func misspelt(root *yaml.Node) *yaml.Node {
	root = resolve(root)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if strings.HasPrefix(root.Content[i+1].Value, "trunkline.dev/") {
			return root.Content[i]
		}
	}
	return nil
}
