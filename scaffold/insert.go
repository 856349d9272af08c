// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// AppendWorkload puts a workload at the end of the list of workloads of a project. Source is the file that declares
// the project, and item the workload as an item of a list in YAML, not indented. The result is the source with lines
// put in at one place: comments and layout stay. Where that is not possible, as in a list in brackets, it is an error.
func AppendWorkload(source []byte, project string, item []byte) ([]byte, error) {
	docs, err := documents(source)
	if err != nil {
		return nil, err
	}
	root := declaring(docs, project)
	if root == nil {
		return nil, fmt.Errorf("the file does not declare the project %q", project)
	}
	at, err := findPlace(source, root)
	if err != nil {
		return nil, err
	}
	out := at.insert(source, item)
	if err := appended(source, out, project); err != nil {
		return nil, err
	}
	return out, nil
}

func documents(source []byte) ([]*yaml.Node, error) {
	var out []*yaml.Node
	parser := yaml.NewDecoder(bytes.NewReader(source))
	for {
		node := &yaml.Node{}
		if err := parser.Decode(node); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		out = append(out, node)
	}
}

// declaring finds the mapping that declares a project.
func declaring(docs []*yaml.Node, project string) *yaml.Node {
	for _, doc := range docs {
		if len(doc.Content) != 1 {
			continue
		}
		root := doc.Content[0]
		_, kind := lookup(root, "kind")
		_, meta := lookup(root, "metadata")
		_, name := lookup(meta, "name")
		if kind != nil && kind.Value == "Project" && name != nil && name.Value == project {
			return root
		}
	}
	return nil
}

func lookup(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// place is where an item goes.
type place struct {
	// after is the number of the line that it follows, and indent how far it is indented.
	after, indent int
	// key is put before it, with two blanks less; empty if the list is there.
	key bool
	// apart reports whether a blank line is between items.
	apart bool
}

// errBrackets refuses what cannot be extended by whole lines.
var errBrackets = errors.New("the list of workloads cannot be extended by lines, because it does not have one item on each line: " +
	"write it so, or add the workload yourself")

func findPlace(source []byte, root *yaml.Node) (place, error) {
	lines := bytes.SplitAfter(source, []byte("\n"))
	_, spec := lookup(root, "spec")
	if spec == nil || spec.Kind != yaml.MappingNode || flow(root) || flow(spec) || len(spec.Content) == 0 {
		return place{}, errBrackets
	}
	key, list := lookup(spec, "workloads")
	switch {
	case key == nil:
		indent := spec.Content[0].Column - 1
		at := place{indent: indent + 2, key: true}
		at.after = blockEnd(lines, spec.Content[0].Line, last(spec), func(by int, _ bool) bool { return by >= indent }, indent-1)
		return at, nil
	case list.Kind == yaml.ScalarNode && list.Tag == "!!null" && list.Value == "":
		return place{after: key.Line, indent: key.Column + 1}, nil
	case list.Kind != yaml.SequenceNode || flow(list) || len(list.Content) == 0:
		return place{}, errBrackets
	}
	at := place{indent: list.Column - 1}
	at.after = blockEnd(lines, list.Line, last(list), func(by int, dash bool) bool {
		return by > at.indent || by == at.indent && dash
	}, key.Column-1)
	if n := len(list.Content); n > 1 {
		// The line of an item is that of its first key, which is the dash's.
		before := list.Content[n-1].Line - 2
		at.apart = before >= 0 && before < len(lines) && len(bytes.TrimSpace(lines[before])) == 0
	}
	return at, nil
}

func flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// last returns the last line on which something of a node begins.
func last(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, last(c))
	}
	return line
}

// blockEnd returns the last line of a block that begins at a line and goes to another at least. A line belongs to it if
// belongs says so of its indentation and of whether it begins with a dash, and a comment if it is indented more than
// what the block is in.
func blockEnd(lines [][]byte, from, least int, belongs func(indent int, dash bool) bool, outer int) int {
	end := least
	for i := from - 1; i < len(lines); i++ {
		text := bytes.TrimRight(lines[i], " \t\r\n")
		bare := bytes.TrimLeft(text, " ")
		indent := len(text) - len(bare)
		switch {
		case len(bare) == 0:
			continue
		case bare[0] == '#':
			if indent > outer {
				end = max(end, i+1)
			}
			continue
		case i >= least && !belongs(indent, bytes.HasPrefix(bare, []byte("- ")) || string(bare) == "-"):
			return end
		}
		end = max(end, i+1)
	}
	return end
}

// insert puts an item in its place.
func (p place) insert(source, item []byte) []byte {
	lines := bytes.SplitAfter(source, []byte("\n"))
	p.after = min(p.after, len(lines))
	before := bytes.Join(lines[:p.after], nil)
	newline := "\n"
	if bytes.HasSuffix(before, []byte("\r\n")) {
		newline = "\r\n"
	}
	var b bytes.Buffer
	b.Write(before)
	if !bytes.HasSuffix(before, []byte("\n")) {
		b.WriteString(newline)
	}
	if p.key {
		b.WriteString(strings.Repeat(" ", p.indent-2) + "workloads:" + newline)
	}
	if p.apart {
		b.WriteString(newline)
	}
	for line := range strings.Lines(strings.TrimSpace(string(item)) + "\n") {
		line = strings.TrimRight(line, "\r\n")
		if line != "" {
			line = strings.Repeat(" ", p.indent) + line
		}
		b.WriteString(line + newline)
	}
	b.Write(bytes.Join(lines[p.after:], nil))
	return b.Bytes()
}

// appended makes sure that nothing but one more workload is new: what looks like the end of a list in an odd layout
// may be none.
func appended(old, now []byte, project string) error {
	was, err := documents(old)
	if err != nil {
		return err
	}
	is, err := documents(now)
	if err != nil {
		return fmt.Errorf("the workload does not fit into the list: %w", err)
	}
	before, after := declaring(was, project), declaring(is, project)
	if before == nil || after == nil {
		return errBrackets
	}
	_, spec := lookup(after, "spec")
	_, list := lookup(spec, "workloads")
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 || list.Content[len(list.Content)-1].Kind != yaml.MappingNode {
		return errBrackets
	}
	list.Content = list.Content[:len(list.Content)-1]
	_, spec = lookup(before, "spec")
	switch _, old := lookup(spec, "workloads"); {
	case old == nil:
		spec.Content = append(spec.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "workloads"}, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"})
	case old.Kind == yaml.ScalarNode:
		*old = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	}
	if len(was) != len(is) {
		return errBrackets
	}
	for i := range was {
		if !same(was[i], is[i]) {
			return errBrackets
		}
	}
	return nil
}

// same reports whether two nodes mean the same.
func same(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || a.Style != b.Style || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
