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
	return list{"Project", project, "workloads"}.add(source, item)
}

// AppendVersion puts a version at the end of the list of those of a package, in the same way.
func AppendVersion(source []byte, name string, item []byte) ([]byte, error) {
	return list{"Package", name, "versions"}.add(source, item)
}

// list is one of a declaration, that items are added to.
type list struct{ kind, name, key string }

func (l list) add(source, item []byte) ([]byte, error) {
	docs, err := documents(source)
	if err != nil {
		return nil, err
	}
	root := declaring(docs, l.kind, l.name)
	if root == nil {
		return nil, fmt.Errorf("the file does not declare the %s %q", strings.ToLower(l.kind), l.name)
	}
	at, err := l.place(source, root)
	if err != nil {
		return nil, err
	}
	out := at.insert(source, item)
	if err := l.added(source, out); err != nil {
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

// declaring finds the mapping that declares something of a kind.
func declaring(docs []*yaml.Node, of, called string) *yaml.Node {
	for _, doc := range docs {
		if len(doc.Content) != 1 {
			continue
		}
		root := doc.Content[0]
		_, kind := lookup(root, "kind")
		_, meta := lookup(root, "metadata")
		_, name := lookup(meta, "name")
		if kind != nil && kind.Value == of && name != nil && name.Value == called {
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
	key string
	// apart reports whether a blank line is between items.
	apart bool
}

// errBrackets refuses what cannot be extended by whole lines.
func (l list) errBrackets() error {
	return fmt.Errorf("the list of %s cannot be extended by lines, because it does not have one item on each line: write it so, or add the %s yourself",
		l.key, strings.TrimSuffix(l.key, "s"))
}

func (l list) place(source []byte, root *yaml.Node) (place, error) {
	lines := bytes.SplitAfter(source, []byte("\n"))
	_, spec := lookup(root, "spec")
	if spec == nil || spec.Kind != yaml.MappingNode || flow(root) || flow(spec) || len(spec.Content) == 0 {
		return place{}, l.errBrackets()
	}
	key, list := lookup(spec, l.key)
	switch {
	case key == nil:
		indent := spec.Content[0].Column - 1
		at := place{indent: indent + 2, key: l.key}
		at.after = blockEnd(lines, spec.Content[0].Line, last(spec), func(by int, _ bool) bool { return by >= indent }, indent-1)
		return at, nil
	case list.Kind == yaml.ScalarNode && list.Tag == "!!null" && list.Value == "":
		return place{after: key.Line, indent: key.Column + 1}, nil
	case list.Kind != yaml.SequenceNode || flow(list) || len(list.Content) == 0:
		return place{}, l.errBrackets()
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
	if p.key != "" {
		b.WriteString(strings.Repeat(" ", p.indent-2) + p.key + ":" + newline)
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

// added makes sure that nothing but one more item is new: what looks like the end of a list in an odd layout
// may be none.
func (l list) added(old, now []byte) error {
	was, err := documents(old)
	if err != nil {
		return err
	}
	is, err := documents(now)
	if err != nil {
		return fmt.Errorf("the item does not fit into the list: %w", err)
	}
	before, after := declaring(was, l.kind, l.name), declaring(is, l.kind, l.name)
	if before == nil || after == nil {
		return l.errBrackets()
	}
	_, spec := lookup(after, "spec")
	_, list := lookup(spec, l.key)
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 || list.Content[len(list.Content)-1].Kind != yaml.MappingNode {
		return l.errBrackets()
	}
	list.Content = list.Content[:len(list.Content)-1]
	_, spec = lookup(before, "spec")
	switch _, old := lookup(spec, l.key); {
	case old == nil:
		spec.Content = append(spec.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: l.key}, &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"})
	case old.Kind == yaml.ScalarNode:
		*old = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	}
	if len(was) != len(is) {
		return l.errBrackets()
	}
	for i := range was {
		if !same(was[i], is[i]) {
			return l.errBrackets()
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

// SetTrial has a package say which project may try what is not released, or nobody if project is empty. Only the line that says so is another one.
func SetTrial(source []byte, name, project string) ([]byte, error) {
	docs, err := documents(source)
	if err != nil {
		return nil, err
	}
	_, spec := lookup(declaring(docs, "Package", name), "spec")
	if spec == nil || spec.Kind != yaml.MappingNode || flow(spec) || len(spec.Content) == 0 {
		return nil, fmt.Errorf("the package %q is not declared with one field on each line: write it so, or set trial yourself", name)
	}
	lines := strings.SplitAfter(string(source), "\n")
	at, until := spec.Content[0].Line-1, spec.Content[0].Line-1 // before the first field
	if key, value := lookup(spec, "trial"); key != nil {
		at, until = key.Line-1, last(value)
	}
	said := ""
	if project != "" {
		said = strings.Repeat(" ", spec.Content[0].Column-1) + "trial: {project: " + project + "}\n"
	}
	out := []byte(strings.Join(lines[:at], "") + said + strings.Join(lines[until:], ""))
	if docs, err = documents(out); err == nil {
		_, after := lookup(declaring(docs, "Package", name), "spec")
		_, trial := lookup(after, "trial")
		_, is := lookup(trial, "project")
		if project == "" && trial != nil || project != "" && (is == nil || is.Value != project) || !sameBut(spec, after, "trial") {
			err = errors.New("its layout is an odd one")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the trial of the package %q cannot be set by a line: %w; set it yourself", name, err)
	}
	return out, nil
}

// sameBut reports whether two mappings are the same but for one key.
func sameBut(a, b *yaml.Node, key string) bool {
	rest := func(n *yaml.Node) (out []*yaml.Node) {
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != key {
				out = append(out, n.Content[i], n.Content[i+1])
			}
		}
		return out
	}
	was, is := rest(a), rest(b)
	if len(was) != len(is) {
		return false
	}
	for i := range was {
		if !same(was[i], is[i]) {
			return false
		}
	}
	return true
}
